"""How much liquid is left in every syringe, from what the journal says."""

import math
from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from flowrig.errors import OutOfRangeError
from flowrig.journal.events import (
    CutLiquid,
    Intent,
    Liquid,
    Outcome,
    Resumed,
    Timed,
    WentOn,
    kinds_with,
)
from flowrig.profile import Profile
from flowrig.safety.waste import WasteAccount

__all__ = ["COUNTED", "Charge", "SyringeLedger"]

COUNTED = kinds_with(Liquid.COUNTED)
"""Kinds of events of a journal that the account is computed from."""

SAME_UL = 1e-3
"""Reports [µL] of a pump that differ by less are the same: a count that has not moved."""

STOP_S = 10.0
"""Longest time [s] between the intent to start or stop a pump and the pump."""

RATE_ERROR = 0.03
"""By what share a pump may deliver more or less than its flow rate says."""


@frozen
class Charge:
    """What streams are charged that were stopped.

    Attributes:
        volumes_ul: by stream [µL].
        estimated: streams whose pump did not report it, so that its next report is no news.
    """

    volumes_ul: Mapping[str, float]
    estimated: tuple[str, ...]


class SyringeLedger:
    """The volume [µL] left by stream. Starts full; a refill makes it full again.

    Args:
        profile: the rig, whose syringes are taken as full at the start of a run.

    Attributes:
        waste: where it went.
    """

    def __init__(self, profile: Profile) -> None:
        self._full_ul = {name: s.syringe.volume_ul for name, s in profile.streams.items()}
        self._left_ul = dict(self._full_ul)
        self._remainder_ul = dict.fromkeys(profile.streams, 0.0)
        for interlock in profile.interlocks:
            if interlock.kind == "syringe-not-empty":
                for name in interlock.streams:
                    least_ul = self._remainder_ul[name]
                    self._remainder_ul[name] = max(interlock.remainder_ul, least_ul)
        self._flush_ul_min = {
            stream: rate
            for step in profile.safe_state
            for stream, rate in step.flow_rates_ul_min.items()
        }
        self._running: dict[str, tuple[float, float]] = {}
        self._stops_s: dict[str, list[float]] = {}
        self._unconfirmed: set[str] = set()
        self._told_ul: dict[str, float] = {}
        self.waste = WasteAccount(profile)

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
            self._stops_s[stream] = []
            self._unconfirmed.add(stream)

    def stopping(self, time_s: float, streams: Iterable[str]) -> None:
        """Streams were to be stopped at a rig time [s]; whether they did is not known yet."""
        for stream in streams:
            if stream in self._running:
                self._stops_s[stream].append(time_s)

    def confirmed(self, streams: Iterable[str]) -> None:
        """Pumps have said that they run."""
        self._unconfirmed.difference_update(streams)

    def stopped(
        self,
        time_s: float,
        dispensed_ul: Mapping[str, float | None],
        *,
        unseen: bool = False,
        doubted: Collection[str] = (),
    ) -> Charge:
        """Streams stopped at a rig time [s] and reported what they delivered [µL].

        A stream whose report is missing, or no volume, is charged flow rate times time. One whose
        start nobody confirmed, and whose pump reports what it reported before, never started.
        Streams that did not run are charged nothing, whatever their pump remembers of an earlier
        run, unless that is to be found out.

        Args:
            time_s: rig time [s].
            dispensed_ul: by stream; None where there is no report.
            unseen: charge a stream that did not run, if its pump has delivered something since it
                last reported in this run.
            doubted: streams whose pump somebody has stopped and nobody has written it down. Those
                that the safe state flushes with may have been started anew since. If the report
                is none that a stop which was to be explains, it is of a later run only: they are
                charged as if they had run all the time, with the higher of both flow rates.

        Returns:
            what was charged.
        """
        charged, estimated = dict[str, float](), list[str]()
        for stream, told in dispensed_ul.items():
            volume_ul = told if told is not None and math.isfinite(told) and told >= 0 else None
            if stream in self._running:
                charged[stream] = self._moved_ul(stream, time_s, volume_ul)
                if volume_ul is None:
                    estimated.append(stream)
                if stream in doubted and not self._is_explained(stream, volume_ul):
                    estimated.append(stream)
                    charged[stream] = max(charged[stream], self._at_most_ul(stream, time_s))
            elif unseen and volume_ul is not None and self._has_news(stream, volume_ul):
                charged[stream] = volume_ul
        charge = Charge(charged, tuple(dict.fromkeys(estimated)))
        self.charge(charge)
        return charge

    def expect_nothing(self) -> None:
        """Take a report of a pump that has not reported yet in this run for news."""
        for stream in self._full_ul:
            self._told_ul.setdefault(stream, 0.0)

    def charge(self, charge: Charge) -> None:
        """Take volumes off streams that have stopped."""
        self.waste.add(charge.volumes_ul)
        for stream, volume_ul in charge.volumes_ul.items():
            self._running.pop(stream, None)
            self._stops_s.pop(stream, None)
            self._unconfirmed.discard(stream)
            self._left_ul[stream] = max(self._left_ul[stream] - volume_ul, 0.0)
            if stream in charge.estimated:
                self._told_ul.pop(stream, None)
            elif volume_ul > 0.0:
                self._told_ul[stream] = volume_ul

    def _moved_ul(self, stream: str, time_s: float, told_ul: float | None) -> float:
        since_s, rate = self._running[stream]
        if told_ul is None:
            return rate * (time_s - since_s) / 60
        return 0.0 if self._never_started(stream, told_ul) else told_ul

    def _at_most_ul(self, stream: str, time_s: float) -> float:
        """What a stream has moved [µL] that ran all the time, or was flushed with meanwhile."""
        since_s, rate = self._running[stream]
        return max(rate, self._flush_ul_min[stream]) * (time_s - since_s) / 60

    def _is_explained(self, stream: str, told_ul: float | None) -> bool:
        """Whether a report is of the run that the journal knows."""
        if stream not in self._flush_ul_min:
            return True
        if told_ul is None:
            return False
        if self._never_started(stream, told_ul):
            return True
        since_s, rate = self._running[stream]
        runs_s = [stop_s - since_s for stop_s in self._stops_s[stream]]
        return any(
            rate * (run_s - STOP_S) / 60 * (1.0 - RATE_ERROR)
            <= told_ul
            <= rate * (run_s + STOP_S) / 60 * (1.0 + RATE_ERROR)
            for run_s in runs_s
        )

    def _never_started(self, stream: str, told_ul: float) -> bool:
        """Whether nobody has confirmed a start, and the pump reports what it did before."""
        return (
            stream in self._unconfirmed
            and stream in self._told_ul
            and not self._has_news(stream, told_ul)
        )

    def _has_news(self, stream: str, told_ul: float) -> bool:
        """Whether a pump reports something else than before, as far as that is known."""
        before_ul = self._told_ul.get(stream)
        return before_ul is not None and abs(told_ul - before_ul) > SAME_UL

    def refilled(self, stream: str) -> None:
        """A person filled the syringe of a stream."""
        self._left_ul[stream] = self._full_ul[stream]

    def short_of(self, volumes_ul: Mapping[str, float]) -> dict[str, float]:
        """Streams that hold less than asked for, with what is left [µL].

        What an interlock wants to stay in a syringe is not counted.
        """
        left = {s: self._left_ul[s] - self._remainder_ul[s] for s in volumes_ul}
        return {s: self._left_ul[s] for s, ul in volumes_ul.items() if left[s] < ul}

    def enter(self, events: Iterable[Timed]) -> None:
        """Take into account what a journal says.

        Args:
            events: those of `COUNTED` kinds, in order.
        """
        starting: Mapping[str, float] = {}
        for event in events:
            match event.data:
                case Intent(command="start", flow_rates_ul_min=rates) if rates is not None:
                    starting = rates
                    self.started(event.time_s, starting)
                case Intent(command="stop", streams=streams) if streams is not None:
                    self.stopping(event.time_s, streams)
                case Outcome(command="start", outcome="done"):
                    self.confirmed(starting)
                case Outcome(dispensed_ul=volumes_ul, estimated=estimated) if (
                    volumes_ul is not None
                ):
                    self.charge(Charge(volumes_ul, estimated or ()))
                case (
                    Resumed(refilled=refilled, emptied=emptied)
                    | WentOn(refilled=refilled, emptied=emptied)
                ):
                    self._filled_and_emptied(refilled, emptied)
                case CutLiquid(events=lost, emptied_ul=emptied_ul):
                    self.enter(lost)
                    self.charge(Charge(emptied_ul, tuple(emptied_ul)))

    def _filled_and_emptied(self, streams: Iterable[str], wastes: Iterable[str]) -> None:
        for stream in streams:
            self.refilled(stream)
        for waste in wastes:
            self.waste.emptied(waste)

    def require_possible(self, volumes_ul: Mapping[str, float]) -> None:
        """Refuse what full syringes cannot deliver, or empty wastes take, at once.

        Raises:
            OutOfRangeError: a syringe or a waste is too small.
        """
        for stream, volume_ul in volumes_ul.items():
            if volume_ul > self._full_ul[stream] - self._remainder_ul[stream]:
                raise OutOfRangeError(
                    f"{stream}: {volume_ul / 1000:.1f} mL are needed at once, "
                    f"the syringe holds {self._full_ul[stream] / 1000:g} mL"
                )
        self.waste.require_possible(volumes_ul)

    def lasts(self, stream: str, volume_ul: float) -> int:
        """How many times a full syringe delivers a volume [µL], with what has to stay in it."""
        usable_ul = self._full_ul[stream] - self._remainder_ul[stream]
        return int(usable_ul / volume_ul) if volume_ul > 0.0 else 0

    def remainder_ul(self, stream: str) -> float:
        """Volume [µL] that an interlock wants to stay in a syringe."""
        return self._remainder_ul[stream]

    def full_ul(self, stream: str) -> float:
        """Volume [µL] of a full syringe."""
        return self._full_ul[stream]
