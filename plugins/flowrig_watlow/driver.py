"""Driver of the Watlow F4T.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4, and
Watlow, "F4T Setup and Operations User's Guide", 0600-0093-0000, "SCPI".
"""

import csv
import math
import re

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces.device import Identity, Quality
from flowrig.interfaces.heater import Heater, HeaterLimits, HeaterReading
from flowrig_watlow.link import ScpiLink
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["WatlowF4T"]

SET_POINT_TOLERANCE_C = 0.05
"""Largest difference [°C] between a set point and its read-back; covers rounding to 0.1 °F."""

WRITE_ATTEMPTS = 2
UNIT_ATTEMPTS = 2
UNIT_QUESTION = ":UNIT:TEMPERATURE?"

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


class WatlowF4T(Heater):
    """One control loop of a Watlow F4T, by SCPI over Ethernet.

    `off` moves the set point to `idle_c`, as SCPI cannot switch a control loop off.

    Old firmware speaks °F only and does not know the question for the unit: a controller that
    identifies itself but leaves that question unanswered is taken to speak °F. Where the unit can
    be asked, it is asked anew before every set point, since the panel can change it.

    After any failure the connection is closed; the next call opens a new one.

    Args:
        name: the device's name in the rig profile.
        settings: where the controller is, and its limits.
        clock: what readings are stamped with and what waits go through.
    """

    settings: F4TSettings

    def __init__(self, name: str, settings: F4TSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._link = ScpiLink(settings.host, settings.port, settings.deadline_s)
        self._unit = TemperatureUnit.FAHRENHEIT
        self._tells_unit = False

    def _do_open(self) -> None:
        try:
            self._link.open()
        except OSError as error:
            raise self._fault(
                ConnectionLostError,
                f"no connection to {self.settings.host}:{self.settings.port}: {error}",
            ) from error
        self._do_identify()
        self._learn_unit()

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        reply = self._ask("*IDN?")
        vendor, *rest = [part.strip() for part in next(csv.reader([reply], skipinitialspace=True))]
        if "watlow" not in vendor.lower():
            raise self._nonsense("another instrument answers at this address", "*IDN?", reply)
        model, serial_number, firmware = [*rest, "", "", ""][:3]
        return Identity(vendor, model, serial_number, firmware)

    def _do_limits(self) -> HeaterLimits:
        return HeaterLimits(self.settings.set_point_min_c, self.settings.set_point_max_c)

    def _do_set_temperature(self, temperature_c: float) -> None:
        self._prove_link()
        command = f"{self._loop('SPOINT')} {self._unit.from_celsius(temperature_c):.2f}"
        kept_c = math.nan
        for _ in range(WRITE_ATTEMPTS):
            kept_c = self._write_set_point(command, temperature_c)
            if abs(kept_c - temperature_c) <= SET_POINT_TOLERANCE_C:
                return
        raise self._fault(
            RefusedError,
            f"the set point stayed at {kept_c:.2f} °C instead of {temperature_c:.2f} °C; "
            "look for a ramp, a running profile or a narrower set point range on the controller",
            command=command,
        )

    def _do_off(self) -> None:
        try:
            self._do_set_temperature(self.settings.idle_c)
        except RefusedError as error:
            raise self._fault(UnknownOutcomeError, error.message, command=error.command) from error

    def _do_read(self) -> HeaterReading:
        process_value = self._ask(self._loop("PVALUE?"))
        faulty = self._ask(self._loop("ERROR?")).upper() != "NONE"
        set_point_c = self._ask_temperature_c("SPOINT?")
        return HeaterReading(
            time_s=self.clock.now_s(),
            quality=Quality.BAD if faulty else Quality.GOOD,
            temperature_c=self._process_value_c(process_value, faulty),
            set_point_c=set_point_c,
        )

    def _process_value_c(self, reply: str, faulty: bool) -> float:
        """The temperature [°C]; not a number where a faulty input shows none."""
        if faulty and not _NUMBER.fullmatch(reply):
            return math.nan
        return self._parse_temperature_c(self._loop("PVALUE?"), reply)

    def _write_set_point(self, command: str, temperature_c: float) -> float:
        """Send a set point and return the one that the controller holds afterwards [°C].

        The read-back follows at once, so that the write is known to have arrived; a controller that
        still shows its old set point gets the settling time before it is asked again.

        Raises:
            UnknownOutcomeError: it was sent, and cannot be read back.
        """
        try:
            self._link.send(command)
            kept_c = self._read_back_c()
            if abs(kept_c - temperature_c) > SET_POINT_TOLERANCE_C:
                self.clock.sleep(self.settings.settle_s)
                kept_c = self._read_back_c()
            return kept_c
        except (OSError, DeviceError) as error:
            reason = error.message if isinstance(error, DeviceError) else error
            raise self._fault(
                UnknownOutcomeError,
                f"the set point was sent and could not be read back: {reason}",
                command=command,
            ) from error

    def _read_back_c(self) -> float:
        """The set point [°C], even where an answer to the write comes in the place of it."""
        try:
            return self._ask_temperature_c("SPOINT?")
        except ProtocolError:
            return self._ask_temperature_c("SPOINT?")  # on the new connection

    def _learn_unit(self) -> None:
        self._unit, self._tells_unit = TemperatureUnit.FAHRENHEIT, False
        for _ in range(UNIT_ATTEMPTS):
            try:
                reply = self._ask(UNIT_QUESTION)
            except ConnectionLostError as error:
                if not isinstance(error.__cause__, TimeoutError):
                    raise
                continue
            if not reply.upper().startswith("ERROR"):
                self._unit, self._tells_unit = self._parse_unit(reply), True
            return

    def _prove_link(self) -> None:
        """Let the controller answer something before it is sent a set point."""
        if self._tells_unit:
            self._unit = self._parse_unit(self._ask(UNIT_QUESTION))
        else:
            self._do_identify()

    def _parse_unit(self, reply: str) -> TemperatureUnit:
        try:
            return TemperatureUnit(reply.upper())
        except ValueError as error:
            raise self._nonsense(
                "the temperature unit is neither C nor F", UNIT_QUESTION, reply
            ) from error

    def _ask_temperature_c(self, question: str) -> float:
        command = self._loop(question)
        return self._parse_temperature_c(command, self._ask(command))

    def _parse_temperature_c(self, command: str, reply: str) -> float:
        value = float(reply) if _NUMBER.fullmatch(reply) else math.nan
        if not math.isfinite(value):
            raise self._nonsense("the reply is not a temperature", command, reply)
        return self._unit.to_celsius(value)

    def _loop(self, command: str) -> str:
        return f":SOURCE:CLOOP{self.settings.loop}:{command}"

    def _ask(self, command: str) -> str:
        try:
            return self._link.query(command)
        except OSError as error:
            raise self._fault(ConnectionLostError, str(error), command=command) from error

    def _nonsense(self, message: str, command: str, reply: str) -> ProtocolError:
        """The error of a reply that makes no sense, after which the conversation starts anew."""
        self._link.close()
        return self._fault(ProtocolError, message, command=command, reply=reply)
