"""Modbus registers of one control loop, for the values that SCPI does not have."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from flowrig.errors import ConnectionLostError, ProtocolError, RefusedError
from flowrig.interfaces import WireChannel
from flowrig_watlow.modbus.link import ModbusLink, ModbusRefusedError
from flowrig_watlow.parameters import AlarmSetting, PidSet
from flowrig_watlow.registers import (
    ALARM_AT_REST,
    ERROR,
    FAIL,
    NONE,
    PROGRAM_AT_REST,
    PROGRAM_STATE,
    AlarmKind,
    AlarmRegister,
    ControlMode,
    LimitRegister,
    LoopRegister,
    OldMap,
    PidRegister,
    RampAction,
    WordOrder,
)
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["ModbusLoop"]

T = TypeVar("T")

AGREEMENT_C = 1.0
"""Largest difference [°C] between one temperature read by SCPI and by Modbus. It covers the time
between the two readings; a wrong word order or unit gives far larger differences."""


class ModbusLoop:
    """Reads and writes the registers of one control loop; temperatures are in °C.

    Modbus reports neither its word order nor its temperature unit, which the panel sets apart from
    that of SCPI. `open` finds the unit, and checks the order, by a comparison with SCPI.

    Args:
        device: the device's name, for messages.
        settings: address of the controller, number of the control loop, word order.
        wire: recorder of the bytes.
    """

    def __init__(self, device: str, settings: F4TSettings, wire: WireChannel) -> None:
        host, port = settings.modbus_host_and_port
        self._device = device
        self._where = f"{host}:{port}"
        self._loop = settings.loop
        self._order = WordOrder(settings.word_order)
        self._unit = TemperatureUnit.CELSIUS
        self._link = ModbusLink(host, port, settings.deadline_s, wire)

    def open(self, known_c: dict[LoopRegister, float]) -> None:
        """Connect, and check word order and unit against temperatures that SCPI reported.

        Args:
            known_c: temperatures [°C] read by SCPI, by the register that holds the same value.

        Raises:
            ConnectionLostError: no answer.
            ProtocolError: the temperatures differ; the message names the setting to change.
        """
        try:
            self._link.open()
        except OSError as error:
            raise ConnectionLostError(
                f"no Modbus connection to {self._where}: {error}", device=self._device
            ) from error
        try:
            self.prove(known_c)
        except ProtocolError:
            self.close()
            raise

    def prove(self, known_c: dict[LoopRegister, float]) -> None:
        """Find the unit of Modbus, and check the word order, by temperatures that SCPI reported.

        The panel can change the unit at any time, so this precedes whatever is read or written in
        that unit.

        Args:
            known_c: temperatures [°C] read by SCPI, by the register that holds the same value.

        Raises:
            ConnectionLostError: no answer.
            ProtocolError: the temperatures differ; the message names the setting to change.
        """
        words = self._known_words(known_c)
        for unit in TemperatureUnit:
            if words is not None and _agree(words, known_c, self._order, unit):
                self._unit = unit
                return
        other = self._order.other
        if words is not None and any(_agree(words, known_c, other, u) for u in TemperatureUnit):
            raise ProtocolError(
                "Modbus sends the two words of a number in the other order; set word_order = "
                f'"{other.value}"',
                device=self._device,
            )
        if self._has_old_map(known_c[LoopRegister.SET_POINT]):
            raise ProtocolError(
                f"Modbus at {self._where} has data map 2 or 3, with the registers of the older F4; "
                'set "Data Map" to 1 at the panel under Menu, Settings, Network, and switch the '
                "power off and on",
                device=self._device,
            )
        raise ProtocolError(
            f"Modbus at {self._where} shows other temperatures than SCPI; check that it is the "
            "same controller and the same control loop, with data map 1",
            device=self._device,
        )

    def _known_words(
        self, known_c: dict[LoopRegister, float]
    ) -> dict[LoopRegister, list[int]] | None:
        """The contents of registers; None if the controller does not have them."""
        try:
            return {register: self._read(register, 2) for register in known_c}
        except RefusedError:
            return None

    def _has_old_map(self, set_point_c: float) -> bool:
        """Whether the registers of the older F4 are there, and show the set point [°C]."""
        try:
            (raw,), (decimals,), (unit,) = (
                self._words(f"{register.name.lower()} of data map 2", register, 1)
                for register in (OldMap.SET_POINT, OldMap.DECIMALS, OldMap.UNIT)
            )
        except RefusedError:
            return False
        signed = raw - 0x10000 if raw & 0x8000 else raw
        in_unit = TemperatureUnit.CELSIUS if unit else TemperatureUnit.FAHRENHEIT
        shown_c = in_unit.to_celsius(signed / 10.0 ** min(decimals, 3))
        return abs(shown_c - set_point_c) <= AGREEMENT_C

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def control_mode(self) -> ControlMode:
        """The active control mode."""
        return self._code(LoopRegister.CONTROL_MODE, ControlMode)

    def commanded_mode(self) -> ControlMode:
        """The commanded control mode; with a failed input the active one may differ."""
        return self._code(LoopRegister.USER_CONTROL_MODE, ControlMode)

    def command_mode(self, mode: ControlMode) -> None:
        """Command a control mode."""
        address = LoopRegister.USER_CONTROL_MODE.of_loop(self._loop)
        self._exchange(LoopRegister.USER_CONTROL_MODE, lambda: self._link.write(address, [mode]))

    def tell_mode(self, mode: ControlMode) -> None:
        """Command a control mode without waiting for the reply."""
        address = LoopRegister.USER_CONTROL_MODE.of_loop(self._loop)
        self._exchange(
            LoopRegister.USER_CONTROL_MODE, lambda: self._link.write_unanswered(address, mode)
        )

    def user_set_point_c(self) -> float:
        """The user set point [°C], which does not move during a ramp."""
        return self._temperature_c(LoopRegister.USER_SET_POINT)

    def set_point_range_c(self) -> tuple[float, float]:
        """Lowest and highest set point [°C] that the controller accepts, rounded as when sent."""
        return (
            round(self._temperature_c(LoopRegister.SET_POINT_MIN), 2),
            round(self._temperature_c(LoopRegister.SET_POINT_MAX), 2),
        )

    def power_percent(self) -> float:
        """Output power [%]; negative for cooling."""
        return self._number(LoopRegister.OUTPUT_POWER)

    def ramp_action(self) -> RampAction:
        """The occasions on which the set point follows a ramp."""
        return self._code(LoopRegister.RAMP_ACTION, RampAction)

    def program_holds_set_point(self) -> bool:
        """Whether a stored profile moves the set point now or later.

        False for a controller without that register, which has no profiles.
        """
        try:
            (state,) = self._words("state of the stored profile", PROGRAM_STATE, 1)
        except RefusedError:
            return False
        return state not in PROGRAM_AT_REST

    def alarm(self, number: int) -> bool:
        """Whether an alarm of the controller is active."""
        address = AlarmRegister.STATE.of_alarm(number)
        (state,) = self._words(f"state of alarm {number}", address, 1)
        return state not in ALARM_AT_REST

    def alarm_setting(self, number: int) -> AlarmSetting:
        """Type and thresholds of an alarm of the controller."""
        what = f"setting of alarm {number}"
        words = self._words(what, AlarmRegister.KIND.of_alarm(number), 1)
        kind = self._parsed(what, words, _first(AlarmKind))
        read_c = self._difference_c if kind is AlarmKind.DEVIATION else self._degrees_c
        return AlarmSetting(
            kind=kind,
            low_c=read_c(what, AlarmRegister.LOW.of_alarm(number)),
            high_c=read_c(what, AlarmRegister.HIGH.of_alarm(number)),
        )

    def limit_tripped(self, slot: int) -> bool:
        """Whether the limit module in a slot has tripped, or reports an error."""
        state, status, clear = (
            self._words(f"{register.name.lower()} of limit {slot}", register.of_slot(slot), 1)[0]
            for register in LimitRegister
        )
        return state == ERROR or status == FAIL or clear != NONE

    def pid(self, number: int) -> PidSet:
        """One of the loop's PID sets."""
        what = f"PID set {number}"
        heat_c, cool_c = (
            self._difference_c(what, band.of_set(number, self._loop))
            for band in (PidRegister.HEAT_BAND, PidRegister.COOL_BAND)
        )
        integral_s, derivative_s = (
            self._float(what, time.of_set(number, self._loop))
            for time in (PidRegister.INTEGRAL, PidRegister.DERIVATIVE)
        )
        if min(heat_c, cool_c, integral_s, derivative_s) < 0.0:
            raise self._unreadable("a PID set has no negative values", what)
        return PidSet(
            heat_band_c=heat_c,
            cool_band_c=cool_c,
            integral_s=integral_s,
            derivative_s=derivative_s,
        )

    def write_pid(self, number: int, pid: PidSet) -> None:
        """Write one of the loop's PID sets, one value after the other."""
        per_kelvin = self._unit.degrees_per_kelvin
        for register, value in {
            PidRegister.HEAT_BAND: pid.heat_band_c * per_kelvin,
            PidRegister.COOL_BAND: pid.cool_band_c * per_kelvin,
            PidRegister.INTEGRAL: pid.integral_s,
            PidRegister.DERIVATIVE: pid.derivative_s,
        }.items():
            address, words = register.of_set(number, self._loop), self._order.words(value)
            self._exchange(f"PID set {number}", partial(self._link.write, address, words))

    def _temperature_c(self, register: LoopRegister) -> float:
        return self._degrees_c(register, register.of_loop(self._loop))

    def _number(self, register: LoopRegister) -> float:
        return self._float(register, register.of_loop(self._loop))

    def _code(self, register: LoopRegister, kind: Callable[[int], T]) -> T:
        return self._parsed(register, self._read(register, 1), _first(kind))

    def _read(self, register: LoopRegister, count: int) -> list[int]:
        return self._words(register, register.of_loop(self._loop), count)

    def _degrees_c(self, what: LoopRegister | str, address: int) -> float:
        return self._unit.to_celsius(self._float(what, address))

    def _difference_c(self, what: LoopRegister | str, address: int) -> float:
        return self._float(what, address) / self._unit.degrees_per_kelvin

    def _float(self, what: LoopRegister | str, address: int) -> float:
        return self._parsed(what, self._words(what, address, 2), self._order.number)

    def _words(self, what: LoopRegister | str, address: int, count: int) -> list[int]:
        return self._exchange(what, lambda: self._link.read(address, count))

    def _parsed(
        self, what: LoopRegister | str, words: list[int], parse: Callable[[list[int]], T]
    ) -> T:
        try:
            return parse(words)
        except ValueError as error:
            raise self._unreadable(str(error), what, str(words)) from error

    def _unreadable(self, message: str, what: LoopRegister | str, reply: str = "") -> ProtocolError:
        self.close()
        return ProtocolError(message, device=self._device, command=_named(what), reply=reply)

    def _exchange(self, what: LoopRegister | str, exchange: Callable[[], T]) -> T:
        try:
            return exchange()
        except OSError as error:
            raise ConnectionLostError(
                str(error), device=self._device, command=_named(what)
            ) from error
        except ModbusRefusedError as error:
            raise RefusedError(str(error), device=self._device, command=_named(what)) from error


def _first(kind: Callable[[int], T]) -> Callable[[list[int]], T]:
    return lambda words: kind(words[0])


def _named(what: LoopRegister | str) -> str:
    name = what.name.lower().replace("_", " ") if isinstance(what, LoopRegister) else what
    return f"Modbus {name}"


def _agree(
    words: dict[LoopRegister, list[int]],
    known_c: dict[LoopRegister, float],
    order: WordOrder,
    unit: TemperatureUnit,
) -> bool:
    """Whether registers, read in one word order and unit, hold the known temperatures [°C]."""
    try:
        return all(
            abs(unit.to_celsius(order.number(pair)) - known_c[register]) <= AGREEMENT_C
            for register, pair in words.items()
        )
    except ValueError:
        return False
