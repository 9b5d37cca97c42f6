"""Checks a journal by its chain, and cuts off what is damaged.

Nothing of a damaged file is lost: it is copied beside the journal before anything changes.
"""

import json
import math
import os
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from attrs import frozen

from flowrig.journal.format import (
    FORMAT,
    LARGEST_ARRAY,
    SCHEMA,
    chained,
    is_digest_of,
    packed,
    schema_of,
)

__all__ = [
    "NOTHING_EXAMINED",
    "Damage",
    "Examination",
    "Examined",
    "LostRow",
    "Row",
    "digests_in",
    "examine",
    "holding",
    "intact_arrays",
    "keep_copy",
    "lost_rows",
    "rebuild",
    "torn_pages",
]

WAL_HEADER = struct.Struct(">8I")
FRAME_HEADER = struct.Struct(">6I")
"""Headers of a write-ahead log and of its frames (SQLite, "WAL-mode File Format")."""

LATEST_S = 1e11
"""Largest rig time [s] of an event, which is some thousand years."""

Row = tuple[int, float, str, str, str, str]
"""Of table `event`: sequence, time_s, wall, kind, data, chain."""

UNREADABLE = (
    sqlite3.Error, TypeError, ValueError, OverflowError, MemoryError, RecursionError, zlib.error,
)  # fmt: skip
"""Errors of reading a damaged row."""


@frozen
class Damage:
    """Damage of a journal.

    Attributes:
        good: number of the last event from which a run can be resumed; 0 if there is none.
        events: number of the last event in the file; None if it cannot be read.
        measured: number of measurements behind the last good event; None if it is not known.
        arrays: numbers of events that hold, but whose arrays do not.
        cause: in one clause.
    """

    good: int
    events: int | None
    measured: int | None
    arrays: tuple[int, ...]
    cause: str

    @property
    def is_tail(self) -> bool:
        """Whether a cut behind the last good event loses at most one measurement."""
        return self.good > 0 and self.measured is not None and self.measured <= 1

    def __str__(self) -> str:
        if self.events == self.good and not self.arrays:
            return f"its structure is damaged ({self.cause}); all {self.good} events hold"
        if self.events == self.good:
            listed = ", ".join(map(str, self.arrays))
            return f"the arrays of event {listed} are damaged ({self.cause}); all events hold"
        whole = "an unknown number" if self.events is None else str(self.events)
        lost = "an unknown number of" if self.measured is None else str(self.measured)
        return (
            f"it is damaged behind event {self.good} of {whole} ({self.cause}); "
            f"{lost} measurements are behind it"
        )


@frozen
class Examined:
    """Events of a journal, from its first on, that were found to be what was written.

    A later examination of the same journal goes on behind them.

    Attributes:
        sequence: number of the last of them; 0 if there are none.
        chain: `chain` of the last of them; "" if there are none.
        with_arrays: whether their arrays were examined, too.
    """

    sequence: int = 0
    chain: str = ""
    with_arrays: bool = False


NOTHING_EXAMINED = Examined()


@frozen
class Examination:
    """The result of an examination of a journal.

    Attributes:
        damage: the damage that was found; None if there is none.
        examined: the events that hold; none if there is damage.
    """

    damage: Damage | None
    examined: Examined


def examine(
    connection: sqlite3.Connection,
    *,
    arrays: bool,
    since: Examined = NOTHING_EXAMINED,
    follows: bool = False,
) -> Examination:
    """Check the structure of the file, the chain of its events and, if wished, every array.

    Args:
        connection: of the journal.
        arrays: whether to check the arrays.
        since: events that an earlier examination found to hold. Their chain is not checked again
            as long as the last of them is still there, with the same link of the chain.
        follows: whether the structure was checked before, and is not checked again.
    """
    structure = "" if follows else _structure(connection)
    since = since if _is_there(connection, since) else NOTHING_EXAMINED
    good, chain, cause = _chain(connection, since)
    first = since.sequence + 1 if since.with_arrays else 1
    broken = tuple(_broken_arrays(connection, first, good)) if arrays else ()
    cause = cause or structure or ("an array is not what was written" if broken else "")
    if not cause:
        return Examination(None, Examined(good, chain, with_arrays=arrays))
    events, measured = _behind(connection, good)
    if events != good:
        good = _before_batch(connection)
    return Examination(Damage(good, events, measured, broken, cause), NOTHING_EXAMINED)


