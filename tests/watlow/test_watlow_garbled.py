"""100 000 garbled SCPI replies and Modbus frames: each gives a correct value or an error."""

import contextlib
import math
import random
import struct

import pytest

from flowrig.errors import ProtocolError
from flowrig.interfaces import WireLog
from flowrig_watlow.modbus.link import ModbusLink, ModbusRefusedError, _RecordedClient
from flowrig_watlow.registers import WordOrder
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.scpi.replies import (
    parse_identity,
    parse_number,
    parse_switch,
    parse_text,
    parse_unit,
)
from flowrig_watlow.settings import F4TSettings

REPLIES = {
    parse_number: [b"25.00", b"-12.5", b"+100", b"1.5e2", b"0"],
    parse_unit: [b"C", b"F"],
    parse_switch: [b"ON", b"OFF"],
    parse_text: [b'"Heat Only"', b"RUN", b'""'],
    parse_identity: [b'"Watlow Electric","F4T","0000000001","04:05:0007"'],
}
SPLICES = [
    b"nan", b"inf", b"1_0", b",", b"0x1", b"e999", b" ", b"\x00", b"\xff", b'"', b"\n", b"ERROR",
    "２".encode(), b"1e5", b"--", b".", b"\r",
]  # fmt: skip


def mutated(reply, chance):
    """A reply with one to three bytes flipped, lost, doubled or replaced by a hostile pattern."""
    changed = bytearray(reply)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(changed))
        match chance.randrange(4):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                del changed[at : at + chance.randint(1, 4)]
            case 2:
                changed[at:at] = changed[:at]
            case _:
                changed[at:at] = chance.choice(SPLICES)
    return bytes(changed)


@pytest.mark.parametrize("parse", REPLIES, ids=lambda parse: parse.__name__)
@pytest.mark.parametrize("replies", [15_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_garbled_replies_are_understood_or_refused(parse, replies):
    """Each garbled reply, of thousands of each kind, gives the value it spells, or a ValueError."""
    chance = random.Random(0)
    for _ in range(replies):
        reply = mutated(chance.choice(REPLIES[parse]), chance).decode("ascii", errors="replace")
        with contextlib.suppress(ValueError):
            check(parse, reply, parse(reply))


def check(parse, reply, value):
    """Check that a value is the one that the reply spells."""
    if parse is parse_number:
        assert math.isfinite(value)
        assert set(reply) <= set("0123456789+-.eE")
        assert value == float(reply)
    elif parse is parse_unit:
        assert reply.upper() == value.value
    elif parse is parse_switch:
        assert reply.upper() == ("ON" if value else "OFF")
    elif parse is parse_text:
        assert value in reply
        assert value.isprintable()
    else:
        assert "watlow" in value.vendor.lower()


def test_garbled_replies_are_protocol_errors(monkeypatch):
    """With garbled replies a temperature is a finite number or a ProtocolError."""
    chance = random.Random(1)
    loop = ScpiLoop("plate", F4TSettings(address="plate"), WireLog())

    class Link:
        def query(self, question):
            reply = b"NONE" if question.endswith("ERROR?") else b"25.00"
            return mutated(reply, chance).decode("ascii", errors="replace").strip()

        def close(self):
            pass

    monkeypatch.setattr(loop, "_link", Link())
    for _ in range(2_000):
        with contextlib.suppress(ProtocolError):
            assert math.isfinite(loop.set_point_c())
        with contextlib.suppress(ProtocolError):
            look = loop.look()
            assert look.fault or math.isfinite(look.temperature_c)


def test_garbled_registers_are_finite_or_refused():
    """Any two words give a finite number or a ValueError, in both word orders."""
    chance = random.Random(2)
    for _ in range(50_000):
        words = chance.getrandbits(16), chance.getrandbits(16)
        with contextlib.suppress(ValueError):
            assert math.isfinite(chance.choice(list(WordOrder)).number(words))


class Canned:
    """A socket that returns given bytes once, and then the end of the connection."""

    def __init__(self):
        self.answer = b""

    def send(self, request):
        return len(request)

    def recv(self, size):
        answer, self.answer = self.answer[:size], self.answer[size:]
        return answer

    def setblocking(self, _):
        pass

    def close(self):
        pass


WORDS = struct.pack(">HHHBBB2H", 1, 0, 7, 1, 3, 4, 0x0000, 0x41C8)
ONE_SET = struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 2730, 10)
TWO_SET = struct.pack(">HHHBBHH", 1, 0, 6, 1, 16, 2830, 2)
EXCHANGES = {
    "read": (WORDS, lambda link: link.read(2820, 2)),
    "write one": (ONE_SET, lambda link: link.write(2730, [10])),
    "write two": (TWO_SET, lambda link: link.write(2830, [0, 0x4100])),
}


@pytest.fixture
def canned_link(monkeypatch):
    """Makes a link that receives given bytes, without a socket and without waiting."""
    wire = Canned()
    monkeypatch.setattr("select.select", lambda *_: ([wire], [], []))

    def link_to(answer):
        link = ModbusLink("127.0.0.1", 502, 5.0, WireLog())
        wire.answer = answer
        link._client = _RecordedClient("127.0.0.1", 502, 5.0, WireLog())
        link._client.socket = wire
        monkeypatch.setattr(link, "_opened", lambda: link._client)
        return link

    return link_to


@pytest.mark.parametrize("frames", [5_000, pytest.param(33_334, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=EXCHANGES)
def test_garbled_frames_are_lost_connections(canned_link, exchange, frames):
    """Of as many garbled Modbus frames, each gives the words that it holds, a refusal, or a
    lost connection; a write is taken as confirmed only by the very bytes that confirm it."""
    frame, exchange_with = exchange
    chance = random.Random(3)
    assert exchange_with(canned_link(frame)) in (None, [0x0000, 0x41C8])
    for _ in range(frames):
        reply = mutated(frame, chance)
        with contextlib.suppress(OSError, ModbusRefusedError):
            words = exchange_with(canned_link(reply))
            if words is None:
                assert frame[7:] in reply
            else:
                assert len(words) == 2
                assert all(0 <= word < 65536 for word in words)
