"""Robustness of an optimum: what the rig's own scatter makes of the objective around it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.journal.events import FlatOptimum, Reading, Robustness, StepBegun
from flowrig.problem.objective import Objective
from flowrig.problem.space import Value
from flowrig.profile import Profile
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard.precision import precision_of
from flowrig.run_record.scorecard.times import share_of
from flowrig.safety.syringes import RATE_ERROR

__all__ = ["Scatter", "flattest", "objective_around", "robustness_of", "scatter_of"]

Array = NDArray[np.float64]

DRAWS = 32
"""Random errors of the conditions, each with its mirror image; the relative standard error of their
standard deviation is about a tenth."""

CANDIDATES = 16
"""Measured conditions with the highest expected objective, among which a flat optimum is sought."""

FLATTER = 0.7
"""Spread of a flat optimum, as a share of that of the best, at most."""

NEWEST = 50
"""Experiments whose temperatures are looked at."""

LEAST_FREE = 5
"""Degrees of freedom from which on the spread of replicates is used instead of the profile's."""

STEP = 1e-4
"""Step in the unit cube for the derivative of what is set."""


@frozen(eq=False)
class Scatter:
    """How far conditions lie from what was chosen.

    Attributes:
        factors: independent errors, shape `d x k`: a standard normal `e` of length `k` moves the
            conditions by `factors @ e` in the unit cube.
        left_out: what is not in it, one clause each.
    """

    factors: Array
    left_out: tuple[str, ...]

    @property
    def sd(self) -> Array:
        """Standard deviation of each condition in the unit cube, shape `d`."""
        return np.asarray(np.sqrt((self.factors**2).sum(axis=1)))


def robustness_of(
    record: RunRecord, model: Surrogate, trusted: Sequence[Experiment], means: Array, best: int
) -> Robustness:
    """The spread of the objective around the best conditions, under the rig's own scatter.

    Args:
        record: the run.
        model: its fitted surrogate.
        trusted: experiments of good quality.
        means: their expected objective, shape `n`.
        best: the place of the best among them.
    """
    profile, space = record.profile, record.profile.space
    scatter = scatter_of(record, trusted[best].conditions)
    order = [best, *(int(one) for one in np.argsort(-means)[:CANDIDATES] if one != best)]
    centres = space.to_unit(space.array([trusted[place].conditions for place in order]))
    values = objective_around(model, profile.objective, centres, scatter, record.seed)
    spreads = values.std(axis=1)
    noise, source = _noise(record, model, centres[0])
    total = math.hypot(float(spreads[0]), noise or 0.0)
    sd = scatter.sd * (space.high - space.low)
    indices = [trusted[place].index for place in order]
    return Robustness(
        sd=total,
        from_conditions=float(spreads[0]),
        from_measurement=noise,
        measurement=source,
        scatter=dict(zip(space.names, sd.tolist(), strict=True)),
        left_out=scatter.left_out,
        flat=flattest(indices, values.mean(axis=1), spreads, total),
    )


def objective_around(
    model: Surrogate, objective: Objective, centres: Array, scatter: Scatter, seed: int
) -> Array:
    """Expected objective at conditions moved by the scatter, shape `centres x draws`.

    Errors beyond a bound are mirrored at it, as a surrogate is fitted inside only. All centres have
    the same errors.

    Args:
        model: a fitted surrogate.
        objective: a function of its responses.
        centres: conditions in the unit cube, shape `centres x d`.
        scatter: of the conditions.
        seed: of the errors.
    """
    errors = np.random.default_rng(seed).standard_normal((DRAWS, scatter.factors.shape[1]))
    moves = np.concatenate([errors, -errors]) @ scatter.factors.T
    X = centres[:, None, :] + moves
    X = 1.0 - np.abs(1.0 - np.abs(X))
    X = np.clip(X, 0.0, 1.0).reshape(-1, X.shape[-1])
    values = objective.value(model.predict(X).mean)
    return np.asarray(values).reshape(len(centres), -1)


def _noise(record: RunRecord, model: Surrogate, x: Array) -> tuple[float | None, str]:
    """Standard deviation of one measured objective at fixed conditions, and where it is from."""
    objective = record.profile.objective
    precision = precision_of(record.profile, record.experiments())
    responses = model.predict(x[None, :]).mean[0]
    enough = precision.source == "replicates" and precision.degrees_of_freedom >= LEAST_FREE
    if enough and objective.name in precision.rsd_percent:
        value = float(objective.value(responses))
        return abs(value) * precision.rsd_percent[objective.name] / 100.0, "replicates"
    rsd = np.array(record.profile.rsd)
    if not np.isfinite(rsd).all():
        return None, ""
    errors = np.random.default_rng(record.seed).standard_normal((16 * DRAWS, len(rsd)))
    values = objective.value(responses * (1.0 + rsd * errors))
    return float(np.std(values)), "repeatability"


