"""Charges the liquid of events that were cut off from a damaged journal."""

import math
from contextlib import suppress

from flowrig.journal.check import LostRow, lost_rows
from flowrig.journal.events import (
    KINDS,
    CutEvent,
    CutLiquid,
    EventData,
    JournalCut,
    Liquid,
    Tripped,
    Unreadable,
    data_from_json,
)
from flowrig.journal.fields import FieldError
from flowrig.journal.journal import Journal
from flowrig.run_record.reader import RunRecord

__all__ = ["charge_lost_liquid"]

CHARGED = "the liquid of the events that were cut off is charged"
EMPTIED = (
    "the liquid of the events that were cut off is not known, so every syringe counts as empty; "
    "fill the syringes and resume with --refilled"
)


UNREADABLE = (
    "what event {number} moved cannot be read, so every syringe counts as empty; fill the syringes "
    "and resume with --refilled"
)


def charge_lost_liquid(journal: Journal, record: RunRecord) -> None:
    """Charge the liquid of events that were cut off, or set aside, and are not charged yet.

    The events are read from the copy of the damaged file, each checked by its own link of the
    chain. If an event that may change liquid cannot be read, every syringe counts as empty, so that
    the ledger charges too much rather than too little. A trip of a safety rule among the events is
    written again, so that it stays latched.

    Args:
        journal: of the run, opened for writing.
        record: reads the same run.
    """
    newest = journal.last()
    newest_s = 0.0 if newest is None else newest.time_s
    done = {event.data.cut for event in journal.events(CutLiquid)}
    for number in sorted(record.unreadable_at.keys() - done):
        if _may_have_moved(next(journal.events(after=number - 1)).data):
            left_ul = _left_ul(record)
            text = UNREADABLE.format(number=number)
            charge = CutLiquid(cut=number, text=text, events=(), emptied_ul=left_ul)
            journal.append(charge, newest_s)
    for cut in list(journal.events(JournalCut)):
        if cut.sequence in done or cut.data.events_lost == 0:
            continue
        rows = list(lost_rows(journal.path.with_name(cut.data.file), cut.sequence - 1))
        read = [event for row in rows if (event := _read(row)) is not None]
        is_whole = bool(rows) and all(_read(row) or _is_without_liquid(row) for row in rows)
        for event in read:
            if isinstance(event.data, Tripped):
                journal.append(event.data, cut.time_s)
        last_s = max((event.time_s for event in read), default=0.0)
        journal.append(
            CutLiquid(
                cut=cut.sequence,
                text=f"the journal was damaged: {CHARGED if is_whole else EMPTIED}",
                events=tuple(event for event in read if event.data.LIQUID is Liquid.COUNTED),
                emptied_ul={} if is_whole else _left_ul(record),
            ),
            max(cut.time_s, last_s),
        )


def _left_ul(record: RunRecord) -> dict[str, float]:
    """Volume [µL] left by stream; a supply without an end cannot count as empty."""
    return {n: ul if math.isfinite(ul) else 0.0 for n, ul in record.ledger().left_ul.items()}


def _may_have_moved(data: EventData) -> bool:
    """Whether an event is set aside that the ledger of liquid depends on."""
    return isinstance(data, Unreadable) and KINDS[data.kind].LIQUID is Liquid.COUNTED


def _read(row: LostRow | None) -> CutEvent | None:
    """The event of an intact row; None for a damaged row."""
    if row is None or not row.holds:
        return None
    with suppress(FieldError):
        return CutEvent(row.time_s, data_from_json(row.kind, row.data))
    return None


def _is_without_liquid(row: LostRow | None) -> bool:
    """Whether a row that cannot be read is of a kind that does not change the ledger of liquid."""
    kind = None if row is None else KINDS.get(row.kind)
    return kind is not None and kind.LIQUID is Liquid.NONE
