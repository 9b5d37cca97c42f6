"""All rules together, and the latch that keeps trips until a person resets them."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from flowrig.safety_rules.snapshot import Snapshot, Trip

__all__ = ["Rule", "Supervisor"]


class Rule(Protocol):
    """A safety rule."""

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """Trips in this snapshot; snapshots are given in the order of time."""
        ...

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """Trips of a command that changes the snapshot `before` to `after`."""
        ...


class Supervisor:
    """Checks every rule, and latches trips until a person resets them.

    Args:
        rules: all rules of the rig.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._latched: dict[tuple[str, str], Trip] = {}

    @property
    def latched(self) -> tuple[Trip, ...]:
        """Trips that are not reset; a trip whose action is "hold" is not latched."""
        return tuple(self._latched.values())

    def check(self, snapshot: Snapshot) -> list[Trip]:
        """New trips; a trip that is latched is not reported again."""
        found = [trip for rule in self._rules for trip in rule.check(snapshot)]
        fresh = [trip for trip in found if (trip.rule, trip.device) not in self._latched]
        self._latched |= {(t.rule, t.device): t for t in fresh if t.action != "hold"}
        return fresh

    def refuse(self, before: Snapshot, after: Snapshot) -> list[Trip]:
        """Trips that forbid a command; an empty list permits it.

        While a trip is latched every command is refused; the safe state does not ask.
        """
        if self._latched:
            return list(self.latched)
        return [trip for rule in self._rules for trip in rule.refuse(before, after)]

    def reset(self, rule: str) -> None:
        """Forget the trips of a rule, after a person has removed the cause."""
        self._latched = {key: trip for key, trip in self._latched.items() if key[0] != rule}
