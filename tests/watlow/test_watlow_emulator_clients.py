"""The emulated F4T with bare pyvisa and pymodbus as clients, and with its faults."""

import socket
import threading
from functools import partial

import pytest
import pyvisa
from at_random import AtRandom
from patience import LONG_S, patient
from pymodbus.client import ModbusTcpClient

from flowrig.clock import RealClock
from flowrig.emulation import Cut, Deaf, Delay, Late, Mute, Repeat, When
from flowrig.errors import ConnectionLostError, DeviceError, RefusedError, UnknownOutcomeError
from flowrig.interfaces.device import Quality
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.registers import WordOrder

BOTH = {"modbus": "unused", "off": "control-mode"}


@pytest.fixture
def both(plate_rig):
    """An emulated F4T with both servers, and no driver at it yet."""
    with plate_rig(**BOTH) as emulated:
        yield emulated


@pytest.fixture
def visa(both):
    """A plain pyvisa resource."""
    manager = pyvisa.ResourceManager("@py")
    settings = both.driver.settings
    with manager.open_resource(
        f"TCPIP0::{settings.host}::{settings.port}::SOCKET",
        read_termination="\n",
        write_termination="\n",
    ) as resource:
        yield resource
    manager.close()


@pytest.fixture
def registers(both):
    """A plain pymodbus client."""
    host, port = both.driver.settings.modbus_host_and_port
    with ModbusTcpClient(host, port=port) as client:
        yield client


def number(client, address):
    """A float, low word first, read by pymodbus itself."""
    words = client.read_holding_registers(address, count=2).registers
    return client.convert_from_registers(words, client.DATATYPE.FLOAT32, word_order="little")


def test_other_programs_see_one_controller(both, visa, registers):
    """Values that pyvisa sets are read by pymodbus and by the driver, and the other way round."""
    assert visa.query("*IDN?").startswith('"Watlow Electric","F4T"')
    assert float(visa.query(":SOURCE:CLOOP1:PVALUE?")) == number(registers, 2820) == 25.0

    visa.write(":SOURCE:CLOOP1:SPOINT 90")
    assert visa.query(":SOURCE:CLOOP1:SPOINT?") == "90.00"
    assert number(registers, 2782) == number(registers, 2810) == 90.0

    words = registers.convert_to_registers(120.0, registers.DATATYPE.FLOAT32, word_order="little")
    assert not registers.write_registers(2782, words).isError()
    assert visa.query(":SOURCE:CLOOP1:SPOINT?") == "120.00"

    visa.write(":OUTPUT2:STATE ON")
    assert visa.query(":OUTPUT2:STATE?") == "ON"
    assert registers.read_holding_registers(16596).registers == [63]
    visa.write(":PROGRAM:SELECTED:STATE START")
    assert visa.query(":PROGRAM:SELECTED:STATE?") == "RUN"
    assert registers.read_holding_registers(16568).registers == [149]

    assert not registers.write_register(2730, 62).isError()
    assert number(registers, 2808) == 0.0
    both.driver.open()
    assert both.driver.control_mode().name == "OFF"
    assert both.driver.read().set_point_c == 120.0
    assert registers.read_holding_registers(40_000).exception_code == 2


def test_both_servers_share_one_word_order(plate_rig):
    """A unit with the other word order serves the same numbers with the words swapped."""
    with plate_rig(F4TTraits(word_order=WordOrder.HIGH_FIRST), **BOTH) as emulated:
        host, port = emulated.driver.settings.modbus_host_and_port
        with ModbusTcpClient(host, port=port) as client:
            assert client.read_holding_registers(2820, count=2).registers == [0x41C8, 0x0000]


@pytest.mark.parametrize("piece", [1, 2, 7])
def test_answers_in_pieces_are_put_together(plate_rig, piece):
    """Both protocols work over a line that delivers a few bytes at a time."""
    with plate_rig(F4TTraits(reply_piece=piece), **BOTH) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(77.0)
        emulated.driver.off()

        assert emulated.driver.read().set_point_c == 77.0


@pytest.mark.parametrize("fault", [Mute, Deaf, Delay, Late])
@pytest.mark.parametrize("wire", ["scpi", "modbus"])
@patient(0.3)
def test_unanswered_question_is_lost_and_never_answered_later(plate_rig, wire, fault, deadline_s):
    """After a query that timed out, the next query gets its own answer."""
    late = partial(Delay, 1.5 * deadline_s) if fault is Delay else fault
    with plate_rig(clock=RealClock(), deadline_s=deadline_s, **BOTH) as emulated:
        driver = emulated.driver
        driver.open()
        driver.set_temperature(38.0)
        emulated.wire(wire).plan(late(), When(times=1))
        with pytest.raises(ConnectionLostError, match="no answer"):
            driver.read() if wire == "scpi" else driver.output_power()

        assert driver.output_power().power_percent == pytest.approx(100.0)
        reading = driver.read()
        assert (reading.temperature_c, reading.set_point_c) == (25.0, 38.0)


