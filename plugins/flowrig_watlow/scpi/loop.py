"""SCPI queries and commands of one control loop, in °C.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4, and
Watlow, "F4T Setup and Operations User's Guide", 0600-0093-0000, "SCPI".
"""

import math
from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity, WireChannel
from flowrig_watlow.parameters import ProgramStatus
from flowrig_watlow.scpi.link import ScpiLink
from flowrig_watlow.scpi.replies import (
    ERROR_LINE,
    firmware_has_unit_query,
    has_no_value,
    parse_identity,
    parse_number,
    parse_switch,
    parse_text,
    parse_unit,
)
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["Look", "ScpiLoop"]

T = TypeVar("T")

PROGRAM_QUERY = ":PROGRAM:SELECTED:STATE?"
ATTEMPTS = 2
"""Queries without an answer before a firmware counts as one that does not have the query."""
UNIT_CHANGES = 3
"""Times that a look begins again because the unit changed meanwhile."""
COLDEST_C = -273.15
HOTTEST_C = 99_999.0
"""Temperatures [°C] that no sensor can have; the controller uses no number beyond ±99 999 (Watlow,
"F4T Setup and Operations User's Guide", 0600-0093-0000)."""
UNIT_QUERY = ":UNIT:TEMPERATURE?"


@frozen
class Look:
    """What a controller reports at one moment, in the unit that it had then.

    Attributes:
        temperature_c: measured temperature [°C]; NaN if it gives no number.
        set_point_c: active set point [°C], which moves during a ramp, rounded as when sent.
        fault: the reason why the temperature is not one; empty if it is.
    """

    temperature_c: float
    set_point_c: float
    fault: str


