"""Replies that were garbled on their way, by the hundred thousand."""

import contextlib
import math
import random
import socket
import struct

import pytest

from flowrig.errors import ProtocolError
from flowrig.interfaces import WireLog
from flowrig_watlow.dialogue import Dialogue
from flowrig_watlow.modbus_link import ModbusLink, ModbusRefusedError
from flowrig_watlow.registers import WordOrder
from flowrig_watlow.replies import (
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
    """A reply with one to three bytes flipped, lost, doubled or replaced by something nasty."""
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
def test_garbled_replies_are_understood_or_refused(parse):
    """Of 100 000 garbled replies of each kind, none is taken for anything but what it says."""
    chance = random.Random(0)
    for _ in range(100_000):
        reply = mutated(chance.choice(REPLIES[parse]), chance).decode("ascii", errors="replace")
        with contextlib.suppress(ValueError):
            check(parse, reply, parse(reply))


def check(parse, reply, value):
    """Whether a value says what the reply says."""
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


def test_garbled_conversations_end_as_protocol_errors(monkeypatch):
    """A loop that is asked for its temperatures returns finite numbers or raises ProtocolError."""
    chance = random.Random(1)
    loop = Dialogue("plate", F4TSettings(address="plate"), WireLog())

    class Link:
        def query(self, question):
            reply = b"NONE" if question.endswith("ERROR?") else b"25.00"
            return mutated(reply, chance).decode("ascii", errors="replace").strip()

        def close(self):
            pass

    monkeypatch.setattr(loop, "_link", Link())
    for _ in range(5_000):
        with contextlib.suppress(ProtocolError):
            assert math.isfinite(loop.set_point_c())
        with contextlib.suppress(ProtocolError):
            temperature_c, faulty = loop.process_value_c()
            assert faulty or math.isfinite(temperature_c)


def test_garbled_registers_are_finite_or_refused():
    """Any two words are a finite number or none, in both orders."""
    chance = random.Random(2)
    for _ in range(50_000):
        words = chance.getrandbits(16), chance.getrandbits(16)
        with contextlib.suppress(ValueError):
            assert math.isfinite(chance.choice(list(WordOrder)).number(words))


def test_garbled_frames_are_lost_connections(monkeypatch):
    """A garbled Modbus frame gives the words it holds, a refusal, or a lost connection."""
    chance = random.Random(3)
    frame = struct.pack(">HHHBBB2H", 1, 0, 7, 1, 3, 4, 0x0000, 0x41C8)
    for _ in range(10_000):
        ours, theirs = socket.socketpair()
        with theirs, monkeypatch.context() as patch:
            patch.setattr("socket.create_connection", lambda *_, ours=ours, **__: ours)
            link = ModbusLink("plate", 502, 5.0, WireLog())
            link.open()
            patch.setattr(link, "_opened", lambda link=link: link._client)  # the reply waits there
            theirs.sendall(mutated(frame, chance))
            theirs.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError, ModbusRefusedError):
                words = link.read(2820, 2)
                assert len(words) == 2
                assert all(0 <= word < 65536 for word in words)
            link.close()
