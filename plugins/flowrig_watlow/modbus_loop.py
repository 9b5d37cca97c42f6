"""The Modbus side of one control loop: what SCPI cannot say."""

from collections.abc import Callable
from typing import TypeVar

from flowrig.errors import ConnectionLostError, ProtocolError, RefusedError
from flowrig.interfaces import WireChannel
from flowrig_watlow.modbus_link import ModbusLink, ModbusRefusedError
from flowrig_watlow.registers import (
    ALARM_AT_REST,
    ControlMode,
    LoopRegister,
    RampAction,
    WordOrder,
    alarm_state_register,
)
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["ModbusLoop"]

T = TypeVar("T")

AGREEMENT_C = 1.0
"""Largest difference [°C] between two readings of one temperature by two protocols."""


class ModbusLoop:
    """Reads and writes the registers of one control loop; temperatures are in °C.

    Nothing in Modbus tells its word order and its unit, which the panel sets apart from SCPI's, so
    `open` finds out by comparing with what SCPI said.

    Args:
        device: the device's name, for messages.
        settings: where the controller is, and its loop.
        wire: is told the bytes.
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
        """Connect, and make sure that the numbers mean what they should.

        Args:
            known_c: temperatures [°C] as SCPI tells them, by the register that holds the same.

        Raises:
            ConnectionLostError: nobody answers.
            ProtocolError: the numbers differ; the message says what to change.
        """
        try:
            self._link.open()
        except OSError as error:
            raise ConnectionLostError(
                f"no Modbus connection to {self._where}: {error}", device=self._device
            ) from error
        words = {register: self._read(register, 2) for register in known_c}
        for unit in TemperatureUnit:
            if _agree(words, known_c, self._order, unit):
                self._unit = unit
                return
        self.close()
        if any(_agree(words, known_c, self._order.other, unit) for unit in TemperatureUnit):
            raise ProtocolError(
                "Modbus sends the words of a number in the other order; set word_order = "
                f'"{self._order.other.value}"',
                device=self._device,
            )
        raise ProtocolError(
            f"Modbus at {self._where} shows other temperatures than SCPI; is it the same "
            "controller, the same control loop, and data map 1?",
            device=self._device,
        )

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def control_mode(self) -> ControlMode:
        """What the loop does now."""
        return self._code(LoopRegister.CONTROL_MODE, ControlMode)

    def commanded_mode(self) -> ControlMode:
        """What the loop was told to do; a failed input may keep it from doing so."""
        return self._code(LoopRegister.USER_CONTROL_MODE, ControlMode)

    def command_mode(self, mode: ControlMode) -> None:
        """Tell the loop what to do."""
        address = LoopRegister.USER_CONTROL_MODE.of_loop(self._loop)
        self._talk(LoopRegister.USER_CONTROL_MODE, lambda: self._link.write(address, mode))

    def user_set_point_c(self) -> float:
        """The set point [°C] that was asked for, also while the active one travels."""
        return self._temperature_c(LoopRegister.USER_SET_POINT)

    def set_point_range_c(self) -> tuple[float, float]:
        """The set points [°C] that the controller takes, rounded as set points are sent."""
        return (
            round(self._temperature_c(LoopRegister.SET_POINT_MIN), 2),
            round(self._temperature_c(LoopRegister.SET_POINT_MAX), 2),
        )

    def power_percent(self) -> float:
        """Output power [%]; negative for cooling."""
        return self._number(LoopRegister.OUTPUT_POWER)

    def ramp_action(self) -> RampAction:
        """When the set point travels."""
        return self._code(LoopRegister.RAMP_ACTION, RampAction)

    def alarm(self, number: int) -> bool:
        """Whether an alarm of the controller warns of something."""
        address = alarm_state_register(number)
        (state,) = self._talk(f"state of alarm {number}", lambda: self._link.read(address, 1))
        return state not in ALARM_AT_REST

    def _temperature_c(self, register: LoopRegister) -> float:
        return self._unit.to_celsius(self._number(register))

    def _number(self, register: LoopRegister) -> float:
        return self._understood(register, self._read(register, 2), self._order.number)

    def _code(self, register: LoopRegister, kind: Callable[[int], T]) -> T:
        return self._understood(register, self._read(register, 1), lambda words: kind(words[0]))

    def _read(self, register: LoopRegister, count: int) -> list[int]:
        address = register.of_loop(self._loop)
        return self._talk(register, lambda: self._link.read(address, count))

    def _understood(
        self, register: LoopRegister, words: list[int], parse: Callable[[list[int]], T]
    ) -> T:
        try:
            return parse(words)
        except ValueError as error:
            self.close()
            raise ProtocolError(
                str(error), device=self._device, command=_named(register), reply=str(words)
            ) from error

    def _talk(self, what: LoopRegister | str, exchange: Callable[[], T]) -> T:
        try:
            return exchange()
        except OSError as error:
            raise ConnectionLostError(
                str(error), device=self._device, command=_named(what)
            ) from error
        except ModbusRefusedError as error:
            raise RefusedError(str(error), device=self._device, command=_named(what)) from error


def _named(what: LoopRegister | str) -> str:
    name = what.name.lower().replace("_", " ") if isinstance(what, LoopRegister) else what
    return f"Modbus {name}"


def _agree(
    words: dict[LoopRegister, list[int]],
    known_c: dict[LoopRegister, float],
    order: WordOrder,
    unit: TemperatureUnit,
) -> bool:
    """Whether registers hold the temperatures that are known [°C], read in one way."""
    try:
        return all(
            abs(unit.to_celsius(order.number(pair)) - known_c[register]) <= AGREEMENT_C
            for register, pair in words.items()
        )
    except ValueError:
        return False