def _is_there(connection: sqlite3.Connection, examined: Examined) -> bool:
    """Whether the last of the examined events is as it was."""
    try:
        row = connection.execute(
            "SELECT chain FROM event WHERE sequence = ?", (examined.sequence,)
        ).fetchone()
    except UNREADABLE:
        return False
    return row is not None and row[0] == examined.chain


def _structure(connection: sqlite3.Connection) -> str:
    try:
        listed = [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql]
        if schema_of(listed) != schema_of(SCHEMA.split(";")):
            return "its tables are not those of a journal"
        found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except UNREADABLE as error:
        return str(error)
    return "" if found == "ok" else found.splitlines()[-1]


def verified(connection: sqlite3.Connection, since: Examined = NOTHING_EXAMINED) -> Iterator[Row]:
    """The rows of table `event` in order, as long as each is what was written.

    Args:
        connection: of the journal.
        since: events that are known to hold; the rows behind them are checked.

    Raises:
        ValueError: the next row is not what was written. Rows behind it cannot be distinguished
            from a forgery.
        sqlite3.Error: the next row cannot be read.
    """
    number, chain = since.sequence, since.chain
    for row in connection.execute(
        "SELECT sequence, time_s, wall, kind, data, chain FROM event NOT INDEXED "
        "WHERE sequence > ? ORDER BY sequence",
        (number,),
    ):
        sequence, *head, text, written = row
        _require_types(number + 1, head, text)
        number, chain = number + 1, chained(chain, (sequence, *head), text)
        if sequence != number or written != chain:
            raise ValueError(f"event {number} is not what was written")
        if not _is_table(text):
            raise ValueError(f"event {number} holds no table")
        yield row


def _require_types(number: int, head: Sequence[Any], text: Any) -> None:
    """Refuse columns of other types: SQLite keeps any type in any column.

    Raises:
        ValueError: a column is not what flowrig writes there.
    """
    time_s, wall, kind = head
    texts = all(isinstance(one, str) for one in (wall, kind, text))
    if not (isinstance(time_s, float) and abs(time_s) <= LATEST_S and texts):
        raise ValueError(f"event {number} has columns of other types")
    if datetime.fromisoformat(wall).tzinfo is None:
        raise ValueError(f"event {number} has no time zone")


def _is_table(text: str) -> bool:
    """Whether the data of an event are a table, with texts for digests of arrays."""
    data = json.loads(text)
    digests = data.get("arrays", {}) if isinstance(data, dict) else None
    return isinstance(digests, dict) and all(isinstance(one, str) for one in digests.values())


def holding(connection: sqlite3.Connection) -> Iterator[Row]:
    """As `verified`, but ends without an error before the first row that is damaged."""
    with suppress(*UNREADABLE):
        yield from verified(connection)


def _chain(connection: sqlite3.Connection, since: Examined) -> tuple[int, str, str]:
    """The last event up to which the chain holds, its link, and why the chain ends there."""
    good, chain = since.sequence, since.chain
    try:
        for row in verified(connection, since):
            good, chain = row[0], row[5]
    except UNREADABLE as error:
        return good, chain, str(error)
    return good, chain, ""


def _before_batch(connection: sqlite3.Connection) -> int:
    """The last event that holds, but for decisions at the end.

    A batch is decided as a whole. A batch that may have lost its end is decided again: the same
    measurements give the same conditions.
    """
    return max((row[0] for row in holding(connection) if row[3] != "decided"), default=0)


