"""The Fusion protocol without a wire: framing, numbers, units, steps and replies."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_chemyx.settings import RATE_MAX_UL_MIN, RATE_MIN_UL_MIN
from flowrig_chemyx.wire import protocol
from flowrig_chemyx.wire.protocol import FrameSplitter, Units

RATES = st.floats(RATE_MIN_UL_MIN, RATE_MAX_UL_MIN)
LINE = st.text(st.sampled_from("abc 0123.=:!"), min_size=1).map(str.strip).filter(bool)
LINES = st.lists(LINE, max_size=5)
ENDS = st.sampled_from(["\r", "\r\n"])
SEPARATORS = st.sampled_from(["\r\n", " \n\r", "\r\n\r\n"])


def pieces(data, cuts):
    """The bytes, cut into pieces."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[low:high] for low, high in pairwise(edges)]


@given(lines=LINES, end=ENDS, separator=SEPARATORS, cuts=st.lists(st.integers(0, 500)))
def test_replies_are_read_in_every_variant_and_in_pieces(lines, end, separator, cuts):
    """The parsed reply does not depend on echo, separator and the size of the pieces."""
    request = "set rate 1.5"
    data = (request + end + "".join(line + separator for line in lines) + ">").encode()
    splitter = FrameSplitter()
    frames = [frame for piece in pieces(data, cuts) for frame in splitter.feed(piece)]
    assert [protocol.strip_echo(frame, request) for frame in frames] == [lines]
    assert splitter.rest == ""


@given(lines=LINES, separator=SEPARATORS)
def test_replies_without_echo_are_whole(lines, separator):
    """With the echo off, no line of a reply is dropped as an echo."""
    data = ("".join(line + separator for line in lines) + ">").encode()
    (frame,) = FrameSplitter().feed(data)
    assert protocol.strip_echo(frame, "status") == lines


@given(replies=st.lists(LINES, max_size=4), rest=st.sampled_from(["", "half a li"]))
def test_merged_replies_are_separated(replies, rest):
    """Bytes with several prompts give as many replies; bytes after the last prompt are kept."""
    data = "".join("\r\n".join([*lines, ">"]) for lines in replies) + rest
    splitter = FrameSplitter()
    assert splitter.feed(data.encode()) == replies
    assert splitter.rest == rest


def test_a_prompt_inside_a_number_is_damage():
    """A `>` within a number does not end the reply, unless no byte follows it."""
    splitter = FrameSplitter()
    assert splitter.feed(b"elapsed time\relapsed time = 1>5") == []
    assert splitter.settle() == []
    assert splitter.feed(b"0\r\n>") == [["elapsed time", "elapsed time = 1>50"]]
    assert splitter.feed(b"status\r0>") == []
    assert splitter.settle() == [["status", "0"]]


@given(data=st.binary())
def test_noise_raises_no_exception(data):
    """Any bytes are split into stripped, non-empty lines."""
    for frame in FrameSplitter().feed(data):
        assert all(line == line.strip() and line for line in frame)


@given(text=st.text())
def test_only_plain_decimals_are_numbers(text):
    """Every accepted number is finite and consists of ASCII digits, a sign and a point."""
    try:
        value = protocol.parse_number(text)
    except ValueError:
        return
    assert math.isfinite(value)
    assert set(text) <= set("+-.0123456789")


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-Infinity", "1_000", "1,5", "1.5,2.5", "1e3", "", " 1", "٣", "0x10"]
)
def test_foreign_numbers_are_refused(text):
    """Texts that `float` accepts, or numbers with a comma, are refused."""
    with pytest.raises(ValueError, match="expected a number"):
        protocol.parse_number(text)


@given(rate_ul_min=RATES)
def test_rates_keep_three_digits(rate_ul_min):
    """Every rate is sent with three significant digits or more, in at most five decimals."""
    units = protocol.choose_units(rate_ul_min)
    sent = protocol.decimal(rate_ul_min / units.rate_ul_min)
    whole, _, decimals = sent.partition(".")
    assert len(decimals) <= 5
    assert len((whole + decimals).lstrip("0")) >= 3
    assert float(sent) * units.rate_ul_min == pytest.approx(rate_ul_min, rel=5.1e-3)


@given(first=RATES, second=RATES)
def test_all_units_count_volumes_in_ul(first, second):
    """A change of units between two rates does not change the unit of volume."""
    volumes = {protocol.choose_units(rate).volume_ul for rate in (first, second)}
    assert volumes == {1.0}


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=2), min_size=1, max_size=9))
def test_written_steps_are_read_as_the_same(steps):
    """Steps and ramps are read as they were written; blanks and a last comma are ignored."""
    text = " , ".join("/".join(protocol.decimal(end) for end in step) for step in steps)
    read = protocol.parse_steps(text + ",")
    assert [list(step) for step in read] == [pytest.approx(step, abs=1e-5) for step in steps]


@pytest.mark.parametrize("text", ["", ",", "1,,2", "1/2/3", "1/", "nan", "1;2", "1.5 2"])
def test_foreign_steps_are_refused(text):
    """A text that is no list of numbers and ramps is refused."""
    with pytest.raises(ValueError, match="expected"):
        protocol.parse_steps(text)


@pytest.mark.parametrize(
    ("code", "names"),
    [(0, ["mL/min"]), (1, ["mL/hr"]), (2, ["uL/min", "µL/min", "��L/min"]), (3, ["uL/hr"])],
)
def test_units_are_read_as_digit_or_name(code, names):
    """Units printed as a digit or as a name are read as the same."""
    assert {protocol.parse_units(text) for text in [str(code), *names]} == {Units(code)}


@pytest.mark.parametrize("text", ["", "4", "-1", "12", "min", "L"])
def test_foreign_units_are_refused(text):
    """A text that is no digit from 0 to 3 and no unit name is refused."""
    with pytest.raises(ValueError, match="expected a unit"):
        protocol.parse_units(text)


def test_parameters_of_a_dual_pump_go_by_heading():
    """The parameters of a dual pump are assigned to the channel of their heading."""
    lines = ["Pump 1:", "unit = 2", "dia = 14.567", "Pump 2:", "unit = 0", "dia = 4.610"]
    assert protocol.parse_parameters(lines) == {
        1: {"unit": "2", "dia": "14.567"},
        2: {"unit": "0", "dia": "4.610"},
    }


@pytest.mark.parametrize("reply", [[], ["6"], ["1", "1"], ["one"], ["1.0"]])
def test_a_status_is_one_digit(reply):
    """A reply other than one digit from 0 to 5 is refused."""
    with pytest.raises(ValueError, match="status digit"):
        protocol.parse_state(reply)


@pytest.mark.parametrize(
    "reply", ["1 2 3", "1 2 3 4 5", "0.0002 125.9622 106.0288 0.0141", "125 0 0.01 106", "a b c d"]
)
def test_limits_in_another_order_are_refused(reply):
    """Limits are refused if they cannot be rate max, rate min, volume max, volume min."""
    with pytest.raises(ValueError, match="expected"):
        protocol.parse_limits([reply])
