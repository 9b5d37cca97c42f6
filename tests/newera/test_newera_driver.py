"""What the New Era driver sends, and what it makes of the pump's alarms and refusals."""

import pytest
from newera_bench import SYRINGE, bench, ready_bench

from flowrig.errors import (
    DeviceError,
    DeviceFaultError,
    NotReadyError,
    OutOfRangeError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import Identity, PumpState, PumpStep, Syringe
from flowrig_newera.emulator.variant import DIALECTS, Variant
from flowrig_newera.settings import NewEraSettings


def test_it_opens_a_pump_that_was_just_switched_on() -> None:
    """The alarm of the power-up is taken note of; nothing is set, and nothing moves."""
    with bench() as b:
        assert b.pump.open() == Identity("New Era", "NE-1000", firmware="3.928")
        assert set(b.sent()) == {"0?", "0VER"}
        assert b.pump.status().state is PumpState.STOPPED


def test_a_run_ends_by_itself_at_the_volume_of_the_syringe() -> None:
    """The pump delivers at most the syringe, although the person is gone."""
    with ready_bench() as b:
        b.pump.set_rate(6000.0)
        b.pump.start()
        b.clock.sleep(60.0)
        assert b.pump.dispensed().volume_ul == pytest.approx(6000.0)
        b.clock.sleep(60.0)
        assert b.pump.status().state is PumpState.STOPPED


def test_a_second_start_sends_no_setting() -> None:
    """Settings that the pump has are not written again: its memory wears."""
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.pump.stop()
        b.sent()
        b.pump.set_rate(100.0)
        b.pump.start()
        sets = [line for line in b.sent() if len(line) > 4]
        assert sets == ["0CLDINF", "0CLDWDR"]


def test_a_set_rate_at_rest_is_kept_over_a_power_failure_and_a_running_one_is_sent_again() -> None:
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.pump.set_rate(250.0)
        assert b.plunger.rate_ul_min == pytest.approx(250.0)
        b.emulator.switch("power-cycle")
        assert b.pump.status().state is PumpState.STOPPED
        assert b.pump.read_back().rate_ul_min == pytest.approx(100.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(250.0)


def test_a_command_that_met_an_alarm_was_not_obeyed() -> None:
    """The reply to the start tells of the power failure; the pump stands still."""
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        link = b.pump._link
        b.emulator.switch("power-cycle")
        with pytest.raises(DeviceFaultError, match="power was interrupted"):
            link.run()
        assert b.plunger.starts == 0


@pytest.mark.parametrize("rates_ul_min", [(0.5, 5000.0), (5000.0, 0.5), (9000.0, 12_000.0)])
def test_a_running_pump_takes_a_rate_in_another_unit(rates_ul_min: tuple[float, float]) -> None:
    """The unit cannot change while the pump runs: the driver begins another run, and counts on."""
    slow, fast = min(rates_ul_min), max(rates_ul_min)
    with bench(rate_min_ul_min=0.1, rate_max_ul_min=20_000.0) as b:
        b.motor._variant = Variant(speed_max_mm_min=200.0)
        b.pump.open()
        b.pump.set_syringe(SYRINGE)
        b.pump.set_rate(rates_ul_min[0])
        b.pump.start()
        b.clock.sleep(6.0)
        b.pump.set_rate(rates_ul_min[1])
        assert b.plunger.rate_ul_min == pytest.approx(rates_ul_min[1], rel=1e-3)
        b.clock.sleep(6.0)
        expected_ul = (slow + fast) / 10
        assert b.pump.dispensed().volume_ul == pytest.approx(expected_ul, rel=0.02)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_stall_is_remembered_until_a_stop(name: str) -> None:
    """The pump tells of it once; the driver goes on telling, and refuses to start."""
    with ready_bench(DIALECTS[name]) as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.plunger.jam()
        for _ in range(3):
            assert b.pump.status().state is PumpState.STALLED
        with pytest.raises(DeviceFaultError, match="stalled"):
            b.pump.start()
        b.pump.stop()
        assert b.pump.status().state is PumpState.STOPPED


def test_a_pump_that_was_left_running_is_not_taken_for_ones_own() -> None:
    """It goes on; a start with other settings is refused until it is stopped."""
    with bench() as b:
        b.pump.open()
        b.pump.set_syringe(SYRINGE)
        b.emulator.switch("panel-start")
        assert b.pump.status().state is PumpState.RUNNING
        with pytest.raises(NotReadyError, match="stop"):
            b.pump.set_syringe(SYRINGE)
        with pytest.raises(NotReadyError, match="units"):
            b.pump.set_rate(0.317)
        b.pump.stop()
        assert not b.plunger.moves


def test_a_pump_that_somebody_reversed_has_a_fault() -> None:
    """A pump that draws in place of pushing must not count as running."""
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.emulator.switch("panel-reverse")
        assert b.pump.status().state is PumpState.FAULT


def test_a_rate_that_somebody_changed_is_read_back() -> None:
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        b.pump.start()
        b.emulator.switch("panel-rate")
        assert b.pump.read_back().rate_ul_min == pytest.approx(80.0)


def test_a_withdrawal_is_counted() -> None:
    """A program of one step draws its volume, and stops."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(-500.0, 1000.0)])
        assert b.plunger.rate_ul_min == pytest.approx(-1000.0)
        b.clock.sleep(15.0)
        assert b.pump.dispensed().volume_ul == pytest.approx(250.0)
        with pytest.raises(NotReadyError, match="program"):
            b.pump.set_rate(100.0)
        b.clock.sleep(16.0)
        assert b.pump.status().state is PumpState.STOPPED
        b.pump.set_rate(100.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(100.0)


def test_a_withdrawal_of_a_program_that_died_is_told() -> None:
    """The next program asks the pump which way it went."""
    with ready_bench() as b:
        b.pump.start_program([PumpStep(-500.0, 1000.0)])
        b.clock.sleep(15.0)
        b.pump.close()
        b.pump.open()
        b.pump.stop()
        assert b.pump.dispensed().volume_ul == pytest.approx(250.0)


@pytest.mark.parametrize("steps", [[PumpStep(10, 100, 200)], [PumpStep(10, 100), PumpStep(10, 50)]])
def test_other_programs_are_not_supported(steps: list[PumpStep]) -> None:
    with ready_bench() as b, pytest.raises(UnsupportedError, match="one step"):
        b.pump.start_program(steps)


def test_a_pump_that_confirms_and_keeps_its_old_values_is_found_out() -> None:
    with ready_bench() as b:
        b.emulator.switch("silent-refusal")
        with pytest.raises(RefusedError, match="kept"):
            b.pump.set_rate(123.0)
        with pytest.raises(RefusedError, match="kept DIA"):
            b.pump.set_syringe(Syringe(1000.0, 4.61))


def test_another_model_needs_its_limits() -> None:
    """The speeds of its plunger are not known, and the protocol cannot tell them."""
    variant = Variant(version="NE4000V3.928")
    with (
        bench(variant) as b,
        b.pump,
        pytest.raises(RefusedError, match=r"NE-4000 .* rate_min and rate_max"),
    ):
        b.pump.set_syringe(SYRINGE)
    with bench(variant, rate_min_ul_min=1.0, rate_max_ul_min=500.0) as b, b.pump:
        assert b.pump.set_syringe(SYRINGE).rate_max_ul_min == 500.0
        with pytest.raises(OutOfRangeError):
            b.pump.set_rate(501.0)


def test_a_rate_beyond_the_pump_is_refused_with_the_limits() -> None:
    """The profile can be wrong about another model; the pump has the last word."""
    with (
        bench(rate_min_ul_min=1.0, rate_max_ul_min=50_000.0) as b,
        b.pump,
    ):
        b.pump.set_syringe(SYRINGE)
        with pytest.raises(RefusedError, match="out of range; expected limits are 1 to 50000"):
            b.pump.set_rate(40_000.0)


@pytest.mark.parametrize("baud", [19200, 9600, 2400, 1200, 300])
def test_the_line_speed_is_found(baud: int) -> None:
    with bench(baud=baud) as b:
        other = b.other(baud="probe")
        with other:
            assert other.status().state is PumpState.STOPPED
            assert other._line.bauds == (baud,)


def test_a_wrong_line_speed_is_named() -> None:
    with bench() as b:
        b.emulator.switch("wrong-baud")
        with pytest.raises(DeviceError, match="19200 baud"):
            b.pump.open()


def test_half_a_request_of_a_program_that_died_is_spoilt() -> None:
    """The rest of a start waits in the pump: what the driver sends first must not complete it."""
    with bench() as b:
        b.emulator.switch("half-request")
        b.pump.open()
        b.pump.set_syringe(SYRINGE)
        assert b.plunger.starts == 0


def test_a_lost_start_is_not_repeated() -> None:
    with ready_bench() as b:
        b.pump.set_rate(100.0)
        requests = []

        class OnlyDropsRun:
            def feed(self, data: bytes) -> bytes:
                answer = b.emulator._chain.feed(data)
                requests.append(data)
                return b"" if b"RUN" in data else answer

        b.wire.core = OnlyDropsRun()
        with pytest.raises(UnknownOutcomeError):
            b.pump.start()
        assert sum(b"RUN" in request for request in requests) == 1
        assert b.pump.status().state is PumpState.RUNNING


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pump": 100}, "pump"),
        ({"baud": 4800}, "baud"),
        ({"safe_mode_s": 300.0}, "safe_mode_s"),
        ({"rate_min_ul_min": 1.0}, "belong together"),
        ({"rate_min_ul_min": 2.0, "rate_max_ul_min": 1.0}, "less than"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NewEraSettings(address="COM1", **settings)
