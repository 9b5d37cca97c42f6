"""Two faults in one campaign: the second strikes soon after the first, in any phase."""

import random
from pathlib import Path
from typing import Final

from flowrig.errors import InputError
from flowrig.torture.faults import FAULTS, Expected, Fault
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.rigs import PlayedRig

__all__ = ["FIRST", "SECOND", "pair_of"]

SECOND: Final = (
    1, 2, 3, 4, 9, 10, 11, 13, 14, 17, 22, 23, 24, 27, 30, 31, 32, 33, 34, 41, 44, 49, 50, 52,
    53, 54, 56, 57,
)  # fmt: skip
"""Faults that can strike at any event: of cables, instruments, the disk and the clock.

A stuck heater (26) is only a first fault: after the end of a run flowrig cannot detect it.
"""

FIRST: Final = (*SECOND, 26, 42, 43)
"""Also the end of the program, after which the second fault strikes in the resumption."""

SOON_EVENTS: Final = 60
"""The second fault strikes within this number of journal events: on the way to the safe state, in
the next process, or, if the run survives the first fault, in the next phases."""


class Both(Injection):
    """Two injections with the properties of both.

    Args:
        first: strikes at the moment of the trial.
        second: strikes a few events later.
    """

    def __init__(self, first: Injection, second: Injection) -> None:
        super().__init__()
        self.kills = first.kills
        self._first = first
        self._second = second
        self._left: int | None = None
        self._in_the_resumption: int | None = None

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign; neither injection changes its file."""
        self._first.campaign(rig, folder, draw)
        return self._second.campaign(rig, folder, draw)

    def target(self, scene: Scene) -> str:
        """The device of the first injection."""
        return self._first.target(scene)

    def strike(self, scene: Scene) -> None:
        """Inject the first fault; after the end of the program events count from the resumption on.

        What a killed program still writes, nobody sees, and what strikes it is healed with it.
        """
        self._first.strike(scene)
        soon = scene.draw.randint(0, SOON_EVENTS)
        self._left, self._in_the_resumption = (None, soon) if self.kills else (soon, None)
        self._combine()

    def after_event(self, scene: Scene) -> None:
        """Inject the second fault after the chosen number of events."""
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._left = None
            self._second.strike(scene)
            self._combine()

    def heal(self, scene: Scene) -> None:
        """End both faults."""
        self._first.heal(scene)
        self._second.heal(scene)
        if self._in_the_resumption is not None:
            self._left, self._in_the_resumption = self._in_the_resumption, None

    def close(self) -> None:
        """Undo everything that would outlive the trial."""
        self._second.close()
        self._first.close()

    def _combine(self) -> None:
        one, other = self._first, self._second
        self.loses_count = one.loses_count or other.loses_count
        self.weakens_light = one.weakens_light or other.weakens_light
        self.blocks_journal = one.blocks_journal or other.blocks_journal
        self.blinds = one.blinds
        self.unreachable_s = one.unreachable_s + other.unreachable_s
        self.dimmed_s = other.dimmed_s if one.dimmed_s is None else one.dimmed_s
        both_are_devices = one.affected and other.affected
        self.affected = (*one.affected, *other.affected) if both_are_devices else ()


def pair_of(first: int, second: int) -> Fault:
    """Two rows of the board as one.

    Raises:
        InputError: one of them cannot strike at any event.
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
        expected=Expected.REPORTED,
    )


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