@pytest.mark.parametrize("wire", ["scpi", "modbus"])
def test_repeated_answer_is_not_taken_for_the_next(plate_rig, wire):
    """A stale answer that waits in the line is discarded before the next query."""
    with plate_rig(**BOTH) as emulated:
        emulated.wire(wire).plan(Repeat())
        emulated.driver.open()
        emulated.driver.set_temperature(38.0)

        for _ in range(5):
            reading = emulated.driver.read()
            assert (reading.temperature_c, reading.set_point_c) == (25.0, 38.0)
            assert emulated.driver.output_power().power_percent == pytest.approx(100.0)


@pytest.mark.parametrize("seed", range(4))
def test_bad_line_gives_errors_but_no_untruth(plate_rig, seed):
    """On a line that repeats and breaks at random, every value returned is correct."""
    kinds = [Repeat, *(partial(Cut, byte) for byte in range(40))]
    with plate_rig(clock=RealClock(), deadline_s=LONG_S, **BOTH) as emulated:
        for wire in (emulated.wire("scpi"), emulated.wire("modbus")):
            wire.plan(AtRandom(0.2, kinds, seed))
        answered = 0
        for _ in range(60):
            try:
                emulated.driver.open()
                assert emulated.driver.read().temperature_c == 25.0
                assert emulated.driver.output_power().power_percent == 0.0
                answered += 1
            except DeviceError:
                continue

        assert answered > 0


def test_frozen_sensor_shows_what_it_showed(rig):
    """A frozen sensor looks healthy; only the temperature stands still."""
    rig.plate.temperature_c = 60.0
    rig.driver.read()
    rig.emulator.switch("frozen-sensor")
    rig.plate.temperature_c = 90.0

    reading = rig.driver.read()

    assert (reading.temperature_c, reading.quality) == (60.0, Quality.GOOD)


def test_stuck_heater_cannot_be_switched_off(both):
    """Behind welded contacts neither the set point nor the control mode helps, and the controller
    does not know."""
    both.driver.open()
    both.emulator.switch("heater-stuck-on")
    both.driver.off()

    assert both.plate.set_point_c > both.traits.set_point_max_c
    assert both.driver.output_power().power_percent == 0.0


def test_silent_refusal_changes_nothing(both):
    """A unit that ignores every write answers queries as before."""
    both.driver.open()
    both.traits.refuses_sets = True
    for change in (
        lambda: both.driver.set_temperature(90.0),
        lambda: both.driver.set_output(1, True),
    ):
        with pytest.raises((RefusedError, UnknownOutcomeError), match="stayed at"):
            change()

    assert both.driver.read().set_point_c == 20.0


def test_power_cycle_is_survived(both):
    """After a power cycle the same addresses answer; the set point is kept, outputs are off."""
    both.driver.open()
    both.driver.set_temperature(90.0)
    both.driver.set_output(1, True)
    both.emulator.switch("power-cycle")

    assert both.driver.read().set_point_c == 90.0
    assert both.driver.output(1) is False
    assert both.driver.output_power().power_percent == 100.0


def test_startup_ramp_begins_at_the_plate(both):
    """With a ramp at startup the set point sets out from the plate's temperature."""
    both.driver.open()
    both.driver.set_temperature(90.0)
    both.driver.set_ramp_rate(5.0)
    controller = both.emulator.controller
    controller.ramp_action = type(controller.ramp_action).BOTH
    both.emulator.switch("power-cycle")

    assert both.driver.read().set_point_c == 25.0
    both.clock.sleep(60.0)
    assert both.driver.read().set_point_c == 30.0


