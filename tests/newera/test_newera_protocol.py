"""Packets, replies, numbers and units of New Era pumps."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_newera.wire.protocol import (
    Alarm,
    FrameSplitter,
    GarbledError,
    RateUnit,
    choose_rate,
    decimal,
    packet,
    parse_dispensed,
    parse_number,
    parse_rate,
    parse_reply,
    parse_version,
)

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40)


def test_the_packet_of_the_manual() -> None:
    """The manual prints the packet that ends the Safe mode."""
    assert packet("SAF0") == b"\x02\x08SAF0\x55\x43\x03"


@given(TEXTS, st.integers(1, 9), st.booleans())
def test_replies_arrive_in_pieces(text: str, size: int, is_safe: bool) -> None:
    """A reply is found however its bytes arrive, and nothing before it is complete."""
    text = f"00S{text[:37]}"
    whole = packet(text) if is_safe else b"\x02" + text.encode() + b"\x03"
    splitter, frames = FrameSplitter(), []
    for begin in range(0, len(whole), size):
        frames += splitter.feed(whole[begin : begin + size])
        assert bool(frames) == (begin + size >= len(whole))
    assert [(frame.text, frame.is_safe) for frame in frames] == [(text, is_safe)]


@given(TEXTS, st.data())
def test_no_wrong_bit_passes_a_checksum(text: str, data: st.DataObject) -> None:
    """A packet with one wrong bit gives no text."""
    whole = bytearray(packet(f"00S{text[:37]}"))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    frames = []
    try:
        frames = FrameSplitter().feed(bytes(whole))
    except GarbledError:
        return
    assert not [frame for frame in frames if frame.is_safe]


@pytest.mark.parametrize("data", [b"00S\x03", b"\x02\x80\x80\x03", b"\x82\x30\x30"])
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(GarbledError):
        FrameSplitter().feed(data)


@given(st.floats(0.0, 9999.0))
def test_numbers_keep_four_digits(value: float) -> None:
    """A number is sent with four digits, and a pump's number reads back as it was sent."""
    text = decimal(value)
    assert re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text)
    assert len(text.replace(".", "")) <= 4
    assert math.isclose(parse_number(text), value, rel_tol=5e-4, abs_tol=5e-4)


@pytest.mark.parametrize("text", ["", ".", "1e3", "nan", "-1.0", "12345", "1.2345", "1_0", " 1"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_number(text)


@given(st.floats(0.017, 9.9e6))
def test_a_rate_is_rounded_little(rate_ul_min: float) -> None:
    """From 1 µL/hr on, a flow rate is said to 0.05 %."""
    text = choose_rate(rate_ul_min)
    assert text is not None
    number, unit = parse_rate(text)
    assert math.isclose(number * unit.rate_ul_min, rate_ul_min, rel_tol=5.1e-4)


def test_a_rate_that_cannot_be_said_is_none() -> None:
    assert choose_rate(1e8) is None
    assert choose_rate(1e-5) is None
    assert choose_rate(12_000.0, [RateUnit.UL_MIN]) is None


def test_replies() -> None:
    reply = parse_reply("07A?S")
    assert (reply.address, reply.alarm, reply.prompt) == (7, Alarm.STALL, "")
    assert parse_reply("00S?OOR").refusal == "OOR"
    assert parse_reply("00I").refusal is None
    assert parse_reply("00S?").refusal == ""
    assert parse_dispensed("I0.974W12.50ML") == (974.0, 12_500.0)
    assert parse_version("NE1000V3.928") == ("1000", "3.928")
    assert parse_version("NE1000X2V4.52") == ("1000X2", "4.52")


@pytest.mark.parametrize("text", ["", "0S", "00", "00Q", "00A?Z", "00A", "aaS"])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no reply"):
        parse_reply(text)
