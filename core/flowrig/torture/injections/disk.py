"""Faults of the disk on which the journal is written."""

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from flowrig.journal.journal import FILE_NAME
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.rigs import PlayedRig

__all__ = ["DiskFails"]


class DiskFails(Injection):
    """A full disk from the strike on, or a few disk operations that fail.

    On a full disk the outcome of a start can be missing, too; such a start is charged until the run
    is resumed. A failing operation is a write, a synchronization, or only the confirmation of a
    synchronization.
    """

    SEVERAL: Final = {
        "write": "INSERT INTO event",
        "synchronize": "COMMIT",
        "acknowledge": "COMMIT",
    }
    """The SQL statement at which each kind of failure occurs."""

    TIMES: Final = (1, 4)
    """Least and largest number of failures in a row."""

    def __init__(self) -> None:
        super().__init__()
        self._fails = ""
        self._left = 0
        self._connect = sqlite3.connect

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign, and intercept the connections of the journal."""

        class Connection(sqlite3.Connection):
            def execute(connection, statement: str, *values: Any) -> sqlite3.Cursor:  # noqa: N805
                fails = self._fails
                if not fails or not statement.startswith(self.SEVERAL[fails]):
                    return super().execute(statement, *values)
                self._left -= 1
                self._fails = fails if self._left else ""
                if fails == "acknowledge":
                    super().execute(statement, *values)
                raise sqlite3.OperationalError("disk I/O error")

        def connect(*args: Any, **keywords: Any) -> Any:
            return self._connect(*args, factory=Connection, **keywords)

        sqlite3.connect = connect
        return super().campaign(rig, folder, draw)

    def strike(self, scene: Scene) -> None:
        """Let every insertion fail, or the next few operations."""
        self.blocks_journal = self.loses_count = scene.draw.random() < 0.5
        if not self.blocks_journal:
            self._left = scene.draw.randint(*self.TIMES)
            self._fails = scene.draw.choice(sorted(self.SEVERAL))
            return
        self._execute(
            scene.folder,
            "CREATE TRIGGER full BEFORE INSERT ON event BEGIN "
            "SELECT RAISE(ABORT, 'database or disk is full'); END",
        )

    def heal(self, scene: Scene) -> None:
        """Make room on the disk."""
        super().heal(scene)
        self._fails = ""
        self._execute(scene.folder, "DROP TRIGGER IF EXISTS full")

    def close(self) -> None:
        """Stop intercepting connections."""
        sqlite3.connect = self._connect

    def _execute(self, folder: Path, statement: str) -> None:
        path = folder / FILE_NAME
        with closing(self._connect(path, timeout=0.1)) as connection, suppress(sqlite3.Error):
            connection.execute(statement)
            connection.commit()
