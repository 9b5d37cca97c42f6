"""Slow random drift of the rig, as a function of time."""

import math
import zlib

import numpy as np

__all__ = ["Drift", "generator"]

_CHUNK = 1024
"""Grid values that are drawn at once; the values do not depend on it."""


def generator(seed: int, name: str) -> np.random.Generator:
    """The random generator of one named part of the world.

    Parts do not share a generator, so one part draws the same numbers whatever the others do. The
    name is part of the seed: a renamed part gets other noise, and a replayed run other counts.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class Drift:
    """A stationary Gaussian value with exponential memory (first-order autoregressive process).

    The values lie on a fixed grid of times, with straight lines between them, so the value at a
    time does not depend on when, how often or in which order it is read.

    Args:
        seed: seed of the world.
        name: name of the drift; each drift has its own generator.
        sd: stationary standard deviation.
        memory_s: time [s] after which the correlation has fallen to 1/e.
        start_s: earliest rig time [s] that can be read.
    """

    def __init__(self, seed: int, name: str, sd: float, memory_s: float, start_s: float) -> None:
        self._rng = generator(seed, name)
        self._sd = sd
        self._step_s = memory_s / 20
        self._keep = math.exp(-self._step_s / memory_s)
        self._start_s = start_s
        self._values = [sd * float(self._rng.standard_normal())]

    def at(self, time_s: float) -> float:
        """The value at a rig time [s]."""
        position = (time_s - self._start_s) / self._step_s
        node = int(position)
        while node + 1 >= len(self._values):
            self._extend()
        here, there = self._values[node : node + 2]
        return here + (there - here) * (position - node)

    def _extend(self) -> None:
        value = self._values[-1]
        fresh = self._sd * math.sqrt(1 - self._keep**2)
        for draw in self._rng.standard_normal(_CHUNK).tolist():
            value = self._keep * value + fresh * draw
            self._values.append(value)
