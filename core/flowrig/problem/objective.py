"""The figure of merit: measured features in, one number to maximize out."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from attrs import Attribute, field, frozen
from numpy.typing import ArrayLike, NDArray

from flowrig.errors import InputError

__all__ = [
    "Goal",
    "MaximumResponse",
    "Objective",
    "PlqyProxy",
    "TargetObjective",
    "plqy_proxy",
]

Array = NDArray[np.float64]


class Objective(ABC):
    """A figure of merit of features that were measured or predicted; to be maximized."""

    name: str
    """What reports call it."""
    unit: str
    """Unit of the value; a fraction has the unit ""."""
    responses: tuple[str, ...]
    """The features it needs, in the order of the last axis of `value`'s argument."""

    @abstractmethod
    def value(self, responses: Array) -> Array:
        """The figure of merit of responses of shape `… x m`, shape `…`."""


def plqy_proxy(
    absorbance: ArrayLike,
    pl_area: ArrayLike,
    *,
    dye_plqy: float,
    dye_absorbance: float,
    dye_pl_area: float,
) -> Any:
    """In-situ proxy of the photoluminescence quantum yield, as a fraction.

    Ratio of emitted to absorbed light relative to a reference dye measured in the same cells:
    `dye_plqy * (pl_area / dye_pl_area) * (1 - 10**-dye_absorbance) / (1 - 10**-absorbance)`
    (Sadeghi et al., Digital Discovery 2025, 4, 1722). Not finite where nothing is absorbed.

    Args:
        absorbance: absorbance at the excitation wavelength, decadic, any shape.
        pl_area: photoluminescence area [counts·nm], same shape.
        dye_plqy: quantum yield of the reference dye, a fraction.
        dye_absorbance: its absorbance in the same cell.
        dye_pl_area: its photoluminescence area [counts·nm].
    """
    absorbed = 1.0 - 10.0 ** -np.asarray(absorbance, dtype=float)
    dye_absorbed = 1.0 - 10.0**-dye_absorbance
    with np.errstate(divide="ignore", invalid="ignore"):
        return dye_plqy * (np.asarray(pl_area, dtype=float) / dye_pl_area) * dye_absorbed / absorbed


@frozen
class PlqyProxy(Objective):
    """`plqy_proxy` of the absorbance at the excitation wavelength and the PL area.

    Attributes:
        dye_plqy: quantum yield of the reference dye, a fraction.
        dye_absorbance: absorbance of the reference dye at the excitation wavelength.
        dye_pl_area: photoluminescence area of the reference dye [counts·nm].
        smallest_absorbance: responses below this absorbance count as this one, so that a predicted
            absorbance near zero does not promise an infinite yield.
    """

    dye_plqy: float
    dye_absorbance: float
    dye_pl_area: float
    smallest_absorbance: float = 0.02

    name = "PLQY proxy"
    unit = ""
    responses = ("a300", "pla")

    def value(self, responses: Array) -> Array:
        """The proxy, a fraction, of responses `(a300, pla)` on the last axis."""
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
    """One measured feature, as large as possible.

    Attributes:
        response: name of the feature.
        unit: its unit.
    """

    response: str
    unit: str = ""

    @property
    def name(self) -> str:  # type: ignore[override]
        """The feature's name."""
        return self.response

    @property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """The feature alone."""
        return (self.response,)

    def value(self, responses: Array) -> Array:
        """The feature itself."""
        return np.asarray(responses[..., 0])


FARTHEST = 1e6
"""Distance from a goal, in tolerances, from which all are equally far."""


def _positive(_: Any, attribute: "Attribute[float]", value: float) -> None:
    if not 0.0 < value < np.inf:
        raise InputError(f"{attribute.name} must be more than 0, got {value:g}")


@frozen(kw_only=True)
class Goal:
    """What one number should be, as a share from 0 (far off) to 1 (met).

    With `z` the distance in tolerances the share is `1 / (1 + z²)` for `target`, and
    `(1 + z / √(1 + z²)) / 2` for `above` and `below`: one half at a distance of one tolerance from
    a target, and at the value of `above` or `below` itself, beyond which it goes on rising to 1.
    Far off both fall with the square of the distance, so that the way is never flat.

    Attributes:
        response: a measured feature, or …
        objective: … another figure of merit, computed from features.
        target: the value that is wanted, …
        above: … or one that should be exceeded, …
        below: … or one that should be undercut; all in the unit of the response.
        tolerance: distance that matters, in the same unit.
        weight: how much this goal counts beside the others.
    """

    response: str = ""
    objective: Objective | None = None
    target: float | None = None
    above: float | None = None
    below: float | None = None
    tolerance: float = field(validator=_positive)
    weight: float = field(default=1.0, validator=_positive)

    def __attrs_post_init__(self) -> None:
        if (self.response == "") == (self.objective is None):
            raise InputError("a goal is about either a response or another objective")
        wanted = [one for one in (self.target, self.above, self.below) if one is not None]
        if len(wanted) != 1 or not np.isfinite(wanted[0]):
            raise InputError("a goal wants exactly one of: target, above, below")

    @property
    def responses(self) -> tuple[str, ...]:
        """The features that it needs."""
        return (self.response,) if self.objective is None else self.objective.responses

    def share(self, responses: Array) -> Array:
        """How far it is met by its responses of shape `… x m`, shape `…`, from 0 to 1."""
        value = responses[..., 0] if self.objective is None else self.objective.value(responses)
        if self.target is not None:
            return np.asarray(1.0 / (1.0 + np.square(self._distance(value - self.target))))
        beyond = value - self.above if self.above is not None else (self.below or 0.0) - value
        z = self._distance(beyond)
        return np.asarray(0.5 + 0.5 * z / np.sqrt(1.0 + np.square(z)))

    def _distance(self, difference: Array) -> Array:
        """A difference in tolerances."""
        farthest = FARTHEST * self.tolerance
        return np.clip(difference, -farthest, farthest) / self.tolerance


@frozen
class TargetObjective(Objective):
    """Several goals in order: a later one counts only as far as all before it are met.

    With the shares `s` and weights `w` of the goals the value is
    `Σ_i w_i Π_(j≤i) s_j / Σ_i w_i`: smooth, never falling in any share, 0 if the first goal is
    missed altogether and 1 if all are met.

    Attributes:
        goals: the most important first.
    """

    goals: tuple[Goal, ...]

    name = "goals met"
    unit = ""

    def __attrs_post_init__(self) -> None:
        if not self.goals:
            raise InputError("goals must hold at least one goal")

    @cached_property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """The features that any goal needs, each once."""
        return tuple(dict.fromkeys(name for goal in self.goals for name in goal.responses))

    def value(self, responses: Array) -> Array:
        """How far the goals are met, from 0 to 1."""
        met, total = np.ones(responses.shape[:-1]), np.zeros(responses.shape[:-1])
        for goal in self.goals:
            columns = [self.responses.index(name) for name in goal.responses]
            met = met * goal.share(responses[..., columns])
            total = total + goal.weight * met
        return total / sum(goal.weight for goal in self.goals)
