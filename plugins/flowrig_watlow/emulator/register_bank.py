"""The Modbus registers of an emulated F4T; they share the controller with its SCPI server."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from attrs import evolve

from flowrig_watlow.emulator.cell import Cell, on_or_off, switch, text
from flowrig_watlow.emulator.control_loop import ControlLoop
from flowrig_watlow.emulator.controller import F4TController
from flowrig_watlow.emulator.program_registers import program_cells
from flowrig_watlow.registers import (
    ERROR,
    EVENTS,
    FAIL,
    NONE,
    PROGRAM_ENDS,
    PROGRAM_STATE,
    PROGRAM_STATES,
    SAFE,
    AlarmKind,
    AlarmRegister,
    ControlMode,
    LimitRegister,
    LoopRegister,
    OldMap,
    PidRegister,
    PlainRegister,
    RampAction,
    RampScale,
)
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["RegisterBank"]

LIMIT_SLOT = 5
"""Slot of the only limit module."""
PART_NUMBER = "F4T1L2DAA1B{}AAA"
"""A part number in which digit 7 stands for profiles and six alarms, and digit 12 for the number of
loops."""
PART_NUMBER_LENGTH = 15
PID_NAMES = {
    PidRegister.HEAT_BAND: "heat_band_c",
    PidRegister.COOL_BAND: "cool_band_c",
    PidRegister.INTEGRAL: "integral_s",
    PidRegister.DERIVATIVE: "derivative_s",
}
UNIT_CODES = {TemperatureUnit.CELSIUS: 15, TemperatureUnit.FAHRENHEIT: 30}
KEY_STRIDE = 20
KEY_DOWN, KEY_UP = 1457, 1456
SIDES_BOTH, LATCH_OFF, SILENT_NO = 13, 60, 59
"""Codes of an alarm on both sides, that does not latch, and is not silenced."""
OLD_EVENT_STRIDE = 10
OLD_DECIMALS = 1
"""Decimals of a temperature in the registers of the older F4."""


class RegisterBank:
    """Reads and writes the registers of an emulated controller.

    Args:
        controller: state of the controller.
    """

    def __init__(self, controller: F4TController) -> None:
        self._controller = controller
        native = {**self._all_loop_cells(), **self._other_cells(), **program_cells(controller)}
        self._maps = {1: _places(native), 2: _places(self._old_cells())}

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
            changes: dict[Cell, list[int]] = {}
            for place, word in enumerate(words, address):
                cell, offset = self._places[place]
                if cell.write is None:
                    raise LookupError(f"register {place} is read-only")
                changes.setdefault(cell, list(cell.read()))[offset] = word
            if not self._controller.traits.refuses_sets:
                for cell, value in changes.items():
                    assert cell.write is not None
                    cell.write(tuple(value))

    @property
    def _places(self) -> Mapping[int, tuple[Cell, int]]:
        return self._maps[min(self._controller.traits.data_map, 2)]

    def _all_loop_cells(self) -> dict[int, Cell]:
        return {
            register.of_loop(number): cell
            for number, loop in self._controller.loops.items()
            for register, cell in self._loop_cells(loop).items()
        }

    def _loop_cells(self, loop: ControlLoop) -> dict[LoopRegister, Cell]:
        return {
            LoopRegister.USER_CONTROL_MODE: Cell(
                lambda: (loop.mode,), lambda words: setattr(loop, "mode", ControlMode(words[0]))
            ),
            LoopRegister.CONTROL_MODE: Cell(lambda: (loop.mode,)),
            LoopRegister.SET_POINT_MIN: self._range("set_point_min_c"),
            LoopRegister.SET_POINT_MAX: self._range("set_point_max_c"),
            LoopRegister.USER_SET_POINT: self._temperature(
                lambda: loop.user_set_point_c, partial(setattr, loop, "user_set_point_c")
            ),
            LoopRegister.SET_POINT: self._temperature(lambda: loop.set_point_c),
            LoopRegister.PROCESS_VALUE: self._temperature(lambda: loop.process_value_c),
            LoopRegister.MANUAL_POWER: Cell(
                lambda: self._words(loop.manual_percent), partial(self._set_manual, loop)
            ),
            LoopRegister.OUTPUT_POWER: Cell(lambda: self._words(loop.power_percent)),
            LoopRegister.RAMP_ACTION: Cell(
                lambda: (loop.ramp_action,),
                lambda words: setattr(loop, "ramp_action", RampAction(words[0])),
            ),
            LoopRegister.RAMP_SCALE: Cell(
                lambda: (loop.ramp_scale,),
                lambda words: setattr(loop, "ramp_scale", RampScale(words[0])),
            ),
            LoopRegister.RAMP_RATE: Cell(
                partial(self._ramp_rate, loop), partial(self._set_ramp_rate, loop)
            ),
        }

    def _other_cells(self) -> dict[int, Cell]:
        here = self._controller
        cells = text(
            PlainRegister.PART_NUMBER,
            lambda: PART_NUMBER.format(len(here.loops)),
            PART_NUMBER_LENGTH,
        )
        cells[PROGRAM_STATE] = Cell(self._program_state)
        cells[PlainRegister.ETHERNET_UNIT] = Cell(lambda: (UNIT_CODES[here.traits.modbus_unit],))
        cells[PlainRegister.SENSOR] = self._temperature(lambda: here.process_value_c)
        cells[PlainRegister.TARGET] = self._temperature(
            lambda: here.running.present.target_c if here.running else here.user_set_point_c
        )
        cells[PlainRegister.DISPLAY_UNIT] = Cell(
            lambda: (UNIT_CODES[here.display_unit],), self._set_display_unit
        )
        for output, address in enumerate(EVENTS, 1):
            cells[address] = switch(here.outputs, output)
        for key in here.keys:
            shift = KEY_STRIDE * (key - 1)
            cells[PlainRegister.KEY_STATE + shift] = Cell(partial(on_or_off, here.keys, key))
            cells[PlainRegister.KEY_PRESS + shift] = Cell(
                lambda: (KEY_UP,), partial(_press, here.keys, key)
            )
        for alarm in here.alarms:
            cells |= self._alarm_cells(alarm)
        for number, loop in here.loops.items():
            for pid in loop.pids:
                for register in PidRegister:
                    cells[register.of_set(pid, number)] = self._pid(loop, pid, register)
        return cells | self._limit_cells()

    def _program_state(self) -> tuple[int, ...]:
        here = self._controller
        if here.program_state == "IDLE" and here.program_end in PROGRAM_ENDS:
            return (PROGRAM_ENDS[here.program_end],)
        return (PROGRAM_STATES.get(here.program_state, PROGRAM_STATES.get("RUN", 149)),)

    def _limit_cells(self) -> dict[int, Cell]:
        tripped = self._controller.limits_tripped
        cells = {
            LimitRegister.STATE: Cell(lambda: (ERROR if LIMIT_SLOT in tripped else NONE,)),
            LimitRegister.STATUS: Cell(lambda: (FAIL if LIMIT_SLOT in tripped else SAFE,)),
            LimitRegister.CLEAR: Cell(lambda: (NONE,)),
        }
        return {register.of_slot(LIMIT_SLOT): cell for register, cell in cells.items()}

    def _alarm_cells(self, number: int) -> dict[int, Cell]:
        here = self._controller

        def set_kind(words: tuple[int, ...]) -> None:
            here.change_alarm(number, kind=AlarmKind(words[0]))

        cells = {
            AlarmRegister.KIND: Cell(lambda: (here.alarms[number].kind,), set_kind),
            AlarmRegister.SIDES: Cell(lambda: (SIDES_BOTH,)),
            AlarmRegister.LOW: self._threshold(number, "low_c"),
            AlarmRegister.HIGH: self._threshold(number, "high_c"),
            AlarmRegister.HYSTERESIS: Cell(lambda: self._words(0.0)),
            AlarmRegister.SILENCING: Cell(lambda: (SILENT_NO,)),
            AlarmRegister.LATCHING: Cell(lambda: (LATCH_OFF,)),
            AlarmRegister.STATE: Cell(lambda: (ERROR if here.alarm_warns(number) else NONE,)),
        }
        return {register.of_alarm(number): cell for register, cell in cells.items()}

    def _threshold(self, number: int, name: str) -> Cell:
        """A threshold of an alarm; that of a deviation is a difference of temperatures."""
        here = self._controller

        def read() -> tuple[int, ...]:
            value, unit = getattr(here.alarms[number], name), here.traits.modbus_unit
            if here.alarms[number].kind is AlarmKind.DEVIATION:
                return self._words(value * unit.degrees_per_kelvin)
            return self._words(unit.from_celsius(value))

        def write(words: tuple[int, ...]) -> None:
            value, unit = self._number(words), here.traits.modbus_unit
            if here.alarms[number].kind is AlarmKind.DEVIATION:
                here.change_alarm(number, **{name: value / unit.degrees_per_kelvin})
            else:
                here.change_alarm(number, **{name: unit.to_celsius(value)})

        return Cell(read, write)

    def _pid(self, loop: ControlLoop, number: int, register: PidRegister) -> Cell:
        """One value of a PID set."""
        traits, pids = self._controller.traits, loop.pids
        name = PID_NAMES[register]

        def factor() -> float:
            return traits.modbus_unit.degrees_per_kelvin if name.endswith("_c") else 1.0

        def write(words: tuple[int, ...]) -> None:
            pids[number] = evolve(pids[number], **{name: self._number(words) / factor()})

        return Cell(lambda: self._words(getattr(pids[number], name) * factor()), write)

    def _old_cells(self) -> dict[int, Cell]:
        """The registers of the older F4."""
        here = self._controller
        cells: dict[int, Cell] = {
            OldMap.PROCESS_VALUE: Cell(lambda: self._tenths(here.process_value_c)),
            OldMap.INPUT_ERROR: Cell(lambda: (int(here.input_error),)),
            OldMap.SET_POINT: Cell(
                lambda: self._tenths(here.user_set_point_c), self._set_old_set_point
            ),
            OldMap.DECIMALS: Cell(lambda: (OLD_DECIMALS,)),
            OldMap.UNIT: Cell(
                lambda: (int(here.traits.modbus_unit is TemperatureUnit.CELSIUS),),
                self._set_old_unit,
            ),
            OldMap.RESUME: Cell(lambda: (0,), lambda _: here.resume_program()),
            OldMap.HOLD: Cell(lambda: (0,), lambda _: here.pause_program()),
            OldMap.TERMINATE: Cell(lambda: (0,), lambda _: here.stop_program()),
        }
        events = {
            OldMap.EVENTS + OLD_EVENT_STRIDE * (output - 1): Cell(
                partial(_old_switch, here.outputs, output),
                partial(_set_old_switch, here.outputs, output),
            )
            for output in here.outputs
        }
        return {**cells, **events}

    def _tenths(self, temperature_c: float) -> tuple[int, ...]:
        shown = self._controller.traits.modbus_unit.from_celsius(temperature_c)
        return (round(shown * 10**OLD_DECIMALS) & 0xFFFF,)

    def _set_old_set_point(self, words: tuple[int, ...]) -> None:
        signed = words[0] - 0x10000 if words[0] & 0x8000 else words[0]
        unit = self._controller.traits.modbus_unit
        self._controller.user_set_point_c = unit.to_celsius(signed / 10**OLD_DECIMALS)

    def _set_old_unit(self, words: tuple[int, ...]) -> None:
        unit = TemperatureUnit.CELSIUS if words[0] else TemperatureUnit.FAHRENHEIT
        self._controller.traits.modbus_unit = unit

    def _temperature(
        self, read_c: Callable[[], float], write_c: Callable[[float], None] | None = None
    ) -> Cell:
        traits = self._controller.traits

        def write(words: tuple[int, ...]) -> None:
            assert write_c is not None
            write_c(traits.modbus_unit.to_celsius(self._number(words)))

        return Cell(
            lambda: self._words(traits.modbus_unit.from_celsius(read_c())),
            write if write_c is not None else None,
        )

    def _range(self, name: str) -> Cell:
        """One end of the range of set points."""
        traits = self._controller.traits
        return self._temperature(lambda: getattr(traits, name), partial(setattr, traits, name))

    def _set_manual(self, loop: ControlLoop, words: tuple[int, ...]) -> None:
        percent = self._number(words)
        if not -100.0 <= percent <= 100.0:
            raise ValueError(f"{percent:g} % is no power")
        loop.manual_percent = percent

    def _set_display_unit(self, words: tuple[int, ...]) -> None:
        units = {code: unit for unit, code in UNIT_CODES.items()}
        if words[0] not in units:
            raise ValueError(f"{words[0]} is no temperature unit")
        self._controller.display_unit = units[words[0]]

    def _ramp_rate(self, loop: ControlLoop) -> tuple[int, ...]:
        unit = self._controller.traits.modbus_unit
        return self._words(loop.ramp_rate_c * unit.degrees_per_kelvin)

    def _set_ramp_rate(self, loop: ControlLoop, words: tuple[int, ...]) -> None:
        rate = self._number(words)
        if rate < 0:
            raise ValueError(f"{rate:g} is negative")
        loop.ramp_rate_c = rate / self._controller.traits.modbus_unit.degrees_per_kelvin

    def _words(self, value: float) -> tuple[int, ...]:
        return self._controller.traits.word_order.words(value)

    def _number(self, words: tuple[int, ...]) -> float:
        return self._controller.traits.word_order.number(words)


def _places(cells: Mapping[int, Cell]) -> dict[int, tuple[Cell, int]]:
    """The cell and the offset in it by register.

    A value of 16 bits has a register of its own and an empty one behind it, unless that is taken.
    """
    places = {
        address + offset: (cell, offset)
        for address, cell in cells.items()
        for offset in range(len(cell.read()))
    }
    empty = Cell(lambda: (0,))
    behind = {address + 1 for address, cell in cells.items() if len(cell.read()) == 1}
    return {**dict.fromkeys(behind, (empty, 0)), **places}


def _press(keys: dict[int, bool], key: int, words: tuple[int, ...]) -> None:
    if words[0] not in (KEY_DOWN, KEY_UP):
        raise ValueError(f"{words[0]} is neither down nor up")
    if words[0] == KEY_DOWN:
        keys[key] = not keys[key]


def _old_switch(switches: Mapping[int, bool], number: int) -> tuple[int, ...]:
    return (int(switches[number]),)


def _set_old_switch(switches: dict[int, bool], number: int, words: tuple[int, ...]) -> None:
    switches[number] = bool(words[0])
