"""SCPI queries and commands of one control loop, in °C.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4, and
Watlow, "F4T Setup and Operations User's Guide", 0600-0093-0000, "SCPI".
"""

import math
from collections.abc import Callable
from typing import TypeVar

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity, WireChannel
from flowrig_watlow.parameters import ProgramStatus
from flowrig_watlow.scpi.link import ScpiLink
from flowrig_watlow.scpi.replies import (
    firmware_has_unit_query,
    parse_identity,
    parse_number,
    parse_switch,
    parse_text,
    parse_unit,
)
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["ScpiLoop"]

T = TypeVar("T")

PROGRAM_QUERY = ":PROGRAM:SELECTED:STATE?"
UNIT_ATTEMPTS = 2
"""Queries for the unit before a firmware of unknown version counts as one without the query."""
UNIT_QUERY = ":UNIT:TEMPERATURE?"


class ScpiLoop:
    """Queries and commands of one control loop; an unreadable reply closes the connection.

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
        self._has_unit_query = False
        self._has_program_query = True

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

    def process_value_c(self) -> tuple[float, bool]:
        """The measured temperature [°C], and whether the input reports an error.

        The temperature is NaN if the input reports an error and the reply is no number.
        """
        query = f"{self._loop}PVALUE?"
        reply = self._query(query)
        faulty = self._query(f"{self._loop}ERROR?").upper() != "NONE"
        try:
            return self._unit.to_celsius(parse_number(reply)), faulty
        except ValueError as error:
            if faulty:
                return math.nan, True
            raise self._unreadable(error, query, reply) from error

    def set_point_c(self) -> float:
        """The active set point [°C], which moves during a ramp, rounded as when sent."""
        return round(self._unit.to_celsius(self._ask(f"{self._loop}SPOINT?", parse_number)), 2)

    def set_point_command(self, temperature_c: float) -> str:
        """The command that sets a set point [°C]."""
        return f"{self._loop}SPOINT {self._unit.from_celsius(temperature_c):.2f}"

    def ramp_rate_c_min(self) -> float:
        """The ramp rate [°C/min], while the ramp scale is minutes."""
        rate = self._ask(f"{self._loop}RRATE?", parse_number)
        return round(rate / self._unit.degrees_per_kelvin, 2)

    def ramp_rate_command(self, rate_c_min: float) -> str:
        """The command that sets a ramp rate [°C/min], while the ramp scale is minutes."""
        return f"{self._loop}RRATE {rate_c_min * self._unit.degrees_per_kelvin:.2f}"

    def scale_ramp_in_minutes(self) -> None:
        """Set the ramp scale to minutes."""
        self.send(f"{self._loop}RSCALE MINUTES")

    def ramp(self, on: bool) -> None:
        """Let the active set point follow the ramp rate when the set point changes, or jump."""
        self.send(f"{self._loop}RACTION {'SETPOINT' if on else 'OFF'}")

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

    def send(self, command: str) -> None:
        """Send a command that has no answer.

        Raises:
            ConnectionLostError: the link is broken; the command may or may not have arrived.
        """
        try:
            self._link.send(command)
        except OSError as error:
            raise self._lost(error, command) from error

    def _learn_unit(self, identity: Identity) -> None:
        self._unit, self._has_unit_query = TemperatureUnit.FAHRENHEIT, False
        has_unit_query = firmware_has_unit_query(identity.firmware)
        for _ in range(1 if has_unit_query is False else UNIT_ATTEMPTS):
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
        try:
            reply = self._query(query)
        except ConnectionLostError as error:
            if not isinstance(error.__cause__, TimeoutError):
                raise
            return None
        return None if reply.upper().startswith("ERROR") else reply

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
