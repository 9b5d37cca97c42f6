"""The Fusion's language without a wire."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_chemyx.driver import Totalizer
from flowrig_chemyx.settings import BAUD_RATES, RATE_MAX_UL_MIN, RATE_MIN_UL_MIN, FusionSettings
from flowrig_chemyx.wire import protocol
from flowrig_chemyx.wire.protocol import FrameSplitter, Units

RATES = st.floats(RATE_MIN_UL_MIN, RATE_MAX_UL_MIN)
LINE = st.text(st.sampled_from("abc 0123.=:!"), min_size=1).map(str.strip).filter(bool)
LINES = st.lists(LINE, max_size=5)
ENDS = st.sampled_from(["\r", "\r\n"])
SEPARATORS = st.sampled_from(["\r\n", " \n\r", "\r\n\r\n"])


def pieces(data, cuts):
    """The same bytes, cut at some places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[low:high] for low, high in pairwise(edges)]


@given(lines=LINES, end=ENDS, separator=SEPARATORS, cuts=st.lists(st.integers(0, 500)))
def test_replies_survive_dialects_and_chunks(lines, end, separator, cuts):
    """A reply reads the same however it is echoed, separated and cut into pieces."""
    request = "set rate 1.5"
    data = (request + end + "".join(line + separator for line in lines) + ">").encode()
    splitter = FrameSplitter()
    frames = [frame for piece in pieces(data, cuts) for frame in splitter.feed(piece)]
    assert [protocol.strip_echo(frame, request) for frame in frames] == [lines]
    assert splitter.rest == ""


@given(lines=LINES, separator=SEPARATORS)
def test_replies_without_echo_are_whole(lines, separator):
    """With the echo off, nothing of a reply is taken for one."""
    data = ("".join(line + separator for line in lines) + ">").encode()
    (frame,) = FrameSplitter().feed(data)
    assert protocol.strip_echo(frame, "status") == lines


@given(replies=st.lists(LINES, max_size=4), rest=st.sampled_from(["", "half a li"]))
def test_merged_replies_are_told_apart(replies, rest):
    """Replies that arrive at once are as many as there are prompts; the rest waits."""
    data = "".join("\r\n".join([*lines, ">"]) for lines in replies) + rest
    splitter = FrameSplitter()
    assert splitter.feed(data.encode()) == replies
    assert splitter.rest == rest


def test_a_prompt_inside_a_number_is_damage():
    """A number with a `>` in it is not cut short, unless nothing follows."""
    splitter = FrameSplitter()
    assert splitter.feed(b"elapsed time\relapsed time = 1>5") == []
    assert splitter.settle() == []
    assert splitter.feed(b"0\r\n>") == [["elapsed time", "elapsed time = 1>50"]]
    assert splitter.feed(b"status\r0>") == []
    assert splitter.settle() == [["status", "0"]]


@given(data=st.binary())
def test_noise_never_breaks_the_splitter(data):
    """Any bytes are cut into lines of text without an exception."""
    for frame in FrameSplitter().feed(data):
        assert all(line == line.strip() and line for line in frame)


@given(text=st.text())
def test_only_plain_decimals_are_numbers(text):
    """Whatever is accepted as a number is finite and made of ASCII digits, sign and point."""
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
    """Texts that `float` or a German keyboard would accept are no numbers here."""
    with pytest.raises(ValueError, match="expected a number"):
        protocol.parse_number(text)


@given(rate_ul_min=RATES)
def test_rates_keep_three_digits(rate_ul_min):
    """Every rate is sent with at least three significant digits, in five decimals."""
    units = protocol.choose_units(rate_ul_min)
    sent = protocol.decimal(rate_ul_min / units.rate_ul_min)
    whole, _, decimals = sent.partition(".")
    assert len(decimals) <= 5
    assert len((whole + decimals).lstrip("0")) >= 3
    assert float(sent) * units.rate_ul_min == pytest.approx(rate_ul_min, rel=5.1e-3)


