"""Pumps on a chain, and the Safe mode with its time-out."""

import pytest
from newera_bench import SYRINGE, bench, ready_bench

from flowrig.errors import ConnectionLostError, UnknownOutcomeError, UnsupportedError
from flowrig.interfaces import PumpState
from flowrig_newera.emulator.variant import DIALECTS, Variant

CHAIN = DIALECTS["chain"]


@pytest.mark.parametrize("safe_mode_s", [None, 30.0])
def test_two_pumps_share_a_port(safe_mode_s: float | None) -> None:
    """Each driver commands its own pump only, and the port closes after the last one."""
    with ready_bench(CHAIN, safe_mode_s=safe_mode_s) as b:
        other = b.other(pump=2)
        with other:
            other.set_syringe(SYRINGE)
            other.set_rate(50.0)
            b.pump.set_rate(100.0)
            b.pump.start()
            other.start()
            assert other.status().state is PumpState.RUNNING
            b.pump.stop()
            assert not b.plunger.moves
            assert other.status().state is PumpState.RUNNING
            b.pump.close()
            other.stop()
        assert other._line is None


def test_one_address_serves_one_device() -> None:
    with ready_bench(CHAIN) as b, pytest.raises(ConnectionLostError, match="same address"):
        b.other().open()


def test_an_address_without_a_pump_is_named() -> None:
    with ready_bench(CHAIN) as b:
        with pytest.raises(ConnectionLostError, match="this address"):
            b.other(pump=9).open()
        assert b.pump.status().state is PumpState.STOPPED


def test_two_line_speeds_on_one_port_are_refused() -> None:
    with ready_bench(CHAIN) as b, pytest.raises(ConnectionLostError, match="19200 baud"):
        b.other(pump=2, baud=9600).open()


def test_a_pump_in_safe_mode_stops_when_the_program_is_gone() -> None:
    """Nothing is asked for longer than the time-out: the pump stops by itself, and tells it."""
    with ready_bench(safe_mode_s=20.0) as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.clock.sleep(15.0)
        assert b.pump.status().state is PumpState.RUNNING
        b.clock.sleep(25.0)
        assert b.pump.status().state in (PumpState.STOPPED, PumpState.PAUSED)
        assert not b.plunger.moves


def test_the_time_out_ends_with_the_device_unless_it_runs() -> None:
    """A pump at rest returns to Basic mode, so that no alarm sounds; a running one stays guarded"""
    with ready_bench(safe_mode_s=20.0) as b:
        firmware = b.emulator.pumps[0]
        assert firmware.safe_s == 20
        b.pump.close()
        assert firmware.safe_s == 0
        b.pump.open()
        b.pump.set_syringe(SYRINGE)
        b.pump.set_rate(100.0)
        b.pump.start()
        b.pump.close()
        assert firmware.safe_s == 20


def test_arming_sets_the_time_out() -> None:
    with ready_bench(safe_mode_s=20.0) as b:
        b.pump.arm_dead_man(60.0)
        assert b.emulator.pumps[0].safe_s == 60
    with ready_bench() as b, pytest.raises(UnsupportedError, match="safe_mode"):
        b.pump.arm_dead_man(60.0)


@pytest.mark.parametrize("variant", [Variant(), Variant(answers_basic=True)])
def test_a_pump_that_was_left_in_safe_mode_is_found(variant: Variant) -> None:
    """A program that died has left it there: the mode is as in the profile again."""
    with bench(variant) as b:
        firmware = b.emulator.pumps[0]
        firmware.safe_s = 5
        b.pump.open()
        assert firmware.safe_s == 0
        assert b.pump.status().state is PumpState.STOPPED


def test_a_blind_stop_reaches_a_pump_in_either_mode() -> None:
    for safe_s in (0, 9):
        with bench() as b:
            firmware = b.emulator.pumps[0]
            firmware.motor.alarm = None
            firmware.motor.run()
            firmware.safe_s = safe_s
            b.pump.send_safe_action()
            b.pump.close()
            b.clock.sleep(1.0)
            with b.other() as other:
                assert other.status().state is not PumpState.RUNNING


def test_an_alarm_that_a_pump_sends_by_itself_is_no_reply() -> None:
    """In Safe mode it comes between two requests; the next reply belongs to its request."""
    with ready_bench(safe_mode_s=200.0) as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.plunger.jam()
        b.emulator._front.send(b.emulator.pumps[0].tick())
        assert b.pump.status().state is PumpState.STALLED
        assert b.pump.read_back().rate_ul_min == pytest.approx(100.0)


def test_a_mode_that_is_not_confirmed_is_an_unknown_outcome() -> None:
    with ready_bench(safe_mode_s=20.0) as b:
        core = b.wire.core

        class Silent:
            def feed(self, data: bytes) -> bytes:
                answer = core.feed(data)
                return b"" if b"SAF" in data else answer

        b.wire.core = Silent()
        with pytest.raises(UnknownOutcomeError):
            b.pump.arm_dead_man(60.0)
        assert b.pump.status().state is PumpState.STOPPED
