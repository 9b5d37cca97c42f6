"""The journal of a run: one SQLite file, the single source of truth.

Every event is one row: rig time, kind, and its data as JSON, chained by SHA-256 to the row before.
Arrays are written in the same transaction as the event to which they belong. The file is in
write-ahead mode with `synchronous=FULL`, so that an acknowledged event survives a power cut. The
chain is checked whenever the file is opened: an event that was altered is never returned.
"""

import contextlib
import hashlib
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError, JournalError
from flowrig.journal.check import (
    NOTHING_EXAMINED,
    Damage,
    Examined,
    Row,
    digests_in,
    examine,
    holding,
    intact_arrays,
    keep_copy,
    rebuild,
    torn_pages,
)
from flowrig.journal.events import (
    AnyEvent,
    D,
    Decided,
    Event,
    EventData,
    JournalCut,
    ListenerFailed,
    Measured,
    Notice,
    ResultEntered,
    Unreadable,
)
from flowrig.journal.format import FILE_NAME, FORMAT, SCHEMA, canonical_json, finite
from flowrig.journal.lenient import read_event
from flowrig.journal.writer import Tail

__all__ = ["FILE_NAME", "FORMAT", "AnyEvent", "Event", "Journal", "Listener", "canonical_json"]

A = TypeVar("A", bound=EventData)
B = TypeVar("B", bound=EventData)
C = TypeVar("C", bound=EventData)

DIGESTED = (Decided.KIND, Measured.KIND, ResultEntered.KIND)
"""Kinds of events in the digest of a run, in the order in which the journal holds them."""

LAST_SEQUENCE = 2**63 - 1
"""Largest number of a row in SQLite."""

ESCAPED_SURROGATES = ("\\ud", "\\uD")
"""What a JSON text with half of a character holds, which UTF-8 does not have."""

Listener = Callable[[AnyEvent], None]
"""A function that is called with every event after it was committed, or noted."""


