"""What is written can be read: odd values of other people's code, and one wrong field."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_events import begun, decided, device, measured, outcome

from flowrig.journal.events import (
    KINDS,
    Device,
    EventData,
    Measured,
    Opened,
    Outcome,
    RunStarted,
    Unreadable,
)
from flowrig.journal.fields import Fields, Key
from flowrig.journal.format import FILE_NAME, chained
from flowrig.journal.journal import Journal
from flowrig.journal.lenient import read_event

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 1e308, float("nan"), float("inf"), np.float32(1.5), np.int64(3),
    np.bool_(True), np.array([1.0, np.nan]), b"\xff\x00", "", "\ud800", "\x1b[2J", "a\0b", [], {},
    {1: 2}, {"a": None}, [[]], (1, 2),
)  # fmt: skip
"""Values that no field of an event is meant to have, or few."""


def odd(kind: type[Fields], draw: Any) -> Any:
    """An event in which every field has a value that somebody's code could have put there."""
    attrs.resolve_types(kind, include_extras=True)
    names = [one.name for one in attrs.fields(kind) if one.name != "extra"]
    return kind(**{name: draw(st.sampled_from(ODD)) for name in names})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_written_can_be_read(data: st.DataObject, tmp_path: Path) -> None:
    """No value in a field costs another event; the writer announces what a reader reads."""
    kind = data.draw(st.sampled_from([*KINDS.values()]))
    event: EventData = odd(kind, data.draw)
    path = tmp_path / FILE_NAME
    path.unlink(missing_ok=True)
    heard: list[Any] = []
    with Journal.create(path) as journal:
        journal.append(begun(), 0.0)
        journal.listen(heard.append)
        journal.append(event, 1.0)
        journal.append(measured(), 2.0)
    with Journal(path, read_only=True) as journal:
        assert journal.damage is None
        found = list(journal.events())
        assert [one.kind for one in found] == ["run-started", kind.KIND, "measured"]
        assert isinstance(found[1].data, Unreadable) == (2 in journal.unreadable)
        if not isinstance(found[1].data, Unreadable):
            assert found[1].data == heard[0].data
        assert [one.sequence for one in journal.events(Measured)][-1] == 3


def test_an_identity_with_nothing_in_it_is_read(tmp_path: Path) -> None:
    """A serial number of None, as a driver has returned it, is an empty text."""
    who = Device(vendor="A", model="B", serial_number=None, firmware=b"1.0")  # type: ignore[arg-type]
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append(Opened(devices={"pump": who}), 0.0)
        (opened,) = journal.events(Opened)
        assert opened.data.devices["pump"] == device(vendor="A", model="B", firmware="1.0")
        assert not journal.unreadable


def rewrite(path: Path, sequence: int, content: Any) -> None:
    """Change the data of one event, and make the chain hold again."""
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute(
            "SELECT sequence, time_s, wall, kind, data FROM event ORDER BY sequence"
        ).fetchall()
        chain = ""
        for number, time_s, wall, kind, text in rows:
            new = json.dumps(content) if number == sequence else text
            chain = chained(chain, (number, time_s, wall, kind), new)
            file.execute(
                "UPDATE event SET data = ?, chain = ? WHERE sequence = ?", (new, chain, number)
            )
        file.commit()


def written(path: Path) -> None:
    """A journal of four events."""
    with Journal.create(path) as journal:
        journal.append(begun(), 0.0)
        journal.append(Opened(devices={"plate": device(serial_number="7")}), 1.0)
        journal.append(decided(conditions={"t": 1.0}), 2.0)
        journal.append(measured(conditions={"t": 1.0}), 3.0)
        journal.append(outcome(dispensed_ul={"CuI": 1.0}), 4.0)


@pytest.mark.parametrize(
    ("sequence", "path", "value", "shown"),
    [
        (2, ("devices", "plate", "serial_number"), None, "devices.plate.serial_number has a value"),
        (2, ("devices", "plate", "serial_number"), 7, "it is replaced"),
        (3, ("mean",), {"a": "much"}, "mean.a has a value"),
        (3, ("objective_mean",), [], "objective_mean has a value"),
        (4, ("features",), {"a": {}}, "features.a has a value"),
        (4, ("flags",), ["a", 2], "flags.2 has a value"),
        (4, ("quality",), "fine", "it is left out"),
        (4, ("conditions", "t"), ["hot"], "it is left out"),
        (5, ("dispensed_ul", "CuI"), None, "it is left out"),
    ],
)
def test_one_wrong_field_costs_no_other(
    tmp_path: Path, sequence: int, path: tuple[str, ...], value: Any, shown: str
) -> None:
    """It is replaced, or its event is set aside; what it was is reported, the rest is read."""
    file = tmp_path / FILE_NAME
    written(file)
    with Journal(file, read_only=True) as journal:
        content = next(journal.events(after=sequence - 1)).data.as_json()
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    rewrite(file, sequence, content)
    with Journal(file, read_only=True) as journal:
        assert journal.damage is None
        assert len(list(journal.events())) == 5
        assert list(journal.unreadable) == [sequence]
        assert shown in journal.unreadable[sequence]
        assert journal.last(RunStarted) is not None


def test_the_newest_event_that_can_be_read_is_found(tmp_path: Path) -> None:
    """One that is set aside does not hide those before it."""
    file = tmp_path / FILE_NAME
    with Journal.create(file) as journal:
        for volume in (1.0, 2.0):
            journal.append(outcome(dispensed_ul={"CuI": volume}), volume)
    rewrite(file, 2, {"intent": 0, "command": "stop", "outcome": 3})
    with Journal(file, read_only=True) as journal:
        newest = journal.last(Outcome)
        assert newest is not None
        assert newest.sequence == 1
        assert isinstance(journal.last().data, Unreadable)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_an_event_raises_an_error(kind: str) -> None:
    """Whatever stands in each field, and whatever is missing."""
    names = [Key.of(one.type, one.name) for one in attrs.fields(KINDS[kind])]
    for content in contents(names):
        read = read_event(kind, content)
        assert read.data.kind == kind


def contents(names: list[str]) -> Iterator[dict[str, Any]]:
    yield {}
    for value in (None, 1, "a", [], {}, {"a": 1}, [1], [{}], {"a": {}}):
        yield dict.fromkeys(names, value)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("time_s", "soon"), ("time_s", b"1"), ("time_s", 9e99), ("wall", 3), ("wall", "today"),
        ("wall", "2026-01-01T00:00:00"), ("kind", b"opened"), ("data", b"{}"), ("chain", 1),
    ],
)  # fmt: skip
def test_a_column_of_another_type_is_damage(tmp_path: Path, column: str, value: Any) -> None:
    """SQLite keeps any type in any column; what is in front of the row is read."""
    file = tmp_path / FILE_NAME
    written(file)
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(f"UPDATE event SET {column} = ? WHERE sequence = 3", (value,))
        raw.commit()
    with Journal(file, read_only=True) as journal:
        assert journal.damage is not None
        assert [event.sequence for event in journal.events()] == [1, 2]


@pytest.mark.parametrize("array", [np.array([None]), np.array(["a"]), np.array([1j])])
def test_an_array_without_numbers_is_not_written(tmp_path: Path, array: Any) -> None:
    """A reader would find it damaged."""
    with Journal.create(tmp_path / FILE_NAME) as journal:
        with pytest.raises(ValueError, match="expected numbers"):
            journal.append(measured(), 0.0, {"a": array})
        assert journal.append(begun(), 1.0).sequence == 1
