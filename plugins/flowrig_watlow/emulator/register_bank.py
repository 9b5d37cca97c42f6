"""The Modbus registers of an emulated F4T; they share the controller with its SCPI server."""

from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from flowrig_watlow.emulator.controller import F4TController
from flowrig_watlow.registers import (
    ERROR,
    EVENTS,
    FAIL,
    NONE,
    OFF,
    ON,
    PROGRAM_STATE,
    PROGRAM_STATES,
    SAFE,
    AlarmKind,
    AlarmRegister,
    ControlMode,
    LimitRegister,
    LoopRegister,
    PidRegister,
    RampAction,
    RampScale,
)

__all__ = ["RegisterBank"]

LIMIT_SLOT = 5
"""Slot of the only limit module."""
PID_NAMES = {
    PidRegister.HEAT_BAND: "heat_band_c",
    PidRegister.COOL_BAND: "cool_band_c",
    PidRegister.INTEGRAL: "integral_s",
    PidRegister.DERIVATIVE: "derivative_s",
}


@frozen
class _Cell:
    """One value in one register, or a 32-bit float in two registers."""

    read: Callable[[], tuple[int, ...]]
    write: Callable[[tuple[int, ...]], None] | None = None


class RegisterBank:
    """Reads and writes the registers of an emulated controller.

    Args:
        controller: state of the controller.
    """

    def __init__(self, controller: F4TController) -> None:
        self._controller = controller
        cells = {**self._loop_cells(), **self._other_cells()}
        self._places = {
            address + offset: (cell, offset)
            for address, cell in cells.items()
            for offset in range(len(cell.read()))
        }

    def read(self, address: int, count: int) -> list[int]:
        """The contents of consecutive registers.

        Raises:
            LookupError: one of the registers does not exist.
        """
        with self._controller.moment():
            places = [self._places[one] for one in range(address, address + count)]
            return [cell.read()[offset] for cell, offset in places]

    def write(self, address: int, words: Sequence[int]) -> None:
        """Write consecutive registers; none is written if one of them does not exist.

        Raises:
            LookupError: one of the registers does not exist, or is read-only.
            ValueError: a value is not accepted.
        """
        with self._controller.moment():
            changes: dict[_Cell, list[int]] = {}
            for place, word in enumerate(words, address):
                cell, offset = self._places[place]
                if cell.write is None:
                    raise LookupError(f"register {place} is read-only")
                changes.setdefault(cell, list(cell.read()))[offset] = word
            if not self._controller.traits.refuses_sets:
                for cell, value in changes.items():
                    assert cell.write is not None
                    cell.write(tuple(value))

    def _loop_cells(self) -> dict[int, _Cell]:
        here = self._controller
        traits = here.traits
        cells = {
            LoopRegister.USER_CONTROL_MODE: _Cell(lambda: (here.mode,), self._set_mode),
            LoopRegister.CONTROL_MODE: _Cell(lambda: (here.mode,)),
            LoopRegister.SET_POINT_MIN: self._temperature(lambda: traits.set_point_min_c),
            LoopRegister.SET_POINT_MAX: self._temperature(lambda: traits.set_point_max_c),
            LoopRegister.USER_SET_POINT: self._temperature(
                lambda: here.user_set_point_c, self._set_set_point
            ),
            LoopRegister.SET_POINT: self._temperature(lambda: here.set_point_c),
            LoopRegister.PROCESS_VALUE: self._temperature(lambda: here.process_value_c),
            LoopRegister.OUTPUT_POWER: _Cell(lambda: self._words(here.power_percent)),
            LoopRegister.RAMP_ACTION: _Cell(lambda: (here.ramp_action,), self._set_ramp_action),
            LoopRegister.RAMP_SCALE: _Cell(lambda: (here.ramp_scale,), self._set_ramp_scale),
            LoopRegister.RAMP_RATE: _Cell(self._ramp_rate, self._set_ramp_rate),
        }
        return {register.of_loop(here.loop): cell for register, cell in cells.items()}

    def _other_cells(self) -> dict[int, _Cell]:
        here = self._controller
        cells = {PROGRAM_STATE: _Cell(lambda: (PROGRAM_STATES[here.program_state],))}
        for output, address in enumerate(EVENTS, 1):
            cells[address] = self._output(output)
        for alarm in here.alarms:
            cells |= self._alarm_cells(alarm)
        for number in here.pids:
            for register in PidRegister:
                cells[register.of_set(number, here.loop)] = self._pid(number, register)
        return cells | self._limit_cells()

    def _limit_cells(self) -> dict[int, _Cell]:
        tripped = self._controller.limits_tripped
        cells = {
            LimitRegister.STATE: _Cell(lambda: (ERROR if LIMIT_SLOT in tripped else NONE,)),
            LimitRegister.STATUS: _Cell(lambda: (FAIL if LIMIT_SLOT in tripped else SAFE,)),
            LimitRegister.CLEAR: _Cell(lambda: (NONE,)),
        }
        return {register.of_slot(LIMIT_SLOT): cell for register, cell in cells.items()}

    def _alarm_cells(self, number: int) -> dict[int, _Cell]:
        here = self._controller
        cells = {
            AlarmRegister.KIND: _Cell(lambda: (here.alarms[number].kind,)),
            AlarmRegister.LOW: _Cell(lambda: self._threshold(number, here.alarms[number].low_c)),
            AlarmRegister.HIGH: _Cell(lambda: self._threshold(number, here.alarms[number].high_c)),
            AlarmRegister.STATE: _Cell(lambda: (ERROR if here.alarm_warns(number) else NONE,)),
        }
        return {register.of_alarm(number): cell for register, cell in cells.items()}

    def _threshold(self, number: int, threshold_c: float) -> tuple[int, ...]:
        unit = self._controller.traits.modbus_unit
        if self._controller.alarms[number].kind is AlarmKind.DEVIATION:
            return self._words(threshold_c * unit.degrees_per_kelvin)
        return self._words(unit.from_celsius(threshold_c))

    def _pid(self, number: int, register: PidRegister) -> _Cell:
        """One value of a PID set."""
        traits, pids = self._controller.traits, self._controller.pids
        name = PID_NAMES[register]

        def factor() -> float:
            return traits.modbus_unit.degrees_per_kelvin if name.endswith("_c") else 1.0

        def write(words: tuple[int, ...]) -> None:
            pids[number] = evolve(pids[number], **{name: self._number(words) / factor()})

        return _Cell(lambda: self._words(getattr(pids[number], name) * factor()), write)

    def _temperature(
        self, read_c: Callable[[], float], write_c: Callable[[float], None] | None = None
    ) -> _Cell:
        traits = self._controller.traits

        def write(words: tuple[int, ...]) -> None:
            assert write_c is not None
            write_c(traits.modbus_unit.to_celsius(self._number(words)))

        return _Cell(
            lambda: self._words(traits.modbus_unit.from_celsius(read_c())),
            write if write_c is not None else None,
        )

    def _output(self, output: int) -> _Cell:

        def write(words: tuple[int, ...]) -> None:
            if words[0] not in (ON, OFF):
                raise ValueError(f"{words[0]} is neither on nor off")
            self._controller.outputs[output] = words[0] == ON

        return _Cell(lambda: (ON if self._controller.outputs[output] else OFF,), write)

    def _set_mode(self, words: tuple[int, ...]) -> None:
        mode = ControlMode(words[0])
        if mode is ControlMode.MANUAL:
            raise ValueError("manual power is not emulated")
        self._controller.mode = mode

    def _set_set_point(self, temperature_c: float) -> None:
        self._controller.user_set_point_c = temperature_c

    def _set_ramp_action(self, words: tuple[int, ...]) -> None:
        self._controller.ramp_action = RampAction(words[0])

    def _set_ramp_scale(self, words: tuple[int, ...]) -> None:
        self._controller.ramp_scale = RampScale(words[0])

    def _ramp_rate(self) -> tuple[int, ...]:
        unit = self._controller.traits.modbus_unit
        return self._words(self._controller.ramp_rate_c * unit.degrees_per_kelvin)

    def _set_ramp_rate(self, words: tuple[int, ...]) -> None:
        rate = self._number(words)
        if rate < 0:
            raise ValueError(f"{rate:g} is negative")
        unit = self._controller.traits.modbus_unit
        self._controller.ramp_rate_c = rate / unit.degrees_per_kelvin

    def _words(self, value: float) -> tuple[int, ...]:
        return self._controller.traits.word_order.words(value)

    def _number(self, words: tuple[int, ...]) -> float:
        return self._controller.traits.word_order.number(words)
