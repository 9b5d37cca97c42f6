"""Charges the liquid of events that were cut off from a damaged journal."""

from flowrig.journal.check import lost_rows
from flowrig.journal.journal import Journal
from flowrig.run_record.reader import RunRecord
from flowrig.safety.syringes import COUNTED

__all__ = ["account_of_cuts"]

UNCOUNTED = (
    "calibrated", "decided", "ended", "expected-best", "experiment", "explored",
    "gate-asked", "gate-opened", "health", "hold", "listener-failed", "measured", "model-checked",
    "notice", "opened", "operator", "prior", "reading", "safe-state", "skipped", "stage", "step",
    "waste",
)  # fmt: skip
"""Kinds of events that change no liquid: if one of them is damaged, the account stays complete."""


def account_of_cuts(journal: Journal, record: RunRecord) -> None:
    """Charge the liquid of events that were cut off and are not charged yet.

    The events are read from the copy of the damaged file, each checked by its own link of the
    chain. If an event that may change liquid cannot be read, every syringe counts as empty: the
    account may charge too much, never too little. A safety rule that tripped there stays tripped.

    Args:
        journal: of the run, opened for writing.
        record: reads the same run.
    """
    done = {event.data["cut"] for event in journal.events("cut-liquid")}
    for cut in list(journal.events("journal-cut")):
        if cut.sequence in done or cut.data["events_lost"] == 0:
            continue
        rows = list(lost_rows(journal.path.with_name(cut.data["file"]), cut.sequence - 1))
        lost = [row for row in rows if row is not None and row.holds and row.kind in COUNTED]
        is_whole = bool(rows) and all(
            row is not None and (row.holds or row.kind in UNCOUNTED) for row in rows
        )
        for row in rows:
            if row is not None and row.holds and row.kind == "trip":
                journal.append("trip", cut.time_s, row.data)
        last_s = max((row.time_s for row in rows if row is not None and row.holds), default=0.0)
        text = "the liquid of the events that were cut off is charged"
        if not is_whole:
            text = (
                "the liquid of the events that were cut off is not known, so every syringe counts "
                "as empty; fill the syringes and resume with --refilled"
            )
        journal.append(
            "cut-liquid",
            max(cut.time_s, last_s),
            {
                "cut": cut.sequence,
                "text": f"the journal was damaged: {text}",
                "events": [[row.kind, row.time_s, row.data] for row in lost],
                "emptied_ul": {} if is_whole else dict(record.ledger().left_ul),
            },
        )
