"""Readings: the unit that scales them, sensors without a value, and registers of another map."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import patient

from flowrig.emulation import Wire
from flowrig.errors import ConnectionLostError, ProtocolError, RefusedError, UnknownOutcomeError
from flowrig.interfaces.device import Quality
from flowrig_watlow.emulator.traits import F4TTraits
from flowrig_watlow.parameters import PidSet
from flowrig_watlow.registers import WordOrder
from flowrig_watlow.scpi.replies import has_no_value, parse_number
from flowrig_watlow.temperature import TemperatureUnit

CELSIUS, FAHRENHEIT = TemperatureUnit.CELSIUS, TemperatureUnit.FAHRENHEIT
PVALUE, ERROR, SPOINT = (f":SOURCE:CLOOP1:{name}?" for name in ("PVALUE", "ERROR", "SPOINT"))
UNIT = ":UNIT:TEMPERATURE?"


class ChangesUnit(Wire):
    """Another client changes the unit in front of every request in which a word stands."""

    def __init__(self, traits, word, times=1):
        self._traits, self._word, self._times = traits, word.encode(), times

    def carry(self, line, data):
        if self._word in data and self._times:
            self._times -= 1
            unit = self._traits.unit
            self._traits.unit = CELSIUS if unit is FAHRENHEIT else FAHRENHEIT
        return line.feed(data)


@pytest.mark.parametrize("unit", [CELSIUS, FAHRENHEIT])
def test_a_unit_that_another_client_changed_scales_no_reading(plate_rig, unit):
    """190 °C stay 190 °C when another client chooses the other unit."""
    with plate_rig(F4TTraits(unit=unit)) as emulated:
        emulated.plate.temperature_c = 190.0
        emulated.driver.open()
        emulated.driver.set_temperature(150.0)
        emulated.traits.unit = CELSIUS if unit is FAHRENHEIT else FAHRENHEIT

        reading = emulated.driver.read()
        assert reading.temperature_c == pytest.approx(190.0, abs=0.01)
        assert reading.set_point_c == pytest.approx(150.0, abs=0.01)


@pytest.mark.parametrize("word", ["UNIT", "PVALUE?", "ERROR?", "SPOINT?"])
@pytest.mark.parametrize("unit", [CELSIUS, FAHRENHEIT])
def test_a_unit_that_changes_in_the_middle_of_a_look_scales_no_reading(plate_rig, unit, word):
    """A change between any two of the queries of one reading is noticed."""
    with plate_rig(F4TTraits(unit=unit)) as emulated:
        emulated.plate.temperature_c = 190.0
        emulated.driver.open()
        emulated.wire("scpi").plan(ChangesUnit(emulated.traits, word))

        reading = emulated.driver.read()
        assert reading.temperature_c == pytest.approx(190.0, abs=0.01)
        assert reading.set_point_c == pytest.approx(20.0, abs=0.01)


@pytest.mark.parametrize("word", ["UNIT", "SPOINT 1", "SPOINT 2", "SPOINT?"])
@pytest.mark.parametrize("unit", [CELSIUS, FAHRENHEIT])
def test_a_unit_that_changes_around_a_set_point_is_no_other_set_point(plate_rig, unit, word):
    """A set point that was sent in the unit of a moment ago is sent again in the present one."""
    with plate_rig(F4TTraits(unit=unit)) as emulated:
        emulated.driver.open()
        emulated.wire("scpi").plan(ChangesUnit(emulated.traits, word))
        emulated.driver.set_temperature(110.0)

        assert emulated.plate.set_point_c == pytest.approx(110.0, abs=0.01)


@pytest.mark.parametrize("unit", [CELSIUS, FAHRENHEIT])
def test_off_after_a_change_of_the_unit_is_idle(plate_rig, unit):
    """Off is sent blindly in the unit of the last look, and sent again if it was another one."""
    with plate_rig(F4TTraits(unit=unit)) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(110.0)
        emulated.traits.unit = CELSIUS if unit is FAHRENHEIT else FAHRENHEIT
        emulated.driver.off()

        assert emulated.plate.set_point_c == pytest.approx(20.0, abs=0.01)


def test_a_unit_that_changes_all_the_time_is_an_error(rig):
    """Without two equal answers around a temperature there is no temperature."""
    rig.wire("scpi").plan(ChangesUnit(rig.traits, "PVALUE?", times=100))

    with pytest.raises(ProtocolError, match="changes the temperature unit all the time"):
        rig.driver.read()


@pytest.mark.parametrize("order", list(WordOrder))
def test_a_unit_of_modbus_that_changed_at_the_panel_scales_nothing(plate_rig, order):
    """Set points, alarms and PID sets by Modbus are those of the present unit."""
    band = PidSet(heat_band_c=10.0, cool_band_c=5.0, integral_s=60.0, derivative_s=0.0)
    settings = {"modbus": "unused", "word_order": order.value}
    with plate_rig(F4TTraits(word_order=order), **settings) as emulated:
        emulated.driver.open()
        emulated.driver.set_pid(1, band)
        emulated.traits.modbus_unit = FAHRENHEIT
        emulated.driver.set_temperature(100.0)

        assert emulated.plate.set_point_c == 100.0
        assert emulated.driver.pid(1).is_close_to(band)
        emulated.driver.set_pid(2, band)
        assert emulated.emulator.controller.pids[2].is_close_to(band)


@pytest.mark.parametrize(
    "reply",
    ["9.91E37", "9.91E+37", "9.910000e+37", "9.9E37", "-9.9E+37", "9.95E38", "NAN", "INF", "-inf"],
)
def test_a_number_that_stands_for_none_is_never_good(peer, driver_at, reply):
    """What SCPI has for "not a number" and infinities is no temperature, whatever ERROR? says."""
    driver = driver_at(peer({PVALUE: f"{reply}\n".encode(), ERROR: b"NONE\n", SPOINT: b"20\n"}))
    driver.open()
    reading = driver.read()

    assert reading.quality is Quality.BAD
    assert math.isnan(reading.temperature_c)
    assert reply in reading.faults[0]


@pytest.mark.parametrize("reply", ["9.91E37", "9.9E37", "-9.9E37", "1E300"])
def test_a_set_point_that_stands_for_none_is_an_error(peer, driver_at, reply):
    """A set point without a number is never a reading."""
    driver = driver_at(peer({SPOINT: f"{reply}\n".encode()}))
    driver.open()

    with pytest.raises(ProtocolError, match="not a number"):
        driver.read()


@pytest.mark.parametrize("order", list(WordOrder))
@pytest.mark.parametrize("value", [9.91e37, 9.9e37, -9.91e37, 3e38])
def test_a_number_by_modbus_that_stands_for_none_is_an_error(order, value):
    """Registers with what SCPI has for "not a number" and infinities hold no number."""
    with pytest.raises(ValueError, match="no finite number"):
        order.number(order.words(value))


@pytest.mark.parametrize("word", ["UNIT", "RRATE 1", "RRATE?"])
def test_a_unit_that_changes_around_a_ramp_rate_is_no_other_rate(plate_rig, word):
    """A ramp rate is 10 °C/min in the present unit, too."""
    with plate_rig() as emulated:
        emulated.driver.open()
        emulated.wire("scpi").plan(ChangesUnit(emulated.traits, word))
        emulated.driver.set_ramp_rate(10.0)

        assert emulated.emulator.controller.ramp_rate_c == pytest.approx(10.0, abs=0.01)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_finite_or_refused(value):
    """Every number below 9.9E37 is itself, and every other one is none."""
    reply = f"{value:.6E}"
    if has_no_value(reply):
        with pytest.raises(ValueError, match="not a number"):
            parse_number(reply)
    else:
        assert abs(parse_number(reply)) < 9.9e37


@pytest.mark.parametrize(("unit", "reply"), [("C", "-273.2"), ("F", "-460"), ("C", "100000")])
def test_a_temperature_that_cannot_be_is_never_good(peer, driver_at, unit, reply):
    """Below absolute zero, or above what the controller knows, there is no temperature."""
    answers = {UNIT: f"{unit}\n".encode(), PVALUE: f"{reply}\n".encode(), SPOINT: b"70\n"}
    driver = driver_at(peer(answers))
    driver.open()

    assert driver.read().quality is Quality.BAD


@pytest.mark.parametrize("hidden", [False, True])
def test_a_set_point_for_a_broken_sensor_is_refused(plate_rig, hidden):
    """While the sensor is open no set point is sent, and off works."""
    with plate_rig(F4TTraits(hides_open_sensor=hidden)) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(60.0)
        emulated.emulator.switch("open-sensor")

        with pytest.raises(RefusedError, match="no set point can be reached"):
            emulated.driver.set_temperature(90.0)
        assert emulated.emulator.controller.user_set_point_c == 60.0
        assert emulated.driver.read().quality is Quality.BAD
        emulated.driver.off()
        assert emulated.emulator.controller.user_set_point_c == 20.0


@pytest.mark.parametrize("comments", [False, True])
@pytest.mark.parametrize("knows_unit", [False, True])
@patient(0.2)
def test_firmware_without_the_state_of_its_sensor_is_read(
    plate_rig, knows_unit, comments, deadline_s
):
    """A controller that does not know ERROR? is read; a value that is none is BAD."""
    unit = CELSIUS if knows_unit else FAHRENHEIT
    old = F4TTraits(
        unit=unit, knows_unit=knows_unit, knows_error=False, comments_errors=comments,
        hides_open_sensor=True,
    )  # fmt: skip
    with plate_rig(old, deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(90.0)
        reading = emulated.driver.read()
        assert (reading.quality, reading.temperature_c) == (Quality.GOOD, 25.0)
        emulated.emulator.switch("open-sensor")

        assert emulated.driver.read().quality is Quality.BAD


@patient(0.2)
def test_a_silence_at_the_opening_is_no_old_firmware(peer, driver_at, deadline_s):
    """One ERROR? without an answer does not decide that the firmware has no such query."""
    answers = iter([b"", b"NONE\n", b"ERROR\n"])
    driver = driver_at(
        peer({ERROR: lambda: [next(answers)], SPOINT: b"20\n"}), deadline_s=deadline_s
    )
    driver.open()

    assert driver.read().quality is Quality.BAD


@pytest.mark.parametrize("order", list(WordOrder))
@pytest.mark.parametrize("unit", [CELSIUS, FAHRENHEIT])
@pytest.mark.parametrize("data_map", [2, 3])
def test_the_registers_of_the_older_f4_are_named(plate_rig, data_map, unit, order):
    """A controller that is set to data map 2 or 3 is refused with the setting to change."""
    traits = F4TTraits(data_map=data_map, modbus_unit=unit, word_order=order)
    with plate_rig(traits, modbus="unused") as emulated:
        with pytest.raises(ProtocolError, match=r'data map 2 or 3, .* set "Data Map" to 1'):
            emulated.driver.open()

        assert not emulated.driver.is_open


def test_a_map_that_changes_while_it_runs_is_named(plate_rig):
    """After a power cycle with another data map, the next set point names it."""
    with plate_rig(modbus="unused") as emulated:
        emulated.driver.open()
        emulated.traits.data_map = 2

        with pytest.raises((RefusedError, ProtocolError, UnknownOutcomeError)):
            emulated.driver.set_temperature(90.0)


@patient(0.2)
def test_a_comment_on_a_command_is_no_answer(peer, driver_at, deadline_s):
    """A line about an earlier command in front of an answer is skipped; alone it is an error."""
    comment = b"Inbound SCPI ERROR: -113\n"
    replies = iter([b"25.00\n", comment + b"26.00\n", comment])
    driver = driver_at(
        peer({PVALUE: lambda: [next(replies, b"25.00\n")], SPOINT: b"20\n"}), deadline_s=deadline_s
    )
    driver.open()
    assert driver.read().temperature_c == 25.0
    assert driver.read().temperature_c == 26.0

    with pytest.raises((ProtocolError, ConnectionLostError)):
        driver.read()


def test_faults_of_other_hands_are_seen(rig):
    """What another program, a person or a slow controller does is read, waited for or refused."""
    rig.emulator.switch("foreign-unit")
    assert rig.driver.read().temperature_c == pytest.approx(25.0, abs=0.01)
    rig.emulator.switch("late-set-points")
    rig.driver.set_temperature(90.0)
    assert rig.plate.set_point_c == pytest.approx(90.0, abs=0.01)
    rig.emulator.switch("panel-profile")
    with pytest.raises(RefusedError, match="stored profile"):
        rig.driver.set_temperature(80.0)
    rig.emulator.switch("sensor-without-value")
    assert rig.driver.read().quality is Quality.BAD
    rig.emulator.heal()
    assert rig.driver.read().quality is Quality.GOOD
