"""Campaigns and the search space that they explore."""

from collections.abc import Iterator

import numpy as np

from flowrig.profile.model import TOTAL_FLOW, Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.space import LinearConstraint, Space

__all__ = ["RULES", "reachable"]

_SWEEPS = 2000
_TOLERANCE = 1e-6


def stages(profile: Profile) -> Iterator[Finding]:
    """There are stages, with names of their own, sorted by variables."""
    if profile.campaign is None:
        return
    known = [variable.name for variable in profile.variables]
    seen: set[str] = set()
    if not profile.campaign.stages:
        yield Finding(("campaign", "stages"), "there is no stage", expected="[[campaign.stages]]")
    for index, stage in enumerate(profile.campaign.stages):
        here: Path = ("campaign", "stages", index)
        if stage.name in seen:
            message = f"there is a stage {stage.name!r} already"
            yield Finding((*here, "name"), message, expected="another name")
        seen.add(stage.name)
        if stage.order_by is not None:
            yield from names.one_of(stage.order_by, known, "variable", (*here, "order_by"))


def reachable(space: Space) -> Iterator[Finding]:
    """Some condition of a search space obeys every limit on flow rates."""
    path: Path = ("limits", "total_flow")
    for constraint in space.constraints:
        low, high = _extremes(space, constraint)
        if high < constraint.low or low > constraint.high:
            yield Finding(
                path if constraint.label == TOTAL_FLOW else ("space",),
                f"the {constraint.label} is {low:g} to {high:g} in the whole search space",
                expected=f"a part of it within {constraint.low:g} to {constraint.high:g}",
            )
            return
    if not _has_point(space):
        message = "no condition of the search space obeys all limits on flow rates at once"
        yield Finding(path, message, expected="wider limits, or other ranges in [[space]]")


def _extremes(space: Space, constraint: LinearConstraint) -> tuple[float, float]:
    """Smallest and largest value of a constraint's sum within the bounds."""
    factors = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
    ends = np.array([factors * space.low, factors * space.high])
    return float(ends.min(axis=0).sum()), float(ends.max(axis=0).sum())


def _has_point(space: Space) -> bool:
    """Whether bounds and constraints have a point in common.

    Projects a point onto one after the other; for convex sets that share a point this converges to
    one (Bregman, USSR Computational Mathematics and Mathematical Physics 1967, 7, 200).
    """
    point = (space.low + space.high) / 2
    for _ in range(_SWEEPS):
        for constraint in space.constraints:
            factors = np.array([constraint.coefficients.get(name, 0.0) for name in space.names])
            total = factors @ point
            miss = total - np.clip(total, constraint.low, constraint.high)
            point = np.clip(point - miss * factors / (factors @ factors), space.low, space.high)
        if bool(space.feasible(point[None, :], _TOLERANCE)[0]):
            return True
    return False


RULES = (stages,)
