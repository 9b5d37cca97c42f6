"""How much liquid is left in every syringe, from what the journal says."""

import math
from collections.abc import Mapping

from flowrig.profile import Profile

__all__ = ["SyringeLedger"]


class SyringeLedger:
    """The volume [µL] left by stream. Starts full; a refill makes it full again.

    Args:
        profile: the rig, whose syringes are taken as full at the start of a run.
    """

    def __init__(self, profile: Profile) -> None:
        self._full_ul = {name: s.syringe.volume_ul for name, s in profile.streams.items()}
        self._left_ul = dict(self._full_ul)
        self._running: dict[str, tuple[float, float]] = {}

    @property
    def left_ul(self) -> Mapping[str, float]:
        """Volume left [µL] by stream; a stream that runs is counted up to its last stop."""
        return dict(self._left_ul)

    def left_at_ul(self, time_s: float) -> dict[str, float]:
        """Volume left [µL] by stream at a rig time [s]; one that runs is charged rate times time.

        It may be less than nothing where a flow rate is only nearly what comes out.
        """
        moved = {s: rate * (time_s - since) / 60 for s, (since, rate) in self._running.items()}
        return {stream: left - moved.get(stream, 0.0) for stream, left in self._left_ul.items()}

    @property
    def running(self) -> tuple[str, ...]:
        """Streams that were started and not stopped since."""
        return tuple(self._running)

    def started(self, time_s: float, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Streams started at a rig time [s] with flow rates [µL/min]."""
        for stream, rate in flow_rates_ul_min.items():
            self._running[stream] = (time_s, rate)

    def stopped(self, time_s: float, dispensed_ul: Mapping[str, float | None]) -> dict[str, float]:
        """Streams stopped at a rig time [s] and reported what they delivered [µL].

        A stream whose report is missing, or no volume, is charged flow rate times time. Streams
        that did not run are charged nothing, whatever their pump remembers of an earlier run.

        Returns:
            what was charged [µL] by stream.
        """
        charged: dict[str, float] = {}
        for stream, told in dispensed_ul.items():
            if stream not in self._running:
                continue
            since_s, rate = self._running.pop(stream)
            charged[stream] = rate * (time_s - since_s) / 60
            if told is not None and math.isfinite(told) and told >= 0:
                charged[stream] = told
            self._left_ul[stream] = max(self._left_ul[stream] - charged[stream], 0.0)
        return charged

    def refilled(self, stream: str) -> None:
        """A person filled the syringe of a stream."""
        self._left_ul[stream] = self._full_ul[stream]

    def short_of(self, volumes_ul: Mapping[str, float]) -> dict[str, float]:
        """Streams that hold less than asked for, with what is left [µL]."""
        return {s: self._left_ul[s] for s, ul in volumes_ul.items() if self._left_ul[s] < ul}

    def full_ul(self, stream: str) -> float:
        """Volume [µL] of a full syringe."""
        return self._full_ul[stream]
