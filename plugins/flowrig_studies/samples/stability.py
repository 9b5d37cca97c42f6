"""`stability`: samples that are stored, and measured again after hours and days.

Liang et al., Nanoscale Adv. 2023, 5, 2038: 100 days, 48 h under ultraviolet light, 5 h at 80 °C.
"""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import (
    Aged,
    Finding,
    Findings,
    Panel,
    PlannedStudy,
    Point,
    Series,
    StudyPoint,
)
from flowrig.interfaces.study import shown_age
from flowrig_studies.distributions import student_two_sided
from flowrig_studies.reading import chance, percent, usable
from flowrig_studies.settings import StabilitySettings, storage_of
from flowrig_studies.statistics import CONFIDENCE, SIGNIFICANT, common_slope, half_width

__all__ = ["Stability"]

Array = NDArray[np.float64]

FIRST_ORDER = "loss by the first order: t test of the slope of the logarithm on time"

DAY_S, HOUR_S = 86400.0, 3600.0


@frozen
class _Curve:
    """One sample of one series.

    Attributes:
        number: of the experiment that left it.
        age_s: its ages [s], rising, shape `n`.
        values: of the quantity at them, shape `n`.
    """

    number: int
    age_s: Array
    values: Array


class Stability(PlannedStudy):
    """Takes samples at one condition; how much of them is kept is measured later, by a person."""

    settings: StabilitySettings

    def plan(self) -> Sequence[Point]:
        """The samples, one experiment each."""
        series = ", ".join(storage_of(self.settings, self.rig).series_s)
        point = Point(
            conditions=self.rig.conditions(self.settings.at),
            is_stored=True,
            reason=f"a sample to be stored: {series}",
        )
        return [point] * self.settings.repeats

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """The share that is kept until the last age of each series, and what is to come."""
        storage = storage_of(self.settings, self.rig)
        quantity = self.settings.quantity or next(iter(storage.units))
        findings, panels = list[Finding](), list[Panel]()
        good = usable(points)
        for series in storage.series_s:
            curves = [_curve(one, self._of(one.aged), series, quantity) for one in good]
            known = [one for one in curves if len(one.age_s) > 1]
            if known:
                findings.append(_kept(series, quantity, known))
                panels.append(_panel(series, quantity, known))
        for one in good:
            left = [to.when for to in self._of(one.to_measure)]
            if left:
                text = f"to be measured of experiment {one.number}: {', '.join(left)}"
                findings.append(Finding(text=text))
        if not findings:
            findings.append(Finding(text="no stored sample was measured"))
        return Findings(findings=findings, panels=panels)

    def _of(self, aged: Sequence[Aged]) -> list[Aged]:
        """What belongs to the channel of the study."""
        channel = storage_of(self.settings, self.rig).channel
        return [one for one in aged if one.channel == channel]


def _curve(point: StudyPoint, aged: Sequence[Aged], series: str, quantity: str) -> _Curve:
    """A sample by age; the fresh one is the same in every series, and often measured in one."""
    measured = [(one, one.values.get(quantity, math.nan)) for one in aged]
    positive = [(one, value) for one, value in measured if value > 0.0]  # it has a logarithm
    fresh = [(one.age_s, value) for one, value in positive if one.age_s == 0.0]
    own = [(one.age_s, value) for one, value in positive if one.series == series]
    found = dict([*fresh, *own])
    ages_s = sorted(found)
    return _Curve(point.number, np.array(ages_s), np.array([found[one] for one in ages_s]))


def _kept(series: str, quantity: str, curves: Sequence[_Curve]) -> Finding:
    """The share that is kept until the last age."""
    last_s = max(float(one.age_s[-1]) for one in curves)
    slope, error, df = common_slope([(one.age_s, np.log(one.values)) for one in curves])
    kept, name = math.exp(slope * last_s), f"share of {quantity} kept, {series}"
    what = f"{percent(kept)} of {quantity} is kept after {shown_age(last_s)}"
    if df < 1:
        text = f"{series}: {what}; a third age or a second sample gives a confidence"
        return Finding(text=text, name=name, value=kept)
    half = half_width(error, df)
    low, high = (math.exp((slope + sign * half) * last_s) for sign in (-1.0, 1.0))
    p = student_two_sided(slope / error, df) if error > 0.0 else float(slope == 0.0)
    ends = f"{percent(low)} to {percent(high)} with {CONFIDENCE:.0%} confidence"
    se = percent(kept * last_s * error)
    told = "" if p < SIGNIFICANT else ", and no loss is seen"
    return Finding(
        text=f"{series}: {what}{told} (standard error {se}; {ends}; {chance(p)})",
        name=name,
        value=kept,
        low=low,
        high=high,
        confidence=CONFIDENCE,
        test=FIRST_ORDER,
        p=p,
    )


def _panel(series: str, quantity: str, curves: Sequence[_Curve]) -> Panel:
    """Shares of what the fitted line has at age 0, and the line."""
    last_s = max(float(one.age_s[-1]) for one in curves)
    unit_s, unit = (DAY_S, "d") if last_s >= 2 * DAY_S else (HOUR_S, "h")
    slope, _, _ = common_slope([(one.age_s, np.log(one.values)) for one in curves])
    shown = []
    for one in curves:
        fresh = math.exp(float(np.mean(np.log(one.values) - slope * one.age_s)))
        shares = (100.0 * one.values / fresh).tolist()
        x = (one.age_s / unit_s).tolist()
        shown.append(Series(name=f"experiment {one.number}", x=x, y=shares))
    ages = np.linspace(0.0, last_s, 20)
    fit = (100.0 * np.exp(slope * ages)).tolist()
    shown.append(Series(name="first order", x=(ages / unit_s).tolist(), y=fit, line=True))
    return Panel(x=f"age, {series} ({unit})", y=f"{quantity} kept (%)", series=shown)
