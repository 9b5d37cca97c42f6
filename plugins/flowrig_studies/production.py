"""`production`: the best condition for hours, in fractions that are watched, kept or refused.

The looks are smoothed by an exponentially weighted moving average (Roberts, Technometrics 1959, 1,
239), so that the scatter of single looks refuses nothing, and a slow drift is noticed all the same.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

from attrs import frozen

from flowrig.interfaces import (
    Finding,
    Findings,
    Fraction,
    Panel,
    Point,
    Study,
    StudyPoint,
    StudyRig,
)
from flowrig.interfaces.study import Conditions
from flowrig.problem.space import Value, plain_number
from flowrig_studies.charts import FIRST_LOOKS, Chart, chart_of, chart_panel, drift_of, told_drift
from flowrig_studies.nearby import best_of, most_nearby, next_nearby
from flowrig_studies.production_settings import ProductionSettings, bands_of, vials_of

__all__ = ["Production"]

MARGIN = 0.95
"""Share of the time that full syringes last which is planned with: pumps deliver within 3 %."""

SPARE = 1.5
"""Most looks, in those that a production without refused fractions needs."""

SEARCHES = 3
"""Most searches for a better condition in one production."""


@frozen(kw_only=True)
class _Interval:
    """The flow that led to a look.

    Attributes:
        vial: where it went; "" where nothing turns.
        first: number of the experiment at its beginning.
        last: number of that at its end.
        place: of the look at its end among those at its condition.
        volume_ul: how much product flowed [µL].
        refused: why it is; "" if it is good.
    """

    vial: str
    first: int
    last: int
    place: int
    volume_ul: float
    refused: str


@frozen(kw_only=True)
class _Amounts:
    """How much flows at a condition.

    Attributes:
        interval_ul: volume [µL] from one look to the next.
        in_a_flow: most intervals of one flow.
        in_a_vial: intervals of one fraction.
    """

    interval_ul: float
    in_a_flow: int
    in_a_vial: int


@frozen(kw_only=True, eq=False, slots=False)
class _Batch:
    """What the looks at one condition show.

    Attributes:
        conditions: the condition.
        points: the looks.
        charts: each watched feature, and its limits.
        collector: the device that turns to vials; "" without one.
        interval_ul: volume [µL] from one look to the next.
    """

    conditions: Conditions
    points: Sequence[StudyPoint]
    charts: Mapping[str, Chart]
    collector: str
    interval_ul: float

    @property
    def newest(self) -> StudyPoint:
        """The newest look."""
        return self.points[-1]

    @property
    def broke_off(self) -> bool:
        """Whether the flow of the newest look is not there any more, or is not known."""
        return self.newest.quality == "skipped"

    def is_outside(self, place: int) -> bool:
        """Whether a look shows that the product is outside its limits."""
        return any(chart.outside(place) for chart in self.charts.values())

    @property
    def stays_outside(self) -> bool:
        """Whether the product was outside at the two newest looks of its flow."""
        last = len(self.points) - 1
        again = last > 0 and not self.newest.point.asks
        return again and self.is_outside(last) and self.is_outside(last - 1)

    @property
    def level(self) -> float:
        """Mean of the objective over the newest looks; nan without one."""
        values = (one.objective for one in reversed(self.points) if one.is_usable)
        newest = [value for value in values if math.isfinite(value)][:FIRST_LOOKS]
        return math.fsum(newest) / len(newest) if newest else math.nan

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
                    volume_ul=self.interval_ul,
                    refused=self._why_refused(place - 1) or self._why_refused(place),
                )
            )
        return found

    def _why_refused(self, place: int) -> str:
        point = self.points[place]
        if not point.is_usable:
            return f"experiment {point.number} was {point.quality}"
        outside = (name for name, chart in self.charts.items() if chart.outside(place))
        return next((f"{name} is {self.charts[name].off(place)}" for name in outside), "")

    def groups(self, most: int) -> list[list[_Interval]]:
        """The intervals of each fraction: of one vial, or as many as a fraction has."""
        groups = list[list[_Interval]]()
        for one in self.intervals:
            last = groups[-1] if groups else []
            joins = bool(last) and last[-1].last == one.first and last[-1].vial == one.vial
            if joins and len(last) < most:
                last.append(one)
            else:
                groups.append([one])
        return groups

    def news(self) -> str:
        """What a person should know now: what is outside, and what drifts."""
        return "; ".join(self._news())

    def _news(self) -> Iterator[str]:
        last = len(self.points) - 1
        for name, chart in self.charts.items():
            if chart.outside(last):
                yield f"{name} is {chart.off(last)}"
            elif drift := told_drift(name, self.points, chart):
                yield drift


class Production(Study):
    """Makes a volume under one condition, looks at it again and again, and keeps what is good."""

    settings: ProductionSettings

    def __init__(self, rig: StudyRig, settings: ProductionSettings) -> None:
        super().__init__(rig, settings)
        self._start = rig.conditions(settings.at)
        self._every_s = max(settings.look_every_s, rig.frames_s + rig.dark_s)
        self._vials = vials_of(settings, rig)
        self._known = dict[tuple[Value, ...], _Amounts]()

    def _amounts(self, conditions: Conditions) -> _Amounts:
        """How much flows at a condition; computed once, since that takes a while."""
        key = tuple(conditions.values())
        if key not in self._known:
            self._known[key] = self._new_amounts(conditions)
        return self._known[key]

    def _new_amounts(self, conditions: Conditions) -> _Amounts:
        interval_ul = self.rig.product_ul_min(conditions) * self._every_s / 60.0
        flows_s = MARGIN * self.rig.longest_flow_s(conditions)
        each_ul = (self.settings.each_ml or 0.0) * 1000.0
        return _Amounts(
            interval_ul=interval_ul,
            in_a_flow=max(int(min(flows_s / self._every_s, self._most_intervals)), 1),
            in_a_vial=max(round(each_ul / interval_ul), 1) if each_ul else 1,
        )

    @cached_property
    def _most_intervals(self) -> int:
        intervals = self.settings.time_s / self._every_s
        if self.settings.volume_ml is not None:
            interval_ul = self.rig.product_ul_min(self._start) * self._every_s / 60.0
            intervals = self.settings.volume_ml * 1000.0 / interval_ul
        wanted = max(math.ceil(intervals - 1e-9), 1)
        return math.ceil(wanted * (1.0 if self.settings.outside == "end" else SPARE))

    def most_points(self) -> int:
        """The intervals, with some that may be refused, the looks before each new flow, and those
        of searches."""
        most = self._most_intervals
        searched = SEARCHES * most_nearby(self.rig.space)
        flows = math.ceil(most / self._amounts(self._start).in_a_flow)
        return most + flows + (searched if self.settings.outside == "optimize" else 0)

    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        """One look: of the flow that is kept, or of a new one where the syringes are empty."""
        batches, searched = self._batches(points)
        if not batches:
            return [self._new_flow(self._start)]
        if searched or self._seeks(batches):
            return [self._search(batches[-1], searched)]
        return () if self._is_over(batches) else [self._next_look(batches)]

    def _next_look(self, batches: Sequence[_Batch]) -> Point:
        """The next look at the product of the newest condition."""
        batch = batches[-1]
        why, amounts = batch.news(), self._amounts(batch.conditions)
        if self.settings.outside == "hold" and batch.stays_outside:
            text = f"the product is outside its limits: {why}; to go on with a new flow, put right "
            text += "what is wrong; to end the production, skip this look and go on"
            return self._new_flow(batch.conditions, "a person was asked", asks=text)
        looks = enumerate(reversed(batch.points))
        begun = next((n for n, one in looks if not one.point.continues), amounts.in_a_flow)
        if begun >= amounts.in_a_flow or batch.broke_off:
            return self._new_flow(batch.conditions)
        left_s = (amounts.in_a_flow - begun - 1) * self._every_s
        if batch.is_outside(len(batch.points) - 1):
            return self._look(batch.conditions, f"to the waste: {why}", left_s, "")
        vial = self._next_vial(batches)
        return self._look(batch.conditions, why or "production", left_s, vial)

    def _new_flow(
        self,
        conditions: Conditions,
        reason: str = "a new flow, to its steady state",
        asks: str = "",
    ) -> Point:
        kept_s = self._amounts(conditions).in_a_flow * self._every_s
        return Point(conditions=conditions, reason=reason, keeps_s=kept_s, asks=asks)

    def _look(self, conditions: Conditions, reason: str, keeps_s: float, vial: str) -> Point:
        """A point; `vial` is where the liquid goes on the way to it."""
        return Point(
            conditions=conditions,
            continues=True,
            after_s=self._every_s,
            reason=reason,
            keeps_s=keeps_s,
            values={self.settings.collector: vial} if vial else {},
        )

    def _seeks(self, batches: Sequence[_Batch]) -> bool:
        """Whether a better condition is looked for now."""
        seeks = self.settings.outside == "optimize" and len(batches) <= SEARCHES
        return seeks and batches[-1].stays_outside and not self._is_over(batches)

    def _search(self, batch: _Batch, searched: Sequence[StudyPoint]) -> Point:
        """The next point of a search near the condition of a batch, or a flow at what it found."""
        found = next_nearby(self.rig.space, batch.conditions, batch.level, searched)
        if found is not None:
            why = f"near the present condition: {batch.news()}"
            return Point(conditions=found, reason=why)
        better = best_of(batch.conditions, batch.level, searched)
        is_new = better != batch.conditions
        why = "a new flow at a better condition" if is_new else "a new flow; nothing near is better"
        return self._new_flow(better, why)

    def _batches(self, points: Sequence[StudyPoint]) -> tuple[list[_Batch], Sequence[StudyPoint]]:
        """The looks at each condition, and the experiments of a search that is not over.

        A flow of production is kept; an experiment of a search keeps none.
        """
        parts, searched = list[list[StudyPoint]](), list[StudyPoint]()
        for one in points:
            if not one.point.continues and not one.point.keeps_s:
                searched.append(one)
                continue
            if searched or not parts:
                parts.append([])
                searched = []
            parts[-1].append(one)
        return [self._batch(part) for part in parts], searched

    def _batch(self, points: Sequence[StudyPoint]) -> _Batch:
        conditions = points[0].point.conditions
        bands = bands_of(self.settings, self.rig)
        rsd = self.rig.rsd
        return _Batch(
            conditions=conditions,
            points=points,
            charts={
                one.feature: chart_of(points, one, rsd.get(one.feature, math.nan)) for one in bands
            },
            collector=self.settings.collector,
            interval_ul=self._amounts(conditions).interval_ul,
        )

    def _is_over(self, batches: Sequence[_Batch]) -> bool:
        newest = batches[-1]
        gives_up = self.settings.outside == "end" and newest.stays_outside
        gives_up |= bool(newest.newest.point.asks) and newest.broke_off  # a person said so
        is_full = bool(self._vials) and not self._next_vial(batches)
        return self._is_made(batches) or is_full or gives_up

    def _is_made(self, batches: Sequence[_Batch]) -> bool:
        """Whether as much is kept as is wanted; a fraction is kept or refused as a whole."""
        groups = (one for some in batches for one in self._groups(some))
        kept = [one for parts in groups if not _why_refused(parts) for one in parts]
        if self.settings.volume_ml is None:
            return len(kept) * self._every_s >= self.settings.time_s * (1.0 - 1e-9)
        made_ul = sum(one.volume_ul for one in kept)
        return made_ul >= self.settings.volume_ml * 1000.0 * (1.0 - 1e-9)

    def _groups(self, batch: _Batch) -> list[list[_Interval]]:
        """The intervals of each fraction of a batch."""
        return batch.groups(self._amounts(batch.conditions).in_a_vial)

    def _next_vial(self, batches: Sequence[_Batch]) -> str:
        """Where the liquid goes next: a vial that has room, or a fresh one; "" if none is left."""
        if not self._vials:
            return ""
        intervals, batch = [one for some in batches for one in some.intervals], batches[-1]
        used = [one.vial for one in intervals]
        in_a_vial = self._amounts(batch.conditions).in_a_vial
        if used and used.count(used[-1]) < in_a_vial and not batch.broke_off:
            newest = intervals[-1]
            if newest.last == batch.newest.number and not newest.refused:
                return used[-1]
        return next((vial for vial in self._vials if vial not in used), "")

    def fractions(self, points: Sequence[StudyPoint]) -> list[Fraction]:
        """The fractions that are complete, each judged by the looks up to its end."""
        return [one for _, one in self._made(points, self._batches(points)[0])]

    def _made(
        self, points: Sequence[StudyPoint], batches: Sequence[_Batch]
    ) -> list[tuple[_Batch, Fraction]]:
        """The complete fractions, each with its batch."""
        found = list[tuple[_Batch, Fraction]]()
        for batch in batches:
            in_a_vial, told = self._amounts(batch.conditions).in_a_vial, set[str]()
            for parts in self._groups(batch):
                is_newest = parts[-1].last == points[-1].number
                if is_newest and len(parts) < in_a_vial and not self._is_over(batches):
                    continue
                so_far, news = batch.points[: parts[-1].place + 1], list[str]()
                for name, chart in batch.charts.items():
                    if name not in told and (drift := told_drift(name, so_far, chart)):
                        told.add(name)
                        news.append(drift)
                found.append((batch, _fraction(len(found) + 1, parts, batch, news)))
        return found

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """How much was made, kept and refused; what drifts; each fraction; a chart a feature."""
        batches, _ = self._batches(points)
        made = self._made(points, batches)
        fractions = [one for _, one in made]
        kept_ul = sum(one.volume_ul for one in fractions if one.kept)
        refused_ul = sum(one.volume_ul for one in fractions if not one.kept)
        hours = (points[-1].ended_s - points[0].ended_s) / 3600.0 if len(points) > 1 else 0.0
        took = f"{hours:.2g} h" if hours >= 1.0 else f"{60.0 * hours:.2g} min"
        text = f"{kept_ul / 1000:.3g} mL kept in {took}, {refused_ul / 1000:.3g} mL refused"
        found = [Finding(text=text, name="kept", value=kept_ul / 1000, unit="mL")]
        if hours > 0.0:
            found += self._yields(made, hours)
        for before, batch in pairwise(batches):
            found.append(_moved(before, batch, self.rig.space.units))
        panels = list[Panel]()
        for name in batches[-1].charts if batches else ():
            for batch in batches:
                drift = drift_of(name, batch.points, batch.charts[name])
                found += [] if drift is None else [drift]
            panels.append(chart_panel(name, [(one.points, one.charts[name]) for one in batches]))
        found += [_told(one) for one in fractions]
        return Findings(findings=found, panels=panels)

    def _yields(self, made: Sequence[tuple[_Batch, Fraction]], hours: float) -> Iterator[Finding]:
        """How much product is kept in an hour: its liquid, and, where that is known, its mass."""
        kept = [(batch.conditions, one.volume_ul) for batch, one in made if one.kept]
        rate = sum(volume_ul for _, volume_ul in kept) / 1000 / hours
        text = f"{rate:.3g} mL/h of product without carriers"
        yield Finding(text=text, name="yield", value=rate, unit="mL/h")
        for species, g_mol in self.settings.makes_g_mol.items():
            kept_umol = sum(self._umol_ul(species, at) * volume_ul for at, volume_ul in kept)
            kept_mg = kept_umol * self.settings.conversion * g_mol / 1000.0
            text = (
                f"{kept_mg / hours:.3g} mg/h, {kept_mg:.3g} mg in all, if "
                f"{self.settings.conversion:.3g} of {species} reacts to {g_mol:g} g/mol"
            )
            yield Finding(text=text, name=f"mass by {species}", value=kept_mg / hours, unit="mg/h")

    def _umol_ul(self, species: str, conditions: Conditions) -> float:
        """Concentration [µmol/µL] of a species in the product without carriers."""
        flows = self.rig.species_umol_min(conditions)
        return flows[species] / self.rig.product_ul_min(conditions)


def _why_refused(parts: Sequence[_Interval]) -> str:
    """Why a fraction is refused; "" if it is kept."""
    return next((one.refused for one in parts if one.refused), "")


def _fraction(
    number: int, parts: Sequence[_Interval], batch: _Batch, told: Sequence[str]
) -> Fraction:
    places = [parts[0].place - 1, *(one.place for one in parts)]
    values = {name: chart.values[places] for name, chart in batch.charts.items()}
    refused = _why_refused(parts)
    where = (*([f"in {parts[0].vial}"] if parts[0].vial else []), *told)
    return Fraction(
        number=number,
        experiments=tuple(batch.points[place].number for place in places),
        started_s=batch.points[places[0]].ended_s,
        ended_s=batch.points[places[-1]].ended_s,
        volume_ul=batch.interval_ul * len(parts),
        mean={name: float(one.mean()) for name, one in values.items()},
        sd={name: float(one.std(ddof=1)) for name, one in values.items()},
        kept=not refused,
        reason=refused,
        told=where,
    )


def _moved(before: _Batch, batch: _Batch, units: Mapping[str, str]) -> Finding:
    """To which condition a search led; what differs in no digit that is shown is not told."""
    number, changes = batch.points[0].number, list[str]()
    for name, value in batch.conditions.items():
        old, new = (
            one if isinstance(one, str) else plain_number(one)
            for one in (before.conditions[name], value)
        )
        if new != old:
            changes.append(f"{name} {new} {units.get(name, '')}".rstrip() + f", before {old}")
    what = "; ".join(changes) or "as before: nothing near was better"
    level = f"figure of merit {before.level:.4g} before, {batch.level:.4g} since"
    return Finding(text=f"from experiment {number} on: {what}; {level}")


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
