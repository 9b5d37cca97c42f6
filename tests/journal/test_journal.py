"""The journal: what was acknowledged is there, once, in order."""

import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_events import decided, device, happened, measured, outcome, reading

from flowrig.errors import InputError
from flowrig.journal.events import Opened, Unknown
from flowrig.journal.journal import FILE_NAME, Journal, canonical_json

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda key: key != "arrays"), plain, max_size=4))
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_events_come_back_as_they_were(tmp_path: Path, data: dict[str, object]) -> None:
    """Whatever plain data an event carries, it is read back equal; infinities become null."""
    path = tmp_path / FILE_NAME
    path.unlink(missing_ok=True)
    with Journal.create(path) as journal:
        journal.append(Unknown(kind="something", extra=data), 1.5)
        (event,) = journal.events()
    assert canonical_json(event.data.as_json()) == canonical_json(data)


def test_arrays_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Raw frames are kept as they were, with their type and shape."""
    counts = np.random.default_rng(1).integers(0, 65535, (5, 2068)).astype(np.uint16)
    with Journal.create(tmp_path / FILE_NAME) as journal:
        event = journal.append(measured(), 0.0, {"counts": counts})
        back = journal.arrays(event.sequence)["counts"]

    assert back.dtype == np.uint16
    assert (back == counts).all()


def test_an_event_and_its_arrays_are_one_transaction(tmp_path: Path) -> None:
    """A crash between the event and the end of its arrays leaves neither."""
    path = tmp_path / FILE_NAME
    journal = Journal.create(path)
    journal.append(happened("first"), 0.0)
    journal._tail.add(measured(), 1.0, {"counts": np.zeros(3)})
    journal._tail.write(commit=False)
    journal._connection.close()

    with Journal(path) as reopened:
        assert [event.kind for event in reopened.events()] == ["first"]
        assert reopened.arrays(2) == {}


def test_notes_reach_the_disk_with_the_next_event(tmp_path: Path) -> None:
    """Another reader sees routine readings once an event was appended, in their order."""
    path = tmp_path / FILE_NAME
    with Journal.create(path) as journal, Journal(path, read_only=True) as reader:
        journal.note(reading(), 1.0)
        assert list(reader.events()) == []
        journal.append(outcome(), 2.0)
        assert [event.kind for event in reader.events()] == ["reading", "outcome"]


def test_a_closed_journal_can_be_read_and_continued(tmp_path: Path) -> None:
    """Numbers go on where they ended, and the chain links to the last event."""
    path = tmp_path / FILE_NAME
    with Journal.create(path) as journal:
        journal.append(happened("first"), 0.0)
    with Journal(path) as journal:
        journal.append(happened("second"), 1.0)
    with Journal(path, read_only=True) as journal:
        assert [event.sequence for event in journal.events()] == [1, 2]


def test_the_digest_leaves_out_wall_clock_labels(tmp_path: Path) -> None:
    """Two runs that decided and measured the same have one digest, whenever they ran."""
    digests = []
    for name in ("a", "b"):
        with Journal.create(tmp_path / name) as journal:
            journal.append(Opened(devices={"plate": device(serial_number=name)}), 0.0)
            journal.append(decided(1), 1.0)
            journal.append(measured(1, objective=math.nan), 2.0)
            digests.append(journal.digest())
    assert digests[0] == digests[1]


def test_at_rest_the_journal_is_one_file(tmp_path: Path) -> None:
    """A finished run can be copied as one file, and read where nothing can be written."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append(happened("first"), 0.0)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A second journal at the same place is refused with what to do."""
    Journal.create(tmp_path / FILE_NAME).close()
    with pytest.raises(InputError, match="resume"):
        Journal.create(tmp_path / FILE_NAME)


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A journal that a newer flowrig wrote is not guessed at."""
    path = tmp_path / FILE_NAME
    Journal.create(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(InputError, match="format 99"):
        Journal(path)


def test_every_commit_is_synchronous(tmp_path: Path) -> None:
    """The writer is in write-ahead mode and waits for the disk."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
