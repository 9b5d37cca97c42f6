"""Programs of steps that the pump runs: volumes, directions, several steps and ramps."""

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


def let_run(b, duration_s):
    """Let a program run, and poll its status; returns the volume [µL] moved at each poll."""
    moved_ul = [b.plunger.moved_ul]
    while duration_s > 0:
        b.clock.sleep(TICK_S)
        duration_s -= TICK_S
        b.pump.status()
        moved_ul.append(b.plunger.moved_ul)
    return moved_ul


def test_one_step_delivers_its_volume():
    """One step delivers its volume, and then the pump stops."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(100.0, 60.0)])
        assert b.pump.status().state is PumpState.RUNNING
        let_run(b, 110)
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(100.0)
        assert b.pump.elapsed().duration_s == pytest.approx(100.0, abs=TICK_S)
        assert b.plunger.moved_ul == pytest.approx(100.0, rel=0.01)


def test_withdraw():
    """A negative volume withdraws, and counts as dispensed volume."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(-100.0, 60.0)])
        let_run(b, 50)
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
            let_run(b, 10)
            rates.append(b.plunger.rate_ul_min)
            let_run(b, 50 if len(rates) == 1 else 20)
        assert rates == pytest.approx([60.0, -40.0, 10.0])
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(85.0)


def test_a_ramp_is_linear_in_time():
    """Along a ramp the rate is linear in time, and the volume is the mean rate times the time."""
    with ready_bench() as b:
        step = PumpStep.lasting(120.0, 30.0, 90.0)
        assert step.volume_ul == pytest.approx(120.0)
        b.pump.start_program([step])
        moved_ul = let_run(b, 60)
        assert b.plunger.rate_ul_min == pytest.approx(60.0, rel=0.02)
        assert moved_ul[-1] == pytest.approx(45.0, rel=0.02)
        let_run(b, 62)
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.dispensed().volume_ul == pytest.approx(120.0)


@settings(deadline=None, max_examples=25)
@given(
    duration_s=st.floats(1.0, 1e5),
    first=st.floats(0.1, 1e4),
    last=st.none() | st.floats(0.1, 1e4),
    withdraw=st.booleans(),
)
def test_a_step_has_the_duration_it_was_made_from(duration_s, first, last, withdraw):
    """A step made from a duration has that duration, and a negative volume if it withdraws."""
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
def test_an_impossible_program_writes_no_byte(steps):
    """A rate out of range, or too much travel, is refused before a byte is sent."""
    with ready_bench() as b:
        before = b.wire.received
        with pytest.raises(OutOfRangeError):
            b.pump.start_program(steps)
        assert b.wire.received == before


def test_infusing_and_withdrawing_in_turns_fits_into_one_stroke():
    """The limit is for the position of the plunger, not for the sum of its movements."""
    with ready_bench() as b:
        volume_ul = SYRINGE.volume_ul * 0.6
        b.pump.start_program([PumpStep(volume_ul, 60.0), PumpStep(-volume_ul, 60.0)] * 2)
        assert b.pump.status().state is PumpState.RUNNING


def test_a_pump_without_multistep_mode_is_noticed():
    """A pump that takes the first step only, or no ramp, raises an error and does not move."""
    with ready_bench(variant=Variant(multistep=False)) as b:
        b.pump.start_program([PumpStep(10.0, 60.0)])
        b.pump.stop()
        for steps in ([PumpStep(10.0, 60.0)] * 2, [PumpStep(10.0, 60.0, 90.0)]):
            with pytest.raises(UnsupportedError, match="Multi-Step"):
                b.pump.start_program(steps)
        assert b.plunger.rate_ul_min == 0.0


def test_a_pump_that_only_infuses_refuses_to_withdraw():
    """A model that cannot withdraw keeps its old volume, which raises an error."""
    with ready_bench(variant=Variant(withdraws=False)) as b:
        with pytest.raises(RefusedError, match="kept volume"):
            b.pump.start_program([PumpStep(-10.0, 60.0)])
        assert b.plunger.rate_ul_min == 0.0


def test_a_plunger_that_cannot_withdraw_is_an_error_of_the_pump(monkeypatch):
    """The pump reports an error if the simulated plunger only infuses; a stop clears it."""
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
    """A running program refuses another rate or program; after a stop both are accepted."""
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


def test_a_program_that_ends_before_its_status_is_read():
    """A step that is over when the driver reads the status counts as done."""
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
    """A program is refused until a stop has cleared the stall."""
    with ready_bench(fill_ul=10.0) as b:
        b.pump.start_program([PumpStep(100.0, 60.0)])
        let_run(b, 20)
        with pytest.raises(DeviceFaultError, match="stalled"):
            b.pump.start_program([PumpStep(5.0, 60.0)])


def test_a_program_needs_a_syringe():
    """A program is refused before a syringe is set, because the limits depend on it."""
    with bench() as b, b.pump, pytest.raises(NotReadyError, match="set_syringe"):
        b.pump.start_program([PumpStep(5.0, 60.0)])
