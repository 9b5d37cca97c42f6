"""Ramps and outputs of an F4T, and the profile that is selected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.emulation import Cut, When
from flowrig.errors import OutOfRangeError, RefusedError, UnknownOutcomeError
from flowrig_watlow.driver import ProgramStatus
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.registers import RampAction, RampScale
from flowrig_watlow.temperature import TemperatureUnit

PROTOCOLS = {"scpi": {}, "modbus": {"modbus": "unused"}}


@pytest.fixture(params=PROTOCOLS)
def any_rig(request, plate_rig):
    """An open driver, without and with Modbus."""
    with plate_rig(**PROTOCOLS[request.param]) as emulated:
        emulated.driver.open()
        yield emulated


@pytest.mark.parametrize("unit", TemperatureUnit)
@given(rate_c_min=st.floats(0.1, 50.0))
def test_ramp_rate_reaches_the_controller(plate_rig, unit, rate_c_min):
    """Any rate arrives in K/min, for both temperature units."""
    with plate_rig(F4TTraits(unit=unit)) as emulated:
        emulated.driver.open()
        emulated.driver.set_ramp_rate(rate_c_min)
        controller = emulated.emulator.controller

        assert controller.ramp_rate_c == pytest.approx(rate_c_min, abs=0.01)
        assert controller.ramp_scale is RampScale.MINUTES
        assert controller.ramp_action is RampAction.SETPOINT


def test_set_point_travels_along_the_ramp(any_rig):
    """With a ramp the active set point follows the rate; without it, it jumps."""
    any_rig.driver.set_ramp_rate(5.0)
    start_s = any_rig.clock.now_s()
    any_rig.driver.set_temperature(40.0)
    any_rig.clock.sleep_until(start_s + 120.0)

    assert any_rig.driver.read().set_point_c == pytest.approx(30.0, abs=0.01)
    any_rig.clock.sleep(300.0)
    assert any_rig.driver.read().set_point_c == 40.0

    any_rig.driver.set_ramp_rate(None)
    any_rig.driver.set_temperature(20.0)
    assert any_rig.driver.read().set_point_c == 20.0


def test_off_does_not_wait_for_the_ramp(any_rig):
    """Off sets idle at once, and the next set point follows the ramp again."""
    any_rig.driver.set_ramp_rate(5.0)
    any_rig.driver.set_temperature(60.0)
    any_rig.clock.sleep(3600.0)
    any_rig.driver.off()
    assert any_rig.plate.set_point_c == 20.0

    any_rig.driver.set_temperature(60.0)
    assert any_rig.plate.set_point_c < 21.0


def test_off_on_a_ramp_that_stays_on_is_not_confirmed(any_rig):
    """Off is not confirmed while the set point still follows a ramp; idle is sent all the same."""
    any_rig.driver.set_temperature(60.0)
    controller = any_rig.emulator.controller
    controller.ramp_action = RampAction.SETPOINT

    with pytest.raises(UnknownOutcomeError, match=r"the set point stayed at 59\.9"):
        any_rig.driver.off()

    assert controller.user_set_point_c == 20.0


@pytest.mark.parametrize(("start_c", "target_c"), [(20.0, 60.0), (60.0, 25.0), (20.0, 20.1)])
def test_set_point_on_a_ramp_is_confirmed_by_scpi_alone(plate_rig, start_c, target_c):
    """Without Modbus a set point that moves towards its target is confirmed."""
    with plate_rig() as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(start_c)
        emulated.driver.set_ramp_rate(2.0)
        emulated.driver.set_temperature(target_c)

        assert emulated.emulator.controller.user_set_point_c == target_c


def test_ignored_set_point_on_a_ramp_is_unknown(any_rig):
    """A set point that does not move towards its target may do so later."""
    any_rig.driver.set_ramp_rate(5.0)
    any_rig.traits.refuses_sets = True
    with pytest.raises((RefusedError, UnknownOutcomeError), match="stayed at"):
        any_rig.driver.set_temperature(60.0)


def test_ignored_ramp_rate_is_refused(any_rig):
    """If the controller keeps its old rate, the call is refused."""
    any_rig.traits.refuses_sets = True
    with pytest.raises(RefusedError, match=r"the ramp rate stayed at 1\.00 °C/min instead of 5\."):
        any_rig.driver.set_ramp_rate(5.0)


@pytest.mark.parametrize("rate_c_min", [0.0, -1.0, 0.05, float("nan"), float("inf")])
def test_impossible_ramp_sends_nothing(rig, rate_c_min):
    """A rate that is not a number, or slower than 0.1 °C/min, is refused before a byte is sent."""
    before = rig.wire("scpi").exchanges
    with pytest.raises(OutOfRangeError):
        rig.driver.set_ramp_rate(rate_c_min)

    assert rig.wire("scpi").exchanges == before


def test_ramp_of_the_panel_is_no_obstacle_with_modbus(plate_rig):
    """With Modbus the user set point is read back, also during a ramp set at the panel."""
    with plate_rig(modbus="unused") as emulated:
        emulated.driver.open()
        emulated.emulator.controller.ramp_action = RampAction.BOTH
        emulated.driver.set_temperature(90.0)

        assert emulated.emulator.controller.user_set_point_c == 90.0


def test_output_is_switched_and_read(rig):
    """Only the output that is named changes."""
    rig.driver.set_output(2, True)

    assert [rig.driver.output(number) for number in (1, 2, 3)] == [False, True, False]
    rig.driver.set_output(2, False)
    assert rig.driver.output(2) is False


@pytest.mark.parametrize("number", [0, 8])
def test_output_that_does_not_exist_is_out_of_range(rig, number):
    """Outputs are 1 to 7; anything else sends nothing."""
    before = rig.wire("scpi").exchanges
    with pytest.raises(OutOfRangeError):
        rig.driver.set_output(number, True)
    with pytest.raises(OutOfRangeError):
        rig.driver.output(number)

    assert rig.wire("scpi").exchanges == before


def test_output_that_keeps_its_state_is_refused(rig):
    """If an output keeps its state, the call is refused."""
    rig.traits.refuses_sets = True
    with pytest.raises(RefusedError, match="output 3 stayed at OFF instead of ON"):
        rig.driver.set_output(3, True)


def test_output_without_read_back_is_an_unknown_outcome(rig):
    """An output that was sent and cannot be read back is reported as unknown."""
    for after in (1, 2):  # the command alone and then the question, or both in one piece
        rig.wire("scpi").plan(Cut(len(":OUTPUT3:STATE ON\n")), When(after=after, times=1))
    with pytest.raises(UnknownOutcomeError):
        rig.driver.set_output(3, True)


def test_program_is_read(rig):
    """State and name of the selected profile are those that the controller reports."""
    assert rig.driver.program() == ProgramStatus("IDLE", "Heat Only")
    rig.emulator.controller.program_state = "RUN"
    assert rig.driver.program().state == "RUN"
    rig.emulator.controller.program = 2
    assert rig.driver.program().name == ""
