"""The SCPI sensor: the conformance kit over a socket and through pyvisa, and what is its own."""

import math
from contextlib import contextmanager
from functools import partial

import pytest
from attrs import evolve

from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Identity, Quality, Quantity
from flowrig.testing import KindBench
from flowrig_kinds.bodies import SensorBody
from flowrig_kinds.conformance import SensorConformance
from flowrig_sensors.device import number
from flowrig_sensors.driver import ScpiSensor
from flowrig_sensors.emulator import DIALECTS, ScpiSensorEmulator
from flowrig_sensors.settings import ScpiChannel, ScpiSensorSettings, host_and_port

CHANNELS = {
    "pressure": ScpiChannel(query="MEAS:PRES?", unit="bar", scale=0.001),
    "temperature": ScpiChannel(query="MEAS:TEMP? (@101)", unit="degC"),
}


class VisaSensor(ScpiSensor):
    """The same sensor, through pyvisa and pyvisa-py."""

    def __init__(self, name, settings, clock=None):
        host, port = host_and_port(settings.address)
        resource = f"TCPIP0::{host}::{port}::SOCKET"
        super().__init__(name, evolve(settings, address=resource), clock)


@contextmanager
def bench(variant=None, driver=ScpiSensor, **settings):
    settings = ScpiSensorSettings(
        address="127.0.0.1", **{"channels": CHANNELS, "deadline_s": 0.3, **settings}
    )
    emulator = partial(ScpiSensorEmulator, variant=variant)
    with KindBench(driver, emulator, settings, body=SensorBody) as kit:
        yield kit


class TestSocket(SensorConformance):
    @pytest.fixture
    def bench(self):
        with bench(DIALECTS["short"]) as kit:
            yield kit

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench):
        super().test_a_wrong_byte_anywhere(bench)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_values_are_in_the_units_of_the_profile(name):
    with bench(DIALECTS[name]) as kit, kit.driver as sensor:
        kit.place.pressure_bar, kit.place.temperature_c = 2.5, -40.0
        assert sensor.quantities == [Quantity("pressure", "bar"), Quantity("temperature", "degC")]
        values = sensor.read().values
        assert values["pressure"] == pytest.approx(2.5)
        assert values["temperature"] == pytest.approx(-40.0)


def test_an_overload_is_no_value():
    with bench() as kit, kit.driver as sensor:
        kit._emulator.switch("overload")
        reading = sensor.read()
        assert reading.quality is Quality.BAD
        assert all(math.isnan(value) for value in reading.values.values())


def test_another_instrument_at_the_address_is_found_out():
    with bench(identity="GAUGE 1") as kit:
        assert kit.driver.open() == Identity(
            "ACME INSTRUMENTS", "GAUGE 1", kit._emulator.context.serial_number, "1.00"
        )
    with (
        bench(identity="GAUGE 2") as kit,
        pytest.raises(ProtocolError, match=r"not the expected instrument \(GAUGE 2\)"),
    ):
        kit.driver.open()


def test_a_query_that_the_instrument_does_not_know_is_named():
    with bench() as kit:
        other = {**CHANNELS, "flow": ScpiChannel(query="FLOW?")}
        sensor = ScpiSensor("s", evolve(kit._served, channels=other), kit.clock)
        sensor.exclusive = False
        with sensor, pytest.raises(ConnectionLostError, match=r"no answer within .*FLOW\?"):
            sensor.read()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_is_read_through_pyvisa():
    """A resource name goes to pyvisa; a resource that does not answer is an error of the device."""
    with bench(DIALECTS["short"], driver=VisaSensor) as kit:
        with kit.driver as sensor:
            assert sensor.read().values["pressure"] == pytest.approx(kit.place.pressure_bar)
            kit._emulator.inject("mute")
            with pytest.raises(ConnectionLostError):
                sensor.read()
            kit._emulator.heal()
            assert sensor.read().quality is Quality.GOOD
        kit._emulator.stop()
        with pytest.raises(ConnectionLostError):
            kit.driver.open()


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-2.5E-3", -0.0025), ("+1.E+01", 10.0), (".5", 0.5)]
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["9.91E37", "-9.9E+37", "9.9e37"])
def test_what_scpi_calls_no_number(text):
    assert math.isnan(number(text))


@pytest.mark.parametrize("text", ["", "nan", "1,2", "1_0", "1e", "0x1", "1 2", "inf"])
def test_what_is_no_number(text):
    with pytest.raises(ValueError, match="no number"):
        number(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": {}}, "channels"),
        ({"channels": {"Pressure": CHANNELS["pressure"]}}, "lower-case"),
        ({"deadline_s": 0.0}, "deadline_s"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ScpiSensorSettings(address="host", **{"channels": CHANNELS, **settings})


def test_a_channel_needs_a_query():
    with pytest.raises(ValueError, match="query"):
        ScpiChannel(query="MEAS:TEMP")
    with pytest.raises(ValueError, match="scale"):
        ScpiChannel(query="MEAS:TEMP?", scale=0.0)
    assert ScpiSensorSettings(address="host", channels=CHANNELS).connects_to() == ("host:5025",)
