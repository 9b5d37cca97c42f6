"""Lines side by side: no two have the same resistance, and one may block."""

from collections.abc import Mapping

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.profile.model import Component, Lines, Profile
from flowrig_sim.noise import generator

__all__ = ["uneven", "without_line"]

LEAST_RESISTANCE = 0.2
"""Least resistance of a line, as a share of the mean one, however large the scatter."""


def uneven(profile: Profile, scatter: float, seed: int) -> Profile:
    """The rig whose lines differ in their resistance to flow.

    All lines have the same pressure drop, so that the flow through each is in inverse proportion to
    its resistance (Hagen-Poiseuille, laminar flow).

    Args:
        profile: the rig; one without lines is returned as it is.
        scatter: standard deviation of the resistances, as a share of their mean.
        seed: of the world.
    """
    if profile.lines is None or scatter == 0.0:
        return profile
    draws = generator(seed, "resistance of lines").standard_normal(profile.lines.count)
    resistance = np.maximum(1.0 + scatter * draws, LEAST_RESISTANCE)
    return _weighted(profile, profile.lines, 1.0 / resistance)


def without_line(profile: Profile, line: int) -> Profile:
    """The rig when nothing flows through one of its lines any more; the others take its flow.

    Args:
        profile: a rig with lines.
        line: the line, counted from 1.
    """
    assert profile.lines is not None
    weights = np.ones(profile.lines.count)
    weights[line - 1] = 0.0
    return _weighted(profile, profile.lines, weights)


def _weighted(profile: Profile, lines: Lines, weights: NDArray[np.float64]) -> Profile:
    """The rig with other shares where flow divides into lines; each division keeps its sum."""
    path = {
        name: component if lines.line_of(name) is not None else _divided(component, lines, weights)
        for name, component in profile.path.items()
    }
    return evolve(profile, path=path)


def _divided(component: Component, lines: Lines, weights: NDArray[np.float64]) -> Component:
    given = component.to
    if not isinstance(given, Mapping):
        return component
    shares = {name: one for name, one in given.items() if isinstance(one, float)}
    for part in lines.parts:
        inside = [name for name in lines.names(part) if name in shares]
        if len(inside) == lines.count:
            before = np.array([shares[name] for name in inside])
            after = before * weights
            shares |= dict(
                zip(inside, (after * (before.sum() / after.sum())).tolist(), strict=True)
            )
    return evolve(component, to=shares) if shares else component
