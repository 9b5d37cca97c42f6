"""`production`: the best condition for hours, in fractions that are watched, kept or refused.

The looks are smoothed by an exponentially weighted moving average (Roberts, Technometrics 1959, 1,
239), so that the scatter of single looks refuses nothing, and a slow drift is noticed all the same.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import (
    Finding,
    Findings,
    Fraction,
    Panel,
    Point,
    Series,
    Study,
    StudyPoint,
    StudyRig,
)
from flowrig_studies.production_settings import Band, ProductionSettings, bands_of
from flowrig_studies.reading import drift_finding, percent
from flowrig_studies.statistics import line

__all__ = ["Production"]

SMOOTHING = 0.2
"""Weight of the newest look in the moving average."""

FIRST_LOOKS = 5
"""Looks whose mean every later one is compared with."""

GROSS_SIGMA = 4.5
"""Standard deviations beyond its limits at which one look alone refuses a fraction."""

TOLD_BELOW = 0.001
"""Probability below which a drift is told; small, because it is looked for at every look."""

MARGIN = 0.95
"""Share of the time that full syringes last which is planned with: pumps deliver within 3 %."""

SPARE = 1.5
"""Most looks, in those that a production without refused fractions needs."""


@frozen(kw_only=True)
class _Interval:
    """The flow that led to a look.

    Attributes:
        vial: where it went; "" where nothing turns.
        first: number of the experiment at its beginning.
        last: number of that at its end.
        place: of the look at its end among all looks.
        refused: why it is; "" if it is good.
    """

    vial: str
    first: int
    last: int
    place: int
    refused: str


@frozen(kw_only=True)
class _Chart:
    """A feature over the looks of a production.

    Attributes:
        values: of each look, shape `n`; nan where there is none.
        smooth: moving average, shape `n`; nan until the first looks are over.
        target: mean of the first looks; nan until they are over.
        low: lower limit.
        high: upper limit.
        sd: standard deviation of a look.
        begin: the look from which on the limits are known; those before are not judged, so that
            what was said of a fraction stays.
    """

    values: NDArray[np.float64]
    smooth: NDArray[np.float64]
    target: float
    low: float
    high: float
    sd: float
    begin: int

    def outside(self, place: int) -> bool:
        """Whether a look shows that the product is outside the limits."""
        value, smooth = self.values[place], self.smooth[place]
        if place < self.begin:
            return False
        gross = GROSS_SIGMA * self.sd
        return bool(not self.low <= smooth <= self.high and math.isfinite(smooth)) or bool(
            not self.low - gross <= value <= self.high + gross and math.isfinite(value)
        )


@frozen(kw_only=True, eq=False, slots=False)
class _Seen:
    """What the looks of a production show.

    Attributes:
        points: the looks.
        charts: each watched feature, and its limits.
        collector: the device that turns to vials; "" without one.
    """

    points: Sequence[StudyPoint]
    charts: Mapping[str, _Chart]
    collector: str

    @property
    def broke_off(self) -> bool:
        """Whether the flow of the newest look is not there any more, or is not known."""
        return bool(self.points) and self.points[-1].quality == "skipped"

    def is_outside(self, place: int) -> bool:
        """Whether a look shows that the product is outside its limits."""
        return any(chart.outside(place) for chart in self.charts.values())

    @cached_property
    def intervals(self) -> list[_Interval]:
        """What flowed between looks, without the way to a steady state and to the waste."""
        found = list[_Interval]()
        for place, one in enumerate(self.points):
            if place == 0 or not one.point.continues or one.interrupted:
                continue
            if self.is_outside(place - 1):  # it flowed to the waste
                continue
            found.append(
                _Interval(
                    vial=str(one.point.values.get(self.collector, "")),
                    first=self.points[place - 1].number,
                    last=one.number,
                    place=place,
                    refused=self._why_refused(place - 1) or self._why_refused(place),
                )
            )
        return found

    def _why_refused(self, place: int) -> str:
        point = self.points[place]
        if not point.is_usable:
            return f"experiment {point.number} was {point.quality}"
        outside = (name for name, chart in self.charts.items() if chart.outside(place))
        return next((f"{name} is {_off(self.charts[name], place)}" for name in outside), "")

    def news(self) -> Iterator[str]:
        """What a person should know now: what is outside, and what drifts."""
        for name, chart in self.charts.items():
            if chart.outside(len(self.points) - 1):
                yield f"{name} is {_off(chart, len(self.points) - 1)}"
            else:
                drift = _drift(name, self.points, chart)
                if drift is not None and drift.p is not None and drift.p < TOLD_BELOW:
                    yield drift.text


class Production(Study):
    """Makes a volume under one condition, looks at it again and again, and keeps what is good."""

    settings: ProductionSettings

    def __init__(self, rig: StudyRig, settings: ProductionSettings) -> None:
        super().__init__(rig, settings)
        self._conditions = rig.conditions(settings.at)
        self._every_s = max(settings.look_every_s, rig.frames_s + rig.dark_s)
        self._interval_ul = rig.product_ul_min(self._conditions) * self._every_s / 60.0
        intervals = settings.time_s / self._every_s
        if settings.volume_ml is not None:
            intervals = settings.volume_ml * 1000.0 / self._interval_ul
        self._wanted = max(math.ceil(intervals - 1e-9), 1)
        flows_s = MARGIN * rig.longest_flow_s(self._conditions)
        self._in_a_flow = max(int(min(flows_s / self._every_s, self._most_intervals)), 1)
        each_ul = (settings.each_ml or 0.0) * 1000.0
        self._in_a_vial = max(round(each_ul / self._interval_ul), 1) if each_ul else 1

    @property
    def _most_intervals(self) -> int:
        return math.ceil(self._wanted * (SPARE if self.settings.outside == "refuse" else 1.0))

    def most_points(self) -> int:
        """The intervals, with some that may be refused, and the looks before each new flow."""
        most = self._most_intervals
        return most + math.ceil(most / self._in_a_flow)

    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        """One look: of the flow that is kept, or of a new one where the syringes are empty."""
        seen = self._seen(points)
        if self._is_over(seen):
            return ()
        begun = next((n for n, one in enumerate(reversed(points)) if not one.point.continues), None)
        if begun is None or begun >= self._in_a_flow or seen.broke_off:
            kept_s = self._in_a_flow * self._every_s
            return [self._look("a new flow, to its steady state", keeps_s=kept_s)]
        left_s = (self._in_a_flow - begun - 1) * self._every_s
        why = "; ".join(seen.news())
        if seen.is_outside(len(points) - 1):
            return [self._look(f"to the waste: {why}", left_s, "")]
        return [self._look(why or "production", left_s, self._next_vial(seen))]

    def _look(self, reason: str, keeps_s: float, vial: str | None = None) -> Point:
        """A point; `vial` is where the liquid goes on the way to it."""
        if vial is None:
            return Point(conditions=self._conditions, reason=reason, keeps_s=keeps_s)
        return Point(
            conditions=self._conditions,
            continues=True,
            after_s=self._every_s,
            reason=reason,
            keeps_s=keeps_s,
            values={self.settings.collector: vial} if vial else {},
        )

    def _seen(self, points: Sequence[StudyPoint]) -> "_Seen":
        bands = bands_of(self.settings, self.rig)
        charts = {one.feature: self._chart(points, one) for one in bands}
        return _Seen(points=points, charts=charts, collector=self.settings.collector)

    def _is_over(self, seen: "_Seen") -> bool:
        count, last = len(seen.points), len(seen.points) - 1
        kept = sum(not one.refused for one in seen.intervals)
        ends = self.settings.outside == "end" and count > 1
        gives_up = ends and seen.is_outside(last) and seen.is_outside(last - 1)
        is_full = bool(self.settings.vials) and count > 0 and not self._next_vial(seen)
        return kept >= self._wanted or is_full or gives_up

    def _next_vial(self, seen: "_Seen") -> str:
        """Where the liquid goes next: a vial that has room, or a fresh one; "" if none is left."""
        used = [one.vial for one in seen.intervals]
        if used and used.count(used[-1]) < self._in_a_vial and not seen.broke_off:
            newest = seen.intervals[-1]
            if newest.last == seen.points[-1].number and not newest.refused:
                return used[-1]
        return next((vial for vial in self.settings.vials if vial not in used), "")

    def _chart(self, points: Sequence[StudyPoint], band: Band) -> _Chart:
        values = np.array([p.features.get(band.feature, math.nan) for p in points], dtype=float)
        values[[not one.is_usable for one in points]] = math.nan
        smooth = np.full(len(values), math.nan)
        first = values[np.isfinite(values)][:FIRST_LOOKS]
        if len(first) < FIRST_LOOKS:
            return _Chart(
                values=values,
                smooth=smooth,
                target=math.nan,
                low=-math.inf,
                high=math.inf,
                sd=0.0,
                begin=len(values),
            )
        target = float(first.mean())
        level = target
        begin = int(np.flatnonzero(np.isfinite(values))[FIRST_LOOKS - 1])
        for place in range(begin, len(values)):
            if math.isfinite(values[place]):
                level += SMOOTHING * (values[place] - level)
            smooth[place] = level
        rsd = self.rig.rsd.get(band.feature, math.nan)
        sd = abs(target) * rsd if math.isfinite(rsd) else float(first.std(ddof=1))
        width = band.width if not band.is_relative else band.width * abs(target)
        return _Chart(
            values=values,
            smooth=smooth,
            target=target,
            low=target - width,
            high=target + width,
            sd=sd,
            begin=begin,
        )

    def fractions(self, points: Sequence[StudyPoint]) -> list[Fraction]:
        """The fractions that are complete, each judged by the looks up to its end."""
        seen, found, told = self._seen(points), list[Fraction](), set[str]()
        for parts in self._groups(seen):
            is_newest = bool(points) and parts[-1].last == points[-1].number
            if is_newest and len(parts) < self._in_a_vial and not self._is_over(seen):
                continue
            so_far, news = points[: parts[-1].place + 1], list[str]()
            for name, chart in seen.charts.items():
                drift = None if name in told else _drift(name, so_far, chart)
                if drift is not None and drift.p is not None and drift.p < TOLD_BELOW:
                    told.add(name)
                    news.append(drift.text)
            found.append(self._fraction(len(found) + 1, parts, seen, news))
        return found

    def _groups(self, seen: "_Seen") -> list[list[_Interval]]:
        """The intervals of each fraction: of one vial, or as many as a fraction has."""
        groups = list[list[_Interval]]()
        for one in seen.intervals:
            last = groups[-1] if groups else []
            joins = bool(last) and last[-1].last == one.first and last[-1].vial == one.vial
            if joins and len(last) < self._in_a_vial:
                last.append(one)
            else:
                groups.append([one])
        return groups

    def _fraction(
        self, number: int, parts: Sequence[_Interval], seen: "_Seen", told: Sequence[str]
    ) -> Fraction:
        places = [parts[0].place - 1, *(one.place for one in parts)]
        values = {name: chart.values[places] for name, chart in seen.charts.items()}
        refused = next((one.refused for one in parts if one.refused), "")
        where = (*([f"in {parts[0].vial}"] if parts[0].vial else []), *told)
        return Fraction(
            number=number,
            experiments=tuple(seen.points[place].number for place in places),
            started_s=seen.points[places[0]].ended_s,
            ended_s=seen.points[places[-1]].ended_s,
            volume_ul=self._interval_ul * len(parts),
            mean={name: float(one.mean()) for name, one in values.items()},
            sd={name: float(one.std(ddof=1)) for name, one in values.items()},
            kept=not refused,
            reason=refused,
            told=where,
        )

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """How much was made, kept and refused; what drifts; each fraction; a chart a feature."""
        fractions = self.fractions(points)
        kept_ul = sum(one.volume_ul for one in fractions if one.kept)
        refused_ul = sum(one.volume_ul for one in fractions if not one.kept)
        hours = (points[-1].ended_s - points[0].ended_s) / 3600.0 if len(points) > 1 else 0.0
        text = f"{kept_ul / 1000:.3g} mL kept in {hours:.2g} h, {refused_ul / 1000:.3g} mL refused"
        found = [Finding(text=text, name="kept", value=kept_ul / 1000, unit="mL")]
        if hours > 0.0:
            rate = kept_ul / 1000 / hours
            text = f"{rate:.3g} mL/h of product without carriers"
            found.append(Finding(text=text, name="yield", value=rate, unit="mL/h"))
        panels = list[Panel]()
        for name, chart in self._seen(points).charts.items():
            drift = _drift(name, points, chart)
            if drift is not None:
                found.append(drift)
            panels.append(_panel(name, points, chart))
        found += [_told(one) for one in fractions]
        return Findings(findings=found, panels=panels)


def _off(chart: _Chart, place: int) -> str:
    """How far a look is off, in words."""
    smooth = chart.smooth[place]
    by = smooth if not chart.low <= smooth <= chart.high else chart.values[place]
    return f"{percent(by / chart.target - 1.0)} off its first looks"


def _drift(name: str, points: Sequence[StudyPoint], chart: _Chart) -> Finding | None:
    """Whether a feature rises or falls with time; None until that can be told."""
    values = chart.values[: len(points)]
    good = np.isfinite(values)
    if good.sum() < 2 * FIRST_LOOKS or not math.isfinite(chart.target):
        return None
    hours = np.array([one.ended_s for one in points])[good] / 3600.0
    if np.ptp(hours) <= 0.0:
        return None
    fit = line(hours - hours[0], values[good] / chart.target, in_time=True)
    if not math.isfinite(fit.p):
        return None
    return drift_finding(name, fit, TOLD_BELOW)


def _told(fraction: Fraction) -> Finding:
    looks = f"experiments {fraction.experiments[0]} to {fraction.experiments[-1]}"
    verdict = "kept" if fraction.kept else f"refused: {fraction.reason}"
    parts = (
        f"fraction {fraction.number}: {fraction.volume_ul / 1000:.3g} mL",
        looks,
        *(one for one in fraction.told if one.startswith("in ")),
        verdict,
    )
    return Finding(
        text=", ".join(parts),
        name=f"fraction {fraction.number}",
        value=fraction.volume_ul / 1000,
        unit="mL",
    )


def _panel(name: str, points: Sequence[StudyPoint], chart: _Chart) -> Panel:
    hours = [(one.ended_s - points[0].ended_s) / 3600.0 for one in points]
    series = [Series(name=name, x=hours, y=chart.values.tolist())]
    if math.isfinite(chart.target):
        known = np.isfinite(chart.smooth)
        smooth = [x for x, there in zip(hours, known, strict=True) if there]
        ends = [hours[0], hours[-1]]
        series += [
            Series(name="moving average", x=smooth, y=chart.smooth[known].tolist(), line=True),
            Series(name="limits", x=ends, y=[chart.low] * 2, line=True),
            Series(name="", x=ends, y=[chart.high] * 2, line=True),
        ]
    return Panel(x="time (h)", y=name, series=series)
