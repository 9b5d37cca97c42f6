"""Writes events at the end of a journal, each exactly once even if a write fails."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
from attrs import define, evolve, field
from numpy.typing import NDArray

from flowrig.journal.events import AnyEvent, D, Event, EventData, Unknown, Unreadable
from flowrig.journal.format import (
    LARGEST_ARRAY,
    array_digest,
    chained,
    finite,
    packed,
    plain_json,
)
from flowrig.journal.lenient import read_event

__all__ = ["Tail"]

Rows = tuple[tuple[str, str, str, bytes], ...]
"""Arrays of an event: name, type, shape and packed content of each."""


@define(eq=False)
class _Pending:
    """An event whose write is not confirmed."""

    event: AnyEvent
    text: str
    chain: str
    arrays: Rows
    is_kept: bool = False


@define(eq=False)
class Tail:
    """Adds events to a journal's tables, in order.

    A write that fails is tried once more. Before the second try, the file is read: a commit that
    raised an error may be in the file nevertheless.

    Attributes:
        connection: to the file, opened for writing, without transactions of its own.
        trouble: the first error of SQLite; None if there was none.
        is_behind: whether an event that is kept could not be written yet.
    """

    connection: sqlite3.Connection
    trouble: sqlite3.Error | None = field(init=False, default=None)
    is_behind: bool = field(init=False, default=False)
    _sequence: int = field(init=False, default=0)
    _chain: str = field(init=False, default="")
    _pending: list[_Pending] = field(init=False, factory=list)
    _inserted: int = field(init=False, default=0)
    _announced: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._sequence, self._chain = self._on_disk()

    def add(self, data: D, time_s: float, arrays: Mapping[str, NDArray[Any]]) -> Event[D]:
        """Put an event at the end; it is not written yet.

        A value that a reader would refuse is written in a form that it reads; see
        `flowrig.journal.lenient`. An event that happened is written in any case.

        Returns:
            the event as a reader will see it.

        Raises:
            TypeError: a value is not plain JSON.
            ValueError: an array is too large, or holds no numbers.
        """
        raw = [(name, *_form(array)) for name, array in arrays.items()]
        digests = {name: array_digest(counts, dtype, shape) for name, dtype, shape, counts in raw}
        data, plain = _as_read(data)
        text = plain_json({**plain, "arrays": digests} if digests else plain)
        wall = datetime.now(UTC).isoformat(timespec="milliseconds")
        sequence, before = self._end()
        event = Event(sequence + 1, float(time_s), wall, data, digests)
        chain = chained(before, (event.sequence, event.time_s, wall, event.kind), text)
        rows = tuple((name, dtype, shape, packed(counts)) for name, dtype, shape, counts in raw)
        self._pending.append(_Pending(event, text, chain, rows))
        return event

    def write(self, *, commit: bool) -> list[AnyEvent]:
        """Insert the added events, and wait until they are on the disk.

        Args:
            commit: whether to wait; if an event is kept, it is waited for in any case.

        Returns:
            events that were not returned before, in order.

        Raises:
            sqlite3.Error: the write failed twice; the file is as it was before.
        """
        unannounced = self._pending[self._announced :]
        commit = commit or self.is_behind
        try:
            self._try(commit=commit)
        except sqlite3.Error as error:
            self.trouble = self.trouble or error
            self._roll_back()
            self._try_again(commit=commit)
        except BaseException:
            self._roll_back()
            raise
        if commit and self._pending:
            newest = self._pending[-1]
            self._sequence, self._chain = newest.event.sequence, newest.chain
            self._pending.clear()
        self._announced = len(self._pending)
        self.is_behind &= bool(self._pending)
        return [one.event for one in unannounced]

    def keep(self) -> None:
        """Keep the added events until they can be written."""
        if self._pending:
            self._pending[-1].is_kept = self.is_behind = True

    def take_back(self) -> None:
        """Forget events that were added since the last event that is kept."""
        while self._pending and not self._pending[-1].is_kept:
            self._pending.pop()
        self._announced = min(self._announced, len(self._pending))

    def _end(self) -> tuple[int, str]:
        if self._pending:
            return self._pending[-1].event.sequence, self._pending[-1].chain
        return self._sequence, self._chain

    def _try(self, *, commit: bool) -> None:
        execute = self.connection.execute
        if not self.connection.in_transaction:
            if not self._pending:
                return
            self._inserted = 0
            execute("BEGIN IMMEDIATE")
        for one in self._pending[self._inserted :]:
            event = one.event
            execute(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
                (event.sequence, event.time_s, event.wall, event.kind, one.text, one.chain),
            )
            for row in one.arrays:
                execute("INSERT INTO array VALUES (?, ?, ?, ?, ?)", (event.sequence, *row))
            self._inserted += 1
        if commit:
            execute("COMMIT")

    def _try_again(self, *, commit: bool) -> None:
        try:
            if not self._pending:  # they are in the file, but perhaps not on the disk
                self.connection.execute("PRAGMA wal_checkpoint(FULL)")
                return
            self._try(commit=commit)
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Leave the transaction; forget the pending events that are in the file nevertheless."""
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self._sequence, self._chain = self._on_disk()
        self._inserted = 0
        there = sum(one.event.sequence <= self._sequence for one in self._pending)
        del self._pending[:there]
        self._announced = max(self._announced - there, 0)
        self.is_behind = any(one.is_kept for one in self._pending)

    def _on_disk(self) -> tuple[int, str]:
        newest = self.connection.execute(
            "SELECT sequence, chain FROM event ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return (0, "") if newest is None else (newest[0], newest[1])


def _as_read(data: D) -> tuple[D, Mapping[str, Any]]:
    """The data as a reader will read them, and their plain JSON.

    An event that no reader can read, even with other values in some fields, is written as it is,
    and a reader sets it aside.
    """
    plain: Mapping[str, Any] = finite(data.as_json())
    if isinstance(data, Unknown):
        return evolve(data, extra=plain), plain
    read = read_event(data.kind, plain)
    if isinstance(read.data, Unreadable):
        return data, plain
    found: EventData = read.data
    return found, finite(found.as_json()) if read.problems else plain  # type: ignore[return-value]


def _form(array: NDArray[Any]) -> tuple[str, str, bytes]:
    """Type, shape and content of an array, as they are written.

    Raises:
        ValueError: it is too large, or holds no numbers.
    """
    contiguous = np.ascontiguousarray(array)
    if contiguous.dtype.kind not in "biuf" or contiguous.nbytes > LARGEST_ARRAY:
        raise ValueError(
            f"an array of {contiguous.dtype} with {contiguous.nbytes} bytes is not written; "
            f"expected numbers, at most {LARGEST_ARRAY} bytes"
        )
    return contiguous.dtype.str, json.dumps(contiguous.shape), contiguous.tobytes()
