"""How much is left in every syringe and supply: the account that follows the events of a run."""

import math
from collections.abc import Collection, Mapping

from attrs import define, field, frozen

from flowrig.errors import OutOfRangeError
from flowrig.journal.events import (
    CutLiquid,
    EventData,
    Liquid,
    Outcome,
    Resumed,
    WentOn,
    kinds_with,
)
from flowrig.profile import Profile
from flowrig.profile.model import FULL
from flowrig.safety.reservoirs import ReservoirAccount, stream_of_reservoir
from flowrig.safety.rig_state import Flow, RigState
from flowrig.safety.supply_lines import SupplyLines
from flowrig.safety.waste import WasteAccount

__all__ = ["COUNTED", "Charge", "SyringeLedger", "Unrecorded"]

COUNTED = kinds_with(Liquid.COUNTED)
"""Kinds of events of a journal that the account is computed from."""

SAME_UL = 1e-3
"""Two reports [µL] of a pump that differ by no more are the same report."""

STOP_S = 10.0
"""Longest time [s] from the intent to start or stop a pump to its start or stop."""

RATE_ERROR = 0.03
"""Largest relative error of a pump's flow rate."""


@frozen
class Charge:
    """Volumes that a stop takes off syringes.

    Attributes:
        volumes_ul: volume [µL] by stream.
        estimated: streams whose volume is estimated; what their pump reports next is compared with
            nothing.
        drawn_ul: volume [µL] by stream that its syringe is known to have drawn.
        taken_ul: volume [µL] by stream that its reservoir is charged.
    """

    volumes_ul: Mapping[str, float]
    estimated: tuple[str, ...]
    drawn_ul: Mapping[str, float] = field(factory=dict)
    taken_ul: Mapping[str, float] = field(factory=dict)


@frozen(kw_only=True)
class Unrecorded:
    """What may have happened to a rig while nothing was written to its journal.

    Attributes:
        away_s: how much longer [s] than the rig's clock shows streams may have flowed.
        doubted: streams that run according to the journal, and whose pump stands still: they were
            stopped, and may have been flushed with, without an event.
        may_have_run: whether also a pump that has reported nothing in this run may have run.
    """

    away_s: float = 0.0
    doubted: tuple[str, ...] = ()
    may_have_run: bool = False


