"""The file: every byte comes back, and what is not a trace is told."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import InputError
from flowrig.interfaces import Frames, PumpState, PumpStatus, PumpStep, Syringe
from flowrig.trace.file import (
    BytesEntry,
    CallEntry,
    EndEntry,
    TraceHeader,
    TraceWriter,
    from_plain,
    plain,
    read_trace,
)

HEADER = TraceHeader(
    device="a pump", kind="pump", driver="drip", plugin="drip 1.0", settings={}, simulated=True
)

times = st.floats(0, 1e7, allow_nan=False)
words = st.text(min_size=1, max_size=9)
numbers = st.integers(1, 10**6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
entries = st.one_of(
    st.builds(
        BytesEntry, times, st.sampled_from(["sent", "received"]),
        st.binary(max_size=200) | st.text("ab\r\n\t>", max_size=80).map(str.encode),
        st.just("") | words,
    ),
    st.builds(
        CallEntry, times, numbers, words, st.lists(json_values, max_size=2),
        st.dictionaries(words, json_values, max_size=2),
    ),
    st.builds(EndEntry, times, numbers, json_values),
    st.builds(EndEntry, times, numbers, st.none(), words, st.text()),
)  # fmt: skip


def written(path: Path, some: list) -> Path:
    path.unlink(missing_ok=True)
    writer = TraceWriter(path, HEADER)
    for entry in some:
        writer.append(entry)
    writer.close()
    return path


@given(some=st.lists(entries, max_size=6))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, some: list) -> None:
    """Header, times, calls, values and every byte are those that were written."""
    path = tmp_path_factory.getbasetemp() / "round-trip.jsonl"
    trace = read_trace(written(path, some))
    assert trace.header == HEADER
    assert list(trace.entries) == some
    assert not trace.cut


@given(some=st.lists(entries, min_size=1, max_size=4), data=st.data())
def test_a_cut_line_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory, some: list, data: st.DataObject
) -> None:
    """However much of the last line is missing, those before it are read, and the cut is told."""
    path = written(tmp_path_factory.getbasetemp() / "cut.jsonl", some)
    whole = path.read_bytes()
    last = len(whole) - whole[:-1].rindex(b"\n") - 2
    missing = data.draw(st.integers(2, last), label="missing bytes")
    path.write_bytes(whole[:-missing])
    trace = read_trace(path)
    assert trace.cut
    assert list(trace.entries) == some[:-1]


def test_text_is_readable_and_the_rest_compact(tmp_path: Path) -> None:
    """Printable bytes stand as text, a few others in hexadecimal, many in base64."""
    some = [BytesEntry(0.0, "sent", data) for data in (b"READ?\r\n", b"\xc1\xc0", bytes(5000))]
    lines = written(tmp_path / "a.jsonl", some).read_text(encoding="utf-8").splitlines()
    shown = [json.loads(line)["sent"] for line in lines[1:]]
    assert shown[:2] == ["READ?\r\n", {"hex": "c1 c0"}]
    assert len(shown[2]["base64"]) < 7000


def test_arguments_can_be_had_back() -> None:
    """What pumps take as arguments is the same after it was written and read."""
    for value in (
        Syringe(1000.0, 4.6, "glass"), [PumpStep(5.0, 100.0), PumpStep(-5.0, 10.0, 20.0)],
        None, True, 3, 2.5, float("inf"),
    ):  # fmt: skip
        assert from_plain(json.loads(json.dumps(plain(value), allow_nan=False))) == value


def test_spectra_are_summed_up() -> None:
    """Frames become a digest that tells one count from another; times of readings are left out."""
    counts = np.arange(12, dtype=np.uint16).reshape(2, 6)
    frames = [
        plain(
            Frames(time_s=1.0, counts=some, times_s=np.zeros(2), integration_time_us=10,
                   saturated=np.zeros(2, bool))
        )
        for some in (counts, counts + 1)
    ]  # fmt: skip
    assert frames[0]["counts"] != frames[1]["counts"]
    assert frames[0]["counts"]["array"] == [2, 6]
    assert {"time_s", "times_s"}.isdisjoint(frames[0])
    assert plain(PumpStatus(time_s=3.0, state=PumpState.RUNNING)) == {
        "type": "PumpStatus", "quality": "good", "state": "running",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no trace"),
        ("device,time\nplate,1\n", "is no trace"),
        ('{"time_s": 0.0}\n', "is no trace"),
        ('{"flowrig_trace": 99}\n', "has trace format 99, this flowrig reads 1"),
        ('{"flowrig_trace": 1, "device": "plate"}\n', "line 1"),
        ("{head}nonsense\n{head}", "line 2 is no entry of a trace"),
    ],
)
def test_what_is_no_trace_is_told(tmp_path: Path, text: str, message: str) -> None:
    """Another file, a newer format and a broken line in the middle are input errors."""
    head = written(tmp_path / "head.jsonl", []).read_text(encoding="utf-8")
    path = tmp_path / "other.jsonl"
    path.write_text(text.replace("{head}", head), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_trace(path)


def test_a_trace_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A path without a file is an input error."""
    with pytest.raises(InputError, match="cannot be read"):
        read_trace(tmp_path / "none.jsonl")
