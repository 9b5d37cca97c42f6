"""Stops the pumps of a run whose program ended, and charges the volumes delivered meanwhile."""

from datetime import UTC, datetime

from flowrig.journal.events import Ended, Intent, Outcome, Reading
from flowrig.journal.journal import Journal
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.flush import MOVING
from flowrig.safety.syringes import Unrecorded

__all__ = ["away_s_of", "stop_all"]


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
    unrecorded = Unrecorded(away_s=away_s)
    if not _ended_after_its_commands(journal):
        states = rig.pump_states_if_answered(actuation.ledger.rig_state.flows)
        doubted = tuple(s for s, state in states.items() if state not in (None, *MOVING))
        unrecorded = Unrecorded(away_s=away_s, doubted=doubted, may_have_run=True)
    actuation.stop(rig.profile.streams, unrecorded)


def away_s_of(journal: Journal) -> float:
    """Time [s] since the rig was last commanded or read, by the computer's clock; at least 0."""
    newest = journal.last(Intent, Outcome, Reading)
    if newest is None:
        return 0.0
    away_s = (datetime.now(UTC) - datetime.fromisoformat(newest.wall)).total_seconds()
    return max(away_s, 0.0)


def _ended_after_its_commands(journal: Journal | None) -> bool:
    """Whether the journal holds the end of the run, and no command after it."""
    if journal is None:
        return False
    ended, newest = journal.last(Ended), journal.last(Intent, Outcome)
    return newest is None or (ended is not None and ended.sequence > newest.sequence)