def _behind(connection: sqlite3.Connection, good: int) -> tuple[int | None, int | None]:
    """The last event, and the number of measurements behind a good one; None if not readable."""
    try:
        last = connection.execute("SELECT max(sequence) FROM event NOT INDEXED").fetchone()[0] or 0
        kinds = [
            connection.execute("SELECT kind FROM event WHERE sequence = ?", (n,)).fetchone()
            for n in range(good + 1, last + 1)
        ]
    except UNREADABLE:
        return None, None
    return last, sum(row is None or row[0] == "measured" for row in kinds)


def _broken_arrays(connection: sqlite3.Connection, first: int, last: int) -> Iterator[int]:
    """Events from `first` to `last`, whose chain holds, with an array that is not as written."""
    try:
        rows = connection.execute(
            "SELECT sequence, data FROM event NOT INDEXED "
            "WHERE sequence BETWEEN ? AND ? AND instr(data, '\"arrays\"') ORDER BY sequence",
            (first, last),
        ).fetchall()
    except UNREADABLE:  # the structure is damaged, and the chain says so
        return
    for sequence, text in rows:
        if intact_arrays(connection, sequence, digests_in(text)) is None:
            yield sequence


def digests_in(text: str) -> Mapping[str, str]:
    """Digests of arrays, by name, in the data of an event."""
    found: Mapping[str, str] = json.loads(text).get("arrays", {}) if '"arrays"' in text else {}
    return found


def intact_arrays(
    connection: sqlite3.Connection, sequence: int, digests: Mapping[str, str]
) -> list[tuple[str, str, str, bytes]] | None:
    """The arrays of an event: name, type, shape and content; None if one is not what was written.

    Args:
        connection: of the journal.
        sequence: the event.
        digests: of its arrays, by name, as the event holds them.
    """
    if not digests:
        return []
    found = []
    try:
        for name, dtype, shape, data in connection.execute(
            "SELECT name, dtype, shape, data FROM array WHERE sequence = ? ORDER BY name",
            (sequence,),
        ):
            content = _unpacked(data, dtype, shape)
            if not is_digest_of(digests.get(name), content, dtype, shape):
                return None
            found.append((name, dtype, shape, content))
    except UNREADABLE:
        return None
    return found if len(found) == len(digests) else None


@frozen
class LostRow:
    """An event behind damage, as it is in the file.

    Attributes:
        kind: kind of the event.
        time_s: rig time [s].
        data: plain JSON values.
        holds: whether it is what was written, by its link to the row before it.
    """

    kind: str
    time_s: float
    data: Mapping[str, Any]
    holds: bool


def lost_rows(copy: Path, good: int) -> Iterator[LostRow | None]:
    """Events that were cut off, from the copy of the damaged file, which is not changed.

    Args:
        copy: the copy.
        good: number of the last event that was not cut off.

    Yields:
        each row; None for one that is missing, or where nothing more can be read.
    """
    with TemporaryDirectory(prefix="flowrig-") as folder:
        try:
            for name in (copy.name, f"{copy.name}-wal"):
                if (source := copy.with_name(name)).is_file():
                    shutil.copyfile(source, Path(folder) / name)
            with closing(sqlite3.connect(Path(folder) / copy.name)) as connection:
                yield from _rows_behind(connection, good)
        except (OSError, *UNREADABLE):
            yield None


def _rows_behind(connection: sqlite3.Connection, good: int) -> Iterator[LostRow | None]:
    number, before = good, ""
    for sequence, time_s, wall, kind, text, chain in connection.execute(
        "SELECT sequence, time_s, wall, kind, data, chain FROM event NOT INDEXED "
        "WHERE sequence >= ? ORDER BY sequence",
        (max(good, 1),),
    ):
        if sequence != good:
            yield from [None] * (sequence - number - 1)
            holds = chain == chained(before, (sequence, time_s, wall, kind), text)
            data = json.loads(text) if holds else {}
            yield LostRow(kind, time_s if holds else 0.0, data, holds)
        number, before = sequence, chain


