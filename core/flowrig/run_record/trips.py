"""Trips in the journal: what a safety rule ended, and which of them a person has reset."""

from attrs import asdict, frozen

from flowrig.journal.journal import Journal
from flowrig.safety_rules import Trip

__all__ = ["LatchedTrip", "latched_trips", "trip_data"]


@frozen(kw_only=True)
class LatchedTrip:
    """A rule that ended a run and that nobody has reset since.

    Attributes:
        rule: its name.
        device: the heater, or the pump.
        cause: what was wrong, in one clause.
        remedy: what a person should do, in one clause.
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
    """A trip as the journal keeps it."""
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
    """Trips of a run that nobody has reset, in order; a "hold" is none of them."""
    latched: dict[tuple[str, str], LatchedTrip] = {}
    for event in journal.events("trip", "trip-reset"):
        if event.kind == "trip-reset":
            latched = {k: t for k, t in latched.items() if t.rule not in event.data["rules"]}
        elif event.data["action"] != "hold":
            trip = LatchedTrip(**event.data)
            latched[trip.rule, trip.device] = trip
    return list(latched.values())
