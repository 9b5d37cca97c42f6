"""Trips of safety rules in a journal, and those of them that a person has not reset."""

from flowrig.journal.events import Tripped, TripReset
from flowrig.journal.journal import Journal
from flowrig.safety_rules import Trip

__all__ = ["latched_trips", "tripped"]


def tripped(trip: Trip) -> Tripped:
    """The data of an event that records a trip."""
    return Tripped(
        rule=trip.rule,
        device=trip.device,
        cause=trip.cause,
        remedy=trip.remedy,
        action=trip.action,
    )


def latched_trips(journal: Journal) -> list[Tripped]:
    """Trips of a run that were not reset, in order; those with the action "hold" do not latch."""
    latched: dict[tuple[str, str], Tripped] = {}
    for event in journal.events(Tripped, TripReset):
        match event.data:
            case TripReset(rules=rules):
                latched = {k: t for k, t in latched.items() if t.rule not in rules}
            case Tripped() as trip if trip.action != "hold":
                latched[trip.rule, trip.device] = trip
    return list(latched.values())
