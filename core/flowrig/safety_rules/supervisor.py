"""All rules together, and the latch."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from flowrig.safety_rules.snapshot import Snapshot, Trip

__all__ = ["Rule", "Supervisor"]


class Rule(Protocol):
    """Something that must hold."""

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """What is broken at this look; looks come in the order of time."""
        ...

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """What a command would break that makes `after` of `before`."""
        ...


class Supervisor:
    """Asks every rule at every look, and remembers what tripped until a person resets it.

    Args:
        rules: what must hold.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._latched: dict[tuple[str, str], Trip] = {}

    @property
    def latched(self) -> tuple[Trip, ...]:
        """Trips that nobody has reset; a "hold" is none of them."""
        return tuple(self._latched.values())

    def check(self, snapshot: Snapshot) -> list[Trip]:
        """What broke since the last look; a rule that is latched says nothing again."""
        found = [trip for rule in self._rules for trip in rule.check(snapshot)]
        fresh = [trip for trip in found if (trip.rule, trip.device) not in self._latched]
        self._latched |= {(t.rule, t.device): t for t in fresh if t.action != "hold"}
        return fresh

    def refuse(self, before: Snapshot, after: Snapshot) -> list[Trip]:
        """Why a command must not be sent; an empty list lets it pass.

        Nothing passes while a trip is latched: the way to the safe state does not ask.
        """
        if self._latched:
            return list(self.latched)
        return [trip for rule in self._rules for trip in rule.refuse(before, after)]

    def reset(self, rule: str) -> None:
        """A person has looked: forget the trips of a rule."""
        self._latched = {key: trip for key, trip in self._latched.items() if key[0] != rule}
