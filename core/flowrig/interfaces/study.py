"""Studies: they ask for points on a rig, and say at the end what the points show.

A study keeps no state. What it asks for next, and what it finds, follows from the points that were
measured, so that a run that was killed and resumed goes on as if nothing had happened.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
from attrs import field, frozen

from flowrig.errors import InputError
from flowrig.problem.middle import centre
from flowrig.problem.space import Space, Value

__all__ = [
    "Aged",
    "At",
    "Finding",
    "Findings",
    "Fraction",
    "Panel",
    "PlannedStudy",
    "Point",
    "Series",
    "Storage",
    "Study",
    "StudyPoint",
    "StudyRig",
    "StudySettings",
    "Sweep",
    "shown_age",
]

HOUR_S, DAY_S = 3600.0, 86400.0

Conditions = Mapping[str, Value]
"""Conditions by name, in the units of the search space."""


@frozen
class At:
    """Where a study looks.

    Attributes:
        where: "middle" of the search space, "best" experiment of the stages before, the number of
            an experiment, or conditions by name; those that are not named are taken from the
            middle.
    """

    where: str | int | Mapping[str, Any] = "middle"


@frozen
class Sweep:
    """The values that conditions take.

    Attributes:
        levels: by name, in the units of the search space.
    """

    levels: Mapping[str, Sequence[Any]]


@frozen(kw_only=True)
class StudySettings:
    """Base of every study's settings class.

    A field of the type `At` is a place in the search space, one of the type `Sweep` the values that
    conditions take; both are checked against the space, and have its units. The names in a field
    `features` have to be features of the rig.
    """

    def objection(self, rig: "StudyRig") -> str:
        """Why these settings do not fit a rig, in one phrase; "" if they do.

        It names the key in backticks, and ends with what would fit: "`repeats` is 3; expected 4 or
        more". Without such an end the message asks for another value of that key.

        `flowrig check` asks before a run does.
        """
        return ""

    def asks(self, rig: "StudyRig") -> str:
        """What a person is asked before the stage begins, as one question; "" for nothing.

        A gate asks it, unless the profile has a gate for this stage.
        """
        return ""

    def asks_after(self, rig: "StudyRig") -> str:
        """What a person is asked before the next stage begins, as one question; "" for nothing."""
        return ""


@frozen(kw_only=True)
class Point:
    """An experiment that a study asks for.

    Attributes:
        conditions: by name, in the units of the search space.
        continues: whether the flow of the point before is kept, whose conditions have to be the
            same. If that flow was interrupted meanwhile, the point settles first.
        after_s: of a point that continues: how long [s] after the frames of the point before began
            its own frames begin; they begin at once if those, and the dark frames between, took
            longer. Of another point: how long after its liquid began to flow, in place of the
            equilibrium time. None to wait for the equilibrium time.
        frames: how many frames are taken, at most as many as of an experiment; as many as that if
            None. The share of them that shows the product stays the same.
        reason: why, in one phrase.
        keeps_s: for how long [s] after its frames its flow is kept for points that are asked for
            next; the liquid for it is required before the flow starts. 0 to stop it where no point
            of the same answer continues.
        values: of a point that continues: what other devices are set to from the point before on,
            by device a position, such as the tube of a collector. Others are as in every
            experiment, and so are these again where the flow ends or the run holds.
        asks: of a point that does not continue: what a person is asked before it, "" for nothing.
            The run holds with this text until the person lets it go on, or skips the point.
        is_foreign: whether other liquids flow than the profile says, such as a dye that a person
            was asked for; nothing learns from it, and it is never the best experiment.
        is_stored: whether a person stores its sample, and measures it again at the ages of the
            series of off-line channels.
    """

    conditions: Conditions
    continues: bool = False
    after_s: float | None = None
    frames: int | None = None
    reason: str = ""
    keeps_s: float = 0.0
    values: Mapping[str, Value] = field(factory=dict)
    asks: str = ""
    is_foreign: bool = False
    is_stored: bool = False


@frozen(kw_only=True)
class Storage:
    """An off-line channel that measures stored samples again and again.

    Attributes:
        channel: its name.
        units: unit of each quantity, by name.
        series_s: by condition of storage, the ages [s] at which a sample is to be measured.
    """

    channel: str
    units: Mapping[str, str]
    series_s: Mapping[str, tuple[float, ...]]


@frozen(kw_only=True)
class Aged:
    """What was found of a stored sample at one age.

    Attributes:
        channel: that measured it.
        series: how it was stored.
        age_s: its age [s]; infinite where the rest of the series is lost.
        values: by quantity.
        lost: why nothing was found; "" where something was.
    """

    channel: str
    series: str
    age_s: float
    values: Mapping[str, float] = field(factory=dict)
    lost: str = ""

    @property
    def when(self) -> str:
        """Series and age for people, such as "colloid at 10 d"."""
        return f"{self.series} at {shown_age(self.age_s)}"


def shown_age(age_s: float) -> str:
    """An age [s] for people, in days or hours."""
    return f"{age_s / DAY_S:.4g} d" if age_s >= 2 * DAY_S else f"{age_s / HOUR_S:.4g} h"


@frozen(kw_only=True)
class StudyPoint:
    """A point that is over.

    Attributes:
        number: of the experiment in its run, from 1.
        point: what was asked for.
        features: by name; nan where there is no value.
        objective: its value; nan where there is none.
        quality: "good", "doubtful" or "bad"; "skipped" if a person gave it up, and nothing was
            measured.
        ended_s: rig time [s] at which it was measured.
        flowing_s: how long [s] its liquid had flowed when its frames began; None if that is not
            known.
        interrupted: whether it was to continue, and had to settle first.
        aged: what was found of its stored sample so far, by channel, series and age.
        to_measure: what is to be measured of it, in the same order, without values.
    """

    number: int
    point: Point
    features: Mapping[str, float] = field(factory=dict)
    objective: float = float("nan")
    quality: str = "good"
    ended_s: float = 0.0
    flowing_s: float | None = None
    interrupted: bool = False
    aged: Sequence[Aged] = ()
    to_measure: Sequence[Aged] = ()

    @property
    def is_usable(self) -> bool:
        """Whether it was measured, and is not bad."""
        return self.quality in ("good", "doubtful")


@frozen(kw_only=True, eq=False)
class StudyRig:
    """What a study knows of the rig.

    Attributes:
        space: the search space.
        units: unit of each feature, by name; "" for a number without one.
        responses: features that the objective is computed from.
        equilibrium: how many residence times τ an experiment waits for its steady state.
        residence_time_s: computes the residence time τ [s] under conditions.
        frames: how many frames an experiment has.
        frames_s: how long [s] they take.
        dark_s: how long [s] the dark frames before them take, which are taken with the flow; looks
            at one liquid are at least `frames_s + dark_s` apart.
        product_ul_min: computes how much liquid [µL/min] without carriers flows under conditions.
        species_umol_min: computes how much [µmol/min] of each species that streams contain flows
            in that liquid under conditions.
        liquids: streams that are neither carriers nor gases.
        longest_flow_s: computes for how long [s] full syringes and supplies keep the flow of
            conditions after the first look at it; infinite where that has no end.
        positions: by device, the positions of each that may turn while liquid flows.
        vessels_ul: by device, how much [µL] the vessel holds to which each position leads; without
            those of which that is not known.
        storage: the off-line channels that measure stored samples.
        can_continue: whether points can continue, and be looked at before the equilibrium time; not
            on a rig whose experiments have steps of their own.
        seed: seed of all randomness.
        rsd: known relative standard deviation of repeated measurements, as a fraction, by feature.
        earlier: settled experiments of the stages before, in order.
        decided: conditions of every experiment of the stages before, by its number.
        ahead: how many experiments the stages before will have, of a campaign that has not begun;
            0 in a run.
    """

    space: Space
    units: Mapping[str, str]
    responses: tuple[str, ...]
    equilibrium: float
    residence_time_s: Callable[[Conditions], float]
    frames: int
    frames_s: float
    product_ul_min: Callable[[Conditions], float] = field(default=lambda _: math.nan)
    species_umol_min: Callable[[Conditions], Mapping[str, float]] = field(default=lambda _: {})
    liquids: tuple[str, ...] = ()
    longest_flow_s: Callable[[Conditions], float] = field(default=lambda _: math.inf)
    positions: Mapping[str, Sequence[str]] = field(factory=dict)
    vessels_ul: Mapping[str, Mapping[str, float]] = field(factory=dict)
    storage: Sequence[Storage] = ()
    can_continue: bool = True
    dark_s: float = 0.0
    seed: int = 1
    rsd: Mapping[str, float] = field(factory=dict)
    earlier: Sequence[StudyPoint] = ()
    decided: Mapping[int, Conditions] = field(factory=dict)
    ahead: int = 0

    @cached_property
    def middle(self) -> Conditions:
        """Conditions in the middle of the search space."""
        return centre(self.space)

    def conditions(self, at: At) -> Conditions:
        """The conditions of a place.

        The best of no experiments is the middle, and so is one that is not measured yet. An
        experiment outside the search space, of a study that went beyond it, is not the best.

        Raises:
            InputError: there is no experiment of this number in the stages before.
        """
        if isinstance(at.where, Mapping):
            return {**self.middle, **at.where}
        good = [e for e in self.earlier if e.quality == "good" and math.isfinite(e.objective)]
        good = [e for e in good if self.space.holds(e.point.conditions)]
        if at.where == "best" and good:
            return max(good, key=lambda one: one.objective).point.conditions
        if isinstance(at.where, int):
            known = {one.number: one.point.conditions for one in self.earlier}
            known.update(self.decided)
            if at.where in known:
                return known[at.where]
            if not 1 <= at.where <= self.ahead:
                most = max((self.ahead, *known))
                there = f"they have 1 to {most}" if most else "they have none"
                raise InputError(f"there is no experiment {at.where} in the stages before; {there}")
        return self.middle

    def equilibrium_s(self, conditions: Conditions) -> float:
        """Equilibrium time [s] under conditions."""
        return self.equilibrium * self.residence_time_s(conditions)


@frozen(kw_only=True)
class Finding:
    """Something that a study shows.

    Attributes:
        text: one sentence for people, without a full stop.
        name: what the number is of, for instance a feature; "" if there is no number.
        value: the number; nan if there is none.
        unit: of the number.
        low: lower end of its confidence interval; nan without one.
        high: upper end of its confidence interval; nan without one.
        confidence: of the interval, or of the test, as a fraction.
        test: name of the statistic or the test.
        p: probability of such a result, or a stranger one, by chance alone; None without a test.
    """

    text: str
    name: str = ""
    value: float = float("nan")
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")
    confidence: float = 0.95
    test: str = ""
    p: float | None = None


@frozen(kw_only=True)
class Series:
    """Points of a figure that belong together.

    Attributes:
        name: in the legend.
        x: places, `n` of them.
        y: values there, `n` of them.
        sd: standard deviation of each value; empty for none.
        line: whether a line joins them, in place of symbols.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    sd: Sequence[float] = ()
    line: bool = False


