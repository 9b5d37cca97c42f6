"""Files of instruments that drop their results into a folder."""

import csv
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from pathlib import Path

from flowrig.errors import InputError
from flowrig.profile.model import OffLine
from flowrig.profile.model.off_line import EXPERIMENT
from flowrig.run_record.off_line.box import ResultBox
from flowrig.run_record.off_line.names import values_of
from flowrig.run_record.off_line.table import head_of, words_of
from flowrig.run_record.reader import RunRecord

__all__ = ["DroppedFiles", "matching"]

STILL_S = 10.0
"""Time [s] for which a file has not changed when it counts as whole."""

LARGEST_BYTES = 100_000_000

Mark = tuple[int, int]
"""Size and time of change of a file, which tell whether it changed."""


class DroppedFiles:
    """Looks for files of off-line channels, and enters what is in them, each once.

    Args:
        record: reads the journal.
        box: takes the results.
        now_s: time by the computer's clock [s]; nothing of the rig depends on it.
    """

    def __init__(
        self, record: RunRecord, box: ResultBox, now_s: Callable[[], float] = time.time
    ) -> None:
        self._record = record
        self._box = box
        self._now_s = now_s
        self._channels = [c for c in record.profile.analysis.off_line.values() if c.files]
        self._seen: dict[Path, tuple[Mark, float]] = {}
        self._dealt_with: dict[Path, Mark] = {}

    def look(self) -> Iterator[tuple[str, str]]:
        """Enter what is whole; call `ResultBox.take` before and after it.

        Yields:
            what is wrong with files: a word that names the file, and a sentence.
        """
        measured = {one.index for one in self._record.experiments()} if self._channels else set()
        for channel in self._channels:
            for index, file in matching(self._record.folder, channel.files):
                mark = self._whole(file) if index in measured else None
                if mark is not None and self._dealt_with.get(file) != mark:
                    self._dealt_with[file] = mark
                    yield from self._enter(channel, index, file)

    def _whole(self, file: Path) -> Mark | None:
        """The mark of a file that has not changed for some time; None of another one."""
        try:
            found = file.stat()
        except OSError:
            return None
        mark, now_s = (found.st_size, found.st_mtime_ns), self._now_s()
        before = self._seen.get(file)
        if before is None or before[0] != mark:
            self._seen[file] = before = (mark, now_s)
        since_s = min(before[1], found.st_mtime)
        return mark if found.st_size > 0 and now_s - since_s >= STILL_S else None

    def _enter(self, channel: OffLine, index: int, file: Path) -> Iterator[tuple[str, str]]:
        """Enter the results of a file, unless it or another one was entered."""
        word = f"file-{channel.name}-{file.name}"  # one symptom a file
        entries = [e.data for e in self._record.experiment(index).entries]
        taken = [one for data in entries if data.by == _by(channel) for one in data.files]
        try:
            if taken:
                if any(one.name == file.name for one in taken):
                    if all(one.sha256 != _digest(file) for one in taken):
                        text = f"{file} has changed since its results were entered"
                        yield word, f"{text}; if they are to count: flowrig result"
                else:
                    yield word, f"{file} is a second file for experiment {index}; it is not read"
                return
            values = values_of(self._record.profile, _words(channel, file))
        except (InputError, OSError) as error:
            yield word, f"{file} cannot be read as results: {error}"
            return
        units = {name: channel.units[name] for name in values}
        self._box.put(index, values, units, by=_by(channel), files=[file])


def _by(channel: OffLine) -> str:
    return f"files of {channel.name}"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def matching(folder: Path, pattern: str) -> list[tuple[int, Path]]:
    """Files of a pattern, with the number of the experiment in their names, sorted by name.

    Args:
        folder: to which a relative pattern belongs.
        pattern: a path whose last part has `{experiment}` and may have `*` and `?`.
    """
    whole = folder / pattern
    marker = "0EXPERIMENT0"
    plain = translate(whole.name.replace(EXPERIMENT, marker))
    name = re.compile(plain.replace(marker, r"0*(?P<index>\d{1,9})", 1))
    try:
        files = sorted(whole.parent.iterdir())
    except OSError:
        return []
    found = ((name.fullmatch(file.name), file) for file in files)
    return [(int(match["index"]), file) for match, file in found if match and file.is_file()]


def _words(channel: OffLine, file: Path) -> list[str]:
    """The results in a file, as `flowrig result` takes them.

    Raises:
        InputError: it is no CSV file with a head and one row.
    """
    if file.stat().st_size > LARGEST_BYTES:
        raise InputError("it is too large")
    try:
        lines = [row for row in csv.reader(file.read_text("utf-8-sig").splitlines()) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(str(error)) from error
    if len(lines) != 2 or len(lines[0]) != len(lines[1]):
        example = ", ".join(_shown(channel.units))
        raise InputError(f"expected a head such as `{example}` and one row below it")
    names, units = head_of(lines[0])
    quantities = {name.partition(".")[2] for name in channel.units}
    named = [f"{channel.name}.{name}" if name in quantities else name for name in names]
    words, _ = words_of(named, units, lines[1])
    if not words:
        raise InputError("its row is empty")
    return words


def _shown(units: Mapping[str, str]) -> Iterator[str]:
    for name, unit in units.items():
        yield f"{name.partition('.')[2]} [{unit}]" if unit else name.partition(".")[2]
