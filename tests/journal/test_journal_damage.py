"""A damaged journal: events that are read are true, and the cut is reported, its file kept."""

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_events import decided, ended, happened, measured, reading, resumed, stage

from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import JournalCut, Measured
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal

CUT = "journal-cut-1.sqlite"
Events = list[tuple[int, float, str, str, str]]


def fill(journal: Journal, count: int) -> None:
    """As a run does: mostly small events, some measurements with arrays."""
    rng = np.random.default_rng(1)
    newest = journal.last()
    for number in range(1 if newest is None else newest.sequence + 1, count + 1):
        if number % 20 == 0:
            counts = rng.integers(0, 9, (3, 50)).astype(np.uint16)
            journal.append(measured(number // 20), float(number), {"counts": counts})
        else:
            journal.note(reading(number / 7), float(number))


def events_of(journal: Journal) -> Events:
    """All events but the one that tells of a cut."""
    return [
        (e.sequence, e.time_s, e.wall, e.kind, json.dumps(e.data.as_json()))
        for e in journal.events()
        if e.kind != "journal-cut"
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of 200 events, at rest."""
    path = tmp_path_factory.mktemp("sound") / FILE_NAME
    with Journal.create(path) as journal:
        fill(journal, 200)
        journal.append(ended(), 201.0)
    return path


@pytest.fixture(scope="module")
def written(sound: Path) -> tuple[Events, dict[int, bytes]]:
    """What is in it, and the bytes of its arrays."""
    with Journal(sound, read_only=True) as journal:
        arrays = {n: journal.arrays(n)["counts"].tobytes() for n in range(20, 201, 20)}
        return events_of(journal), arrays


def flips(size: int) -> Iterator[int]:
    """Places to damage: all of the header, and a sample of the rest."""
    yield from range(0, 112, 3)
    yield from random.Random(1).sample(range(112, size), 400)


def looks(path: Path, truth: Events, arrays: dict[int, bytes], *, writes: bool) -> str:
    """Open a damaged journal; whatever it tells must be true.

    Returns:
        "refused", "cut" or "whole".
    """
    try:
        journal = Journal(path, read_only=not writes, cut=True)
    except InputError:
        return "refused"
    with journal:
        seen = events_of(journal)
        assert seen == truth[: len(seen)]
        for number in (n for n in arrays if n <= len(seen)):
            try:
                found = journal.arrays(number)
            except FlowrigError:
                continue
            assert found.get("counts", np.array([])).tobytes() == arrays[number]
        cut = list(journal.events(JournalCut))
        assert len(seen) == len(truth) or cut or journal.damage is not None
        return "cut" if cut or journal.damage is not None else "whole"


@pytest.mark.parametrize("writes", [False, True])
def test_a_flipped_byte_never_gives_wrong_data(
    sound: Path, written: tuple[Events, dict[int, bytes]], tmp_path: Path, writes: bool
) -> None:
    """Wherever a byte is wrong: all events, a part that is reported as a part, or a refusal."""
    content, ends = sound.read_bytes(), set()
    for place in list(flips(len(content)))[:: 8 if writes else 2]:
        folder = tmp_path / str(place)
        folder.mkdir()
        broken = bytearray(content)
        broken[place] ^= 1 << place % 8
        (folder / FILE_NAME).write_bytes(broken)
        ends.add(looks(folder / FILE_NAME, *written, writes=writes))
        if (folder / CUT).exists():
            assert (folder / CUT).read_bytes() == bytes(broken)
        shutil.rmtree(folder)
    assert ends >= {"refused", "cut"}


def change(path: Path, statement: str, *values: Any) -> None:
    """Damage a journal from outside."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def test_a_damaged_tail_is_cut_off_kept_and_reported(sound: Path, tmp_path: Path) -> None:
    """Writing goes on behind the last good event; listeners hear of the cut; the old file stays."""
    path = tmp_path / FILE_NAME
    shutil.copy(sound, path)
    change(path, "UPDATE event SET data = '{}' WHERE sequence = 195")
    before = path.read_bytes()
    heard: list[AnyEvent] = []
    with Journal(path) as journal:
        journal.listen(heard.append)
        journal.append(resumed(), 202.0)
        kinds = [event.kind for event in journal.events()]
    assert (kinds[193], kinds[194:]) == ("reading", ["journal-cut", "resumed"])
    assert [event.kind for event in heard] == ["journal-cut", "resumed"]
    assert heard[0].data.events_lost == 7
    assert heard[0].data.measurements_lost == 1
    assert (tmp_path / heard[0].data.file).read_bytes() == before
    with Journal(path, read_only=True) as journal:
        assert journal.damage is None


def test_a_batch_that_lost_its_end_is_cut_off_as_a_whole(tmp_path: Path) -> None:
    """Of conditions that were decided together none stays if one is lost; the rest stays."""
    path = tmp_path / FILE_NAME
    with Journal.create(path) as journal:
        journal.append(stage(), 1.0)
        for index in (1, 2):
            journal.note(decided(index), 2.0)
        journal.append(decided(3), 2.0)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE event SET data = '{\"index\": 4}' WHERE sequence = 4")
        connection.commit()

    with Journal(path) as journal:
        assert [event.kind for event in journal.events()] == ["stage", "journal-cut"]
        (cut,) = journal.events(JournalCut)

    assert cut.data.events_lost == 3


def test_damage_in_the_middle_is_refused_with_what_to_do(sound: Path, tmp_path: Path) -> None:
    """Nothing changes until a person asks for the cut; then the good part is continued."""
    path = tmp_path / FILE_NAME
    shutil.copy(sound, path)
    change(path, "UPDATE event SET time_s = 1.0 WHERE sequence = 50")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"behind event 49 of 201 .* 8 measurements .* --cut"):
        Journal(path)
    assert [one.name for one in tmp_path.iterdir()] == [FILE_NAME]
    assert path.read_bytes() == before
    with Journal(path, cut=True) as journal:
        assert [event.sequence for event in journal.events(Measured)] == [20, 40]
    assert (tmp_path / CUT).read_bytes() == before


def test_a_damaged_array_is_reported_and_the_events_stay(sound: Path, tmp_path: Path) -> None:
    """Features are as they were; the raw spectrum that is damaged is refused, not passed on."""
    path = tmp_path / FILE_NAME
    shutil.copy(sound, path)
    change(path, "UPDATE array SET dtype = '<i2' WHERE sequence = 60")
    with Journal(path, read_only=True) as journal:
        assert len(list(journal.events(Measured))) == 10
        with pytest.raises(FlowrigError, match="event 60 are damaged"):
            journal.arrays(60)
    with Journal(path) as journal:
        (cut,) = journal.events(JournalCut)
    assert cut.data.arrays_lost_of == (60,)
    assert cut.data.events_lost == 0


@given(st.data())
@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_power_cut_leaves_a_beginning_of_the_journal(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever part of the log reached the disk: events from the first on, and no others."""
    path, image = tmp_path / "run" / FILE_NAME, tmp_path / "image" / FILE_NAME
    for folder in (path.parent, image.parent):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with Journal.create(path) as journal:
        fill(journal, data.draw(st.integers(1, 60)))
        journal.append(happened("on the disk"), 0.0)
        if data.draw(st.booleans()):
            journal._connection.execute("PRAGMA wal_checkpoint(RESTART)")
        fill(journal, data.draw(st.integers(60, 90)))
        journal.append(happened("last"), 99.0)
        shutil.copy(path, image)
        log = path.with_name(f"{FILE_NAME}-wal").read_bytes()
        torn = log[: data.draw(st.integers(0, len(log)))]
        garbage = data.draw(st.binary(max_size=40))
        image.with_name(f"{FILE_NAME}-wal").write_bytes(torn + garbage)
        truth = events_of(journal)
    with Journal(image) as journal:
        seen = events_of(journal)
    assert seen == truth[: len(seen)]
    if torn == log:
        assert seen == truth


def test_a_log_that_did_not_reach_the_disk_whole_is_reported(tmp_path: Path) -> None:
    """The bytes that do not count are kept, and an event names the file."""
    path, image = tmp_path / FILE_NAME, tmp_path / "image" / FILE_NAME
    image.parent.mkdir()
    with Journal.create(path) as journal:
        journal.append(happened("first"), 0.0)
        journal.append(happened("second"), 1.0)
        log = bytearray(path.with_name(f"{FILE_NAME}-wal").read_bytes())
        shutil.copy(path, image)
    log[-2000] ^= 1
    image.with_name(f"{FILE_NAME}-wal").write_bytes(log)
    with Journal(image) as journal:
        kinds = [event.kind for event in journal.events()]
        (cut,) = journal.events(JournalCut)
    assert kinds == ["first", "journal-cut"]
    assert "did not reach the disk whole" in cut.data.text
    assert (image.parent / cut.data.file).read_bytes() == bytes(log)