@frozen(kw_only=True)
class Panel:
    """A part of the figure of a study, with axes of its own.

    Attributes:
        x: label of the horizontal axis, with its unit.
        y: label of the vertical axis, with its unit.
        series: what is drawn.
        marks: places on the horizontal axis that are marked, by their label.
        names: of the whole numbers from 0 on the horizontal axis, for a category.
    """

    x: str
    y: str
    series: Sequence[Series]
    marks: Mapping[str, float] = field(factory=dict)
    names: tuple[str, ...] = ()


@frozen(kw_only=True)
class Findings:
    """What a study shows.

    Attributes:
        findings: in the order of their importance.
        panels: the figure.
        repeatability: relative standard deviation that repeated measurements were found to have, as
            a fraction, by feature.
    """

    findings: Sequence[Finding] = ()
    panels: Sequence[Panel] = ()
    repeatability: Mapping[str, float] = field(factory=dict)


@frozen(kw_only=True)
class Fraction:
    """A part of the product that flowed between two looks at it.

    Attributes:
        number: from 1, in the order in which they were made.
        experiments: numbers of the experiments that looked at it, in order.
        started_s: rig time [s] of the first of these looks.
        ended_s: rig time [s] of the last of these looks.
        volume_ul: its volume [µL], of all streams but carriers.
        mean: mean of its looks by feature, in the feature's unit; nan where a look has no value.
        sd: their standard deviation by feature; nan where it cannot be known.
        kept: whether it is kept; if not, it is refused.
        reason: why it is refused, in one phrase; "" if it is kept.
        told: what else a person should know, one sentence each, such as a drift.
    """

    number: int
    experiments: tuple[int, ...]
    started_s: float
    ended_s: float
    volume_ul: float
    mean: Mapping[str, float]
    sd: Mapping[str, float]
    kept: bool
    reason: str = ""
    told: tuple[str, ...] = ()


