"""Objectives: one number to maximize, computed from the measured features of an experiment.

The objective is the figure of merit of a campaign; code and documentation call it objective.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from attrs import Attribute, field, frozen
from numpy.typing import ArrayLike, NDArray

from flowrig.errors import InputError

__all__ = [
    "Goal",
    "MaximumResponse",
    "Objective",
    "OfGoals",
    "PlqyProxy",
    "TargetObjective",
    "Wanted",
    "plqy_proxy",
]

Array = NDArray[np.float64]


class Objective(ABC):
    """A function of measured or predicted features, to be maximized."""

    name: str
    """Name of the objective in reports."""
    unit: str
    """Unit of the objective; "" for a fraction."""
    responses: tuple[str, ...]
    """Names of the features on the last axis of the argument of `value`, in this order."""
    computed: Mapping[str, str] = MappingProxyType({})
    """Unit of each feature that it computes itself from whole spectra, by its name."""
    spectra: tuple[str, ...] = ()
    """Channels whose spectra it needs for that."""

    def compute(self, spectra: Mapping[str, tuple[Array, Array]]) -> Mapping[str, float]:
        """The features of `computed`; nan where there is no value.

        Args:
            spectra: axis and values of one experiment by channel, each of shape `p`.
        """
        return {}

    @abstractmethod
    def value(self, responses: Array) -> Array:
        """The objective for responses of shape `… x m`, shape `…`."""


def plqy_proxy(
    absorbance: ArrayLike,
    pl_area: ArrayLike,
    *,
    dye_plqy: float,
    dye_absorbance: float,
    dye_pl_area: float,
) -> Any:
    """In-situ proxy of the photoluminescence quantum yield, as a fraction.

    Ratio of emitted to absorbed light, relative to a reference dye measured in the same cells:
    `dye_plqy * (pl_area / dye_pl_area) * (1 - 10**-dye_absorbance) / (1 - 10**-absorbance)`
    (Sadeghi et al., Digital Discovery 2025, 4, 1722). Not finite where nothing is absorbed.

    Args:
        absorbance: decadic absorbance at the excitation wavelength, any shape.
        pl_area: photoluminescence area [counts·nm], same shape.
        dye_plqy: quantum yield of the reference dye, as a fraction.
        dye_absorbance: decadic absorbance of the reference dye at the excitation wavelength.
        dye_pl_area: photoluminescence area [counts·nm] of the reference dye.

    Returns:
        the proxy, in the shape of the arguments.
    """
    absorbed = 1.0 - 10.0 ** -np.asarray(absorbance, dtype=float)
    dye_absorbed = 1.0 - 10.0**-dye_absorbance
    with np.errstate(divide="ignore", invalid="ignore"):
        return dye_plqy * (np.asarray(pl_area, dtype=float) / dye_pl_area) * dye_absorbed / absorbed


def _positive(_: Any, attribute: "Attribute[float]", value: float) -> None:
    if not 0.0 < value < np.inf:
        raise InputError(f"{attribute.name} must be more than 0, got {value:g}")


def _share(_: Any, attribute: "Attribute[float]", value: float) -> None:
    if not 0.0 < value <= 1.0:
        raise InputError(
            f"{attribute.name} must be a fraction, more than 0 and at most 1, got {value:g}"
        )


@frozen
class PlqyProxy(Objective):
    """The in-situ proxy of the photoluminescence quantum yield; see `plqy_proxy`.

    Attributes:
        dye_plqy: quantum yield of the reference dye, as a fraction.
        dye_absorbance: decadic absorbance of the reference dye at the excitation wavelength.
        dye_pl_area: photoluminescence area [counts·nm] of the reference dye.
        smallest_absorbance: lower limit of the absorbance in the formula. Without it, a predicted
            absorbance near zero would give an infinite yield.
        absorbance: name of the feature that is the absorbance.
        area: name of the feature that is the photoluminescence area [counts·nm].
    """

    dye_plqy: float = field(validator=_share)
    dye_absorbance: float = field(validator=_positive)
    dye_pl_area: float = field(validator=_positive)
    smallest_absorbance: float = field(default=0.02, validator=_positive)
    absorbance: str = "a300"
    area: str = "pla"

    name = "PLQY proxy"
    unit = ""

    @property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the features: absorbance and photoluminescence area."""
        return (self.absorbance, self.area)

    def value(self, responses: Array) -> Array:
        """The proxy as a fraction, for absorbance and area on the last axis."""
        absorbance = np.maximum(responses[..., 0], self.smallest_absorbance)
        return np.asarray(
            plqy_proxy(
                absorbance,
                np.maximum(responses[..., 1], 0.0),
                dye_plqy=self.dye_plqy,
                dye_absorbance=self.dye_absorbance,
                dye_pl_area=self.dye_pl_area,
            )
        )


