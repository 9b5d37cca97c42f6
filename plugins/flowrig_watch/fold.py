"""A run as its page shows it, folded from the events of its journal."""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from attrs import asdict, define, field, frozen

from flowrig.journal.events import (
    AnyEvent,
    Calibrated,
    Checked,
    Decided,
    Ended,
    Event,
    ExperimentBegun,
    HandDone,
    Intent,
    Measured,
    Outcome,
    Reading,
    ResultEntered,
    Resumed,
    RunStarted,
    SafeStateSought,
    SymptomFound,
    Tripped,
    TripReset,
)
from flowrig.profile import Profile
from flowrig.run_record.doubts import doubted
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import latched
from flowrig.safety.syringes import COUNTED, SyringeLedger
from flowrig_watch.news import news_of
from flowrig_watch.outlook import Pace, next_stops
from flowrig_watch.series import Point, Series

__all__ = ["Chart", "Fold"]

MOST_NEWS = 200
"""Newest news that a page shows."""


@frozen
class Chart:
    """A chart over time.

    Attributes:
        title: what it shows.
        unit: of its values.
        lines: identity of each series, with its name.
        set_points: those of the lines that show what was commanded.
        steps: whether values stay until the next one.
    """

    title: str
    unit: str
    lines: Mapping[str, str]
    set_points: tuple[str, ...] = ()
    steps: bool = False


@define
class Row:
    """An experiment in the table of the page.

    Attributes:
        index: its number.
        stage: name of its stage.
        conditions: by name.
        expected: figure of merit that a model expected before; None where none was asked.
        expected_sd: its standard deviation.
        settles: whether it was looked at in its steady state, with the liquids of the profile.
        x: time [s] of its end; None before.
        objective: figure of merit.
        quality: "good", "doubtful" or "bad"; "" before it is measured.
        flags: why it is not good.
        changed: number of the newest event that changed it.
        sequence: number of the event `measured`.
    """

    index: int
    stage: str
    conditions: Mapping[str, Any]
    expected: float | None
    expected_sd: float | None
    settles: bool
    changed: int
    x: float | None = None
    objective: float | None = None
    quality: str = ""
    flags: tuple[str, ...] = ()
    sequence: int = 0

    @property
    def may_be_best(self) -> bool:
        """As `Experiment.may_be_best` of the run record."""
        return self.quality == "good" and self.settles and self.objective is not None


@frozen
class _Told:
    """News with its place in the journal."""

    sequence: int
    x: float
    text: str
    level: str


