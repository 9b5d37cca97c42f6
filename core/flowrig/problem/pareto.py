"""Several goals at once: an objective whose best is a set, and the measures of such a set.

Letters: `n` experiments, `p` goals, `m` responses.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.objective import FARTHEST, Objective, OfGoals, Wanted

__all__ = [
    "Front",
    "ParetoGoal",
    "ParetoObjective",
    "front_of",
    "goals_of",
    "hypervolume",
    "non_dominated",
    "random_weights",
]

Array = NDArray[np.float64]

MOST_GOALS = 4
"""Most goals: the time for an exact hypervolume grows with the power of their number."""

AUGMENTATION = 0.05
"""Weight of the mean beside the goal that is met least (Knowles, IEEE Trans. Evol. Comput. 2006,
10, 50): of two experiments that are equal in that one, the better counts more."""


@frozen(kw_only=True)
class ParetoGoal(Wanted):
    """One of several goals. Its merit is 0 at `worst`, and 1 at `best` or at `target`.

    Between them it is linear, and so it goes on beyond them: below 0 where a value is worse than
    `worst`, above 1 where one is better than `best`.

    Attributes:
        worst: the worst value that is still of use. Those of all goals are the reference point of
            the hypervolume.
        best: a value that meets the goal; above `worst` if large values are wanted, below it if
            small ones are.
        target: the wanted value itself, instead of `best`; `worst` is then as bad on its other
            side.
    """

    worst: float
    best: float | None = None
    target: float | None = None

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        given = [one for one in (self.best, self.target) if one is not None]
        if len(given) != 1:
            raise InputError(f"the goal {self.name!r} needs exactly one of: best, target")
        if not np.isfinite([self.worst, *given]).all() or self.worst == given[0]:
            raise InputError(
                f"the goal {self.name!r} needs two different numbers as `worst` and "
                f"`{'best' if self.target is None else 'target'}`"
            )

    @property
    def wanted(self) -> float:
        """The value of merit 1."""
        return self.best if self.best is not None else self.target or 0.0

    @property
    def text(self) -> str:
        """The goal in a few words, in the unit of its number."""
        if self.target is not None:
            return f"{self.name} to {self.target:g}"
        return f"{self.name} {'large' if self.wanted > self.worst else 'small'}"

    def merit(self, responses: Array) -> Array:
        """The merit of responses of shape `… x m`, shape `…`."""
        off = self.number(responses) - self.wanted
        scale = abs(self.wanted - self.worst)
        short = np.abs(off) if self.target is not None else off * np.sign(self.worst - self.wanted)
        return np.asarray(1.0 - np.clip(short, -FARTHEST * scale, FARTHEST * scale) / scale)


@frozen
class ParetoObjective(OfGoals):
    """Several goals, none of which counts more than another.

    What a campaign seeks is the set of experiments that no other one beats in every goal. Where one
    number is needed, as for "the best", it is the compromise: the merit of the goal that is met
    least, with a twentieth of the mean merit, 0 where all goals are at their `worst` and 1 where
    all are met (an achievement function: Wierzbicki, in *Multiple Criteria Decision Making Theory
    and Application*, 1980, 468).

    Attributes:
        goals: two to four goals, each of another number.
    """

    goals: tuple[ParetoGoal, ...]

    name = "compromise"
    unit = ""

    def __attrs_post_init__(self) -> None:
        names = [one.name for one in self.goals]
        if not 2 <= len(names) <= MOST_GOALS:
            raise InputError(f"two to {MOST_GOALS} goals are needed, got {len(names)}")
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise InputError(f"two goals are about {twice!r}; each needs a number of its own")

    def merits(self, responses: Array) -> Array:
        """The merit of every goal for responses of shape `… x m`, shape `… x p`."""
        return np.stack(
            [goal.merit(responses[..., self.columns_of(goal)]) for goal in self.goals], axis=-1
        )

    def value(self, responses: Array) -> Array:
        """The compromise."""
        merits = self.merits(responses)
        total = merits.min(axis=-1) + AUGMENTATION * merits.mean(axis=-1)
        return np.asarray(total / (1.0 + AUGMENTATION))

    def toward(self, weights: Array) -> Objective:
        """One number whose highest value lies on the front, in the direction of the weights.

        With merits `u`, all above 0, and weights `w` it is the smallest of `u / w`. For weights
        that are evenly spread in direction, the mean of the `p`-th power of the highest value is
        proportional to the hypervolume (Golovin & Zhang, Random hypervolume scalarizations for
        provable multi-objective black box optimization, ICML 2020, lemma 5). Where a merit is
        not above 0 that one counts as it is, so that there is a slope towards the reference point.

        Args:
            weights: of the goals, above 0, shape `p`, of length 1; see `random_weights`.
        """
        return _Toward(self, weights)

    def direction(self, weights: Array) -> str:
        """Weights in words, the beginning of a reason: "plqy 80 %, fwhm_nm 20 %: "."""
        shares = weights**2  # they sum to 1
        named = zip(self.goals, shares, strict=True)
        return ", ".join(f"{goal.name} {share:.0%}" for goal, share in named) + ": "


@frozen(eq=False)
class _Toward(Objective):
    """See `ParetoObjective.toward`."""

    objective: ParetoObjective
    weights: Array

    name = "merit in one direction"
    unit = ""

    @property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.objective.responses

    def value(self, responses: Array) -> Array:
        merits = self.objective.merits(responses)
        return np.asarray(np.where(merits > 0.0, merits / self.weights, merits).min(axis=-1))


def random_weights(count: int, rng: np.random.Generator) -> Array:
    """Weights of length 1, all above 0, evenly spread in direction, shape `count`."""
    drawn = np.maximum(np.abs(rng.standard_normal(count)), 1e-9)
    return np.asarray(drawn / np.linalg.norm(drawn))


def goals_of(objective: Objective | None, features: Mapping[str, float]) -> dict[str, float] | None:
    """The merit of every goal of an experiment, by name.

    Args:
        objective: the objective of the campaign.
        features: of the experiment, by name.

    Returns:
        None if the objective has no such goals, or a feature has no value.
    """
    if not isinstance(objective, ParetoObjective):
        return None
    responses = np.array([features.get(name, np.nan) for name in objective.responses], dtype=float)
    if not np.isfinite(responses).all():
        return None
    merits = objective.merits(responses).tolist()
    return {goal.name: merit for goal, merit in zip(objective.goals, merits, strict=True)}


@frozen
class Front:
    """The experiments that no other one beats in every goal.

    Attributes:
        members: merit of every goal by its name, by number of the experiment, in rising order of
            the first goal.
        hypervolume: of the merits that are better than the reference point, where all are 0; 1 is
            that of a single experiment that meets every goal.
    """

    members: Mapping[int, Mapping[str, float]]
    hypervolume: float

    def as_json(self) -> dict[str, Any]:
        """The front as `--json` prints it."""
        members = [{"index": number, "goals": dict(one)} for number, one in self.members.items()]
        return {"hypervolume": self.hypervolume, "experiments": members}


def front_of(merits: Mapping[int, Mapping[str, float]]) -> Front:
    """The front of some experiments.

    Args:
        merits: merit of every goal by its name, by number of the experiment.
    """
    numbers = list(merits)
    rows = np.array([list(merits[one].values()) for one in numbers], dtype=float)
    if not numbers:
        return Front({}, 0.0)
    on_it = non_dominated(rows)
    order = [place for place in np.argsort(rows[:, 0], kind="stable") if on_it[place]]
    return Front({numbers[one]: merits[numbers[one]] for one in order}, hypervolume(rows[on_it]))


def non_dominated(merits: Array) -> NDArray[np.bool_]:
    """Which rows no other row beats: as good in every goal, and better in one.

    Args:
        merits: to be large, shape `n x p`.

    Returns:
        shape `n`; of equal rows all or none.
    """
    on_it = np.zeros(len(merits), dtype=bool)
    for place in np.lexsort(-merits.T[::-1]):  # whatever beats a row comes before it
        kept, row = merits[on_it], merits[place]
        on_it[place] = not ((kept >= row).all(axis=1) & (kept > row).any(axis=1)).any()
    return on_it


def hypervolume(merits: Array) -> float:
    """Volume between the point 0 and the rows that are above it in every goal.

    Exact, by slices along the last goal (Zitzler & Thiele, IEEE Trans. Evol. Comput. 1999, 3, 257).

    Args:
        merits: shape `n x p`.
    """
    above = merits[(merits > 0.0).all(axis=1)]
    if not len(above):
        return 0.0
    if merits.shape[1] == 1:
        return float(above.max())
    above = above[non_dominated(above)]
    above = above[np.argsort(-above[:, -1], kind="stable")]
    ends: Sequence[float] = [*above[1:, -1].tolist(), 0.0]
    return sum(
        (float(above[place, -1]) - end) * hypervolume(above[: place + 1, :-1])
        for place, end in enumerate(ends)
        if above[place, -1] > end
    )
