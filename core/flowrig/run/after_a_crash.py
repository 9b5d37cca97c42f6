"""Stops the pumps of a run whose program ended, and charges the volumes delivered meanwhile."""

from flowrig.journal.events import Ended, Intent, Outcome
from flowrig.journal.journal import Journal
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import MOVING

__all__ = ["stop_all"]


def stop_all(rig: Rig, actuation: Actuation, journal: Journal | None, away_s: float = 0.0) -> None:
    """Stop every stream of a rig; also charge volumes that the journal does not hold.

    Args:
        rig: the opened rig.
        actuation: its journalled actuators.
        journal: of the run; None if it cannot be read.
        away_s: time [s], beyond that of the rig's clock, for which streams may have flowed.

    Raises:
        DeviceError: a pump did not stop, or it is not known whether it did.
    """
    doubted = _doubted(rig, actuation, journal)
    actuation.stop(rig.profile.streams, unseen=True, away_s=away_s, doubted=doubted)


def _doubted(rig: Rig, actuation: Actuation, journal: Journal | None) -> list[str]:
    """Streams that run by the journal and stand still: their stop is not in the journal.

    If the journal could not be written, they may have been started again as well.
    """
    if journal is not None:
        ended, newest = journal.last(Ended), journal.last(Intent, Outcome)
        if newest is None or (ended is not None and ended.sequence > newest.sequence):
            return []
    actuation.ledger.expect_nothing()
    states = rig.pump_states_as_told(actuation.ledger.running)
    return [stream for stream, state in states.items() if state not in (None, *MOVING)]
