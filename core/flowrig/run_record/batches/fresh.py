"""When a person filled in a fresh stock."""

from attrs import frozen

from flowrig.journal.events import Resumed, WentOn
from flowrig.journal.journal import Journal
from flowrig.profile import Profile
from flowrig.profile.model.refill import RESERVOIR

__all__ = ["FreshStock", "fresh_stocks"]


@frozen
class FreshStock:
    """A person filled syringes or reservoirs.

    Attributes:
        sequence: number of the event of the journal.
        streams: whose they are; at least one.
    """

    sequence: int
    streams: tuple[str, ...]


def fresh_stocks(profile: Profile, journal: Journal) -> list[FreshStock]:
    """The changes of batches in a run: what a person has filled, carriers and gases excluded.

    A syringe that fills itself from its reservoir stays in its batch.

    Args:
        profile: the rig.
        journal: of the run.
    """
    found = []
    for event in journal.events(WentOn, Resumed):
        names = dict.fromkeys(one.removesuffix(RESERVOIR) for one in event.data.refilled)
        streams = {n: profile.streams[n] for n in names if n in profile.streams}
        stocks = [name for name, one in streams.items() if one.is_in_product]
        if stocks:
            found.append(FreshStock(event.sequence, tuple(stocks)))
    return found
