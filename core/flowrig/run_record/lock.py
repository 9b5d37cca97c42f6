"""The lock of a run's folder: one process runs it at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flowrig.errors import InputError

__all__ = ["is_locked", "locked"]


LOCK_NAME = "lock.sqlite"


def is_locked(folder: Path) -> bool:
    """Whether a process is running the campaign of this folder now."""
    lock = folder / LOCK_NAME
    if not lock.is_file():
        return False
    try:
        with closing(
            sqlite3.connect(f"{lock.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
        ) as c:
            c.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return is_busy(error)
    return False


def is_busy(error: sqlite3.Error) -> bool:
    """Whether an error comes from the lock of another process or connection."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


LOCK_WAIT_S = 1.0
"""Longest wait [s, real time] for a process that only looks whether a run is under way."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from running this folder; the lock ends with the process."""
    try:
        connection = sqlite3.connect(folder / LOCK_NAME, timeout=LOCK_WAIT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise InputError(f"{folder} cannot be written: {error}") from error
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if is_busy(error):
                raise InputError(f"{folder} is being run by another process") from error
            raise InputError(f"{folder} cannot be written: {error}") from error
        yield
