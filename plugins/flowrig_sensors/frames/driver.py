"""Drivers for detectors that answer a SCPI query with a list of numbers."""

import re
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.errors import DeviceError, ProtocolError
from flowrig_kinds import PhaseSensor, Tcspc
from flowrig_sensors.device import ScpiDevice, number
from flowrig_sensors.frames.settings import (
    MOST_VALUES,
    ScpiGatesSettings,
    ScpiHistogramSettings,
    ScpiListSettings,
)
from flowrig_sensors.link import ScpiLink

__all__ = ["ScpiGates", "ScpiHistogram"]

E = TypeVar("E", bound=DeviceError)

LINE_MAX: Final = 32 * MOST_VALUES
"""Longest answer [bytes] that is read."""

_BRACKETS: Final = re.compile(r"\[(.*)\]|\((.*)\)|(.*)")


class _ScpiList(ScpiDevice):
    """An instrument that reports lists of numbers.

    Args:
        name: the device's name in the rig profile.
        settings: address and queries.
        clock: gives the time stamps of frames.
    """

    settings: ScpiListSettings

    def __init__(self, name: str, settings: ScpiListSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._link = ScpiLink(settings.address, settings.deadline_s, self.wire, LINE_MAX)

    def _numbers(self, count: int) -> NDArray[np.float64]:
        """The numbers of one frame."""
        query = self.settings.query
        reply = self._ask(query)
        match = _BRACKETS.fullmatch(reply)
        assert match is not None  # the last form is any text
        words = next(part for part in match.groups() if part is not None).split(",")
        if len(words) != count:
            message = f"it sent {len(words)} numbers, and the settings say {count}"
            raise self._fault(ProtocolError, message, query, reply[:100])
        try:
            return np.array([number(word.strip()) for word in words])
        except ValueError as error:
            raise self._fault(ProtocolError, f"{error}", query, reply[:100]) from error


class ScpiHistogram(_ScpiList, Tcspc):
    """A counter of single photons; the profile has its command and its query."""

    settings: ScpiHistogramSettings

    def _do_axis(self) -> NDArray[np.float64]:
        return np.asarray((np.arange(self.settings.bins) + 0.5) * self.settings.bin_ns)

    def _do_acquire_frame(self) -> NDArray[Any]:
        begin = f"{self.settings.begin};*OPC?"
        reply = self._ask(begin)
        if reply != "1":
            raise self._fault(ProtocolError, "it did not confirm that it counts", begin, reply)
        self.clock.sleep(self.settings.integration_time_us * 1e-6)
        counts = self._numbers(self.settings.bins)
        largest = np.iinfo(np.uint32).max
        if not (np.isfinite(counts).all() and (counts >= 0).all() and (counts <= largest).all()):
            message = "it sent counts that are none"
            raise self._fault(ProtocolError, message, self.settings.query)
        return np.rint(counts).astype(np.uint32)


class ScpiGates(_ScpiList, PhaseSensor):
    """Light gates along a tube; the profile has the query of their levels."""

    settings: ScpiGatesSettings

    def _do_axis(self) -> NDArray[np.float64]:
        return np.array(self.settings.places_mm)

    def _do_acquire_frame(self) -> NDArray[Any]:
        levels = self._numbers(len(self.settings.places_mm))
        if not np.isfinite(levels).all():
            raise self._fault(ProtocolError, "a gate has no value", self.settings.query)
        return levels
