"""What runs and digital twins came to, as plain values for the figures of a paper."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.study import Findings
from flowrig.problem.space import Space, Value

__all__ = ["GalleryExperiment", "GalleryRun", "GallerySurface", "GalleryTwin", "PaperResults"]

Array = NDArray[np.float64]


@frozen(kw_only=True)
class GalleryExperiment:
    """A measured experiment.

    Attributes:
        number: from 1, in the order of the run.
        stage: name of its stage.
        arm: arm of the campaign; None where its stage belongs to none.
        conditions: by name, in the units of the search space.
        features: by name, in the units of the profile, with off-line results by CHANNEL.QUANTITY
            and readings of devices by DEVICE.QUANTITY; nan where there is no value.
        objective: nan where there is none.
        quality: "good", "doubtful" or "bad".
        reason: why these conditions were chosen, in one phrase.
        settles: whether it was looked at once and in its steady state, unlike the looks of a study
            that follows one liquid.
        ended_s: rig time [s] at which it was over.
        flowing_s: how long [s] its liquid had flowed when its frames began; nan if that is not
            known.
    """

    number: int
    stage: str
    conditions: Mapping[str, Value]
    arm: str | None = None
    features: Mapping[str, float] = field(factory=dict)
    objective: float = math.nan
    quality: str = "good"
    reason: str = ""
    settles: bool = True
    ended_s: float = 0.0
    flowing_s: float = math.nan


def _no_spectrum(number: int, channel: str) -> tuple[Array, Array]:
    raise InputError(f"there is no spectrum of channel {channel!r} of experiment {number}")


@frozen(kw_only=True, eq=False)
class GalleryRun:
    """A finished run.

    Attributes:
        experiments: in order of time.
        space: the search space.
        units: unit of each feature, by name; "" for a number without one.
        labels: names for people, `[labels]` of the profile.
        findings: what its studies found, by stage.
        hours: rig time [h], with the waits for results.
        spectrum: computes from the number of an experiment and the name of a channel the places on
            its axis and the values there, `p` each.
        residence_time_s: computes the residence time τ [s] under conditions.
    """

    experiments: Sequence[GalleryExperiment]
    space: Space
    units: Mapping[str, str] = field(factory=dict)
    labels: Mapping[str, str] = field(factory=dict)
    findings: Mapping[str, Findings] = field(factory=dict)
    hours: float = 0.0
    spectrum: Callable[[int, str], tuple[Array, Array]] = _no_spectrum
    residence_time_s: Callable[[Mapping[str, Value]], float] = field(default=lambda _: math.nan)

    def good(self, *stages: str, arm: str | None = None) -> list[GalleryExperiment]:
        """Experiments of good quality, in order of time.

        Args:
            stages: names of the stages that count; all by default.
            arm: the arm that counts; all by default.
        """
        return [
            one
            for one in self.experiments
            if one.quality == "good"
            and (not stages or one.stage in stages)
            and arm in (None, one.arm)
        ]

    def usable(self, stage: str) -> list[GalleryExperiment]:
        """Experiments of a stage that are good or in doubt, in order of time, as studies use."""
        return [one for one in self.experiments if one.stage == stage and one.quality != "bad"]

    def label(self, name: str) -> str:
        """A condition or feature as an axis has it, with its unit."""
        units = {**self.units, **self.space.units}
        unit, shown = units.get(name, ""), self.labels.get(name, name)
        return f"{shown} ({unit})" if unit else shown

    def finding(self, stage: str, name: str) -> float:
        """The number that a study found under a name; nan if it found none."""
        found = self.findings.get(stage, Findings()).findings
        return next((one.value for one in found if one.name == name), math.nan)


@frozen(kw_only=True, eq=False)
class GallerySurface:
    """The predicted objective over two conditions.

    Attributes:
        first: condition along the rows.
        second: condition along the columns.
        level: where the others are held: "low", "medium" or "high".
        mean: from the lower to the upper end of both conditions, shape `g x h`; nan where a limit
            forbids the conditions.
    """

    first: str
    second: str
    level: str
    mean: Array

    @property
    def best(self) -> dict[str, float]:
        """Where the highest value is, by condition: 0 at its lower end, 1 at its upper end."""
        place = np.unravel_index(int(np.nanargmax(self.mean)), self.mean.shape)
        ends = [max(1, size - 1) for size in self.mean.shape]
        return {
            name: float(at) / end
            for name, at, end in zip((self.first, self.second), place, ends, strict=True)
        }


@frozen(kw_only=True, eq=False)
class GalleryTwin:
    """A digital twin of experiments of a run.

    Letters: `n` experiments, `d` conditions.

    Attributes:
        names: the conditions, in the order of columns.
        conditions: of its experiments, in the unit cube, shape `n x d`.
        shapley: contribution of each condition to the predicted objective of each experiment, in
            the unit of the objective, shape `n x d`.
        base: mean predicted objective, to which the contributions are relative.
        r2: coefficient of determination by response and of the objective: of the four fifths of the
            experiments that it has learnt from, and of the fifth that it has not seen.
        objective: name of the objective, for `r2`.
        surfaces: over pairs of the three strongest conditions.
    """

    names: tuple[str, ...]
    conditions: Array
    shapley: Array
    base: float
    r2: Mapping[str, tuple[float, float]]
    objective: str
    surfaces: Sequence[GallerySurface] = ()

    @property
    def ranking(self) -> list[str]:
        """The conditions by their mean absolute contribution, the strongest first."""
        order = np.argsort(-np.abs(self.shapley).mean(axis=0), kind="stable")
        return [self.names[int(column)] for column in order]

    def trend(self, name: str) -> float:
        """Correlation of a condition with its contribution: +1 if more of it is always better."""
        column = self.names.index(name)
        x, y = self.conditions[:, column], self.shapley[:, column]
        if not (np.ptp(x) > 0 and np.ptp(y) > 0):
            return 0.0
        return float(np.corrcoef(x, y)[0, 1])


@frozen(kw_only=True, eq=False)
class PaperResults:
    """What the runs and twins of a paper came to.

    Attributes:
        runs: by name.
        twins: by name.
        is_quick: whether the runs have fewer frames and experiments than those of the paper.
    """

    runs: Mapping[str, GalleryRun]
    twins: Mapping[str, GalleryTwin] = field(factory=dict)
    is_quick: bool = False