@define
class Fold:
    """Follows the events of a journal, from the first on.

    Attributes:
        profile: the rig with its campaign.
        simulated: whether its time is rig time; the time of a real rig is that of the wall clock.
        status: of the newest process of the run.
        ledger: the account of liquid.
        charts: by name.
        series: by identity.
        rows: experiments by number.
        news: the newest ones.
        symptoms: texts by symptom.
        pace: of the newest process of the run.
        sequence: number of the newest event.
        wall: its wall-clock label.
        began: wall-clock label of the beginning of the newest process.
        ended: how that process ended; None while it has not.
        calibrated: number of the newest event with the axes of detectors.
        hold_ends: when the hold ends by itself [s, wall clock]; None without one.
        safe: the newest search of the safe state; None where there was none.
    """

    profile: Profile
    simulated: bool
    status: RunStatus = field(init=False)
    ledger: SyringeLedger = field(init=False)
    charts: Mapping[str, Chart] = field(init=False)
    series: dict[str, Series] = field(init=False)
    rows: dict[int, Row] = field(factory=dict)
    news: deque[_Told] = field(factory=lambda: deque(maxlen=MOST_NEWS))
    symptoms: dict[str, str] = field(factory=dict)
    pace: Pace = field(factory=Pace)
    sequence: int = 0
    wall: str = ""
    began: str = ""
    ended: Ended | None = None
    calibrated: int = 0
    hold_ends: float | None = None
    safe: SafeStateSought | None = None
    _trips: list[Event[Any]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.status = RunStatus.of(self.profile)
        self.ledger = SyringeLedger(self.profile)
        self.charts = dict(_charts(self.profile))
        self.series = {line: Series() for chart in self.charts.values() for line in chart.lines}

    def follow(self, event: AnyEvent) -> None:
        """Take an event into account."""
        data, wall_s = event.data, _seconds(event.wall)
        if isinstance(data, RunStarted | Resumed):
            self._begin(event.wall, wall_s)
        self.status(event)
        x = event.time_s if self.simulated else wall_s
        if isinstance(data, (*COUNTED, HandDone)):
            self._count(event)
        match data:
            case Reading() | Intent() | SafeStateSought():
                self._draw(event, x)
            case Decided() | Measured() | Checked() | ResultEntered():
                self._tabulate(event, x, wall_s)
            case SymptomFound(symptom=symptom, text=text):
                self.symptoms[symptom] = text
            case Tripped() | TripReset():
                self._trips.append(event)
            case Calibrated():
                self.calibrated = event.sequence
            case ExperimentBegun():
                self.pace.has_begun = True
            case Ended():
                self.ended = data
        self._hold(event, wall_s)
        told = news_of(data)
        if told is not None:
            self.news.append(_Told(event.sequence, x, told.text, told.level))
        self.sequence, self.wall = event.sequence, event.wall

    @property
    def trips(self) -> list[Tripped]:
        """Trips that a person has not reset."""
        return latched(self._trips)

    @property
    def best(self) -> Row | None:
        """The experiment with the highest figure of merit, of those that may be the best."""
        sound = (row for row in self.rows.values() if row.may_be_best)
        return max(sound, key=lambda row: row.objective or 0.0, default=None)

    @property
    def left(self) -> int:
        """How many experiments are to come."""
        return max(self.status.planned - self.status.done - self.status.skipped, 0)

    def stops(self) -> Iterator[dict[str, Any]]:
        """Where the run stops next, with the time [s, wall clock], as far as it is known."""
        if self.status.hold is not None:
            text = f"the rig goes to its safe state unless the run goes on: {self.status.hold.text}"
            at = None if self.status.hold.why == "results" else self.hold_ends
            yield {"what": "hold", "text": text, "after": 0, "at": at}
        each_s, status = self.pace.experiment_s, self.status
        begun = status.done + status.skipped
        for stop in next_stops(self.profile, self.ledger, self.pace, begun, self.left):
            now_s = _seconds(self.wall)
            yield {**asdict(stop), "at": None if each_s is None else now_s + stop.after * each_s}

    def vessels(self) -> Iterator[dict[str, Any]]:
        """How full syringes, reservoirs and wastes are [µL]."""
        left = self.ledger.left_at_ul(self.status.time_s)
        for name, left_ul in left.items():
            full_ul = self.ledger.full_ul(name)
            if full_ul < float("inf"):
                kind = self.profile.streams[name].source
                yield _vessel(name, kind, max(left_ul, 0.0), full_ul)
        for name, full_ul in self.ledger.reservoirs.full_ul.items():
            yield _vessel(name, "reservoir", self.ledger.reservoirs.left_ul[name], full_ul)
        for name, capacity_ul in self.ledger.waste.capacity_ul.items():
            yield _vessel(name, "waste", self.ledger.waste.filled_ul[name], capacity_ul)

    def _begin(self, wall: str, wall_s: float) -> None:
        """Another process goes on: its status is its own."""
        self.status = RunStatus.of(self.profile)
        self.pace = Pace()
        self.pace.begin(wall_s)
        self.began, self.ended, self.safe, self.hold_ends = wall, None, None, None

    def _count(self, event: AnyEvent) -> None:
        before_ul = self.ledger.waste.filled_ul
        self.ledger.follow(event.time_s, event.data)
        if isinstance(event.data, Outcome) and self.pace.has_begun:
            self.pace.draw(event.data.dispensed_ul or {})
            self.pace.fill(before_ul, self.ledger.waste.filled_ul)

    def _hold(self, event: AnyEvent, wall_s: float) -> None:
        """Follow how long a hold lasts [s, wall clock]."""
        if event.data is self.status.hold:
            self.hold_ends = wall_s + self.status.hold.longest_s
        elif self.hold_ends is not None and self.status.hold is None:
            self.hold_ends = None
            self.pace.begin(wall_s)

    def _draw(self, event: AnyEvent, x: float) -> None:
        """Add what an event says to the charts."""
        values: dict[str, float | None] = {}
        rates = self.status.rig_state.commanded_rates_ul_min
        for name in self.charts["flows"].lines.values():
            values[f"flow:{name}"] = rates.get(name, 0.0)
        if isinstance(event.data, SafeStateSought):
            self.safe = event.data
        if isinstance(event.data, Reading):
            for name, heater in event.data.heaters.items():
                values[f"temperature:{name}"] = heater.temperature_c
                values[f"set:{name}"] = heater.set_point_c
            for name, value in (event.data.readings or {}).items():
                values[f"reading:{name}"] = value
            for name, value in (event.data.values or {}).items():
                values[f"value:{name}"] = value
        for line, value in values.items():
            if line in self.series:
                self.series[line].add(Point(event.sequence, x, value))

    def _tabulate(self, event: AnyEvent, x: float, wall_s: float) -> None:
        """Put what an event says into the table of experiments."""
        data = event.data
        if isinstance(data, Decided):
            self.rows[data.index] = Row(
                index=data.index,
                stage=data.stage,
                conditions=data.conditions,
                expected=data.objective_mean,
                expected_sd=data.objective_sd,
                settles=data.settles,
                changed=event.sequence,
            )
            return
        assert isinstance(data, Measured | Checked | ResultEntered)
        row = self.rows.get(data.index)
        if row is None:
            return
        row.changed = event.sequence
        match data:
            case Measured():
                self.pace.measure(wall_s)
                row.x, row.sequence = x, event.sequence
                row.objective, row.quality, row.flags = data.objective, data.quality, data.flags
            case Checked(flags=doubts) if row.sequence:
                row.quality, row.flags = doubted(row.quality, row.flags, doubts)
            case ResultEntered(objective=objective):
                row.objective = objective


def _charts(profile: Profile) -> Iterator[tuple[str, Chart]]:
    heaters = [n for n, one in profile.devices.items() if one.offer.kind == "heater"]
    if heaters:
        read = {f"temperature:{name}": name for name in heaters}
        told = {f"set:{name}": f"{name}, set" for name in heaters}
        yield "temperatures", Chart("Temperatures", "°C", {**read, **told}, tuple(told))
    streams = {f"flow:{name}": name for name in profile.streams}
    yield "flows", Chart("Flow rates", "µL/min", streams, steps=True)
    readings = {n: unit for n, unit in profile.readings.items() if n not in profile.costs}
    for kind, units in (("reading", readings), ("value", _set_devices(profile))):
        for unit in dict.fromkeys(units.values()):
            lines = {f"{kind}:{name}": name for name, its in units.items() if its == unit}
            title = ", ".join(lines.values()) if len(lines) < 3 else f"Readings in {unit or '1'}"
            yield f"{kind}s-{unit}", Chart(title, unit, lines, steps=kind == "value")


def _set_devices(profile: Profile) -> dict[str, str]:
    """Unit of devices of other kinds that are set to numbers."""
    devices = profile.devices.items()
    return {n: d.abilities.unit for n, d in devices if d.is_controlled and d.abilities.is_settable}


def _vessel(name: str, kind: str, filled_ul: float, capacity_ul: float) -> dict[str, Any]:
    return {"name": name, "kind": kind, "filled_ul": filled_ul, "capacity_ul": capacity_ul}


def _seconds(wall: str) -> float:
    """A wall-clock label as seconds since 1970."""
    return datetime.fromisoformat(wall).timestamp() if wall else 0.0
