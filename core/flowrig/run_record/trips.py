"""Trips of safety rules in a journal, and those of them that a person has not reset."""

from attrs import asdict, frozen

from flowrig.journal.journal import Journal
from flowrig.safety_rules import Trip

__all__ = ["LatchedTrip", "latched_trips", "trip_data"]


@frozen(kw_only=True)
class LatchedTrip:
    """A safety rule that ended a run and was not reset since.

    Attributes:
        rule: its name.
        device: the heater, or the pump.
        cause: in one clause.
        remedy: advice to a person, in one clause.
        action: "safe" or "halt".
    """

    rule: str
    device: str
    cause: str
    remedy: str
    action: str

    def __str__(self) -> str:
        return f"{self.device}: {self.cause}; {self.remedy}"


def trip_data(trip: Trip) -> dict[str, str]:
    """The data of an event `trip`."""
    return asdict(
        LatchedTrip(
            rule=trip.rule,
            device=trip.device,
            cause=trip.cause,
            remedy=trip.remedy,
            action=trip.action,
        )
    )


def latched_trips(journal: Journal) -> list[LatchedTrip]:
    """Trips of a run that were not reset, in order; those with the action "hold" do not latch."""
    latched: dict[tuple[str, str], LatchedTrip] = {}
    for event in journal.events("trip", "trip-reset"):
        if event.kind == "trip-reset":
            latched = {k: t for k, t in latched.items() if t.rule not in event.data["rules"]}
        elif event.data["action"] != "hold":
            trip = LatchedTrip(**event.data)
            latched[trip.rule, trip.device] = trip
    return list(latched.values())
