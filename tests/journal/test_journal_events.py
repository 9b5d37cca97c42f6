"""The classes of events: each is read back as it was written, and nothing else is taken."""

import hashlib
import json
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.journal.events import (
    KINDS,
    CutEvent,
    EventData,
    Liquid,
    Outcome,
    Resumed,
    Unknown,
    WentOn,
    data_from_json,
    kinds_with,
)
from flowrig.journal.fields import FieldError, Fields, Key, Within
from flowrig.journal.format import canonical_json, chained, finite

PLAIN = {
    str: st.text(max_size=5),
    bool: st.booleans(),
    int: st.integers(0, 9),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9),
    NoneType: st.none(),
}
NEW_KEYS = st.text(max_size=8).map(lambda text: f"new {text}")
EXTRA = st.dictionaries(NEW_KEYS, st.none() | st.integers(0, 9) | st.text(max_size=3), max_size=2)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type that a field may have."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is not None:
        found = NESTED[origin](arguments)
    elif hint is CutEvent:
        found = st.builds(CutEvent, PLAIN[float], contents(WentOn) | contents(Outcome))
    else:
        found = PLAIN[hint] if hint in PLAIN else contents(hint)
    return found


def bounded(arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Values of an annotated type."""
    hint, about = arguments
    if not isinstance(about, Within):
        return values(hint)
    return (st.integers if hint is int else st.floats)(about.low, about.high)


def in_order(arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Tuples, of one length or of any."""
    if arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    return st.tuples(*map(values, arguments))


NESTED: Mapping[Any, Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]] = {
    Annotated: bounded,
    Literal: st.sampled_from,
    Union: lambda arguments: st.one_of(map(values, arguments)),
    UnionType: lambda arguments: st.one_of(map(values, arguments)),
    tuple: in_order,
    Mapping: lambda arguments: st.dictionaries(
        st.text(max_size=3), values(arguments[1]), max_size=2
    ),
}


def contents(kind: type[Fields]) -> st.SearchStrategy[Any]:
    """Whatever a class of tables can hold."""
    attrs.resolve_types(kind, include_extras=True)
    each = {one.name: values(one.type) for one in attrs.fields(kind) if one.name != "extra"}
    return st.builds(kind, **each, extra=EXTRA)


def through_a_file(data: EventData) -> Mapping[str, Any]:
    """The JSON of an event, written and read."""
    found: Mapping[str, Any] = json.loads(json.dumps(finite(data.as_json())))
    return found


EVENTS = st.sampled_from([*KINDS.values()]).flatmap(contents)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(data: EventData) -> None:
    """Every class reads what it writes, with what a newer flowrig may have added."""
    content = through_a_file(data)
    back = data_from_json(data.kind, content)
    assert back == data
    assert json.dumps(back.as_json()) == json.dumps(content)


@given(EVENTS)
def test_a_field_that_is_missing_is_named(data: EventData) -> None:
    """One line names the field; fields that older journals lack have a default."""
    content = dict(through_a_file(data))
    required = {
        Key.of(one.type, one.name)
        for one in attrs.fields(type(data))
        if one.default is attrs.NOTHING
    }
    for key in required:
        less = {name: value for name, value in content.items() if name != key}
        with pytest.raises(FieldError, match=f"^{key} is missing$"):
            data_from_json(data.kind, less)
    older = {key: value for key, value in content.items() if key in required}
    assert data_from_json(data.kind, older).kind == data.kind


class Foreign:
    """A value of a type that JSON does not have."""


@given(EVENTS)
def test_a_value_of_a_wrong_type_is_named(data: EventData) -> None:
    """One line names the field whose value flowrig does not write."""
    kind, content = data.kind, dict(through_a_file(data))
    for one in attrs.fields(type(data)):
        if one.name != "extra":
            key = Key.of(one.type, one.name)
            with pytest.raises(FieldError) as caught:
                data_from_json(kind, content | {key: Foreign()})
            assert str(caught.value).startswith(f"{key} ")
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("experiment", {"index": True}, "index has a value"),
        ("experiment", {"index": 10**400}, "index has a value"),
        ("experiment", {"index": -1}, "index has a value"),
        ("experiment", {"index": 1.0}, "index has a value"),
        ("step", {"what": "x", "duration_s": 1e301}, "duration_s has a value"),
        ("step", {"what": "x", "duration_s": 10**400}, "duration_s has a value"),
        ("waste", {"vessels": {"w": {"filled_ul": 1.0}}}, "vessels.w.capacity_ul is missing"),
        ("opened", {"devices": {"plate": "F4T"}}, "devices.plate is not a table"),
        ("trip-reset", {"rules": "all"}, "rules is not a list"),
        ("trip-reset", {"rules": ["a", 2]}, "rules.2 has a value"),
        ("skipped", {"index": 1, "conditions": {"t": ["hot"]}}, "conditions.t has a value"),
    ],
)
def test_a_forged_value_is_reported_at_its_place(
    kind: str, content: Mapping[str, Any], message: str
) -> None:
    """Booleans are no numbers, numbers have bounds, and the path leads to the value."""
    with pytest.raises(FieldError, match=f"^{message}"):
        data_from_json(kind, content)


@given(st.text(max_size=5).filter(lambda kind: kind not in KINDS), EXTRA)
def test_a_kind_that_is_not_known_is_kept(kind: str, content: dict[str, Any]) -> None:
    """What a newer flowrig writes is there, whole."""
    data = data_from_json(kind, content)
    assert data == Unknown(kind=kind, extra=content)
    assert (data.kind, data.as_json()) == (kind, content)


def test_older_forms_are_read() -> None:
    """A field that 0.1.0 does not write has the value that it means there."""
    went_on = data_from_json("went-on", {})
    assert isinstance(went_on, WentOn)
    assert (went_on.refilled, went_on.emptied) == ((), ())
    stop = {"intent": 1, "command": "stop", "dispensed_ul": {"CuI": 2.0}, "outcome": "done"}
    outcome = data_from_json("outcome", stop)
    assert isinstance(outcome, Outcome)
    assert outcome.estimated is None
    assert json.dumps(outcome.as_json()) == json.dumps(stop)


def test_every_kind_says_how_liquid_depends_on_it() -> None:
    """The account is computed from these; a trip or a changed profile may not get lost either."""
    counted = {kind.KIND for kind in kinds_with(Liquid.COUNTED)}
    assert counted == {"intent", "outcome", "resumed", "went-on", "cut-liquid"}
    indirect = {kind.KIND for kind in kinds_with(Liquid.INDIRECT)}
    assert indirect == {"run-started", "changes-accepted", "journal-cut", "trip", "trip-reset"}
    assert Resumed.LIQUID is Liquid.COUNTED
    assert Unknown.LIQUID is Liquid.INDIRECT


ROWS = st.tuples(
    st.integers() | st.none(), st.floats() | st.integers(), st.text() | st.none(), st.text()
)
"""Number, rig time, wall-clock time and kind, as a file may hold them."""


@given(before=st.text(), row=ROWS, text=st.text())
def test_the_chain_is_that_of_canonical_json(before: str, row: tuple[Any, ...], text: str) -> None:
    """Whatever a row holds: the way that is quicker for sound rows gives the same."""
    written = canonical_json([before, *row]) + text
    assert chained(before, row, text) == hashlib.sha256(written.encode()).hexdigest()