def _unpacked(data: bytes, dtype: str, shape: str) -> bytes:
    """The bytes of an array; never more than its type and shape need.

    Raises:
        ValueError: they do not fit its type and shape, or there are too many.
    """
    kind, lengths = np.dtype(dtype), json.loads(shape)
    size = kind.itemsize * math.prod(lengths)
    if kind.kind not in "biuf" or not 0 <= size <= LARGEST_ARRAY or min(lengths, default=0) < 0:
        raise ValueError(f"an array of {dtype} {shape}")
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(data, size + 1)
    if len(content) != size or unpacker.unconsumed_tail:
        raise ValueError("an array of another size")
    return content


def rebuild(path: Path, good: int) -> Path:
    """Write a new journal with the events and arrays that hold; the old file is kept beside it.

    At every moment there is a complete file under the journal's name.

    Args:
        path: of the journal.
        good: number of the last event that is copied.

    Returns:
        the copy of the old file.

    Raises:
        OSError: there is no room for the copy.
        sqlite3.Error: the new file could not be written.
    """
    kept = keep_copy(path)
    fresh = path.with_name(f"{path.name}.part")
    fresh.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(fresh)) as new,
        ):
            new.executescript(f"PRAGMA synchronous=FULL; BEGIN; {SCHEMA}")
            _copy_rows(old, new, good)
            new.execute(f"PRAGMA user_version={FORMAT:d}")
            new.commit()
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return kept


def _copy_rows(old: sqlite3.Connection, new: sqlite3.Connection, good: int) -> None:
    for row in [row for row in holding(old) if row[0] <= good]:
        new.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", row)
        sequence, _, _, _, text, _ = row
        for name, dtype, shape, content in intact_arrays(old, sequence, digests_in(text)) or ():
            new.execute(
                "INSERT INTO array VALUES (?, ?, ?, ?, ?)",
                (sequence, name, dtype, shape, packed(content)),
            )


def keep_copy(path: Path, *, log_only: bool = False) -> Path:
    """Copy a journal and its write-ahead log to the next free `journal-cut-<n>.sqlite`.

    Args:
        path: of the journal.
        log_only: copy no more than the log.

    Returns:
        the copy; of the log, if only that was copied.
    """
    number = 1
    while list(path.parent.glob(f"{path.stem}-cut-{number}{path.suffix}*")):
        number += 1
    copy = path.with_name(f"{path.stem}-cut-{number}{path.suffix}")
    log, copied_log = (one.with_name(f"{one.name}-wal") for one in (path, copy))
    if log.is_file():
        _copied(log, copied_log)
    if log_only:
        return copied_log
    _copied(path, copy)
    return copy


def _copied(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("xb") as new:
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())


def torn_pages(path: Path, whole: int) -> int:
    """Pages at the end of a write-ahead log that belong to it and did not reach the disk whole.

    Args:
        path: of the journal.
        whole: frames of the log that SQLite takes.
    """
    log = path.with_name(f"{path.name}-wal")
    if not log.is_file():
        return 0
    with log.open("rb") as file:
        header = file.read(WAL_HEADER.size)
        if len(header) < WAL_HEADER.size:
            return 0
        _, _, page_size, _, *salts, _, _ = WAL_HEADER.unpack(header)
        torn = 0
        file.seek(WAL_HEADER.size + whole * (FRAME_HEADER.size + page_size))
        while len(head := file.read(FRAME_HEADER.size)) == FRAME_HEADER.size:
            _, _, *here, _, _ = FRAME_HEADER.unpack(head)
            torn += here == salts
            file.seek(page_size, os.SEEK_CUR)
    return torn
