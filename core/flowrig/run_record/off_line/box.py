"""Results on their way into a journal.

A journal has one writer. So a result is first kept as a file in the folder of the run, and who
holds the lock of the folder takes it into the journal, once: the run itself, or `flowrig result`
while the run is not under way. A result that was taken stays taken when the program is killed
before its file is deleted.
"""

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from attrs import evolve

from flowrig.errors import InputError, JournalError
from flowrig.journal.events import ResultEntered, ResultFile
from flowrig.journal.fields import FieldError
from flowrig.problem.pareto import goals_of
from flowrig.run_record.reader import RunRecord

__all__ = ["RESULTS_NAME", "ResultBox"]

RESULTS_NAME = "results"
"""Folder in that of a run with the files that were attached to results."""

ENTRIES = "entries"
REFUSED = "refused"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 80


class ResultBox:
    """The results of a run that are not in its journal yet, and all attached files.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / RESULTS_NAME
        self._entries = self._folder / ENTRIES

    def put(
        self,
        index: int,
        values: Mapping[str, float],
        units: Mapping[str, str],
        *,
        by: str = "",
        files: Iterable[Path] = (),
        lost: str = "",
    ) -> ResultEntered:
        """Keep a result, on the disk when this returns.

        Args:
            index: number of the experiment.
            values: by CHANNEL.QUANTITY.
            units: by CHANNEL.QUANTITY.
            by: who or what measured it.
            files: copied into the folder of the run.
            lost: why no result will come.

        Raises:
            InputError: a file cannot be read, or the folder cannot be written.
        """
        entry = ResultEntered(
            entry="",
            index=index,
            values=dict(values),
            units=dict(units),
            by=by,
            entered="",
            lost=lost,
        )
        return self.keep(entry, files)

    def keep(self, entry: ResultEntered, files: Iterable[Path] = ()) -> ResultEntered:
        """Keep an entry under a name of its own, as `put`, with the time of now.

        Args:
            entry: without name, time and files.
            files: copied into the folder of the run.

        Raises:
            InputError: a file cannot be read, or the folder cannot be written.
        """
        now = datetime.now(UTC)
        entry = evolve(
            entry,
            entry=uuid.uuid4().hex,
            entered=now.isoformat(timespec="milliseconds"),
            files=tuple(self._copied(file) for file in files),
        )
        name = f"{now:%Y%m%dT%H%M%S%f}-{entry.entry}.json"
        try:
            self._entries.mkdir(parents=True, exist_ok=True)
            _write(self._entries / name, json.dumps(entry.as_json(), ensure_ascii=False))
        except OSError as error:
            raise InputError(f"{self._entries} cannot be written: {error}") from error
        return entry

    def _copied(self, file: Path) -> ResultFile:
        """A copy of a file, called after its content."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
            plain = _UNSAFE.sub("_", file.name)[-LONGEST_NAME:]
            copy = self._folder / f"{digest[:16]}-{plain}"
            fresh = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}")
            shutil.copyfile(file, fresh)
            with fresh.open("rb") as made:
                if hashlib.file_digest(made, "sha256").hexdigest() != digest:
                    raise InputError(f"{file} changed while it was copied; try again")
                os.fsync(made.fileno()) if os.name != "nt" else None
            fresh.replace(copy)
            return ResultFile(
                name=file.name, file=copy.name, sha256=digest, size_bytes=copy.stat().st_size
            )
        except OSError as error:
            raise InputError(f"{file} cannot be attached: {error.strerror}") from error

    def waiting(self) -> list[Path]:
        """Files of the results that are not in the journal yet, oldest first."""
        try:
            return sorted(one for one in self._entries.iterdir() if one.suffix == ".json")
        except OSError:
            return []

    def pending(self) -> Iterator[ResultEntered]:
        """The results that are not in the journal yet."""
        for file in self.waiting():
            with suppress(OSError, ValueError, FieldError):
                yield ResultEntered.from_json(json.loads(file.read_text(encoding="utf-8")))

    def take(
        self,
        record: RunRecord,
        append: Callable[[ResultEntered], object],
        refuse: Callable[[str], object],
    ) -> int:
        """Take what waits into the journal; called by who holds the lock of the folder.

        Args:
            record: reads the journal.
            append: writes to it.
            refuse: told of a result that cannot be taken, in one sentence; it is set aside.

        Returns:
            how many were taken.
        """
        files, taken = self.waiting(), 0
        known = {e.data.entry for e in record.journal.events(ResultEntered)} if files else set()
        for file in files:
            try:
                entry = ResultEntered.from_json(json.loads(file.read_text(encoding="utf-8")))
                if entry.entry not in known:
                    append(with_objective(record, entry))
                    known.add(entry.entry)
                    taken += 1
                file.unlink(missing_ok=True)
            except JournalError:  # a full disk: the file waits
                break
            except (OSError, ValueError, FieldError, InputError) as error:
                self._set_aside(file)
                refuse(f"a result cannot be taken, see {REFUSED}/{file.name}: {error}")
        return taken

    def _set_aside(self, file: Path) -> None:
        with suppress(OSError):
            (self._folder / REFUSED).mkdir(exist_ok=True)
            file.replace(self._folder / REFUSED / file.name)


def with_objective(record: RunRecord, entry: ResultEntered) -> ResultEntered:
    """A result with the objective that its experiment has with it.

    Raises:
        InputError: the experiment is not measured.
    """
    found = record.with_entry(entry)
    value = found.objective
    return evolve(
        entry,
        objective=value if value == value else None,  # noqa: PLR0124 - not nan
        goals=goals_of(record.profile.objective, found.features),
    )


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