@frozen
class MaximumResponse(Objective):
    """One feature as the objective.

    Attributes:
        response: name of the feature.
        unit: unit of the feature.
    """

    response: str
    unit: str = ""

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the feature."""
        return self.response

    @property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """Name of the feature, as the only response."""
        return (self.response,)

    def value(self, responses: Array) -> Array:
        """The feature itself."""
        return np.asarray(responses[..., 0])


FARTHEST = 1e6
"""Distance from a goal, in tolerances, at which distances are cut off: its square stays finite."""


@frozen(kw_only=True)
class Wanted:
    """What a goal is about: a measured feature, or another objective.

    Attributes:
        response: name of a measured feature.
        objective: instead, another objective, computed from features.
    """

    response: str = ""
    objective: Objective | None = None

    def __attrs_post_init__(self) -> None:
        if (self.response == "") == (self.objective is None):
            raise InputError("a goal needs either a response or another objective")

    @property
    def name(self) -> str:
        """Name of the feature or of the objective."""
        return self.response if self.objective is None else self.objective.name

    @property
    def responses(self) -> tuple[str, ...]:
        """Names of the features that the goal needs."""
        return (self.response,) if self.objective is None else self.objective.responses

    def number(self, responses: Array) -> Array:
        """The number that the goal is about, for responses of shape `… x m`, shape `…`."""
        return responses[..., 0] if self.objective is None else self.objective.value(responses)


@frozen(kw_only=True)
class Goal(Wanted):
    """A goal for one number. Its share, 0 to 1, is the degree to which the goal is met.

    With `z` the distance in tolerances, the share is `1 / (1 + z²)` for `target`, and
    `(1 + z / √(1 + z²)) / 2` for `above` and `below`. It is one half at a distance of one tolerance
    from a target, and at the value of `above` or `below`, beyond which it rises on to 1. Far from
    the goal both fall with the square of the distance, so an optimizer finds a slope everywhere.

    A goal has exactly one of `target`, `above` and `below`.

    Attributes:
        target: the wanted value, in the unit of the response.
        above: the value to exceed, in the unit of the response.
        below: the value to stay under, in the unit of the response.
        tolerance: distance from the goal that matters, in the unit of the response.
        weight: weight of this goal among all goals.
    """

    target: float | None = None
    above: float | None = None
    below: float | None = None
    tolerance: float = field(validator=_positive)
    weight: float = field(default=1.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        wanted = [one for one in (self.target, self.above, self.below) if one is not None]
        if len(wanted) != 1 or not np.isfinite(wanted[0]):
            raise InputError("a goal needs exactly one of: target, above, below")

    def share(self, responses: Array) -> Array:
        """Degree to which responses of shape `… x m` meet the goal, shape `…`, 0 to 1."""
        value = self.number(responses)
        if self.target is not None:
            return np.asarray(1.0 / (1.0 + np.square(self._distance(value - self.target))))
        beyond = value - self.above if self.above is not None else (self.below or 0.0) - value
        z = self._distance(beyond)
        return np.asarray(0.5 + 0.5 * z / np.sqrt(1.0 + np.square(z)))

    def _distance(self, difference: Array) -> Array:
        """A difference in units of the tolerance, cut off at `FARTHEST`."""
        farthest = FARTHEST * self.tolerance
        return np.clip(difference, -farthest, farthest) / self.tolerance


class OfGoals(Objective):
    """An objective that is made of goals: it needs what they need.

    Attributes:
        goals: the goals.
    """

    goals: tuple[Wanted, ...]

    @cached_property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the features that the goals need, each once."""
        return tuple(dict.fromkeys(name for goal in self.goals for name in goal.responses))

    @property
    def computed(self) -> Mapping[str, str]:  # type: ignore[override]
        """What the objectives of the goals compute."""
        return {name: unit for one in self._inner for name, unit in one.computed.items()}

    @property
    def spectra(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the objectives of the goals read."""
        return tuple(dict.fromkeys(name for one in self._inner for name in one.spectra))

    def compute(self, spectra: Mapping[str, tuple[Array, Array]]) -> Mapping[str, float]:
        """The features of the objectives of the goals."""
        return {n: value for one in self._inner for n, value in one.compute(spectra).items()}

    @property
    def _inner(self) -> tuple[Objective, ...]:
        return tuple(goal.objective for goal in self.goals if goal.objective is not None)

    def columns_of(self, goal: Wanted) -> list[int]:
        """Places among the responses of what a goal needs."""
        return [self.responses.index(name) for name in goal.responses]


@frozen
class TargetObjective(OfGoals):
    """Several goals in order of importance; a goal counts only as far as all before it are met.

    With the shares `s` and weights `w` of the goals, the objective is
    `Σ_i w_i Π_(j≤i) s_j / Σ_i w_i`. It is smooth, falls with no share, and is 0 if the first goal
    is missed completely and 1 if all are met.

    Attributes:
        goals: the goals, the most important first.
    """

    goals: tuple[Goal, ...]

    name = "goals met"
    unit = ""

    def __attrs_post_init__(self) -> None:
        if not self.goals:
            raise InputError("at least one goal is needed")

    def value(self, responses: Array) -> Array:
        """Degree to which responses of shape `… x m` meet the goals, shape `…`, 0 to 1."""
        met, total = np.ones(responses.shape[:-1]), np.zeros(responses.shape[:-1])
        for goal in self.goals:
            met = met * goal.share(responses[..., self.columns_of(goal)])
            total = total + goal.weight * met
        return total / sum(goal.weight for goal in self.goals)
