"""The Zaber driver: the conformance kit with its dialects, and what is its own."""

from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.emulation import serial_front
from flowrig.errors import NotReadyError, RefusedError
from flowrig.testing import KindBench
from flowrig_kinds.bodies import StageBody
from flowrig_kinds.conformance import NumberConformance
from flowrig_zaber.driver import ZaberStage
from flowrig_zaber.emulator import DIALECTS, ZaberCore, ZaberEmulator
from flowrig_zaber.protocol import checksum, limit, parse, position, version
from flowrig_zaber.settings import ZaberSettings

RAIL = {"microstep_um": 0.5, "limits_mm": (0.0, 800.0), "deadline_s": 0.3}
REPLY = "@01 1 04 OK IDLE -- 12"


@contextmanager
def bench(variant=None, **settings):
    settings = ZaberSettings(address="", **{**RAIL, **settings})
    emulator = partial(ZaberEmulator, variant=variant)
    with KindBench(ZaberStage, emulator, settings, body=StageBody) as kit:
        yield kit


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"variant": DIALECTS["checksums"]}, id="checksums"),
        *(
            pytest.param({"variant": one, "device": 12}, id=name, marks=pytest.mark.slow)
            for name, one in DIALECTS.items()
            if name != "slow"
        ),
    ],
)
class TestDialects(NumberConformance):
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
def test_a_stage_has_arrived_when_the_call_returns(name):
    """A slow carriage too: the driver waits for the place, not for the answer to the command."""
    with bench(DIALECTS[name], limits_mm=(0.0, 40.0)) as kit, kit.driver as stage:
        for place_mm in (10.0, 39.99, 0.0):
            stage.set(place_mm)
            assert kit.body.told == pytest.approx(place_mm, abs=stage.resolution)
        assert stage.identify().firmware == DIALECTS[name].version


def test_nothing_moves_when_the_driver_opens():
    with bench() as kit:
        kit.body.told = 123.0
        with kit.driver as stage:
            assert stage.setting() == pytest.approx(123.0)
        assert b"move" not in kit.tap.sent
        assert b"home" not in kit.tap.sent


def test_a_stage_that_was_off_moves_only_after_a_person_has_sent_it_home():
    """Its counter says nothing, so that no position is reported and none is reached."""
    with bench() as kit, kit.driver as stage:
        stage.set(20.0)
        kit._emulator.switch("power-cycle")
        for call in (stage.setting, partial(stage.set, 30.0)):
            with pytest.raises(NotReadyError, match="send it home"):
                call()
        assert kit.body.told == pytest.approx(20.0)
        stage.close()
        with pytest.raises(NotReadyError, match="send it home"):
            stage.open()
        kit._emulator.core.feed(b"/1 1 home\r\n")
        stage.open()
        stage.set(30.0)


def test_a_stage_that_stalls_is_told_at_once():
    """Not after the longest time that a move takes; afterwards it can be asked and moved."""
    with bench() as kit, kit.driver as stage:
        stage.set(20.0)
        kit._emulator.switch("blocked-carriage")
        began_s = kit.clock.now_s()
        with pytest.raises(RefusedError, match="30 mm and stands at 20 mm: it has stalled"):
            stage.set(30.0)
        assert kit.clock.now_s() - began_s < stage.settling_s
        assert stage.setting() == pytest.approx(20.0)
        kit._emulator.switch("blocked-carriage", on=False)
        stage.set(30.0)


def test_limits_beyond_the_stage_are_refused_when_it_opens():
    with bench(limits_mm=(0.0, 900.0)) as kit:
        kit._emulator.core._settings = ZaberSettings(address="", **RAIL)
        with pytest.raises(RefusedError, match="0 to 900 mm, and the stage goes from 0 to 800"):
            kit.driver.open()


def test_half_a_request_is_spoilt():
    """A program that died has left the beginning of a move."""
    with bench() as kit:
        kit._emulator.core.feed(b"/1 1 move abs 100")
        kit.driver.open()
        assert kit.body.told == 0.0


def test_two_stages_share_a_port():
    place = SimpleNamespace(act=lambda name, value: None)
    clock = SimpleNamespace(now_s=lambda: 0.0)
    bodies = [StageBody(place) for _ in range(2)]
    cores = [
        ZaberCore(body, ZaberSettings(address="", **RAIL, device=one), DIALECTS["plain"], clock)
        for one, body in enumerate(bodies, 1)
    ]
    front = serial_front(SimpleNamespace(feed=lambda sent: b"".join(c.feed(sent) for c in cores)))
    address = front.start()
    try:
        drivers = [
            ZaberStage(f"{one}", ZaberSettings(address=address, **RAIL, device=one))
            for one in (1, 2)
        ]
        for driver in drivers:
            driver.exclusive = False
        with drivers[0], drivers[1]:
            drivers[1].set(30.0)
            assert [body.told for body in bodies] == [0.0, pytest.approx(30.0)]
            assert drivers[0].setting() == 0.0
    finally:
        front.stop()


def test_replies():
    """As Zaber's manual and its public client have them."""
    reply = parse("@01 1 04 OK BUSY WR -1234")
    assert (reply.is_moving, reply.warning, reply.number) == (True, "WR", -1234.0)
    assert parse("@01 1 04 RJ IDLE -- BADDATA").accepted is False
    assert parse(f"{REPLY}:{checksum(REPLY[1:])}") == parse(REPLY)
    assert limit(1, 1, "max").parse("@01 1 03 OK IDLE -- 12") is not None
    assert version(1).parse("@01 0 01 OK IDLE -- 7.38").data == "7.38"


@pytest.mark.parametrize(
    "line",
    [
        f"{REPLY}:00",
        REPLY.replace("@01", "@02"),
        REPLY.replace(" 1 ", " 2 "),
        REPLY.replace(" 04", " 03"),
        REPLY.replace(" 04", ""),
        REPLY.replace("12", "1O"),
        "!01 1 IDLE --",
        "#01 1 04 OK IDLE -- 12",
        "",
    ],
)
def test_what_is_no_position(line):
    assert position(1, 1).parse(REPLY) is not None
    assert position(1, 1).parse(line) is None


@given(st.integers(0, len(REPLY) + 2).filter(lambda n: n != len(REPLY)), st.integers(1, 127))
def test_a_checksum_finds_a_wrong_byte(place, change):
    """But not one in place of its colon, without which it may be more digits."""
    sound = f"{REPLY}:{checksum(REPLY[1:])}"
    wrong = f"{sound[:place]}{chr(ord(sound[place]) ^ change)}{sound[place + 1 :]}"
    assert parse(wrong) in (None, parse(sound))


@pytest.mark.parametrize(
    "settings",
    [
        {"device": 0},
        {"axis": 10},
        {"baud": 300},
        {"microstep_um": 0.0},
        {"limits_mm": (5.0, 5.0)},
        {"limits_mm": (0.0, float("nan"))},
    ],
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"device|axis|baud|microstep|limits"):
        ZaberSettings(address="COM1", **{**RAIL, **settings})
