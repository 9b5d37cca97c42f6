"""Takes entered results into the journal of a run that is not under way."""

from collections.abc import Callable
from pathlib import Path

from flowrig.journal.events import Notice, ResultEntered
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.run_record.lock import locked
from flowrig.run_record.off_line.box import ResultBox
from flowrig.run_record.reader import RunRecord

__all__ = ["take_into_journal"]


def take_into_journal(folder: Path, tell: Callable[[str], object]) -> int:
    """Take what was entered into the journal, under the lock of the folder.

    Args:
        folder: of the run.
        tell: told of a result that cannot be taken.

    Returns:
        how many were taken.

    Raises:
        InputError: another process works on the run, or its journal is damaged.
    """
    with locked(folder), Journal(folder / FILE_NAME) as journal, RunRecord(folder) as record:
        newest = journal.last()
        time_s = 0.0 if newest is None else newest.time_s

        def append(entry: ResultEntered) -> None:
            journal.append(entry, time_s)

        def refuse(problem: str) -> None:
            journal.append(Notice(text=problem), time_s)
            tell(problem)

        return ResultBox(folder).take(record, append, refuse)
