"""A run that is gone: its pumps are stopped, and charged what they delivered meanwhile."""

from flowrig.journal.events import Ended, Intent, Outcome
from flowrig.journal.journal import Journal
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import MOVING

__all__ = ["stop_all"]


def stop_all(rig: Rig, actuation: Actuation, journal: Journal | None, away_s: float = 0.0) -> None:
    """Stop every stream of a rig, and charge also what the journal knows nothing of.

    Args:
        rig: the opened rig.
        actuation: its journalled actuators.
        journal: what is known; None where it cannot be read.
        away_s: how much longer [s] than the rig's clock knows of streams may have flowed.

    Raises:
        DeviceError: a pump did not stop, or nobody knows whether it did.
    """
    doubted = _doubted(rig, actuation, journal)
    actuation.stop(rig.profile.streams, unseen=True, away_s=away_s, doubted=doubted)


def _doubted(rig: Rig, actuation: Actuation, journal: Journal | None) -> list[str]:
    """Streams that should run, and stand still: whoever stopped them told the journal nothing.

    Where the journal took nothing any more, they may have been started anew as well.
    """
    if journal is not None:
        ended, newest = journal.last(Ended), journal.last(Intent, Outcome)
        if newest is None or (ended is not None and ended.sequence > newest.sequence):
            return []
    actuation.ledger.expect_nothing()
    states = rig.pump_states_as_told(actuation.ledger.running)
    return [stream for stream, state in states.items() if state not in (None, *MOVING)]
