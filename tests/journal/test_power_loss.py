"""Power cuts at any write of the journal's files: what was not synchronized is lost, kept or torn.

SQLite writes through a file system that keeps a tape of every write and every synchronization. From
the tape come images of a disk after a power cut: of each file all that was synchronized, and of
what came after, by chance, each write whole, not at all, or some of its sectors.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen
from some_events import happened
from test_journal_damage import events_of, fill

from flowrig.journal.journal import FILE_NAME, Journal

apsw = pytest.importorskip("apsw")

IMAGES = 60
SECTOR = 512
KINDS = ("-journal", "-wal", "")
"""How the names of the files end; the last is the journal itself."""


@frozen
class Write:
    """Bytes that were written; None in the place of bytes is a file cut to a length."""

    file: str
    offset: int
    data: bytes | None


@define
class Tape:
    """Everything that was done to the files, in order; a text is a file that was synchronized."""

    steps: list[Write | str]

    def image(self, end: int, start: dict[str, bytes], draw: random.Random) -> dict[str, bytes]:
        """What is on the disk if the power fails after so many steps."""
        files = {name: bytearray(start.get(name, b"")) for name in KINDS}
        synced = {
            name: max((n for n in range(end) if self.steps[n] == name), default=-1)
            for name in KINDS
        }
        for number, step in enumerate(self.steps[:end]):
            if isinstance(step, str):
                continue
            fate = "whole" if number < synced[step.file] else draw.choice(("whole", "lost", "torn"))
            for offset, data in _pieces(step, fate, draw):
                _apply(files[step.file], offset, data)
        return {name: bytes(content) for name, content in files.items()}


def _pieces(step: Write, fate: str, draw: random.Random) -> Iterator[tuple[int, bytes | None]]:
    if fate == "whole" or (fate == "torn" and step.data is None):
        yield step.offset, step.data
    elif fate == "torn" and step.data is not None:
        for begin in range(0, len(step.data), SECTOR):
            if draw.random() < 0.5:
                yield step.offset + begin, step.data[begin : begin + SECTOR]


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(offset + len(data) - len(content), 0)))
    content[offset : offset + len(data)] = data


def kind_of(path: str) -> str:
    """How the name of a file ends."""
    return next(kind for kind in KINDS if path.endswith(kind))


def taped(tape: Tape) -> str:
    """Register a file system that writes on a tape; returns its name."""
    name = f"taped-{id(tape)}"

    class File(apsw.VFSFile):  # type: ignore[misc, name-defined]
        def __init__(self, filename: Any, flags: Any) -> None:
            path = filename.filename() if hasattr(filename, "filename") else str(filename)
            self._kind = kind_of(path)
            super().__init__("", filename, flags)

        def xWrite(self, data: bytes, offset: int) -> None:
            tape.steps.append(Write(self._kind, offset, bytes(data)))
            super().xWrite(data, offset)

        def xTruncate(self, size: int) -> None:
            tape.steps.append(Write(self._kind, size, None))
            super().xTruncate(size)

        def xSync(self, flags: int) -> None:
            tape.steps.append(self._kind)
            super().xSync(flags)

    class Files(apsw.VFS):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__(name, "")

        def xDelete(self, filename: str, syncdir: bool) -> None:
            tape.steps += [Write(kind_of(filename), 0, None), kind_of(filename)]
            super().xDelete(filename, syncdir)

        def xOpen(self, filename: Any, flags: Any) -> Any:
            return File(filename, flags)

    tape_files.append(Files())
    return name


tape_files: list[Any] = []
"""File systems that live as long as a reference to them."""


def write_on(tape: Tape, path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Fill a journal; returns after how many steps of the tape which event was acknowledged."""
    acknowledged = []

    def connect(self: Journal) -> None:
        self._connection = apsw.Connection(str(path), vfs=taped(tape))  # type: ignore[assignment]
        self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # needs no shared memory

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_connect", connect)
        with Journal(path) as journal:
            for end in range(4, 84, 4):
                fill(journal, end)
                event = journal.append(happened("acknowledged"), float(end))
                acknowledged.append((len(tape.steps), event.sequence))
                if end % 24 == 0:
                    journal._connection.execute("PRAGMA wal_checkpoint(RESTART)")
    return acknowledged


def test_a_power_cut_at_any_write_loses_nothing_that_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every image opens; it holds a beginning of the journal, with all that was acknowledged."""
    path, image = tmp_path / "run" / FILE_NAME, tmp_path / "image" / FILE_NAME
    path.parent.mkdir()
    image.parent.mkdir()
    Journal.create(path).close()
    tape, start = Tape([]), {"": path.read_bytes()}
    acknowledged = write_on(tape, path, monkeypatch)
    with Journal(path) as journal:
        truth = events_of(journal)
    assert sum(step == "-wal" for step in tape.steps) >= len(acknowledged)

    draw = random.Random(1)
    for _ in range(IMAGES):
        for left in image.parent.iterdir():
            left.unlink()
        end = draw.randint(1, len(tape.steps))
        for kind, content in tape.image(end, start, draw).items():
            image.with_name(f"{FILE_NAME}{kind}").write_bytes(content)
        with Journal(image) as journal:
            seen = events_of(journal)
        assert seen == truth[: len(seen)]
        assert len(seen) >= max((n for steps, n in acknowledged if steps <= end), default=0)
