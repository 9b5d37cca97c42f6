"""Trips of safety rules in a journal, and those of them that a person has not reset."""

from collections.abc import Iterable

from flowrig.journal.events import Event, Tripped, TripReset
from flowrig.journal.journal import Journal
from flowrig.safety_rules import Trip

__all__ = ["latched", "latched_trips", "tripped"]


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
    return latched(journal.events(Tripped, TripReset))


def latched(events: Iterable[Event[Tripped] | Event[TripReset]]) -> list[Tripped]:
    """As `latched_trips`, from the events of a journal."""
    trips: dict[tuple[str, str], Tripped] = {}
    for event in events:
        match event.data:
            case TripReset(rules=rules):
                trips = {k: t for k, t in trips.items() if t.rule not in rules}
            case Tripped() as trip if trip.action != "hold":
                trips[trip.rule, trip.device] = trip
    return list(trips.values())
