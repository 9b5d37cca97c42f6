"""A wire on which each exchange goes wrong at random, for tests of drivers on bad lines."""

from collections.abc import Callable, Sequence
from random import Random

from flowrig.emulation import Line, Wire

__all__ = ["AtRandom"]


class AtRandom(Wire):
    """A wire on which an exchange meets one of several faults, or none.

    Args:
        chance: the probability that an exchange goes wrong, 0 to 1.
        faults: makers of the possible faults; all are equally likely.
        seed: seed of the draws.
    """

    def __init__(self, chance: float, faults: Sequence[Callable[[], Wire]], seed: int) -> None:
        self._chance = chance
        self._faults = faults
        self._draw = Random(seed)

    def carry(self, line: Line, data: bytes) -> bytes:
        """Carry the bytes over a fresh wire with the drawn fault, or over a sound one."""
        wire = Wire()
        if self._draw.random() < self._chance:
            wire = self._draw.choice(self._faults)()
        try:
            return wire.carry(line, data)
        finally:
            self.struck |= wire.struck