class SyringeLedger:
    """The volume [µL] left by stream. Syringes begin full; a person makes one full again.

    A syringe that draws from a reservoir counts what its pump reports. What is not known counts as
    not drawn, and as taken from the reservoir; the syringe may then hold more than it counts.

    A stream without a syringe draws from its supply, which counts likewise; one whose profile gives
    no supply never runs out, and its volume left is infinite.

    Args:
        profile: the rig, whose syringes and supplies are taken as full at the start of a run.

    Attributes:
        rig_state: what streams were commanded and what they report; it follows the same events.
        waste: the volumes in the wastes.
        lines: what is in the lines behind selector valves.
        reservoirs: the volumes in the reservoirs from which syringes are filled.
    """

    def __init__(self, profile: Profile) -> None:
        self._full_ul = {name: stream.capacity_ul for name, stream in profile.streams.items()}
        self._sources = {name: stream.source for name, stream in profile.streams.items()}
        self._left_ul = dict(self._full_ul)
        self._perhaps_more_ul = dict.fromkeys(profile.streams, 0.0)
        self._fill_at = {name: (one.valve, one.fill) for name, one in profile.refills.items()}
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
        self._flush_needs_ul: dict[str, float] = {}
        for step in profile.safe_state:
            for stream, rate in step.flow_rates_ul_min.items():
                needs_ul = rate * step.at_most_s / 60
                self._flush_needs_ul[stream] = max(self._flush_needs_ul.get(stream, 0.0), needs_ul)
        self.rig_state = RigState()
        self.waste = WasteAccount(profile)
        self.lines = SupplyLines(profile)
        self.reservoirs = ReservoirAccount(profile)

    @property
    def left_ul(self) -> Mapping[str, float]:
        """Volume left [µL] by stream; a stream that runs is counted up to its last stop."""
        return dict(self._left_ul)

    def left_at_ul(self, time_s: float) -> dict[str, float]:
        """Volume left [µL] by stream at a rig time [s]; one that runs is charged rate times time.

        It may be negative, as a pump delivers its flow rate only within `RATE_ERROR`.
        """
        moved = {
            name: _moved_ul(flow, time_s)
            for name, flow in self.rig_state.flows.items()
            if flow.draws_ul is None
        }
        return {stream: left - moved.get(stream, 0.0) for stream, left in self._left_ul.items()}

    def follow(self, time_s: float, data: EventData) -> None:
        """Take an event into account; events of kinds that are not `COUNTED` change no volume.

        Args:
            time_s: rig time [s] of the event.
            data: what happened.
        """
        perhaps_none = self._perhaps_none
        self.rig_state.follow(time_s, data)
        self.lines.follow(data)
        self._count(data, perhaps_none)

    @property
    def _perhaps_none(self) -> tuple[str, ...]:
        """Streams of which no report will tell whether they ran at all.

        They are charged as if, and a syringe that fills itself must not count that as room.
        """
        streams = ((name, self.rig_state.stream(name)) for name in self._fill_at)
        return tuple(
            name
            for name, one in streams
            if one.flow is not None and not one.flow.is_confirmed and one.reported_ul is None
        )

    def _count(self, data: EventData, perhaps_none: tuple[str, ...] = ()) -> None:
        match data:
            case Outcome(dispensed_ul=volumes_ul) if volumes_ul is not None:
                self._take_off(volumes_ul, (*(data.estimated or ()), *perhaps_none))
                self._draw(data.drawn_ul or {}, data.taken_ul or {})
            case (
                Resumed(refilled=refilled, emptied=emptied)
                | WentOn(refilled=refilled, emptied=emptied)
            ):
                for name in refilled:
                    self.refilled(name)
                for waste in emptied:
                    self.waste.emptied(waste)
            case CutLiquid(events=lost, emptied_ul=emptied_ul):
                for event in lost:
                    self._count(event.data)
                self._take_off(emptied_ul, tuple(emptied_ul))
                self.reservoirs.doubt(emptied_ul)

    def _take_off(self, volumes_ul: Mapping[str, float], estimated: Collection[str]) -> None:
        self.waste.add(volumes_ul)
        for stream, volume_ul in volumes_ul.items():
            before_ul = self._left_ul[stream]
            self._left_ul[stream] = max(before_ul - volume_ul, 0.0)
            taken_ul, more_ul = min(volume_ul, before_ul), self._perhaps_more_ul[stream]
            if stream in estimated:
                self._perhaps_more_ul[stream] = more_ul + taken_ul
            else:  # what a pump delivers from a syringe that counts as empty was in it
                self._perhaps_more_ul[stream] = max(more_ul - (volume_ul - taken_ul), 0.0)

    def _draw(self, drawn_ul: Mapping[str, float], taken_ul: Mapping[str, float]) -> None:
        self.reservoirs.take(taken_ul)
        for stream, volume_ul in drawn_ul.items():
            # A person may have filled the syringe while its pump drew, by what events say.
            self._left_ul[stream] = min(self._left_ul[stream] + volume_ul, self._full_ul[stream])
            self._perhaps_more_ul[stream] += max(taken_ul.get(stream, 0.0) - volume_ul, 0.0)

    def charge_of(
        self,
        time_s: float,
        reports_ul: Mapping[str, float | None],
        unrecorded: Unrecorded | None = None,
    ) -> Charge:
        """The charge for streams that have just stopped; it counts with the outcome of the stop.

        A stream that ran is charged the volume that its pump reports, or flow rate times time where
        the pump reports none. Where the start was not confirmed and the pump reports the same
        volume as before, the stream never ran and is charged nothing.

        A stream that did not run is charged nothing, because its pump reports an earlier run. Where
        events may be missing, it is charged a report that differs from the report before. Where
        somebody else has started its pump, it is charged what the pump reports.

        A doubted stream that the safe state flushes with may have been started again after it was
        stopped, and its pump then reports the last run only. If no recorded command to stop
        explains the report, it is charged for the whole time, at the higher of both flow rates.

        Args:
            time_s: rig time [s].
            reports_ul: volume [µL] that each stream reports; None for no report.
            unrecorded: what may have happened without an event; None if every event was written.
        """
        charges = _Charges()
        for stream, volume_ul in reports_ul.items():
            flow = self.rig_state.stream(stream).flow
            report = self._report(stream, volume_ul, unrecorded)
            if flow is None:
                if report.volume_ul is not None and self._ran_unknown(stream, report, unrecorded):
                    charges.volumes_ul[stream] = report.volume_ul
            elif flow.draws_ul is not None:
                self._charge_draw(
                    charges, stream, flow, report, time_s=time_s, unrecorded=unrecorded
                )
            else:
                self._charge_flow(
                    charges, stream, flow, report, time_s=time_s, unrecorded=unrecorded
                )
        return charges.as_charge()

    def _charge_flow(
        self,
        charges: "_Charges",
        stream: str,
        flow: Flow,
        report: "_Report",
        *,
        time_s: float,
        unrecorded: Unrecorded | None,
    ) -> None:
        volumes_ul = charges.volumes_ul
        volumes_ul[stream] = _charge_ul(flow, time_s, report)
        if report.volume_ul is None:
            charges.estimated.append(stream)
        is_doubted = unrecorded is not None and stream in unrecorded.doubted
        if is_doubted and not self._is_explained(stream, flow, report):
            at_most_ul = _moved_ul(flow, time_s, at_least_ul_min=self._flush_ul_min[stream])
            volumes_ul[stream] = max(volumes_ul[stream], at_most_ul)
            charges.estimated.append(stream)

    def _charge_draw(
        self,
        charges: "_Charges",
        stream: str,
        flow: Flow,
        report: "_Report",
        *,
        time_s: float,
        unrecorded: Unrecorded | None,
    ) -> None:
        is_known = self._is_draw_known(stream, flow, report, unrecorded)
        drawn_ul, taken_ul = _drawn_ul(flow, time_s, report, is_known)
        charges.drawn_ul[stream], charges.taken_ul[stream] = drawn_ul, taken_ul
        if is_known:
            return
        charges.estimated.append(stream)
        if self._may_have_flushed(stream, unrecorded):
            minutes = (time_s - flow.since_s) / 60
            charges.volumes_ul[stream] = self._flush_ul_min[stream] * minutes

    def _is_draw_known(
        self, stream: str, flow: Flow, report: "_Report", unrecorded: Unrecorded | None
    ) -> bool:
        """Whether the report of a pump is that of the refill that its syringe was in.

        Not without a report, nor where the valve was seen elsewhere, nor where a start was not
        confirmed and no report from before tells whether there was one, nor where the pump may have
        flushed since.
        """
        if report.volume_ul is None:
            return False
        valve, fill = self._fill_at.get(stream, ("", ""))
        if self.rig_state.device(valve).reads not in (None, fill):
            return False
        if not flow.is_confirmed and report.before_ul is None:
            return False
        if not self._may_have_flushed(stream, unrecorded) or _never_ran(flow, report):
            return True
        assert flow.draws_ul is not None
        return abs(report.volume_ul - flow.draws_ul) <= RATE_ERROR * flow.draws_ul

    def _may_have_flushed(self, stream: str, unrecorded: Unrecorded | None) -> bool:
        """Whether a stream may have been stopped and flushed with, without an event."""
        is_doubted = unrecorded is not None and stream in unrecorded.doubted
        return is_doubted and stream in self._flush_ul_min

    def _ran_unknown(self, stream: str, report: "_Report", unrecorded: Unrecorded | None) -> bool:
        """Whether a stream that stands still by all commands may have run."""
        if self.rig_state.stream(stream).runs_unasked:
            return report.is_news or report.before_ul is None
        return unrecorded is not None and report.is_news

    def _report(
        self, stream: str, volume_ul: float | None, unrecorded: Unrecorded | None
    ) -> "_Report":
        if volume_ul is not None and not (math.isfinite(volume_ul) and volume_ul >= 0.0):
            volume_ul = None
        before_ul = self.rig_state.stream(stream).reported_ul
        if before_ul is None and unrecorded is not None and unrecorded.may_have_run:
            before_ul = 0.0
        return _Report(volume_ul, before_ul)

    def _is_explained(self, stream: str, flow: Flow, report: "_Report") -> bool:
        """Whether a report is of the run that the journal holds, ended by a stop that it holds."""
        if stream not in self._flush_ul_min:
            return True
        if report.volume_ul is None:
            return False
        if _never_ran(flow, report):
            return True
        # The newest command to stop is the one under way: a doubted pump stood still before it.
        return any(
            flow.moved_ul(stop_s - STOP_S) * (1.0 - RATE_ERROR)
            <= report.volume_ul
            <= flow.moved_ul(stop_s + STOP_S) * (1.0 + RATE_ERROR)
            for stop_s in flow.stops_s[:-1]
        )

    def refilled(self, name: str) -> None:
        """Note that a person has filled a syringe or a reservoir.

        Args:
            name: the stream, or STREAM.reservoir.
        """
        stream = stream_of_reservoir(name)
        if stream is not None:
            self.reservoirs.filled(stream)
            return
        self._left_ul[name] = self._full_ul[name]
        self._perhaps_more_ul[name] = 0.0

    def room_ul(self, stream: str) -> float:
        """Volume [µL] that a syringe can draw without its plunger reaching the end, at least 0."""
        at_most_ul = self._left_ul[stream] + self._perhaps_more_ul[stream]
        return max(FULL * self._full_ul[stream] - at_most_ul, 0.0)

    def short_of(self, volumes_ul: Mapping[str, float]) -> dict[str, float]:
        """Streams that hold less than the volumes [µL] needed, with the volume left [µL].

        A remainder that an interlock keeps in a syringe does not count as available.
        """
        left = {s: self._left_ul[s] - self._remainder_ul[s] for s in volumes_ul}
        return {s: self._left_ul[s] for s, ul in volumes_ul.items() if left[s] < ul}

    def require_possible(self, volumes_ul: Mapping[str, float]) -> None:
        """Refuse volumes [µL], by stream, that full syringes or empty wastes are too small for.

        Raises:
            OutOfRangeError: a syringe or a waste is too small.
        """
        for stream, volume_ul in volumes_ul.items():
            full_ul = self.full_ul(stream)
            if volume_ul > full_ul - self._remainder_ul[stream]:
                raise OutOfRangeError(
                    f"{stream}: {volume_ul / 1000:.1f} mL are needed at once, "
                    f"the {self._sources[stream]} holds {full_ul / 1000:g} mL"
                )
        self.waste.require_possible(volumes_ul)

    def lasts(self, stream: str, volume_ul: float) -> int:
        """How many times a full syringe, or reservoir, delivers a volume [µL].

        A syringe keeps its remainder. Never, of a supply without an end.
        """
        filled = stream_of_reservoir(stream)
        if filled is None:
            usable_ul = self.full_ul(stream) - self._remainder_ul[stream]
        else:
            usable_ul = self.reservoirs.full_ul[filled]
        is_some = volume_ul > 0.0 and math.isfinite(usable_ul)
        return int(usable_ul / volume_ul) if is_some else 0

    def remainder_ul(self, stream: str) -> float:
        """Volume [µL] that an interlock keeps in a syringe."""
        return self._remainder_ul[stream]

    def full_ul(self, stream: str) -> float:
        """Volume [µL] of a full syringe, or as much as its pump draws from a reservoir."""
        return self._full_ul[stream] * (FULL if stream in self._fill_at else 1.0)

    def flush_ul(self, stream: str) -> float:
        """Volume [µL] that a flush of the safe state needs of a stream at most."""
        return self._flush_needs_ul.get(stream, 0.0)


