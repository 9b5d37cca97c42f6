"""The Modbus sensor: the conformance kit on a serial line and on a socket, and what is its own."""

import math
from contextlib import contextmanager
from types import SimpleNamespace
from typing import get_args

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.emulation import serial_front
from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.interfaces import Quality
from flowrig.testing import KindBench
from flowrig_kinds.bodies import SensorBody
from flowrig_kinds.conformance import SensorConformance
from flowrig_sensors.modbus_driver import ModbusSensor
from flowrig_sensors.modbus_emulator import ModbusSensorEmulator, RtuCore
from flowrig_sensors.modbus_protocol import crc, encoded, value_of
from flowrig_sensors.modbus_settings import Form, ModbusRegister, ModbusSensorSettings

CHANNELS = {
    "pressure": ModbusRegister(register=10, form="float32", unit="bar"),
    "temperature": ModbusRegister(
        register=2, table="input", form="int16", unit="degC", scale=0.1, offset=-40.0
    ),
}


@contextmanager
def bench(**settings):
    settings = ModbusSensorSettings(
        address="127.0.0.1", **{"channels": CHANNELS, "deadline_s": 0.3, **settings}
    )
    with KindBench(ModbusSensor, ModbusSensorEmulator, settings, body=SensorBody) as kit:
        yield kit


class TestSerialLine(SensorConformance):
    @pytest.fixture
    def bench(self):
        with bench() as kit:
            yield kit

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench):
        super().test_a_wrong_byte_anywhere(bench)


class TestSocket(TestSerialLine):
    @pytest.fixture
    def bench(self):
        with bench(protocol="tcp", word_order="low-first", station=255) as kit:
            yield kit

    def detects_single_bytes(self):
        """No: TCP has the checksum, and a packet of Modbus has none."""
        return False


@pytest.mark.parametrize("protocol", ["rtu", "tcp"])
@pytest.mark.parametrize("word_order", ["high-first", "low-first"])
def test_registers_become_quantities(protocol, word_order):
    with bench(protocol=protocol, word_order=word_order) as kit, kit.driver as sensor:
        kit.place.pressure_bar, kit.place.temperature_c = 2.5, -12.3
        values = sensor.read().values
        assert values["pressure"] == pytest.approx(2.5)
        assert values["temperature"] == pytest.approx(-12.3)


@pytest.mark.parametrize("protocol", ["rtu", "tcp"])
def test_a_register_that_does_not_exist_is_named(protocol):
    with bench(protocol=protocol) as kit:
        other = {**CHANNELS, "flow": ModbusRegister(register=99)}
        sensor = ModbusSensor("s", evolve(kit._served, channels=other), kit.clock)
        sensor.exclusive = False
        with sensor, pytest.raises(ProtocolError, match=r"no such register.*holding register 99"):
            sensor.read()


def test_a_number_that_is_none_is_no_value():
    """Some instruments show a broken sensor by a number of 32 bits that is not finite."""
    with bench() as kit, kit.driver as sensor:
        kit.place.pressure_bar = math.nan
        assert sensor.read().quality is Quality.BAD


def test_another_station_does_not_answer():
    with bench() as kit:
        sensor = ModbusSensor("s", evolve(kit._served, station=9), kit.clock)
        sensor.exclusive = False
        with pytest.raises(ConnectionLostError, match="no answer"):
            sensor.open()


def test_two_stations_share_a_line():
    """Each driver reads its own station."""
    values = {1: 1.5, 2: 2.5}
    cores = [
        RtuCore(one, lambda _, first, one=one: encoded(values[one], "float32", low_first=False))
        for one in values
    ]
    front = serial_front(SimpleNamespace(feed=lambda sent: b"".join(c.feed(sent) for c in cores)))
    address = front.start()
    try:
        settings = [
            ModbusSensorSettings(
                address=address, station=one, channels={"pressure": CHANNELS["pressure"]}
            )
            for one in values
        ]
        drivers = [ModbusSensor(f"s{one.station}", one) for one in settings]
        for driver in drivers:
            driver.exclusive = False
        with drivers[0], drivers[1]:
            assert [driver.read().values["pressure"] for driver in drivers] == [1.5, 2.5]
            with pytest.raises(ConnectionLostError, match="same address"):
                ModbusSensor("third", settings[0]).open()
    finally:
        front.stop()


def test_the_checksum_of_the_specification() -> None:
    """The example of "Modbus over Serial Line", annex B: 02 07 has the CRC 41 12."""
    assert crc(b"\x02\x07") == b"\x41\x12"


@given(st.sampled_from(get_args(Form)), st.integers(0, 32767), st.booleans())
def test_numbers_survive_their_registers(form: Form, value: int, low_first: bool) -> None:
    registers = encoded(float(value), form, low_first=low_first)
    assert value_of(registers, form, low_first=low_first) == value


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": {}}, "channels"),
        ({"channels": {"P": CHANNELS["pressure"]}}, "lower-case"),
        ({"station": 256}, "station"),
        ({"parity": "mark"}, "parity"),
        ({"protocol": "ascii"}, "protocol"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModbusSensorSettings(address="COM1", **{"channels": CHANNELS, **settings})


def test_where_it_connects():
    tcp = ModbusSensorSettings(address="host", protocol="tcp", channels=CHANNELS, station=3)
    assert (tcp.connects_to(), tcp.uses_only()) == (("host:502",), "station 3")
    rtu = evolve(tcp, address="COM3", protocol="rtu")
    assert rtu.connects_to() == ("COM3",)
