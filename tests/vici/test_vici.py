"""The VICI driver: the conformance kit with every dialect, and what is its own."""

from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest

from flowrig.emulation import serial_front
from flowrig.errors import ConnectionLostError, RefusedError
from flowrig.testing import KindBench
from flowrig_kinds.bodies import ValveBody
from flowrig_kinds.conformance import ValveConformance
from flowrig_vici.driver import ViciValve
from flowrig_vici.emulator import DIALECTS, ViciActuator, ViciEmulator
from flowrig_vici.protocol import number_of_ports, position, version
from flowrig_vici.settings import ViciSettings

POSITIONS = {"run": 1, "fill": 2}


@contextmanager
def bench(variant=None, **settings):
    settings = ViciSettings(address="", **{"positions": POSITIONS, "deadline_s": 0.3, **settings})
    emulator = partial(ViciEmulator, variant=variant)
    with KindBench(ViciValve, emulator, settings, body=ValveBody) as kit:
        yield kit


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"variant": DIALECTS["emtca"]}, id="emtca"),
        *(
            pytest.param({"variant": one, "actuator": "7"}, id=name, marks=pytest.mark.slow)
            for name, one in DIALECTS.items()
        ),
    ],
)
class TestDialects(ValveConformance):
    @pytest.fixture
    def bench(self, options):
        with bench(**options) as kit:
            yield kit

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench):
        super().test_a_wrong_byte_anywhere(bench)

    @pytest.mark.slow
    def test_silence_after_a_command_is_an_unknown_outcome(self, bench):
        super().test_silence_after_a_command_is_an_unknown_outcome(bench)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_valve_turns_in_every_dialect(name):
    """The position is read whatever form it has, and no answer to the turn is taken for it."""
    with bench(DIALECTS[name]) as kit, kit.driver as valve:
        for where in ("fill", "run", "run", "fill"):
            valve.select(where)
            assert kit.body.number == POSITIONS[where]
            assert valve.position() == where
        kit.body.number = 1
        assert valve.position() == "run"
        assert valve.identify().firmware == DIALECTS[name].version[0]


def test_a_position_beyond_the_valve_is_refused_when_it_opens():
    with (
        bench(positions={"run": 1, "waste": 11}) as kit,
        pytest.raises(RefusedError, match="'waste' is number 11; the valve has 10"),
    ):
        kit.driver.open()


def test_two_positions_are_letters_on_the_wire():
    with bench(DIALECTS["two-position"]) as kit, kit.driver as valve:
        valve.select("fill")
        assert b"GOB\r" in kit.tap.sent


def test_a_place_without_a_name_is_told():
    """Somebody has turned the valve by hand."""
    with bench() as kit, kit.driver as valve:
        kit.body.number = 9
        assert valve.position() == "position 9"


def test_half_a_request_is_spoilt():
    """A program that died has left the beginning of a move."""
    with bench() as kit:
        kit.driver.open()
        kit.driver.close()
        kit._emulator.core.feed(b"GO5")
        kit.driver.open()
        assert kit.body.number == 1


def test_two_actuators_share_a_port():
    """Each driver turns the valve with its own ID."""
    place = SimpleNamespace(act=lambda name, value: None)
    bodies = {one: ValveBody(place) for one in "1A"}
    actuators = [ViciActuator(body, one, DIALECTS["euta"]) for one, body in bodies.items()]
    core = SimpleNamespace(feed=lambda data: b"".join(one.feed(data) for one in actuators))
    front = serial_front(core)
    address = front.start()
    try:
        drivers = [
            ViciValve(one, ViciSettings(address=address, positions=POSITIONS, actuator=one))
            for one in bodies
        ]
        for driver in drivers:
            driver.exclusive = False
        with drivers[0], drivers[1]:
            drivers[1].select("fill")
            assert [body.number for body in bodies.values()] == [1, 2]
            assert [one.position() for one in drivers] == ["run", "fill"]
            with pytest.raises(ConnectionLostError, match="same address"):
                ViciValve("third", drivers[0].settings).open()
    finally:
        front.stop()


@pytest.mark.parametrize("line", ["CP03", "CP3", "CP = 3", "CP=03", 'Position is  = "3"', "cp3 "])
def test_forms_of_a_position(line):
    text = position("").parse(line)
    assert text is not None
    assert int(text) == 3


@pytest.mark.parametrize("line", ["", "CP", "CPC", "CP123", "GO3", "NP03", "Bad command CP", "3"])
def test_what_is_no_position(line):
    assert position("").parse(line) is None


def test_other_replies():
    assert number_of_ports("").parse("NP = 10") == 10
    assert number_of_ports("").parse("CP10") is None
    assert version("").parse("VR = UA_MAIN_EQ 01.10") == "UA_MAIN_EQ 01.10"
    assert version("").parse("CP03") is None


@pytest.mark.parametrize(
    "settings", [{"actuator": "12"}, {"actuator": "a"}, {"baud": 1200}, {"positions": {"a": 1}}]
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"actuator|baud|position"):
        ViciSettings(address="COM1", **{"positions": POSITIONS, **settings})