class ScpiLoop:
    """Queries and commands of one control loop; an unreadable reply closes the connection.

    The panel and every other client can change the unit at any time. So every temperature is read
    between two queries for the unit that give the same answer.

    Firmware before 04:03:0108 uses °F only and does not know the query for the unit (TestEquity,
    chapter 4). So a controller that answers `*IDN?` and leaves the unit query unanswered counts as
    one that uses °F, unless `*IDN?` shows a newer firmware.

    Args:
        device: the device's name, for messages.
        settings: address of the controller, and number of the control loop.
        wire: recorder of the bytes.
    """

    def __init__(self, device: str, settings: F4TSettings, wire: WireChannel) -> None:
        self._device = device
        self._where = f"{settings.host}:{settings.port}"
        self._loop = f":SOURCE:CLOOP{settings.loop}:"
        self._link = ScpiLink(settings.host, settings.port, settings.deadline_s, wire)
        self._unit = TemperatureUnit.FAHRENHEIT
        self._has_met = False
        self._has_unit_query = False
        self._has_error_query = True
        self._has_program_query = True

    @property
    def unit(self) -> TemperatureUnit:
        """The temperature unit, as it was reported last."""
        return self._unit

    @property
    def known_unit(self) -> TemperatureUnit | None:
        """The temperature unit, as it was reported last; None before the first connection."""
        return self._unit if self._has_met else None

    def open(self) -> None:
        """Connect, and query the identity and the temperature unit.

        Raises:
            ConnectionLostError: no answer.
            ProtocolError: another instrument answers.
        """
        try:
            self._link.open()
        except OSError as error:
            raise ConnectionLostError(
                f"no connection to {self._where}: {error}", device=self._device
            ) from error
        self._learn_unit(self.identity())
        self._learn_error_query()
        self._has_met = True
        self._has_program_query = True

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def identity(self) -> Identity:
        """Vendor, model, serial number and firmware."""
        return self._ask("*IDN?", parse_identity)

    def require_answer(self) -> None:
        """Exchange one query, so that the next command goes out on a connection that works.

        The query is the one for the unit where the firmware has it, because the unit can be
        changed at the panel at any time.

        Raises:
            ConnectionLostError: no answer.
            ProtocolError: the answer is unreadable.
        """
        if self._has_unit_query:
            self._unit = self._ask(UNIT_QUERY, parse_unit)
        else:
            self.identity()

    def look(self) -> Look:
        """The measured temperature, the state of its input, and the active set point.

        Firmware without the query for the state of the input shows a broken sensor only by a
        temperature that cannot be one.

        Raises:
            ConnectionLostError: no answer.
            ProtocolError: an answer is unreadable, or the unit changes all the time.
        """
        return self._in_one_unit(self._look)

    def sensor_fault(self) -> str:
        """The reason why the controller measures no temperature; empty if it measures one."""
        return self._sensor()[1]

    def set_point_c(self) -> float:
        """The active set point [°C], which moves during a ramp, rounded as when sent."""
        return self._in_one_unit(self._set_point_c)

    def set_point_command(self, temperature_c: float, unit: TemperatureUnit | None = None) -> str:
        """The command that sets a set point [°C], by default in the unit that was reported last."""
        return f"{self._loop}SPOINT {(unit or self._unit).from_celsius(temperature_c):.2f}"

    def ramp_rate_c_min(self) -> float:
        """The ramp rate [°C/min], while the ramp scale is minutes."""

        def ask() -> float:
            rate = self._ask(f"{self._loop}RRATE?", parse_number)
            return round(rate / self._unit.degrees_per_kelvin, 2)

        return self._in_one_unit(ask)

    def ramp_rate_command(self, rate_c_min: float) -> str:
        """The command that sets a ramp rate [°C/min], while the ramp scale is minutes."""
        return f"{self._loop}RRATE {rate_c_min * self._unit.degrees_per_kelvin:.2f}"

    def scale_ramp_in_minutes(self) -> None:
        """Set the ramp scale to minutes."""
        self.send(f"{self._loop}RSCALE MINUTES")

    def ramp(self, on: bool, *, reconnect: bool = False) -> None:
        """Let the active set point follow the ramp rate when the set point changes, or jump."""
        self.send(f"{self._loop}RACTION {'SETPOINT' if on else 'OFF'}", reconnect=reconnect)

    def output(self, number: int) -> bool:
        """Whether an output is on."""
        return self._ask(f":OUTPUT{number}:STATE?", parse_switch)

    def output_command(self, number: int, on: bool) -> str:
        """The command that switches an output."""
        return f":OUTPUT{number}:STATE {'ON' if on else 'OFF'}"

    def program(self) -> ProgramStatus:
        """State and name of the selected profile, as the controller spells them."""
        state = self._ask(PROGRAM_QUERY, parse_text)
        return ProgramStatus(state, self._ask(":PROGRAM:SELECTED:NAME?", parse_text))

    def program_state(self) -> str | None:
        """State of the selected profile, as the controller spells it.

        The query is known from published programs only, and some firmware may lack it. After one
        query without an answer the result is None until the next `open`, without another query.
        """
        if not self._has_program_query:
            return None
        reply = self._answer_if_known(PROGRAM_QUERY)
        self._has_program_query = reply is not None
        return None if reply is None else self._parsed(PROGRAM_QUERY, reply, parse_text)

    def stop_program_command(self) -> str:
        """The command that ends the running profile."""
        return ":PROGRAM:SELECTED:STATE STOP"

    def send(self, command: str, *, reconnect: bool = False) -> None:
        """Send a command that has no answer.

        Args:
            command: the command.
            reconnect: send it over a new connection if the old one has ended; see `ScpiLink`.

        Raises:
            ConnectionLostError: the link is broken; the command may or may not have arrived.
        """
        try:
            self._link.send(command, reconnect=reconnect)
        except OSError as error:
            raise self._lost(error, command) from error

    def _in_one_unit(self, ask: Callable[[], T]) -> T:
        """Ask for temperatures until the unit is the same before and after."""
        if not self._has_unit_query:
            return ask()
        self._unit = self._ask(UNIT_QUERY, parse_unit)
        for _ in range(UNIT_CHANGES):
            value = ask()
            before, self._unit = self._unit, self._ask(UNIT_QUERY, parse_unit)
            if self._unit is before:
                return value
        raise ProtocolError(
            "another program changes the temperature unit all the time",
            device=self._device,
            command=UNIT_QUERY,
        )

    def _look(self) -> Look:
        value, fault = self._sensor()
        temperature_c = self._unit.to_celsius(value)
        if not fault and not COLDEST_C <= temperature_c <= HOTTEST_C:
            fault = f"the controller gives {temperature_c:g} °C, which is no temperature"
        return Look(temperature_c, self._set_point_c(), fault)

    def _sensor(self) -> tuple[float, str]:
        """The process value in the unit of the controller, NaN for none, and its fault or ""."""
        query = f"{self._loop}PVALUE?"
        reply = self._query(query)
        fault = ""
        if self._has_error_query and self._query(self._error_query).upper() != "NONE":
            fault = "the temperature sensor reports an error"
        elif has_no_value(reply):
            fault = f"the controller gives no temperature, but {reply}"
        try:
            return parse_number(reply), fault
        except ValueError as error:
            if fault:
                return math.nan, fault
            raise self._unreadable(error, query, reply) from error

    def _set_point_c(self) -> float:
        return round(self._unit.to_celsius(self._ask(f"{self._loop}SPOINT?", parse_number)), 2)

    @property
    def _error_query(self) -> str:
        return f"{self._loop}ERROR?"

    def _learn_error_query(self) -> None:
        """Find out whether the firmware reports the state of the input; old firmware does not."""
        self._has_error_query = True
        for _ in range(ATTEMPTS):
            if self._answer_in_time(self._error_query) is not None:
                return
            self._query(f"{self._loop}PVALUE?")  # the controller answers; it is the query
        self._has_error_query = False

    def _learn_unit(self, identity: Identity) -> None:
        self._unit, self._has_unit_query = TemperatureUnit.FAHRENHEIT, False
        has_unit_query = firmware_has_unit_query(identity.firmware)
        for _ in range(1 if has_unit_query is False else ATTEMPTS):
            reply = self._answer_if_known(UNIT_QUERY)
            if reply is not None:
                self._unit = self._parsed(UNIT_QUERY, reply, parse_unit)
                self._has_unit_query = True
                return
        if has_unit_query:  # to assume °F here would send 90 °C as 194, and heat to 194 °C
            raise ConnectionLostError(
                f"firmware {identity.firmware} did not answer the query for its temperature unit",
                device=self._device,
                command=UNIT_QUERY,
            )

    def _answer_if_known(self, query: str) -> str | None:
        """The answer to a query that not every firmware has; None for a timeout or `ERROR`."""
        reply = self._answer_in_time(query)
        return None if reply is None or reply.upper().startswith("ERROR") else reply

    def _answer_in_time(self, query: str) -> str | None:
        """The answer to a query; None for a timeout or a comment that there is no such query."""
        try:
            reply = self._query(query)
        except ConnectionLostError as error:
            if not isinstance(error.__cause__, TimeoutError):
                raise
            return None
        return None if reply.startswith(ERROR_LINE) else reply

    def _ask(self, query: str, parse: Callable[[str], T]) -> T:
        return self._parsed(query, self._query(query), parse)

    def _query(self, query: str) -> str:
        try:
            return self._link.query(query)
        except OSError as error:
            raise self._lost(error, query) from error

    def _parsed(self, query: str, reply: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(reply)
        except ValueError as error:
            raise self._unreadable(error, query, reply) from error

    def _lost(self, error: OSError, command: str) -> ConnectionLostError:
        return ConnectionLostError(str(error), device=self._device, command=command)

    def _unreadable(self, error: ValueError, query: str, reply: str) -> ProtocolError:
        """Close the connection after an unreadable reply; returns the error to raise."""
        self._link.close()
        return ProtocolError(str(error), device=self._device, command=query, reply=reply)
