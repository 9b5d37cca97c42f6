"""The SCPI side of one control loop: its questions and commands, in °C.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4, and
Watlow, "F4T Setup and Operations User's Guide", 0600-0093-0000, "SCPI".
"""

import math
from collections.abc import Callable
from typing import TypeVar

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity, WireChannel
from flowrig_watlow.link import ScpiLink
from flowrig_watlow.parameters import ProgramStatus
from flowrig_watlow.replies import (
    firmware_tells_unit,
    parse_identity,
    parse_number,
    parse_switch,
    parse_text,
    parse_unit,
)
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["Dialogue"]

T = TypeVar("T")

PROGRAM_QUESTION = ":PROGRAM:SELECTED:STATE?"
UNIT_ATTEMPTS = 2
UNIT_QUESTION = ":UNIT:TEMPERATURE?"


class Dialogue:
    """Talks to one control loop; a reply that makes no sense ends the conversation.

    Firmware before 04:03:0108 speaks °F only and does not know the question for the unit
    (TestEquity, chapter 4): a controller that identifies itself but leaves that question unanswered
    is taken to speak °F, unless its firmware is known to be newer.

    Args:
        device: the device's name, for messages.
        settings: where the controller is, and its loop.
        wire: is told the bytes.
    """

    def __init__(self, device: str, settings: F4TSettings, wire: WireChannel) -> None:
        self._device = device
        self._where = f"{settings.host}:{settings.port}"
        self._loop = f":SOURCE:CLOOP{settings.loop}:"
        self._link = ScpiLink(settings.host, settings.port, settings.deadline_s, wire)
        self._unit = TemperatureUnit.FAHRENHEIT
        self._tells_unit = False
        self._tells_program = True

    def open(self) -> None:
        """Connect, and learn who answers and in which unit.

        Raises:
            ConnectionLostError: nobody answers.
            ProtocolError: somebody else does.
        """
        try:
            self._link.open()
        except OSError as error:
            raise ConnectionLostError(
                f"no connection to {self._where}: {error}", device=self._device
            ) from error
        self._learn_unit(self.identity())
        self._tells_program = True

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def identity(self) -> Identity:
        """Who answers."""
        return self._ask("*IDN?", parse_identity)

    def prove(self) -> None:
        """Let the controller answer something, so that the next command is not sent into nowhere.

        The panel can change the unit, so it is asked anew where that is possible.
        """
        if self._tells_unit:
            self._unit = self._ask(UNIT_QUESTION, parse_unit)
        else:
            self.identity()

    def process_value_c(self) -> tuple[float, bool]:
        """The measured temperature [°C], and whether the input reports an error.

        It is not a number where a faulty input shows none.
        """
        question = f"{self._loop}PVALUE?"
        reply = self._query(question)
        faulty = self._query(f"{self._loop}ERROR?").upper() != "NONE"
        try:
            return self._unit.to_celsius(parse_number(reply)), faulty
        except ValueError as error:
            if faulty:
                return math.nan, True
            raise self._nonsense(error, question, reply) from error

    def set_point_c(self) -> float:
        """The set point [°C] that the loop works towards now, rounded as set points are sent."""
        return round(self._unit.to_celsius(self._ask(f"{self._loop}SPOINT?", parse_number)), 2)

    def set_point_command(self, temperature_c: float) -> str:
        """The command that sets a set point [°C]."""
        return f"{self._loop}SPOINT {self._unit.from_celsius(temperature_c):.2f}"

    def ramp_rate_c_min(self) -> float:
        """The ramp rate [°C/min], where the scale is minutes."""
        rate = self._ask(f"{self._loop}RRATE?", parse_number)
        return round(rate / self._unit.degrees_per_kelvin, 2)

    def ramp_rate_command(self, rate_c_min: float) -> str:
        """The command that sets a ramp rate [°C/min], where the scale is minutes."""
        return f"{self._loop}RRATE {rate_c_min * self._unit.degrees_per_kelvin:.2f}"

    def scale_ramp_in_minutes(self) -> None:
        """Let the ramp rate count in minutes."""
        self.send(f"{self._loop}RSCALE MINUTES")

    def ramp(self, on: bool) -> None:
        """Let the set point travel when it is changed, or jump."""
        self.send(f"{self._loop}RACTION {'SETPOINT' if on else 'OFF'}")

    def output(self, number: int) -> bool:
        """Whether an output is on."""
        return self._ask(f":OUTPUT{number}:STATE?", parse_switch)

    def output_command(self, number: int, on: bool) -> str:
        """The command that switches an output."""
        return f":OUTPUT{number}:STATE {'ON' if on else 'OFF'}"

    def program(self) -> ProgramStatus:
        """The selected profile, in the controller's own words."""
        state = self._ask(PROGRAM_QUESTION, parse_text)
        return ProgramStatus(state, self._ask(":PROGRAM:SELECTED:NAME?", parse_text))

    def program_state(self) -> str | None:
        """State of the selected profile, in the controller's own words.

        Whether every firmware knows the question is not known: one that leaves it unanswered is not
        asked again until `open`, and None stands for its answer.
        """
        if not self._tells_program:
            return None
        reply = self._answer_if_known(PROGRAM_QUESTION)
        self._tells_program = reply is not None
        return None if reply is None else self._understood(PROGRAM_QUESTION, reply, parse_text)

    def stop_program_command(self) -> str:
        """The command that ends the profile that runs."""
        return ":PROGRAM:SELECTED:STATE STOP"

    def send(self, command: str) -> None:
        """Send a command that asks nothing.

        Raises:
            ConnectionLostError: the link is broken; it may or may not have arrived.
        """
        try:
            self._link.send(command)
        except OSError as error:
            raise self._lost(error, command) from error

    def _learn_unit(self, identity: Identity) -> None:
        self._unit, self._tells_unit = TemperatureUnit.FAHRENHEIT, False
        tells_unit = firmware_tells_unit(identity.firmware)
        for _ in range(1 if tells_unit is False else UNIT_ATTEMPTS):
            reply = self._answer_if_known(UNIT_QUESTION)
            if reply is not None:
                self._unit = self._understood(UNIT_QUESTION, reply, parse_unit)
                self._tells_unit = True
                return
        if tells_unit:
            raise ConnectionLostError(
                f"firmware {identity.firmware} knows its temperature unit and did not tell it",
                device=self._device,
                command=UNIT_QUESTION,
            )

    def _answer_if_known(self, question: str) -> str | None:
        """The answer to a question that not every firmware knows; None for silence or `ERROR`."""
        try:
            reply = self._query(question)
        except ConnectionLostError as error:
            if not isinstance(error.__cause__, TimeoutError):
                raise
            return None
        return None if reply.upper().startswith("ERROR") else reply

    def _ask(self, question: str, parse: Callable[[str], T]) -> T:
        return self._understood(question, self._query(question), parse)

    def _query(self, question: str) -> str:
        try:
            return self._link.query(question)
        except OSError as error:
            raise self._lost(error, question) from error

    def _understood(self, question: str, reply: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(reply)
        except ValueError as error:
            raise self._nonsense(error, question, reply) from error

    def _lost(self, error: OSError, command: str) -> ConnectionLostError:
        return ConnectionLostError(str(error), device=self._device, command=command)

    def _nonsense(self, error: ValueError, question: str, reply: str) -> ProtocolError:
        """The error of a reply that makes no sense, after which the conversation starts anew."""
        self._link.close()
        return ProtocolError(str(error), device=self._device, command=question, reply=reply)
