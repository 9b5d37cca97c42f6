"""The journal of a run: one SQLite file, the single source of truth.

Every event is one row: when (rig time), what, and its data as JSON, chained by SHA-256 to the row
before. Arrays belong to a measurement and are written in the same transaction as its event. The
file is in write-ahead mode with `synchronous=FULL`, so what was acknowledged survives a power cut.
"""

import contextlib
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError, JournalError

__all__ = ["FORMAT", "Event", "Journal", "canonical_json"]

FORMAT = 1
"""Version of the journal's tables and events."""

FILE_NAME = "journal.sqlite"

_SCHEMA = """
CREATE TABLE event (
    sequence INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    wall TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    chain TEXT NOT NULL
);
CREATE INDEX event_kind ON event (kind);
CREATE TABLE array (
    sequence INTEGER NOT NULL REFERENCES event (sequence),
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (sequence, name)
);
"""


@frozen
class Event:
    """Something that happened in a run.

    Attributes:
        sequence: running number.
        time_s: rig time [s].
        wall: wall-clock label, ISO 8601 in UTC; never used in a decision.
        kind: what happened.
        data: plain JSON values.
    """

    sequence: int
    time_s: float
    wall: str
    kind: str
    data: Mapping[str, Any]


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; numbers that are not finite become null.

    Raises:
        TypeError: a value is not plain JSON.
    """
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value


class Journal:
    """Writes and reads the journal of one run. One thread writes.

    Args:
        path: the file.
        read_only: readers may look while another process writes.

    Raises:
        InputError: there is no journal at the path, or a newer flowrig wrote it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if not path.is_file():
            raise InputError(f"{path} is not there; is this the folder of a run?")
        mode = "ro" if read_only else "rw"
        self.path = path
        self._read_only = read_only
        self._listeners: list[Callable[[Event], None]] = []
        with _opening(path):
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None
            )
        try:
            with _opening(path):
                self._begin()
        except InputError:
            self._connection.close()
            raise

    def _begin(self) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            raise InputError(f"{self.path} is empty: the run was interrupted before it began")
        if version != FORMAT:
            raise InputError(
                f"{self.path} has journal format {version}, this flowrig reads {FORMAT}"
            )
        if not self._read_only:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
        self._find_end()

    def _find_end(self) -> None:
        last = self._connection.execute(
            "SELECT sequence, chain FROM event ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        self._sequence: int = last[0] if last else 0
        self._chain: str = last[1] if last else ""

    @classmethod
    def create(cls, path: Path) -> "Journal":
        """Create the file.

        Raises:
            InputError: it is there already, as nothing is ever overwritten, or the folder cannot be
                written.
        """
        if path.exists():
            raise InputError(f"{path} exists; use 'flowrig resume', or choose another folder")
        try:
            with _opening(path), contextlib.closing(sqlite3.connect(path)) as connection:
                connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={FORMAT:d}; COMMIT")
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
        """Commit and release the file; at rest it is one plain file, unless somebody reads it."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
            if not self._read_only:
                self._connection.execute("PRAGMA journal_mode=DELETE")
        self._connection.close()

    def listen(self, *listeners: Callable[[Event], None]) -> None:
        """Call listeners with every event after it was committed (or noted).

        A listener that raises is not called again: nothing that looks on may end a run.
        """
        self._listeners.extend(listeners)

    def append(
        self,
        kind: str,
        time_s: float,
        data: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> Event:
        """Write an event, with the arrays that belong to it, and wait until it is on the disk.

        Raises:
            JournalError: it could not be written; notes since the last `append` are lost too.
        """
        with self._whole():
            event = self._insert(kind, time_s, data or {}, arrays or {})
            self._connection.execute("COMMIT")
        self._tell(event)
        return event

    def note(self, kind: str, time_s: float, data: Mapping[str, Any]) -> Event:
        """Write an event that may be lost in a power cut, such as a routine reading.

        It reaches the disk together with the next `append`.

        Raises:
            JournalError: it could not be written; notes since the last `append` are lost too.
        """
        with self._whole():
            event = self._insert(kind, time_s, data, {})
        self._tell(event)
        return event

    def events(self, *kinds: str) -> Iterator[Event]:
        """Events in order, of some kinds or of all."""
        return self._select(kinds, "ASC")

    def _select(self, kinds: tuple[str, ...], order: str) -> Iterator[Event]:
        where = f"WHERE kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        rows = self._connection.execute(
            f"SELECT sequence, time_s, wall, kind, data FROM event {where} ORDER BY sequence {order}",  # noqa: S608, E501 - only placeholders
            kinds,
        )
        for sequence, time_s, wall, kind, data in rows:
            yield Event(sequence, time_s, wall, kind, json.loads(data))

    def last(self, *kinds: str) -> Event | None:
        """The newest event of some kinds."""
        return next(self._select(kinds, "DESC LIMIT 1"), None)

    def arrays(self, sequence: int) -> dict[str, NDArray[Any]]:
        """The arrays that were written with an event, by name."""
        rows = self._connection.execute(
            "SELECT name, dtype, shape, data FROM array WHERE sequence = ? ORDER BY name",
            (sequence,),
        )
        return {
            name: np.frombuffer(zlib.decompress(data), dtype=np.dtype(dtype)).reshape(
                json.loads(shape)
            )
            for name, dtype, shape, data in rows
        }

    def digest(self) -> str:
        """SHA-256 over everything measured and decided, without wall-clock labels."""
        total = hashlib.sha256()
        for event in self.events("decided", "measured"):
            total.update(canonical_json([event.kind, event.time_s, event.data]).encode())
        return total.hexdigest()

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Write all of it or nothing, so that the chain holds whatever happens."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._find_end()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{self.path} cannot be written: {error}") from error
            raise

    def _insert(
        self,
        kind: str,
        time_s: float,
        data: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> Event:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        content = dict(data)
        if contiguous:
            content["arrays"] = {
                name: hashlib.sha256(array.tobytes()).hexdigest()
                for name, array in contiguous.items()
            }
        text = json.dumps(_finite(content), ensure_ascii=False)
        wall = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._sequence += 1
        link = canonical_json([self._chain, self._sequence, time_s, wall, kind]) + text
        self._chain = hashlib.sha256(link.encode()).hexdigest()
        self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
            (self._sequence, time_s, wall, kind, text, self._chain),
        )
        for name, array in contiguous.items():
            self._connection.execute(
                "INSERT INTO array VALUES (?, ?, ?, ?, ?)",
                (
                    self._sequence,
                    name,
                    array.dtype.str,
                    json.dumps(array.shape),
                    zlib.compress(array.tobytes(), 1),
                ),
            )
        return Event(self._sequence, time_s, wall, kind, json.loads(text))

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:  # whatever it is, the run goes on
                self._listeners.remove(listener)
                self.note("listener-failed", event.time_s, {"error": repr(error)})


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(f"{path} does not open as a journal: {error}") from error
