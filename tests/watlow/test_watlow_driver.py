"""The F4T driver against its emulator, through the real pyvisa."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import patient

from flowrig.clock import VirtualClock
from flowrig.errors import (
    ConnectionLostError,
    NotReadyError,
    OutOfRangeError,
    UnknownOutcomeError,
)
from flowrig.interfaces import WireLog
from flowrig.interfaces.device import Identity, Quality
from flowrig.interfaces.heater import HeaterLimits
from flowrig_watlow.emulator.controller import F4TController, F4TTraits
from flowrig_watlow.emulator.emulator import F4TProtocol
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

FIRMWARES = {
    "celsius": F4TTraits(),
    "fahrenheit": F4TTraits(unit=TemperatureUnit.FAHRENHEIT),
    "newline-on-write": F4TTraits(newline_on_write=True),
}


def test_open_identifies_without_moving_anything(rig):
    """Opening identifies the controller and leaves the set point unchanged."""
    number = rig.emulator.context.serial_number
    expected = Identity("Watlow Electric", "F4T", number, "04:05:0007")

    assert rig.driver.identify() == expected
    assert rig.plate.set_point_c == 20.0


def test_reading_before_open_is_refused(plate_rig):
    """A driver that was never opened sends nothing."""
    with plate_rig() as closed, pytest.raises(NotReadyError):
        closed.driver.read()


def test_reading_has_temperature_and_set_point(rig):
    """A reading holds both temperatures, its time and a good quality."""
    rig.plate.temperature_c = 87.25
    rig.driver.set_temperature(90.0)

    reading = rig.driver.read()

    assert (reading.temperature_c, reading.set_point_c) == (87.25, 90.0)
    assert reading.quality is Quality.GOOD
    assert reading.time_s == rig.clock.now_s()


@pytest.mark.parametrize("firmware", FIRMWARES)
@given(set_point_c=st.floats(0.0, 200.0))
def test_set_point_reaches_the_plate(plate_rig, firmware, set_point_c):
    """Any set point in range arrives within 0.05 °C in both units, and reads back as such."""
    with plate_rig(FIRMWARES[firmware]) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(set_point_c)

        assert emulated.plate.set_point_c == pytest.approx(set_point_c, abs=0.05)
        assert emulated.driver.read().set_point_c == pytest.approx(set_point_c, abs=0.05)


@given(temperature_c=st.floats(-50.0, 300.0))
def test_fahrenheit_reads_as_celsius(plate_rig, temperature_c):
    """A temperature that the controller reports in °F is read in °C."""
    with plate_rig(F4TTraits(unit=TemperatureUnit.FAHRENHEIT)) as emulated:
        emulated.plate.temperature_c = temperature_c
        emulated.driver.open()

        assert emulated.driver.read().temperature_c == pytest.approx(temperature_c, abs=0.05)


@pytest.mark.parametrize("tells_errors", [False, True])
@patient(0.2)
def test_firmware_without_a_unit_speaks_fahrenheit(plate_rig, tells_errors, deadline_s):
    """A controller without the query for its unit is treated as one that uses °F."""
    old = F4TTraits(unit=TemperatureUnit.FAHRENHEIT, knows_unit=False, tells_errors=tells_errors)
    with plate_rig(old, deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(100.0)

        assert emulated.plate.set_point_c == pytest.approx(100.0, abs=0.05)


def test_unit_changed_at_the_panel_is_noticed(rig):
    """After a change of unit at the panel, the next set point is sent in the new unit."""
    rig.driver.set_temperature(60.0)
    rig.traits.unit = TemperatureUnit.FAHRENHEIT

    rig.driver.set_temperature(100.0)

    assert rig.plate.set_point_c == pytest.approx(100.0, abs=0.05)


@pytest.mark.parametrize("temperature_c", [-0.01, 200.01, float("nan"), float("inf")])
def test_out_of_range_sends_nothing(rig, temperature_c):
    """A set point outside the limits leaves the controller alone."""
    with pytest.raises(OutOfRangeError):
        rig.driver.set_temperature(temperature_c)

    assert rig.driver.limits == HeaterLimits(0.0, 200.0)
    assert rig.plate.set_point_c == 20.0


@pytest.mark.parametrize("tells_errors", [False, True])
@pytest.mark.parametrize("newline_on_write", [False, True])
def test_ignored_set_point_is_unknown(plate_rig, tells_errors, newline_on_write):
    """If the controller keeps its old set point, it may take the new one later than anybody waits:
    the outcome is unknown, and the link stays usable."""
    narrow = F4TTraits(
        set_point_max_c=60.0, tells_errors=tells_errors, newline_on_write=newline_on_write
    )
    with plate_rig(narrow) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(50.0)
        with pytest.raises(UnknownOutcomeError, match=r"stayed at 50\.00 °C instead of 100\.00 °C"):
            emulated.driver.set_temperature(100.0)

        assert emulated.driver.read().set_point_c == 50.0


def test_off_moves_the_set_point_to_idle(plate_rig):
    """Off sets the idle set point, also when it is called twice."""
    with plate_rig(idle_c=15.0) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.driver.off()
        emulated.driver.off()

        assert emulated.plate.set_point_c == 15.0


def test_off_that_is_not_confirmed_says_so(rig):
    """Off raises UnknownOutcomeError if the controller keeps its set point."""
    rig.driver.set_temperature(120.0)
    rig.traits.set_point_min_c = 50.0

    with pytest.raises(UnknownOutcomeError, match=r"stayed at 120\.00 °C"):
        rig.driver.off()


def test_set_point_that_shows_at_once_costs_no_time(plate_rig):
    """The driver does not wait for a controller that already shows its new set point."""
    with plate_rig(settle_s=0.5) as emulated:
        emulated.driver.open()
        before_s = emulated.clock.now_s()
        emulated.driver.set_temperature(50.0)

        assert emulated.clock.now_s() == before_s


def test_set_point_that_does_not_show_gets_time_to_settle(plate_rig):
    """The controller has the whole patience to show its set point."""
    with plate_rig(settle_s=0.5, patience_s=7.0) as emulated:
        emulated.driver.open()
        emulated.traits.set_point_max_c = 40.0
        before_s = emulated.clock.now_s()

        with pytest.raises(UnknownOutcomeError, match=r"stayed at 20\.00 °C .* for 7 s"):
            emulated.driver.set_temperature(50.0)

        assert emulated.clock.now_s() == before_s + 7.0


@pytest.mark.parametrize("later_s", [0.3, 1.0, 2.6, 4.9])
def test_set_point_that_is_taken_late_is_confirmed(plate_rig, later_s):
    """A controller that obeys seconds after it answers heats, and that is what is reported."""
    with plate_rig(F4TTraits(takes_s=later_s)) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(90.0)

        assert emulated.plate.set_point_c == 90.0


def test_set_point_that_is_taken_too_late_is_unknown(plate_rig):
    """A set point that shows after everybody's patience is never reported as refused."""
    with plate_rig(F4TTraits(takes_s=30.0)) as emulated:
        emulated.driver.open()
        with pytest.raises(UnknownOutcomeError, match="may still change"):
            emulated.driver.set_temperature(90.0)
        emulated.clock.sleep(60.0)

        assert emulated.driver.read().set_point_c == 90.0


