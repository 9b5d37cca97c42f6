"""Wire faults: the effect of each, when it is on, and that chance repeats with its seed."""

import pytest
from at_random import AtRandom
from hypothesis import given
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.emulation import (
    WIRE_FAULTS,
    Burst,
    Cut,
    Deaf,
    Delay,
    DisturbedWire,
    Drop,
    Garbled,
    HangUp,
    InPieces,
    Late,
    Mute,
    Repeat,
    Split,
    Stale,
    When,
    Wire,
)


class Counting:
    """A core that answers each request with its number and the request."""

    def __init__(self):
        self.requests = []

    def feed(self, data):
        self.requests.append(data)
        return b"%d:%b." % (len(self.requests), data)


def wired(*faults, when=None):
    """A clock, a wire with faults, a core, and the core seen through the wire."""
    clock = VirtualClock()
    wire, core = DisturbedWire(clock), Counting()
    for fault in faults:
        wire.plan(fault, when)
    return clock, wire, core, wire.wrap(core)


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        (Wire(), [b"1:a.", b"2:b.", b"3:c."]),
        (Mute(), [b"", b"", b""]),
        (Mute(1), [b"1:a.", b"", b""]),
        (Deaf(), [b"", b"", b""]),
        (Drop(1), [b"1a.", b"2b.", b"3c."]),
        (Garbled(bits=1), [b"0;`/", b"3;c/", b"2;b/"]),
        (Garbled(5, bits=2), [b"1:a.", b"28b.", b"3:c."]),
        (Late(), [b"", b"1:a.2:b.", b"3:c."]),
        (Late(2), [b"", b"", b"1:a.2:b.3:c."]),
        (Stale(), [b"1:a.", b"1:a.2:b.", b"2:b.3:c."]),
        (Repeat(), [b"1:a.1:a.", b"2:b.2:b.", b"3:c.3:c."]),
        (Split(), [b"1:a.", b"2:b.", b"3:c."]),
        (Delay(5.0), [b"1:a.", b"2:b.", b"3:c."]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_fault_has_its_effect_on_answers(fault, answers):
    """Three exchanges over a wire with one fault give exactly these answers."""
    _, _, _, way = wired(fault)
    assert [way.feed(request) for request in (b"a", b"b", b"c")] == answers
    assert fault.struck == (type(fault) is not Wire)


def test_a_deaf_instrument_does_not_obey_and_a_mute_one_does():
    """A lost request is not carried out; a request with a lost answer is."""
    for fault, reached in ((Deaf(), []), (Mute(), [b"a"])):
        _, _, core, way = wired(fault)
        assert way.feed(b"a") == b""
        assert core.requests == reached


@given(st.integers(0, 13))
def test_a_cut_is_at_its_byte_and_happens_once(byte):
    """Requests and answers pass up to the byte; after the cut the wire is sound."""
    _, _, core, way = wired(Cut(byte))
    got = []
    for request in (b"ab", b"cd"):
        try:
            got.append(way.feed(request))
        except HangUp as end:
            got.append(end.answer)
            break
    passed = b"ab1:ab.cd2:cd."[:byte]
    assert core.requests == [part for part in (passed[:2], passed[7:9]) if part]
    assert b"".join(got) == passed[2:7] + passed[9:]
    assert way.feed(b"x").endswith(b":x.")


def test_a_split_answer_goes_out_in_two_bursts():
    """The front gets two pieces, which together are the answer."""
    _, _, _, way = wired(Split(1))
    answer = way.feed(b"ab")
    sent = []
    assert isinstance(answer, Burst)
    answer.send(sent.append)
    assert sent == [b"1", b":ab."]


def test_pieces_arrive_one_byte_at_a_time():
    """The instrument receives every byte of a request on its own."""
    _, _, core, way = wired(InPieces())
    way.feed(b"abc")
    assert core.requests == [b"a", b"b", b"c"]


def test_a_delay_is_waited_on_the_rigs_clock(monkeypatch):
    """A late answer waits on the clock of the run."""
    clock, _, _, way = wired(Delay(1.5))
    waited_s = []
    monkeypatch.setattr(clock, "emulate_delay", waited_s.append)
    way.feed(b"a")
    assert waited_s == [1.5]


@pytest.mark.parametrize(
    ("when", "lost"),
    [
        (When(), "abcdef"),
        (When(after=2), "cdef"),
        (When(after=2, times=1), "c"),
        (When(times=3), "abc"),
        (When(after_bytes=6), "cdef"),
        (When(at_s=25.0), "def"),
        (When(at_s=25.0, for_s=15.0), "de"),
        (When(for_s=20.0), "ab"),
        (When(chance=0.0), ""),
    ],
    ids=str,
)
def test_a_fault_is_on_when_it_was_planned(when, lost):
    """Of six exchanges, ten seconds and five bytes apart, exactly the planned ones go wrong."""
    clock, _, core, way = wired(Deaf(), when=when)
    for request in b"abcdef":
        way.feed(bytes([request]))
        clock.sleep(10.0)
    assert "".join(sorted(set("abcdef") - set(b"".join(core.requests).decode()))) == lost


@given(seed=st.integers(0, 1000), chance=st.floats(0.0, 1.0))
def test_chance_repeats_with_its_seed(seed, chance):
    """The same seed gives the same faults at the same exchanges."""

    def run():
        _, wire, _, way = wired()
        wire.seed(seed)
        wire.plan(Deaf(), When(chance=chance))
        wire.plan(AtRandom(chance, [Mute, Repeat], seed))
        return [way.feed(b"a") for _ in range(20)]

    assert run() == run()


def test_held_answers_come_after_a_removal_and_are_lost_by_a_clear():
    """A removed fault releases the answers that it holds back; a cleared wire drops them."""
    for end, answer in (("remove", b"1:a.2:b."), ("clear", b"2:b.")):
        fault = Late(9)
        _, wire, _, way = wired(fault)
        assert way.feed(b"a") == b""
        wire.remove(fault) if end == "remove" else wire.clear()
        assert way.feed(b"b") == answer


def test_connections_do_not_get_each_others_answers():
    """An answer that is held back on one connection comes on the same connection."""
    _, wire, _, here = wired(Late())
    there = wire.wrap(Counting())
    assert (here.feed(b"a"), there.feed(b"b"), here.feed(b"c")) == (b"", b"1:b.", b"1:a.2:c.")


def test_faults_at_once_strike_one_after_the_other():
    """Two faults act in series: the one planned first is next to the instrument."""
    _, _, _, way = wired(Repeat(), Drop(0))
    assert way.feed(b"a") == b":a.1:a."


def test_a_switch_is_thrown_and_thrown_back():
    """A planned switch is on in its exchanges and off after them."""
    clock, wire, _, way = wired()
    thrown = []
    wire.plan_switch(thrown.append, When(after=1, times=2))
    for _ in range(5):
        way.feed(b"a")
    assert thrown == [True, False]
    wire.plan_switch(thrown.append, When(at_s=100.0, for_s=10.0))
    clock.sleep(100.0)
    wire.follow()
    clock.sleep(10.0)
    wire.follow()
    assert thrown == [True, False, True, False]


def test_every_fault_of_the_wire_has_a_name():
    """Every wire fault except `Slow`, which is for tests, has a name for scripts."""
    classes = {Mute, Deaf, Delay, Drop, Garbled, Split, Late, Stale, Repeat, Cut, InPieces}
    assert set(WIRE_FAULTS.values()) == classes
