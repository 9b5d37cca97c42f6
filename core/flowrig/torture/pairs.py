"""Two faults in one campaign: the second strikes soon after the first, whatever goes on by then."""

import random
from pathlib import Path
from typing import Final

from flowrig.errors import InputError
from flowrig.torture.faults import FAULTS, Expected, Fault
from flowrig.torture.injections import Injection, Scene

__all__ = ["FIRST", "SECOND", "pair_of"]

SECOND: Final = (1, 2, 3, 4, 9, 10, 11, 13, 14, 17, 22, 23, 24, 27, 30, 31, 32, 33, 34, 41, 44)
"""Faults that can strike at any event: of cables, instruments, the disk and the clock.

A heater that sticks (26) only comes first: nobody sees one that does so when the run is over.
"""

FIRST: Final = (*SECOND, 26, 42, 43)
"""The same, and the end of the program, after which the second strikes while it is resumed."""

SOON_EVENTS: Final = 60
"""Within so many events of the journal the second strikes: that is, while the rig goes safe, or in
the session after it, or, if nothing came of the first, in the next phases."""


class Both(Injection):
    """Two injections; what holds of either holds.

    Args:
        first: strikes when the trial says.
        second: strikes some events later.
    """

    def __init__(self, first: Injection, second: Injection) -> None:
        super().__init__()
        self.kills = first.kills
        self._first = first
        self._second = second
        self._left: int | None = None

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """That of both; neither changes it."""
        self._first.campaign(folder, draw)
        return self._second.campaign(folder, draw)

    def target(self, scene: Scene) -> str:
        """The device of the first."""
        return self._first.target(scene)

    def strike(self, scene: Scene) -> None:
        """Let the first happen."""
        self._first.strike(scene)
        self._left = scene.draw.randint(0, SOON_EVENTS)
        self._learn()

    def heard(self, scene: Scene) -> None:
        """Let the second happen when its time has come."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._left = None
            self._second.strike(scene)
            self._learn()

    def heal(self, scene: Scene) -> None:
        """End what has struck."""
        self._first.heal(scene)
        self._second.heal(scene)

    def close(self) -> None:
        """Take back what would outlive the trial."""
        self._second.close()
        self._first.close()

    def _learn(self) -> None:
        one, other = self._first, self._second
        self.forgets = one.forgets or other.forgets
        self.is_mute = one.is_mute or other.is_mute
        self.dimmed_s = other.dimmed_s if one.dimmed_s is None else one.dimmed_s
        both_are_devices = one.blamed and other.blamed
        self.blamed = (*one.blamed, *other.blamed) if both_are_devices else ()


def pair_of(first: int, second: int) -> Fault:
    """Two rows of the board as one.

    Raises:
        InputError: one of them does not strike at any event.
    """
    one, other = FAULTS.get(first), FAULTS.get(second)
    if one is None or other is None or first not in FIRST or second not in SECOND:
        raise InputError(f"{first}+{second} is no pair; the second is one of {_listed(SECOND)}")
    make, then = one.make, other.make
    assert make is not None
    assert then is not None
    return Fault(
        number=first,
        name=f"{one.name}, then {other.name}",
        make=lambda: Both(make(), then()),
        phases=one.phases,
        expected=Expected.TOLD,
    )


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