@define
class _Charges:
    """The parts of a charge, stream by stream."""

    volumes_ul: dict[str, float] = field(factory=dict)
    estimated: list[str] = field(factory=list)
    drawn_ul: dict[str, float] = field(factory=dict)
    taken_ul: dict[str, float] = field(factory=dict)

    def as_charge(self) -> Charge:
        """The charge."""
        estimated = tuple(dict.fromkeys(self.estimated))
        return Charge(self.volumes_ul, estimated, self.drawn_ul, self.taken_ul)


@frozen
class _Report:
    """A volume [µL] that a pump reports, and the one that it reported before; None for none."""

    volume_ul: float | None
    before_ul: float | None

    @property
    def is_news(self) -> bool:
        """Whether the pump is known to report another volume than before."""
        if self.volume_ul is None or self.before_ul is None:
            return False
        return abs(self.volume_ul - self.before_ul) > SAME_UL


def _moved_ul(flow: Flow, time_s: float, *, at_least_ul_min: float = 0.0) -> float:
    """Volume [µL] from a start to a rig time [s], at its flow rate or a higher one."""
    return max(flow.moved_ul(time_s), at_least_ul_min * (time_s - flow.since_s) / 60)


def _charge_ul(flow: Flow, time_s: float, report: _Report) -> float:
    if report.volume_ul is None:
        return _moved_ul(flow, time_s)
    return 0.0 if _never_ran(flow, report) else report.volume_ul


def _drawn_ul(flow: Flow, time_s: float, report: _Report, is_known: bool) -> tuple[float, float]:
    """Volume [µL] that a syringe has drawn, and that its reservoir is charged.

    A pump draws no more than it was told, nor more than its flow rate times time.
    """
    assert flow.draws_ul is not None
    if is_known and report.volume_ul is not None:
        ul = 0.0 if _never_ran(flow, report) else report.volume_ul
        return min(ul, flow.draws_ul), ul
    at_most_ul = min(_moved_ul(flow, time_s) * (1.0 + RATE_ERROR), flow.draws_ul)
    return 0.0, max(at_most_ul, report.volume_ul or 0.0)


def _never_ran(flow: Flow, report: _Report) -> bool:
    """Whether a start was not confirmed, and the pump reports the same volume as before it."""
    return not flow.is_confirmed and report.before_ul is not None and not report.is_news