class Journal:
    """Writes and reads the journal of one run. One thread writes.

    Events behind a damaged one are not read. The writer cuts them off, keeps the old file beside
    the journal as `journal-cut-<n>.sqlite`, and records the cut as an event `journal-cut`.

    Args:
        path: the file.
        read_only: open for reading, which is possible while another process writes.
        cut: whether the writer may cut off more than one measurement.
        since: events that this process has examined before; only those behind them are examined.
        follows: whether this process has examined the structure of the file before as well, and
            looks again and again at what another one writes.

    Attributes:
        path: the file.
        damage: the damage that a reader found; None if there is none.
        examined: events that were found to hold when the journal was opened; none if there was
            damage.
        unreadable: by the number of the event, what of it could not be read; of the events that
            were read so far.

    Raises:
        InputError: there is no journal at the path, a newer flowrig wrote it, or it is damaged so
            that more than one measurement would be lost; the message says what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        cut: bool = False,
        since: Examined = NOTHING_EXAMINED,
        follows: bool = False,
    ) -> None:
        if not path.is_file():
            raise InputError(f"{path} is not there; is this the folder of a run?")
        self.path = path
        self.damage: Damage | None = None
        self.examined = since
        self.unreadable: dict[int, str] = {}
        self._held: list[Row] = []  # of a damaged journal, whose file is not asked again
        self._read_only = read_only
        self._listeners: list[Listener] = []
        self._unannounced: list[AnyEvent] = []
        self._has_reported_trouble = False
        self._connect()
        try:
            with _opening(path):
                self._begin(cut, follows)
        except BaseException:
            self._connection.close()
            raise

    def _connect(self) -> None:
        mode = "ro" if self._read_only else "rw"
        with _opening(self.path):
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None
            )

    def _begin(self, cut: bool, follows: bool) -> None:
        self._require_format()
        found = examine(
            self._connection, arrays=not self._read_only, since=self.examined, follows=follows
        )
        damage, self.examined = found.damage, found.examined
        if damage is not None and damage.good == 0 and damage.events != 0:
            raise InputError(f"{self.path}: {damage}; restore a copy of the file")
        if not self._read_only:
            self._settle(damage, cut)
        elif damage is not None:
            self.damage = damage
            self._held = list(holding(self._connection))

    def _require_format(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and not tables:
            raise InputError(f"{self.path} is empty: the run was interrupted before it began")
        if version != FORMAT:
            raise InputError(
                f"{self.path} has journal format {version}, this flowrig reads {FORMAT}; "
                "a newer flowrig wrote it, or it is damaged"
            )

    def _settle(self, damage: Damage | None, cut: bool) -> None:
        """Cut off damaged events, and get ready to write behind the last intact one."""
        cut_off = None
        if damage is None:
            cut_off = self._torn()
        elif not (damage.is_tail or cut):
            raise InputError(
                f"{self.path}: {damage}; restore a copy of the file, or resume without the events "
                f"behind the damage: flowrig resume {self.path.parent} --cut (the old file is kept)"
            )
        else:
            self._connection.close()
            kept = self._kept(lambda: rebuild(self.path, damage.good))
            self._connect()
            lost = None if damage.events is None else damage.events - damage.good
            cut_off = _journal_cut(
                f"{damage}; the old file is kept in {kept.name}", kept, lost, damage
            )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._tail = Tail(self._connection)
        if cut_off is not None:
            newest = self.last()
            time_s = 0.0 if newest is None else newest.time_s
            self._unannounced.append(self.append(cut_off, time_s))

    def _torn(self) -> JournalCut | None:
        """The event that records a write-ahead log whose end did not reach the disk whole."""
        frames = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
        torn = torn_pages(self.path, max(frames, 0))
        if not torn:
            return None
        kept = self._kept(lambda: keep_copy(self.path, log_only=True))
        text = f"{torn} pages did not reach the disk whole; the old log is kept in {kept.name}"
        return _journal_cut(text, kept, 0, None)

    def _kept(self, copy: Callable[[], Path]) -> Path:
        try:
            return copy()
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{self.path} is damaged, and the old file cannot be kept: {error}"
            ) from error

    @classmethod
    def create(cls, path: Path) -> "Journal":
        """Create the file.

        Raises:
            InputError: the file exists, and nothing is overwritten; or the folder cannot be
                written.
        """
        if path.exists():
            raise InputError(f"{path} exists; use 'flowrig resume', or choose another folder")
        try:
            with _opening(path), contextlib.closing(sqlite3.connect(path)) as connection:
                connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={FORMAT:d}; COMMIT")
            return cls(path)
        except InputError:
            path.unlink(missing_ok=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit and release the file; it is then one plain file, unless a reader has it open."""
        with contextlib.suppress(sqlite3.Error):
            if not self._read_only:
                self._tail.write(commit=True)
                self._connection.execute("PRAGMA journal_mode=DELETE")
        self._connection.close()

    def listen(self, *listeners: Listener) -> None:
        """Call listeners with every event after it was committed (or noted).

        A listener that raises an error is not called again: no listener may end a run.
        """
        self._listeners.extend(listeners)
        unannounced, self._unannounced = self._unannounced, []
        for event in unannounced:
            self._announce(event)

    def append(
        self, data: D, time_s: float, arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> Event[D]:
        """Write an event, with the arrays that belong to it, and wait until it is on the disk.

        Args:
            data: data of the event.
            time_s: rig time [s].
            arrays: arrays by name.

        Raises:
            JournalError: it could not be written; notes just before it are lost too.
        """
        return self._add(data, time_s, arrays or {}, self._all_or_nothing(), commit=True)

    def keep(
        self, data: D, time_s: float, arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> Event[D]:
        """Write an event at once if possible, else as soon as the disk takes anything.

        For events that must not be lost while the disk is full; see `require_written`.
        """
        return self._add(data, time_s, arrays or {}, self._as_soon_as_possible(), commit=True)

    def note(self, data: D, time_s: float) -> Event[D]:
        """Write an event that may be lost in a power cut, such as a routine reading.

        It reaches the disk together with the next `append`.

        Raises:
            JournalError: it could not be written; notes just before it are lost too.
        """
        return self._add(data, time_s, {}, self._all_or_nothing(), commit=False)

    def _add(
        self,
        data: D,
        time_s: float,
        arrays: Mapping[str, NDArray[Any]],
        otherwise: AbstractContextManager[None],
        *,
        commit: bool,
    ) -> Event[D]:
        """Write an event; `otherwise` handles an error of the disk."""
        event = self._tail.add(data, time_s, arrays)
        written: Sequence[AnyEvent] = ()
        with otherwise:
            written = self._tail.write(commit=commit)
        self._announce_all(written)
        return event

    def require_written(self) -> None:
        """Require that no event waits to be written.

        Raises:
            JournalError: an event given to `keep` waits.
        """
        if self._tail.is_behind:
            raise self._refusal(self._tail.trouble)

    @overload
    def events(self, *, after: int = 0) -> Iterator[AnyEvent]: ...

    @overload
    def events(self, kind: type[A], /, *, after: int = 0) -> Iterator[Event[A]]: ...

    @overload
    def events(
        self, kind: type[A], other: type[B], /, *, after: int = 0
    ) -> Iterator[Event[A] | Event[B]]: ...

    @overload
    def events(self, *kinds: type[EventData], after: int = 0) -> Iterator[AnyEvent]: ...

    def events(self, *kinds: type[EventData], after: int = 0) -> Iterator[AnyEvent]:
        """Events in order, of some kinds or of all.

        A field that cannot be read costs no other: see `flowrig.journal.lenient`. What was replaced
        or set aside is in `unreadable`.

        Args:
            kinds: their classes; an event of these kinds that is set aside is left out. Without
                kinds it comes as `Unreadable`.
            after: only those behind the event of this number.
        """
        rows = self._rows(tuple(one.KIND for one in kinds), after=after)
        found = map(self._event, rows)
        return filter(_is_readable, found) if kinds else found

    @overload
    def last(self) -> AnyEvent | None: ...

    @overload
    def last(self, kind: type[A], /) -> Event[A] | None: ...

    @overload
    def last(self, kind: type[A], other: type[B], /) -> Event[A] | Event[B] | None: ...

    @overload
    def last(
        self, kind: type[A], other: type[B], third: type[C], /
    ) -> Event[A] | Event[B] | Event[C] | None: ...

    def last(self, *kinds: type[EventData]) -> AnyEvent | None:
        """The newest event of some kinds that can be read, or of all."""
        names, before = tuple(one.KIND for one in kinds), None
        while (row := self._newest_row(names, before)) is not None:
            event = self._event(row)
            if not kinds or _is_readable(event):
                return event
            before = event.sequence
        return None

    def _newest_row(self, kinds: tuple[str, ...], before: int | None) -> Row | None:
        return next(self._rows(kinds, before=before, newest_first=True), None)

    def _rows(
        self,
        kinds: tuple[str, ...] = (),
        *,
        after: int = 0,
        before: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Row]:
        """Rows of table `event`, of some kinds or of all."""
        if self.damage is not None:
            held = reversed(self._held) if newest_first else iter(self._held)
            return (
                row
                for row in held
                if after < row[0] < (before or math.inf) and (not kinds or row[3] in kinds)
            )
        where = f"AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        order = "DESC LIMIT 1" if newest_first else "ASC"
        return self._connection.execute(
            f"SELECT sequence, time_s, wall, kind, data, chain FROM event WHERE sequence > ? AND sequence < ? {where} ORDER BY sequence {order}",  # noqa: S608, E501 - only placeholders
            (after, before or LAST_SEQUENCE, *kinds),
        )

    def _event(self, row: Row) -> AnyEvent:
        sequence, time_s, wall, kind, text, _ = row
        content = json.loads(text)
        if any(one in text for one in ESCAPED_SURROGATES):
            content = finite(content)
        digests = content.pop("arrays", {})
        read = read_event(kind, content)
        if read.problems:
            what = "it is left out" if isinstance(read.data, Unreadable) else "it is replaced"
            self.unreadable[sequence] = (
                f"{self.path}: event {sequence}, {kind!r}: {'; '.join(read.problems)}; {what}"
            )
        return Event(sequence, time_s, wall, read.data, digests)

    def arrays(self, sequence: int) -> dict[str, NDArray[Any]]:
        """The arrays that were written with an event, by name.

        Raises:
            JournalError: they are damaged.
        """
        found = intact_arrays(self._connection, sequence, self._digests(sequence))
        if found is None:
            raise JournalError(
                f"{self.path}: the arrays of event {sequence} are damaged; restore a copy of the "
                "file"
            )
        return {
            name: np.frombuffer(content, dtype=np.dtype(dtype)).reshape(json.loads(shape))
            for name, dtype, shape, content in found
        }

    def _digests(self, sequence: int) -> Mapping[str, str]:
        """Digests of the arrays of an event, by name."""
        if self.damage is not None:
            return next((digests_in(row[4]) for row in self._held if row[0] == sequence), {})
        row = self._connection.execute(
            "SELECT data FROM event WHERE sequence = ?", (sequence,)
        ).fetchone()
        return digests_in(row[0]) if row else {}

    def digest(self) -> str:
        """SHA-256 over decisions, measurements and results, without wall-clock labels."""
        total = hashlib.sha256()
        for _, time_s, _, kind, text, _ in self._rows(DIGESTED):
            total.update(canonical_json([kind, time_s, json.loads(text)]).encode())
        return total.hexdigest()

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Write the added events, or leave the journal as it was before."""
        try:
            yield
        except sqlite3.Error as error:
            self._tail.take_back()
            raise self._refusal(error) from error
        except BaseException:
            self._tail.take_back()
            raise

    @contextlib.contextmanager
    def _as_soon_as_possible(self) -> Iterator[None]:
        """Write the added events, or keep them until the disk takes them."""
        self._tail.keep()
        with contextlib.suppress(sqlite3.Error):
            yield

    def _refusal(self, error: sqlite3.Error | None) -> JournalError:
        return JournalError(f"{self.path} cannot be written: {error}")

    def _announce_all(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            self._announce(event)
        trouble = self._tail.trouble
        if trouble is not None and events and not self._has_reported_trouble:
            self._has_reported_trouble = True
            text = f"{self.path} could not be written at first: {trouble}; look after its disk"
            self.keep(Notice(text=text), events[-1].time_s)

    def _announce(self, event: AnyEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # the run continues, whatever the error is
                self._listeners.remove(listener)
                self.keep(ListenerFailed(error=repr(error)), event.time_s)


def _is_readable(event: AnyEvent) -> bool:
    return not isinstance(event.data, Unreadable)


def _journal_cut(text: str, kept: Path, lost: int | None, damage: Damage | None) -> JournalCut:
    return JournalCut(
        text=f"the journal was damaged: {text}",
        file=kept.name,
        events_lost=lost,
        measurements_lost=0 if damage is None else damage.measured,
        arrays_lost_of=() if damage is None else damage.arrays,
    )


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        sqlite3.Error,
        UnicodeDecodeError,
    ) as error:  # SQLite's messages may quote damaged bytes
        raise InputError(f"{path} does not open as a journal: {error}") from error
