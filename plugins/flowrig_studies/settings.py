"""Settings of the studies; each has a default that fits any rig."""

import math
from collections.abc import Mapping

from attrs import field, frozen

from flowrig.interfaces import At, Storage, StudyRig, StudySettings, Sweep
from flowrig.problem.door import Door
from flowrig.problem.space import Value
from flowrig_studies.places import is_reachable

__all__ = [
    "DyeSettings",
    "DynamicSettings",
    "FeatureSettings",
    "GridSettings",
    "PartialGridSettings",
    "PerturbationSettings",
    "RepeatabilitySettings",
    "RobustnessSettings",
    "StabilitySettings",
    "SweepSettings",
    "dye_conditions",
    "step_s",
    "storage_of",
]

SAMPLES = 5
"""Samples after the first one of a study of a rig that measures nothing in line."""

MOST_COMBINATIONS = 10_000
"""Points of a grid beyond which nobody waits for it."""


@frozen(kw_only=True)
class FeatureSettings(StudySettings):
    """Settings of studies that look at features.

    Attributes:
        features: which; by default those that the objective is computed from.
    """

    features: tuple[str, ...] = ()


@frozen(kw_only=True)
class RobustnessSettings(FeatureSettings):
    """Settings of `robustness`.

    Attributes:
        at: the condition.
        duration_s: how long [s] it is watched after its equilibrium time.
        every_s: time [s] from the frames of one point to those of the next; by default, and at
            least, as long as they and the dark frames between take. Where nothing is measured in
            line, a fifth of `duration_s` by default.
    """

    at: At = field(factory=At)
    duration_s: float = 1800.0
    every_s: float | None = None

    def objection(self, rig: StudyRig) -> str:
        """The time is long enough for three points."""
        least_s = 2 * step_s(self, rig)
        if not self.duration_s >= least_s:
            return f"`duration` is shorter than three points take; expected {least_s:g} s or more"
        return ""


def step_s(settings: RobustnessSettings, rig: StudyRig) -> float:
    """Time [s] from the frames of one point to those of the next."""
    every_s = settings.every_s
    if every_s is None and not rig.frames_s > 0.0:
        every_s = settings.duration_s / SAMPLES
    return max(every_s or 0.0, rig.frames_s + rig.dark_s, 1e-3)


@frozen(kw_only=True)
class DyeSettings(FeatureSettings):
    """Settings of `dye`.

    Attributes:
        dye: what flows, in words for the person who puts it in.
        at: flow rates and temperatures; by default those in the middle of the search space, with
            every heater as cold as the space allows.
        repeats: how often it is measured.
    """

    dye: str = "the reference dye"
    at: At | None = None
    repeats: int = 3

    def objection(self, rig: StudyRig) -> str:
        """There is a standard error."""
        return "" if self.repeats >= 2 else f"`repeats` is {self.repeats}; expected 2 or more"

    def asks(self, rig: StudyRig) -> str:
        """Whether the dye is in."""
        where = f" in the syringes or supplies of {', '.join(rig.liquids)}" if rig.liquids else ""
        hot = ", ".join(
            f"{name} {value:g} °C"
            for name, value in dye_conditions(self, rig).items()
            if rig.space.units.get(name) == "°C"
        )
        warm = f" It flows at {hot}." if hot else ""
        return f"Is {self.dye}{where}, and does it stand what it flows through?{warm}"

    def asks_after(self, rig: StudyRig) -> str:
        """Whether the dye is out again."""
        return f"Are the liquids of the profile back in place of {self.dye}?"


@frozen(kw_only=True)
class StabilitySettings(StudySettings):
    """Settings of `stability`.

    Attributes:
        at: the condition whose samples are stored.
        channel: off-line channel with `series`; by default the first.
        quantity: what is measured of them; by default the first that the channel gives.
        repeats: how many samples are stored.
    """

    at: At = field(factory=lambda: At("best"))
    channel: str | None = None
    quantity: str | None = None
    repeats: int = 1

    def objection(self, rig: StudyRig) -> str:
        """There is a channel that measures stored samples."""
        if self.repeats < 1:
            return f"`repeats` is {self.repeats}; expected 1 or more"
        names = [one.channel for one in rig.storage]
        if not names:
            return "`study` stores samples; expected an off-line channel with a table `series`"
        if self.channel is not None and self.channel not in names:
            return f"`channel` is {self.channel!r}; expected one of {', '.join(names)}"
        known = storage_of(self, rig).units
        if self.quantity is not None and self.quantity not in known:
            return f"`quantity` is {self.quantity!r}; expected one of {', '.join(known)}"
        return ""


def storage_of(settings: StabilitySettings, rig: StudyRig) -> Storage:
    """The channel that measures the stored samples."""
    return next(one for one in rig.storage if settings.channel in (None, one.channel))


def dye_conditions(settings: DyeSettings, rig: StudyRig) -> Mapping[str, Value]:
    """Flow rates and temperatures at which a dye flows."""
    if settings.at is not None:
        return rig.conditions(settings.at)
    cold = {one.name: one.low for one in rig.space.parameters if one.unit == "°C"}
    colder = {**rig.middle, **cold}
    return colder if is_reachable(Door(rig.space), colder) else rig.middle