def flattest(
    indices: Sequence[int], means: Array, spreads: Array, total: float
) -> FlatOptimum | None:
    """The flattest of the conditions that are as good as the first within its scatter.

    Args:
        indices: numbers of the experiments, the best first.
        means: expected objective of each, averaged over the scatter of its conditions.
        spreads: standard deviation of each by that scatter.
        total: standard deviation of the first, with that of a measurement.

    Returns:
        None if no other is flatter than `FLATTER` times the first.
    """
    good = (means >= means[0] - total) & (spreads <= FLATTER * spreads[0])
    if not good.any():
        return None
    place = int(np.argmin(np.where(good, spreads, np.inf)))
    return FlatOptimum(
        index=indices[place], objective_mean=float(means[place]), sd=float(spreads[place])
    )


def scatter_of(record: RunRecord, conditions: Mapping[str, Value]) -> Scatter:
    """The scatter of conditions: that of temperatures as read, that of flow rates as stated.

    A temperature scatters as the readings during the newest samples did, about the set points. A
    flow rate has the profile's `accuracy` as its standard deviation; without one it lies anywhere
    within 3 % of what was set, the most by which a pump may be wrong, which is a standard deviation
    of `3 % / √3` (rectangular distribution, JCGM 100:2008, 4.3.7).

    Where conditions are expressions over what is set, its errors are carried over to first order:
    by the least squares of errors in units of their standard deviations.

    Args:
        record: the run.
        conditions: by name, where the scatter is wanted.
    """
    profile, space = record.profile, record.profile.space
    errors = _control_errors(record, conditions)
    left_out = [
        f"{one.name}: the scatter of {one.device} is not known"
        for one in profile.variables
        if one.device is not None
    ]
    if profile.system is not None:
        factors, idle = _carried_over(profile, conditions, errors)
        if idle:
            left_out.append(f"errors of {', '.join(idle)}, which no condition changes")
        return Scatter(factors, tuple(left_out))
    sd = [
        errors.get(one.heater or one.stream or "", 0.0) / (space.high[j] - space.low[j])
        for j, one in enumerate(profile.variables)
    ]
    followed = [name for name in profile.following_streams if errors.get(name, 0.0) > 0.0]
    if followed:
        left_out.append(f"errors of {', '.join(followed)}, whose flow rate follows from others")
    return Scatter(np.diag(sd), tuple(left_out))


def _control_errors(record: RunRecord, conditions: Mapping[str, Value]) -> dict[str, float]:
    """Standard deviation of each set point [°C] and flow rate [µL/min]."""
    profile = record.profile
    errors = _temperature_errors_c(record)
    for name, rate in profile.flow_rates_ul_min(conditions).items():
        stated = profile.streams[name].accuracy_percent
        relative = RATE_ERROR / math.sqrt(3.0) if stated is None else stated / 100.0
        errors[name] = relative * rate
    return errors


def _temperature_errors_c(record: RunRecord) -> dict[str, float]:
    """Root mean square distance [°C] of readings from set points while samples were taken."""
    newest = record.experiments()[-NEWEST:]
    after = max(newest[0].sequence - 1, 0) if newest else 0
    squares: dict[str, list[float]] = {}
    sampling = False
    for event in record.journal.events(StepBegun, Reading, after=after):
        match event.data:
            case StepBegun(what=what):
                sampling = share_of(what) == "frames"
            case Reading(heaters=heaters) if sampling:
                for name, one in heaters.items():
                    if one.temperature_c is not None and one.set_point_c is not None:
                        off_c = one.temperature_c - one.set_point_c
                        squares.setdefault(name, []).append(off_c**2)
    return {name: math.sqrt(math.fsum(found) / len(found)) for name, found in squares.items()}


def _carried_over(
    profile: Profile, conditions: Mapping[str, Value], errors: Mapping[str, float]
) -> tuple[Array, list[str]]:
    """Factors of the conditions' scatter, from errors of what a system of equations sets; and what
    of that does not depend on the conditions."""
    space, system = profile.space, profile.system
    assert system is not None
    known = [j for j, name in enumerate(system.unknowns) if errors.get(name, 0.0) > 0.0]
    sd = np.array([errors[system.unknowns[j]] for j in known])
    at = space.to_unit(space.array([conditions]))[0]
    slopes = np.zeros((len(known), len(at)))
    for j, parameter in enumerate(space.parameters):
        if parameter.choices:
            continue
        step = STEP if at[j] <= 0.5 else -STEP
        moved = at + step * np.eye(len(at))[j]
        both = system.solve(space.from_unit(np.array([at, moved])))[:, known]
        slopes[:, j] = np.nan_to_num((both[1] - both[0]) / step)
    names = [system.unknowns[j] for j in known]
    idle = [name for name, row in zip(names, slopes, strict=True) if not row.any()]
    return np.asarray(np.linalg.pinv(slopes / sd[:, None])), idle