@given(first=RATES, second=RATES)
def test_units_leave_volumes_alone(first, second):
    """No two rates need units that count volumes differently."""
    volumes = {protocol.choose_units(rate).volume_ul for rate in (first, second)}
    assert volumes == {1.0}


@given(st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=2), min_size=1, max_size=9))
def test_steps_survive_their_spelling(steps):
    """What is written as steps and ramps is read as the same, with blanks and a comma too many."""
    text = " , ".join("/".join(protocol.decimal(end) for end in step) for step in steps)
    read = protocol.parse_steps(text + ",")
    assert [list(step) for step in read] == [pytest.approx(step, abs=1e-5) for step in steps]


@pytest.mark.parametrize("text", ["", ",", "1,,2", "1/2/3", "1/", "nan", "1;2", "1.5 2"])
def test_foreign_steps_are_refused(text):
    """Anything else is no list of steps."""
    with pytest.raises(ValueError, match="expected"):
        protocol.parse_steps(text)


@pytest.mark.parametrize(
    ("code", "names"),
    [(0, ["mL/min"]), (1, ["mL/hr"]), (2, ["uL/min", "µL/min", "��L/min"]), (3, ["uL/hr"])],
)
def test_units_are_read_as_digit_or_name(code, names):
    """Both ways in which pumps print their units mean the same."""
    assert {protocol.parse_units(text) for text in [str(code), *names]} == {Units(code)}


@pytest.mark.parametrize("text", ["", "4", "-1", "12", "min", "L"])
def test_foreign_units_are_refused(text):
    """Anything else is no unit."""
    with pytest.raises(ValueError, match="expected a unit"):
        protocol.parse_units(text)


def test_parameters_of_a_dual_pump_go_by_heading():
    """Each channel of a dual pump has its own parameters."""
    lines = ["Pump 1:", "unit = 2", "dia = 14.567", "Pump 2:", "unit = 0", "dia = 4.610"]
    assert protocol.parse_parameters(lines) == {
        1: {"unit": "2", "dia": "14.567"},
        2: {"unit": "0", "dia": "4.610"},
    }


@pytest.mark.parametrize("reply", [[], ["6"], ["1", "1"], ["one"], ["1.0"]])
def test_a_status_is_one_digit(reply):
    """Anything but one known digit is no status."""
    with pytest.raises(ValueError, match="status digit"):
        protocol.parse_state(reply)


@pytest.mark.parametrize(
    "reply", ["1 2 3", "1 2 3 4 5", "0.0002 125.9622 106.0288 0.0141", "125 0 0.01 106", "a b c d"]
)
def test_limits_in_another_order_are_refused(reply):
    """Limits that cannot be rate max, rate min, volume max, volume min are not believed."""
    with pytest.raises(ValueError, match="expected"):
        protocol.parse_limits([reply])


@given(runs=st.lists(st.lists(st.floats(0, 1e5), min_size=1).map(sorted), min_size=1, max_size=5))
def test_the_totalizer_loses_nothing(runs):
    """The total is the sum of what each counter reached, as long as a new count is below it."""
    totalizer = Totalizer()
    total_ul = 0.0
    for counts in runs:
        for count in [0.0, *counts]:
            seen_ul = totalizer.observe(count)
        total_ul += counts[-1]
    assert seen_ul == pytest.approx(total_ul)


@pytest.mark.parametrize(
    "wrong", [{"baud": 12345}, {"channel": 3}, {"channel": 0}, {"deadline_s": 0.0}]
)
def test_settings_that_no_fusion_has_are_refused(wrong):
    """A profile with an impossible setting fails before a port is opened."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FusionSettings(address="COM3", **wrong)


def test_settings_default_to_the_usb_speed():
    """A profile that names nothing but the port gets a speed that pumps offer."""
    assert FusionSettings(address="COM3").baud in BAUD_RATES
