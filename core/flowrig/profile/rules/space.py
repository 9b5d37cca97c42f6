"""Rules for the search space: conditions that meet all limits, and optimizers that fit it."""

from collections.abc import Iterator

import numpy as np

from flowrig.errors import InputError
from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.problem.designs import uniform
from flowrig.problem.pareto import ParetoObjective
from flowrig.problem.space import LinearConstraint, Space
from flowrig.problem.steps import all_allowed, has_steps, nearest_allowed
from flowrig.problem.system import System
from flowrig.profile.controls.objections import objected
from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules.supervision import margin

__all__ = ["optimizers_fit", "reachable"]

_SWEEPS = 2000
"""Projections after which the constraints count as impossible to meet."""

_TOLERANCE = 1e-6
"""Accepted excess over a constraint, as in `LinearConstraint.holds`."""


def reachable(profile: Profile) -> Iterator[Finding]:
    """Some conditions of the search space meet all limits on flow rates."""
    if profile.system is not None:
        yield from _reachable_by_equations(profile, profile.system)
        return
    space, met = profile.space, True
    for flow, constraint in zip(profile.limited_flows, space.constraints, strict=True):
        low, high = _extremes(space, constraint)
        if high < constraint.low or low > constraint.high:
            met, constant = False, flow.rule.constant_ul_min
            path: Path = ("limits", "total_flow")
            yield Finding(
                path if flow.stream is None else ("streams", flow.stream, "flow_rate"),
                f"the {flow.label} is {low + constant:g} to {high + constant:g} uL/min in the "
                f"whole search space, outside its limits",
                expected="other limits, or other ranges in [[space]]",
            )
    if not met:
        return
    message, expected = "", "other limits, or other ranges in [[space]]"
    if not has_point(space):
        message = "no conditions of the search space meet all limits on flow rates at once"
    elif has_steps(space) and not _has_point_on_steps(space):
        message = "no conditions on the steps of [[space]] meet all limits on flow rates at once"
        expected = "smaller steps, or one parameter without steps"
    if message:
        yield Finding(("limits", "total_flow"), message, expected=expected)


def _reachable_by_equations(profile: Profile, system: System) -> Iterator[Finding]:
    """As `reachable`, where what is set follows from equations."""
    for limit in system.limits:
        ends = system.extremes(limit)
        if ends is not None and (ends[1] < limit.low or ends[0] > limit.high):
            yield Finding(
                ("space",),
                f"{limit.label}: {ends[0]:g} to {ends[1]:g} in the whole search space, outside "
                f"{limit.low:g} to {limit.high:g}",
                expected="other limits, or other ranges in [[space]]",
                on_key=True,
            )
            return
    for limit in system.limits:  # also where no variable is the set point itself
        (name, *others) = limit.ratio.names
        device, ends = profile.devices.get(name), system.extremes(limit)
        if not others and ends is not None and device is not None and device.offer.kind == "heater":
            yield from margin(profile, name, min(ends[1], limit.high), ("space",))
    space = profile.space
    try:
        found = uniform(space, 1, np.random.default_rng(0))
    except InputError as error:
        yield Finding(("space",), str(error), expected="other limits, or other ranges", on_key=True)
        return
    middle = space.from_unit(found)[0]
    if has_steps(space) and nearest_allowed(space, middle) is None:
        message = "no conditions on the steps of [[space]] meet all limits at once"
        yield Finding(("space",), message, expected="smaller steps, or other limits", on_key=True)


def optimizers_fit(profile: Profile) -> Iterator[Finding]:
    """The settings of every optimizer fit the search space."""
    stages = () if profile.campaign is None else profile.campaign.stages
    for index, stage in enumerate(stages):
        if not isinstance(stage.settings, OptimizerSettings):
            continue
        here: Path = ("campaign", "stages", index)
        objection = stage.settings.objection(profile.space)
        if objection:
            yield objected(stage, objection, here)
        if isinstance(profile.objective, ParetoObjective) and not stage.settings.seeks_fronts:
            yield Finding(
                (*here, "optimizer"),
                f"{stage.name}: {stage.offer.name} seeks the highest of one number, and the "
                "objective has several goals",
                expected="an optimizer that takes several goals, such as bayes, or another "
                "[objective]",
            )


def _has_point_on_steps(space: Space) -> bool:
    """Whether some conditions on the steps meet the constraints; true for a grid that is too fine
    to be looked at as a whole."""
    allowed = all_allowed(space)
    if allowed is not None:
        return len(allowed) > 0
    is_fine_grid = all(one.step is not None for one in space.parameters)
    return is_fine_grid or nearest_allowed(space, (space.low + space.high) / 2) is not None


def _extremes(space: Space, constraint: LinearConstraint) -> tuple[float, float]:
    """Smallest and largest value of a constraint's sum within the bounds."""
    factors = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
    ends = np.array([factors * space.low, factors * space.high])
    return float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum())


def has_point(space: Space) -> bool:
    """Whether bounds and constraints have a point in common.

    A point is projected onto one constraint after the other; for convex sets with a common point
    this converges to one (Bregman, USSR Computational Mathematics and Mathematical Physics 1967, 7,
    200).
    """
    point = (space.low + space.high) / 2
    for _ in range(_SWEEPS):
        for constraint in space.constraints:
            factors = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
            total = factors @ point
            miss = total - np.clip(total, constraint.low, constraint.high)
            if miss and factors.any():
                point = np.clip(point - miss * factors / (factors @ factors), space.low, space.high)
        if bool(space.feasible(point[None, :], _TOLERANCE)[0]):
            return True
    return False