@frozen(kw_only=True)
class RepeatabilitySettings(FeatureSettings):
    """Settings of `repeatability`.

    Attributes:
        conditions: how many conditions come back, spread over the search space.
        repeats: how often each is measured.
    """

    conditions: int = 3
    repeats: int = 4

    def objection(self, rig: StudyRig) -> str:
        """There is something to repeat."""
        if self.conditions < 1:
            return f"`conditions` is {self.conditions}; expected 1 or more"
        return "" if self.repeats >= 2 else f"`repeats` is {self.repeats}; expected 2 or more"


@frozen(kw_only=True)
class PerturbationSettings(FeatureSettings):
    """Settings of `perturbation`.

    Attributes:
        at: the condition that comes back.
        repeats: how often it is measured, each time after another condition but the first.
    """

    at: At = field(factory=At)
    repeats: int = 5

    def objection(self, rig: StudyRig) -> str:
        """There are enough repeats for a scatter, and for a line through what came before."""
        return "" if self.repeats >= 4 else f"`repeats` is {self.repeats}; expected 4 or more"


@frozen(kw_only=True)
class SweepSettings(FeatureSettings):
    """Settings of `sweep`.

    Attributes:
        sweep: the variable and its levels; by default five levels of the number that changes the
            residence time most.
        at: the other conditions.
        repeats: how often the levels are run through.
        plateau: feature whose plateau is looked for; by default each of `features`.
    """

    sweep: Sweep | None = None
    at: At = field(factory=At)
    repeats: int = 2
    plateau: str | None = None

    def objection(self, rig: StudyRig) -> str:
        """There is one variable, it has levels, and the feature exists."""
        if self.sweep is not None and len(self.sweep.levels) != 1:
            return "`sweep` names more than one variable; expected one, or the study `grid`"
        levels = [] if self.sweep is None else next(iter(self.sweep.levels.values()))
        if self.sweep is not None and len(levels) < 2:
            return "`sweep` has one level; expected 2 or more"
        if self.sweep is None and all(one.choices for one in rig.space.parameters):
            return "no variable is a number; expected a key `sweep` with a category and its levels"
        if self.repeats < 1:
            return f"`repeats` is {self.repeats}; expected 1 or more"
        if self.plateau is not None and self.plateau not in rig.units:
            known = ", ".join(sorted(rig.units))
            return f"`plateau` names the unknown feature {self.plateau!r}; expected one of {known}"
        return ""


@frozen(kw_only=True)
class GridSettings(FeatureSettings):
    """Settings of `grid`.

    Attributes:
        sweep: levels by variable, the slowest to change first; by default the two ends of every
            number, and all choices of every category.
        at: the other conditions.
        repeats: how often each combination is measured.
    """

    sweep: Sweep | None = None
    at: At = field(factory=At)
    repeats: int = 1

    def objection(self, rig: StudyRig) -> str:
        """The combinations can be counted and measured."""
        if self.repeats < 1:
            return f"`repeats` is {self.repeats}; expected 1 or more"
        sizes = [len(one.choices) or 2 for one in rig.space.parameters]
        if self.sweep is not None:
            sizes = [len(one) for one in self.sweep.levels.values()]
        count = math.prod(sizes) * self.repeats
        if count > MOST_COMBINATIONS:
            return f"{count} points are more than {MOST_COMBINATIONS}; expected fewer levels"
        return ""


@frozen(kw_only=True)
class PartialGridSettings(FeatureSettings):
    """Settings of `partial-grid`.

    Attributes:
        at: the condition from which each variable is changed.
        levels: values of each number, evenly spaced; of a category all choices are tried.
        repeats: how often each point is measured.
    """

    at: At = field(factory=At)
    levels: int = 5
    repeats: int = 1

    def objection(self, rig: StudyRig) -> str:
        """There are levels."""
        if self.levels < 2:
            return f"`levels` is {self.levels}; expected 2 or more"
        return "" if self.repeats >= 1 else f"`repeats` is {self.repeats}; expected 1 or more"


@frozen(kw_only=True)
class DynamicSettings(FeatureSettings):
    """Settings of `dynamic-residence-time`.

    Attributes:
        sweep: the variable and its levels, each of which follows on the one before; by default
            three levels of the number that changes the residence time most.
        at: the other conditions.
        every: time from look to look in residence times τ; longer where the frames take longer.
        until: how long a condition is watched, in τ.
        frames: frames of a look; by default as many as fit between two looks, and at least 10.
    """

    sweep: Sweep | None = None
    at: At = field(factory=At)
    every: float = 0.2
    until: float = 3.0
    frames: int | None = None

    def objection(self, rig: StudyRig) -> str:
        """There is one variable, and looks enough for a steady state at the end."""
        if self.sweep is not None and len(self.sweep.levels) != 1:
            return "`sweep` names more than one variable; expected one"
        if self.sweep is None and all(one.choices for one in rig.space.parameters):
            return "no variable is a number; expected a key `sweep` with a category and its levels"
        if not 0.0 < self.every <= self.until / 6.0:
            return (
                f"`every` is {self.every:g}; expected more than 0, and at most a sixth of `until`"
            )
        if self.frames is not None and not 1 <= self.frames <= rig.frames:
            return f"`frames` is {self.frames}; expected 1 to {rig.frames}"
        return ""