def test_off_outlasts_a_set_point_that_was_not_taken_yet(plate_rig):
    """Idle that reads back before an earlier set point has been taken does not confirm off."""
    with plate_rig(F4TTraits(takes_s=7.0)) as emulated:
        emulated.driver.open()
        with pytest.raises(UnknownOutcomeError, match="may still change"):
            emulated.driver.set_temperature(90.0)
        with contextlib.suppress(UnknownOutcomeError):
            emulated.driver.off()
        emulated.driver.off()
        confirmed_s = emulated.clock.now_s()

        assert emulated.driver.read().set_point_c == 20.0
        while emulated.clock.now_s() < confirmed_s + 60.0:
            emulated.clock.sleep(0.5)
            assert emulated.driver.read().set_point_c == 20.0


def test_broken_sensor_makes_the_reading_bad(rig):
    """While the controller reports an input error, readings are BAD."""
    rig.emulator.switch("open-sensor")

    assert rig.driver.read().quality is Quality.BAD


def test_other_loop_is_addressed(plate_rig):
    """The loop of the settings is the one that is read and set."""
    with plate_rig(loop=3) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(70.0)

        assert emulated.driver.read().set_point_c == 70.0


@pytest.mark.parametrize("firmware", ["04:03:0108", "04:05:0007", "5.0.1"])
@patient(0.1)
def test_new_firmware_without_an_answer_on_its_unit_is_lost(peer, driver_at, firmware, deadline_s):
    """Firmware that has the unit query and leaves it unanswered is not treated as one that uses °F:
    a set point in the wrong unit would overheat the plate."""
    identity = f'"Watlow Electric","F4T","1","{firmware}"\n'.encode()
    answers = {"*IDN?": identity, ":UNIT:TEMPERATURE?": None}
    driver = driver_at(peer(answers), deadline_s=deadline_s)

    with pytest.raises(ConnectionLostError, match="did not answer the query for"):
        driver.open()

    assert not driver.is_open


