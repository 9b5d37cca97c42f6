"""Volumes, directions, steps and ramps, by the pump's own clockwork."""

import pytest
from fusion_bench import SYRINGE, bench, ready_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.errors import (
    DeviceFaultError,
    NotReadyError,
    OutOfRangeError,
    RefusedError,
    UnsupportedError,
)
from flowrig.interfaces import PumpState, PumpStep
from flowrig_chemyx.emulator.variant import Variant

TICK_S = 0.5


def follow(b, duration_s):
    """Let a program go on, looked at every now and then; returns the volume [µL] at each look."""
    moved_ul = [b.plunger.moved_ul]
    while duration_s > 0:
        b.clock.sleep(TICK_S)
        duration_s -= TICK_S
        b.pump.status()
        moved_ul.append(b.plunger.moved_ul)
    return moved_ul


def test_a_volume_and_no_more():
    """One step delivers its volume and the pump stands still."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(100.0, 60.0)])
        assert b.pump.status().state is PumpState.RUNNING
        follow(b, 110)
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(100.0)
        assert b.pump.elapsed().duration_s == pytest.approx(100.0, abs=TICK_S)
        assert b.plunger.moved_ul == pytest.approx(100.0, rel=0.01)


def test_withdraw():
    """A negative volume moves the plunger back, and counts."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(-100.0, 60.0)])
        follow(b, 50)
        assert b.plunger.rate_ul_min == pytest.approx(-60.0)
        assert b.pump.dispensed().volume_ul == pytest.approx(50.0)
        b.pump.stop()
        assert b.plunger.moved_ul == pytest.approx(-50.0)


def test_steps_one_after_the_other():
    """Each step has its own rate and direction."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(60.0, 60.0), PumpStep(-20.0, 40.0), PumpStep(5.0, 10.0)])
        rates = []
        for _ in range(3):
            follow(b, 10)
            rates.append(b.plunger.rate_ul_min)
            follow(b, 50 if len(rates) == 1 else 20)
        assert rates == pytest.approx([60.0, -40.0, 10.0])
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(85.0)


def test_a_ramp_is_linear_in_time():
    """Along a ramp the rate changes evenly, and the volume is the mean rate times the time."""
    with ready_bench() as b:
        step = PumpStep.lasting(120.0, 30.0, 90.0)
        assert step.volume_ul == pytest.approx(120.0)
        b.pump.start_program([step])
        moved_ul = follow(b, 60)
        assert b.plunger.rate_ul_min == pytest.approx(60.0, rel=0.02)
        assert moved_ul[-1] == pytest.approx(45.0, rel=0.02)
        follow(b, 62)
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(120.0)


@settings(deadline=None, max_examples=25)
@given(
    duration_s=st.floats(1.0, 1e5),
    first=st.floats(0.1, 1e4),
    last=st.none() | st.floats(0.1, 1e4),
    withdraw=st.booleans(),
)
def test_a_step_lasts_what_it_was_made_for(duration_s, first, last, withdraw):
    """A step made from a duration has that duration, and the sign of its direction."""
    step = PumpStep.lasting(duration_s, first, last, withdraw=withdraw)
    assert step.duration_s == pytest.approx(duration_s)
    assert (step.volume_ul < 0) == withdraw


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [PumpStep(0.0, 60.0)],
        [PumpStep(float("nan"), 60.0)],
        [PumpStep(10.0, -60.0)],
        [PumpStep(10.0, 60.0, 1e9)],
        [PumpStep(SYRINGE.volume_ul * 1.01, 60.0)],
        [PumpStep(SYRINGE.volume_ul * 0.6, 60.0)] * 2,
    ],
)
def test_a_program_that_cannot_be_writes_no_byte(steps):
    """Rates out of range, and more travel than the syringe has, are refused before the wire."""
    with ready_bench() as b:
        before = b.wire.received
        with pytest.raises(OutOfRangeError):
            b.pump.start_program(steps)
        assert b.wire.received == before


def test_to_and_fro_fits_into_one_stroke():
    """What counts is how far the plunger travels, not how much it moves in all."""
    with ready_bench() as b:
        volume_ul = SYRINGE.volume_ul * 0.6
        b.pump.start_program([PumpStep(volume_ul, 60.0), PumpStep(-volume_ul, 60.0)] * 2)
        assert b.pump.status().state is PumpState.RUNNING


def test_a_pump_without_steps_says_so():
    """A pump that keeps the first step only, or no ramp, cannot do the program; nothing moves."""
    with ready_bench(variant=Variant(multistep=False)) as b:
        b.pump.start_program([PumpStep(10.0, 60.0)])
        b.pump.stop()
        for steps in ([PumpStep(10.0, 60.0)] * 2, [PumpStep(10.0, 60.0, 90.0)]):
            with pytest.raises(UnsupportedError, match="Multi-Step"):
                b.pump.start_program(steps)
        assert b.plunger.rate_ul_min == 0.0


def test_a_pump_that_only_infuses_refuses_to_withdraw():
    """A model that cannot withdraw keeps its old volume, and that is noticed."""
    with ready_bench(variant=Variant(withdraws=False)) as b:
        with pytest.raises(RefusedError, match="kept volume"):
            b.pump.start_program([PumpStep(-10.0, 60.0)])
        assert b.plunger.rate_ul_min == 0.0


def test_a_world_without_refill_makes_the_pump_fail(monkeypatch):
    """A body that only pushes shows as an error of the pump, which a stop acknowledges."""
    with ready_bench() as b:
        push = b.plunger.push

        def only_push(rate_ul_min):
            if rate_ul_min < 0:
                raise OutOfRangeError("only pushes")
            push(rate_ul_min)

        monkeypatch.setattr(b.plunger, "push", only_push)
        with pytest.raises(DeviceFaultError, match="error"):
            b.pump.start_program([PumpStep(-10.0, 60.0)])
        b.pump.stop()
        assert b.pump.status().state is PumpState.STOPPED


def test_a_program_is_not_changed_while_it_runs():
    """Neither a rate nor another program gets in between; a stop makes room."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.pump.start_program([PumpStep(100.0, 60.0), PumpStep(100.0, 30.0)])
        for call in (
            lambda: b.pump.set_rate(10.0),
            lambda: b.pump.start_program([PumpStep(10.0, 60.0)]),
            b.pump.start,
        ):
            with pytest.raises(NotReadyError):
                call()
        assert b.plunger.rate_ul_min == pytest.approx(60.0)
        b.pump.stop()
        b.pump.set_rate(10.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(10.0)


def test_a_program_that_is_over_at_once():
    """A step that ends before the pump is asked for its state was done all the same."""
    with ready_bench() as b:
        feed = b.core.firmware.feed

        def slow_pump(data):
            answer = feed(data)
            if data.startswith(b"start"):
                b.clock.sleep(1.0)
            return answer

        b.core.firmware.feed = slow_pump
        b.pump.start_program([PumpStep(5.0, 6000.0)])
        assert b.pump.dispensed().volume_ul == pytest.approx(5.0)


def test_a_stalled_pump_runs_no_program():
    """A stall has to be acknowledged first."""
    with ready_bench(fill_ul=10.0) as b:
        b.pump.start_program([PumpStep(100.0, 60.0)])
        follow(b, 20)
        with pytest.raises(DeviceFaultError, match="stalled"):
            b.pump.start_program([PumpStep(5.0, 60.0)])


def test_a_program_needs_a_syringe():
    """Limits, and so programs, depend on the syringe."""
    with bench() as b, b.pump, pytest.raises(NotReadyError, match="set_syringe"):
        b.pump.start_program([PumpStep(5.0, 60.0)])
