"""`production`: one condition flows on, and its product is judged fraction by fraction."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from attrs import evolve, frozen

from flowrig.errors import InputError
from flowrig.interfaces import (
    Finding,
    Findings,
    Fraction,
    Panel,
    Point,
    Series,
    Study,
    StudyPoint,
)
from flowrig_studies.distributions import student_quantile
from flowrig_studies.keeping import KeptWithin, ProductionSettings, limits_of
from flowrig_studies.reading import Array, percent, values_of
from flowrig_studies.statistics import line

__all__ = ["Production"]

REFERENCE = 10
"""Looks at the beginning whose mean is the reference of the limits."""

BEYOND = 0.99865
"""One-sided confidence that a refused mean lies beyond its limit: three standard errors of a
normal mean."""

FALSE_ALARM = 0.01
"""Probability that a production without a drift is ever told to drift, over all its features and
fractions: each test has its share (Bonferroni)."""

MADE_AGAIN = 2
"""As many fractions as were wanted, divided by this, are made again where some are refused."""

MARGIN = 0.95
"""Share of the full syringes that is planned with: pumps deliver within 3 %."""

JUDGED = f"guarded rejection (JCGM 106:2012), {BEYOND:.2%} confidence"
DRIFT = f"t test of the slope, Bonferroni, {FALSE_ALARM:.0%} false alarms a production"


@frozen
class _Layout:
    """How a production is divided.

    Attributes:
        conditions: under which it flows.
        wanted: how many fractions are to be kept.
        looks: looks of a fraction after the one that it shares with the fraction before.
        step_s: time [s] from look to look.
        volume_ul: of a fraction [µL].
        most: fractions that full syringes allow without a break.
    """

    conditions: Mapping[str, Any]
    wanted: int
    looks: int
    step_s: float
    volume_ul: float
    most: int


class Production(Study):
    """Makes a product, looks at it, and keeps or refuses each fraction.

    The flow goes on until the syringes have to be filled; then it settles anew. A fraction is
    refused where its mean lies beyond a limit by more than its uncertainty, where its flow was
    interrupted, or where a look at it cannot be used. It is then made again, at most half as many
    as were wanted; the production ends early where a whole flow gave none to keep.
    """

    settings: ProductionSettings

    @cached_property
    def _limits(self) -> dict[str, KeptWithin]:
        return limits_of(self.settings.keep, self.rig)

    @cached_property
    def _features(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._limits, *self.rig.responses)))

    @cached_property
    def _layout(self) -> _Layout:
        settings, rig = self.settings, self.rig
        conditions = rig.conditions(settings.at)
        if rig.product_ul_min is None or not rig.product_ul_min(conditions) > 0.0:
            raise InputError("`at` has no flow of a product; expected a stream that is no carrier")
        rate_ul_s = rig.product_ul_min(conditions) / 60.0
        # The best is not known when a campaign is checked: the middle says how many looks there
        # are, so that there are never more than the campaign has room for.
        middle_ul_s = rig.product_ul_min(rig.middle) / 60.0 or rate_ul_s
        if settings.volume_ul is None:
            duration_s = 3600.0 if settings.duration_s is None else settings.duration_s
            each_ul, looks = settings.look_every_s * rate_ul_s, 1
            wanted = max(1, math.ceil(duration_s / settings.look_every_s - 1e-9))
        else:
            each_ul = settings.each_ul or settings.look_every_s * middle_ul_s
            looks = max(1, math.floor(each_ul / middle_ul_s / settings.look_every_s + 1e-9))
            wanted = max(1, math.ceil(settings.volume_ul / each_ul - 1e-9))
        fraction_s = each_ul / rate_ul_s
        if fraction_s < rig.frames_s:
            least_ml = rig.frames_s * rate_ul_s / 1000.0
            raise InputError(
                f"`each` flows by while one look is taken; expected {least_ml:.3g} mL or more"
            )
        looks = min(looks, max(1, math.floor(fraction_s / max(rig.frames_s, 1e-3))))
        keeps_s = math.inf if rig.keeps_flow_s is None else MARGIN * rig.keeps_flow_s(conditions)
        if keeps_s < fraction_s:
            most_ml = max(keeps_s, 0.0) * rate_ul_s / 1000.0
            raise InputError(
                f"`each` is {each_ul / 1000:.3g} mL, and full syringes keep the flow for "
                f"{most_ml:.3g} mL; expected less"
            )
        most = wanted if math.isinf(keeps_s) else math.floor(keeps_s / fraction_s)
        return _Layout(conditions, wanted, looks, fraction_s / looks, each_ul, most)

    def most_points(self) -> int:
        """Those of all fractions, and of those that may be made again."""
        return self._points_of(self._layout.wanted) + self._points_of(self._again)

    @property
    def _again(self) -> int:
        return math.ceil(self._layout.wanted / MADE_AGAIN)

    def _points_of(self, fractions: int) -> int:
        """Points of so many fractions; where some are refused, every flow may give one only."""
        return fractions * self._layout.looks + fractions

    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        """A flow of as many fractions as are missing, and as the syringes allow."""
        layout, made = self._layout, self.fractions(points)
        missing = layout.wanted - sum(one.kept for one in made)
        left = layout.wanted + self._again - len(made)
        flows = _flows(points)
        if flows and not any(one.kept for one in made if one.experiments[0] >= flows[-1][0].number):
            return []
        count = min(missing, left, layout.most)
        if count < 1:
            return []
        reason = f"production of {layout.wanted} fractions of {layout.volume_ul / 1000:.3g} mL"
        first = Point(conditions=layout.conditions, reason=reason)
        again = Point(
            conditions=layout.conditions, continues=True, after_s=layout.step_s, reason=reason
        )
        return [first, *[again] * (count * layout.looks)]

    def fractions(self, points: Sequence[StudyPoint]) -> list[Fraction]:
        """The fractions that are complete, each judged by the looks up to its end."""
        found = list[Fraction]()
        looks, told = self._layout.looks, set[str]()
        seen = 0
        for flow in _flows(points):
            for begin in range(0, len(flow) - looks, looks):
                mine = flow[begin : begin + looks + 1]
                one = self._judged(len(found) + 1, mine, points[: seen + begin + looks + 1])
                drifts = self._drifts(points[: seen + begin + looks + 1], told)
                found.append(evolve(one, told=tuple(drifts)))
            seen += len(flow)
        return found

    def _judged(
        self, number: int, mine: Sequence[StudyPoint], so_far: Sequence[StudyPoint]
    ) -> Fraction:
        values = {name: values_of(mine, name) for name in self._features}
        mean = {name: float(one.mean()) for name, one in values.items()}
        sd = {name: float(one.std(ddof=1)) for name, one in values.items()}
        reasons = list(self._refusals(mine, mean, so_far))
        return Fraction(
            number=number,
            experiments=tuple(one.number for one in mine),
            started_s=mine[0].ended_s,
            ended_s=mine[-1].ended_s,
            volume_ul=self._volume_ul(mine),
            mean=mean,
            sd=sd,
            kept=not reasons,
            reason="; ".join(reasons),
        )

    def _volume_ul(self, mine: Sequence[StudyPoint]) -> float:
        """What flowed between the first look and the last; as planned if that is not known."""
        first_s, last_s = mine[0].flowing_s, mine[-1].flowing_s
        layout, share = self._layout, 1.0
        if first_s is not None and last_s is not None and not any(o.interrupted for o in mine[1:]):
            share = (last_s - first_s) / (layout.looks * layout.step_s)
        return layout.volume_ul * share

    def _refusals(
        self, mine: Sequence[StudyPoint], mean: dict[str, float], so_far: Sequence[StudyPoint]
    ) -> Iterator[str]:
        """Why a fraction is refused."""
        broken = [one.number for one in mine[1:] if one.interrupted]
        if broken:
            yield f"its flow was interrupted before experiment {broken[0]}"
        unusable = [one.number for one in mine if not one.is_usable]
        if unusable:
            yield f"experiment {unusable[0]} cannot be used"
            return
        usable = [one for one in so_far if one.is_usable]
        for name, limit in self._limits.items():
            if not math.isfinite(mean[name]):
                yield f"{name} has no value"
                continue
            first = _finite(values_of(usable, name))[:REFERENCE]
            reference = float(first.mean())
            sd, df = _scatter(values_of(usable, name))
            error = sd * math.sqrt(1.0 / len(mine) + 1.0 / len(first))
            guard = student_quantile(BEYOND, df) * error if df else 0.0
            apart = mean[name] - reference
            if abs(apart) > limit.half(reference) + guard:
                unit = f" {self.rig.units[name]}".rstrip()
                yield (
                    f"{name} is {mean[name]:.4g}{unit}, and {reference:.4g} ± "
                    f"{limit.half(reference):.3g}{unit} is kept, with ± {guard:.2g} of uncertainty"
                )

    def _drifts(self, so_far: Sequence[StudyPoint], told: set[str]) -> Iterator[str]:
        """The drifts that are found for the first time."""
        usable = [one for one in so_far if one.is_usable]
        if len(usable) < REFERENCE // 2:
            return
        hours = (np.array([one.ended_s for one in usable]) - usable[0].ended_s) / 3600.0
        tests = len(self._features) * (self._layout.wanted + self._again)
        for name in self._features:
            values = values_of(usable, name)
            mean = abs(float(np.nanmean(values))) if np.isfinite(values).any() else 0.0
            fit = line(hours, values / mean) if mean else None
            if fit is None or name in told or not fit.p < FALSE_ALARM / tests:
                continue
            told.add(name)
            cost = fit.slope * float(hours[-1])
            yield (
                f"{name} drifts by {percent(fit.slope)} ± {percent(fit.half)} an hour, "
                f"{percent(cost)} since the beginning"
            )

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """How much was made and kept, each fraction, and a control chart of each feature."""
        made = self.fractions(points)
        if not made:
            return Findings(findings=[Finding(text="no fraction is complete yet")])
        findings = [self._amount(made)]
        drifts = [f"{text} (fraction {one.number})" for one in made for text in one.told]
        findings += [Finding(text=text, confidence=0.95, test=DRIFT) for text in drifts]
        if not drifts:
            findings.append(Finding(text="no drift was found", test=DRIFT))
        findings += [Finding(text=_said(one), test=JUDGED) for one in made]
        panels = [self._chart(name, points) for name in self._features]
        return Findings(findings=findings, panels=[one for one in panels if one is not None])

    def _amount(self, made: Sequence[Fraction]) -> Finding:
        kept_ml = sum(one.volume_ul for one in made if one.kept) / 1000.0
        refused = sum(not one.kept for one in made)
        hours = (made[-1].ended_s - made[0].started_s) / 3600.0
        rate = kept_ml / hours if hours > 0.0 else math.nan
        text = (
            f"{kept_ml:.4g} mL in {len(made) - refused} of {self._layout.wanted} fractions are "
            f"kept, {refused} refused; {rate:.3g} mL/h with refills and refused fractions"
        )
        return Finding(text=text, name="yield", value=rate, unit="mL/h")

    def _chart(self, name: str, points: Sequence[StudyPoint]) -> Panel | None:
        """The looks of a feature with the reference and the limits."""
        usable = [one for one in points if one.is_usable and math.isfinite(one.features[name])]
        if not usable:
            return None
        minutes = [(one.ended_s - points[0].ended_s) / 60.0 for one in usable]
        values = values_of(usable, name)
        reference = float(values[:REFERENCE].mean())
        ends = [minutes[0], minutes[-1]]
        series = [
            Series(name=name, x=minutes, y=values.tolist()),
            Series(name="reference", x=ends, y=[reference, reference], line=True),
        ]
        if name in self._limits:
            half = self._limits[name].half(reference)
            for word, limit in (
                ("upper limit", reference + half),
                ("lower limit", reference - half),
            ):
                series.append(Series(name=word, x=ends, y=[limit, limit], line=True))
        unit = self.rig.units[name]
        return Panel(x="time (min)", y=f"{name} ({unit})" if unit else name, series=series)


def _flows(points: Sequence[StudyPoint]) -> list[list[StudyPoint]]:
    """The points by the flow that they belong to."""
    flows = list[list[StudyPoint]]()
    for one in points:
        if flows and one.point.continues:
            flows[-1].append(one)
        else:
            flows.append([one])
    return flows


def _finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def _scatter(values: Array) -> tuple[float, int]:
    """Standard deviation of looks from the differences of each to the next, which a drift hardly
    changes (von Neumann et al., Ann. Math. Stat. 1941, 12, 153), with its degrees of freedom.

    They are about two thirds of the differences, since each look is in two of them.
    """
    apart = np.diff(_finite(values))
    if not len(apart):
        return 0.0, 0
    return math.sqrt(float(np.square(apart).mean()) / 2.0), max(1, 2 * len(apart) // 3)


def _said(one: Fraction) -> str:
    """A fraction in one sentence."""
    verdict = "kept" if one.kept else f"refused: {one.reason}"
    looks = f"experiments {one.experiments[0]} to {one.experiments[-1]}"
    return f"fraction {one.number}, {one.volume_ul / 1000:.3g} mL, {looks}: {verdict}"