def test_threads_get_their_own_answers(both):
    """Two threads that share a driver get the answers to their own queries."""
    both.driver.open()
    both.driver.set_temperature(38.0)
    wrong = []

    def ask(question, answer):
        wrong.extend(got for _ in range(100) if (got := question()) != answer)

    threads = [
        threading.Thread(target=ask, args=arguments)
        for arguments in (
            (lambda: both.driver.read().set_point_c, 38.0),
            (lambda: both.driver.identify().model, "F4T"),
            (lambda: both.driver.output_power().power_percent, 100.0),
            (lambda: both.driver.control_mode().name, "AUTO"),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def code(client, address):
    """A 16-bit value, read by pymodbus itself."""
    return client.read_holding_registers(address).registers[0]


def put(client, address, value):
    """Write a float, low word first."""
    words = client.convert_to_registers(value, client.DATATYPE.FLOAT32, word_order="little")
    assert not client.write_registers(address, words).isError()


def test_registers_of_the_manuals_answer(both, registers):
    """Sensor, target, units, alarms, part number and clock are where the manuals have them."""
    assert number(registers, 27586) == number(registers, 2820) == 25.0
    put(registers, 2782, 60.0)
    assert number(registers, 16602) == 60.0
    assert (code(registers, 1328), code(registers, 6730)) == (15, 15)
    assert not registers.write_register(1328, 30).isError()
    assert both.emulator.controller.display_unit.value == "F"
    assert [code(registers, 1330 + place) for place in (0, 2, 10, 12)] == [62, 13, 59, 60]
    part = registers.read_holding_registers(16, count=15).registers
    assert "".join(map(chr, part)).startswith("F4T")

    for place, value in zip(range(0, 12, 2), (3, 4, 5, 6, 7, 2031), strict=True):
        assert not registers.write_register(14664 + place, value).isError()
    shown = registers.read_holding_registers(14664, count=12).registers[::2]
    assert shown[:2] + shown[3:] == [3, 4, 6, 7, 2031]


def test_registers_that_can_be_written_are_kept(both, registers):
    """Range, alarm thresholds and manual power are written, and have their effect."""
    put(registers, 2774, 5.0)
    put(registers, 2776, 150.0)
    put(registers, 1334, 100.0)
    put(registers, 1336, -10.0)
    assert [number(registers, place) for place in (2774, 2776, 1334, 1336)] == [5, 150, 100, -10]
    both.driver.open()
    assert both.driver.limits.temperature_max_c == 150.0
    assert both.driver.alarm_setting(1).high_c == 100.0

    put(registers, 2784, 30.0)
    assert not registers.write_register(2730, 54).isError()
    assert (code(registers, 2814), number(registers, 2808)) == (54, 30.0)
    assert both.plate.set_point_c > 1000.0
    put(registers, 2784, 0.0)
    assert both.plate.set_point_c < -200.0
    assert not registers.write_register(2730, 10).isError()
    assert both.plate.set_point_c == 20.0


def test_a_profile_is_run_by_modbus(both, registers):
    """A profile is started, paused, resumed and ended; its progress can be read."""
    for address, value in ((16558, 1), (16560, 1), (16562, 1782)):
        assert not registers.write_register(address, value).isError()
    both.clock.sleep(240.0)
    assert [code(registers, at) for at in (16568, 16588, 16590, 16592)] == [149, 1, 1, 1928]
    assert (code(registers, 16622), code(registers, 16624), code(registers, 16570)) == (0, 6, 16)
    assert number(registers, 2810) == pytest.approx(32.0)
    assert not registers.write_register(16566, 146).isError()
    assert code(registers, 16568) == 146
    assert not registers.write_register(16564, 147).isError()
    both.clock.sleep(2000.0)
    assert (code(registers, 16568), code(registers, 16588)) == (252, 0)
    assert not registers.write_register(16562, 1782).isError()
    assert not registers.write_register(16566, 148).isError()
    assert code(registers, 16568) == 253
    assert registers.write_register(16558, 41).exception_code == 3

    assert not registers.write_register(18888, 1).isError()
    assert code(registers, 18920) == 3
    name = registers.read_holding_registers(16886, count=20).registers
    assert "".join(map(chr, name)).rstrip("\0") == "Heat Only"
    assert [code(registers, 19094 + 170 * step) for step in range(3)] == [1928, 87, 27]


def test_registers_of_the_older_f4_are_served(both, registers):
    """With data map 2 only the registers of the older F4 are there, in tenths of a degree."""
    both.traits.data_map = 2
    assert [code(registers, at) for at in (100, 101, 300, 606, 901)] == [250, 0, 200, 1, 1]
    assert not registers.write_register(300, 0x10000 - 105).isError()
    assert both.plate.set_point_c == -10.5
    assert not registers.write_register(2010, 1).isError()
    assert both.emulator.controller.outputs[2]
    assert registers.read_holding_registers(2782, count=2).exception_code == 2


def test_a_socket_that_sends_no_line_ends_is_answered(plate_rig):
    """Queries and commands without a line end are answered on their own connection."""
    traits = F4TTraits(newline_on_write=True)
    with plate_rig(traits, clock=RealClock()) as emulated:
        settings = emulated.driver.settings
        at = (settings.host, settings.port)
        with (
            socket.create_connection(at, timeout=60.0) as one,
            socket.create_connection(at, timeout=60.0) as other,
        ):
            one.sendall(b":SOURCE:CLOOP1:PVALUE?")
            assert one.recv(100) == b"25.00\n"
            one.sendall(b":SOURCE:CLOOP1:SPOINT 41")
            assert one.recv(100) == b"\n"
            other.sendall(b":SOUR:CLO1:SPO?")
            assert other.recv(100) == b"41.00\n"