class Plate:
    """A plate at 25 °C."""

    temperature_c = 25.0

    def control(self, set_point_c):
        pass


class Wire:
    """A link straight into an emulated controller, without a socket."""

    def __init__(self, traits):
        self._core = F4TProtocol(F4TController(Plate(), VirtualClock(), 1, 20.0, traits))

    def query(self, question):
        return self._core.feed(question.encode() + b"\n").decode().strip()

    def send(self, command, reconnect=False):
        self._core.feed(command.encode() + b"\n")


@given(hundredths=st.integers(-9_999, 39_999), rate_hundredths=st.integers(10, 9_999))
def test_fahrenheit_keeps_the_digits(hundredths, rate_hundredths):
    """A set point in hundredths of a degree Celsius, and a ramp rate, come back from a controller
    that uses °F with the same digits."""
    loop = ScpiLoop("plate", F4TSettings(address="plate"), WireLog())
    loop._link = Wire(F4TTraits(unit=TemperatureUnit.FAHRENHEIT, knows_unit=False))
    set_point_c, rate_c_min = hundredths / 100, rate_hundredths / 100

    loop.send(loop.set_point_command(set_point_c))
    loop.send(loop.ramp_rate_command(rate_c_min))

    assert loop.set_point_c() == set_point_c
    assert loop.ramp_rate_c_min() == rate_c_min


@pytest.mark.parametrize(
    ("firmware", "asked"), [("04:03:0107", 1), ("03.99.9999", 1), ("unreadable", 2), ("", 2)]
)
@patient(0.1)
def test_old_firmware_is_asked_for_its_unit_once(peer, driver_at, firmware, asked, deadline_s):
    """Firmware that uses °F only gets one query for its unit, unknown firmware gets two."""
    questions = []

    def unit():
        questions.append(1)
        return [b""]

    identity = f'"Watlow Electric","F4T","1","{firmware}"\n'.encode()
    answers = {
        "*IDN?": identity,
        ":UNIT:TEMPERATURE?": unit,
        ":SOURCE:CLOOP1:PVALUE?": b"212.00\n",
        ":SOURCE:CLOOP1:ERROR?": b"NONE\n",
        ":SOURCE:CLOOP1:SPOINT?": b"68.00\n",
    }
    driver = driver_at(peer(answers), deadline_s=deadline_s)
    driver.open()

    assert driver.read().temperature_c == 100.0
    assert len(questions) == asked