class Study(ABC):
    """Asks for points, and says what they show. Both follow from the points alone.

    Args:
        rig: what the study may know of the rig.
        settings: an instance of the study's settings class.
    """

    def __init__(self, rig: StudyRig, settings: Any) -> None:
        self.rig = rig
        self.settings = settings

    @property
    def waits_for_results(self) -> bool:
        """Whether its next points depend on results that are entered later.

        A run waits for them before it asks: for those of the features that the study looks at, and
        for those by which an experiment of the stages before is the best. It does not wait while a
        flow is kept.
        """
        return True

    @abstractmethod
    def most_points(self) -> int:
        """The largest number of points that this study may ask for; it does not depend on any."""

    @abstractmethod
    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        """The next points; none when the study is over.

        It is asked when all points before are over. Points that continue come in one answer with
        the point whose flow they keep, unless that point has `keeps_s`.

        Args:
            points: all of this study that are over, in order.
        """

    @abstractmethod
    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        """What the points show, also when the study is not over.

        Args:
            points: all of this study that are over, in order.
        """

    def fractions(self, points: Sequence[StudyPoint]) -> Sequence[Fraction]:
        """The fractions of the product that are complete; none of a study that makes no product.

        A run asks after every point, and writes each fraction to the journal once. What is said of
        a fraction follows from the points up to its last look, so that it stays as it was written.

        Args:
            points: all of this study that are over, in order.
        """
        return ()


class PlannedStudy(Study):
    """A study whose points are known from the beginning."""

    @property
    def waits_for_results(self) -> bool:
        """Whether one of its settings is the best experiment of the stages before."""
        fields = attrs.fields(type(self.settings)) if attrs.has(type(self.settings)) else ()
        return At("best") in [getattr(self.settings, one.name) for one in fields]

    @abstractmethod
    def plan(self) -> Sequence[Point]:
        """All points, in order."""

    def most_points(self) -> int:
        """The number of all points."""
        return len(self.plan())

    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        """The points that are left."""
        return self.plan()[len(points) :]
