"""Off on links whose answers are late, silent or lost: the bytes go out before anything is read."""

import contextlib

import pytest
from patience import patient

from flowrig.emulation import Cut, Mute, Wire
from flowrig.errors import ConnectionLostError, DeviceError, UnknownOutcomeError
from flowrig_watlow.emulator.traits import F4TTraits
from flowrig_watlow.registers import ControlMode, LoopRegister, RampAction
from flowrig_watlow.temperature import TemperatureUnit

IDLE = {}
IDLE_AND_MODBUS = {"modbus": "unused"}
CONTROL_MODE = {"modbus": "unused", "off": "control-mode"}
LINKS = {"idle": IDLE, "idle-and-modbus": IDLE_AND_MODBUS, "control-mode": CONTROL_MODE}
FAHRENHEIT = TemperatureUnit.FAHRENHEIT


class Recorder(Wire):
    """A wire without answers that records what arrives."""

    def __init__(self):
        self.lines = b""

    def carry(self, line, data):
        self.lines += data
        line.feed(data)
        return b""


@contextlib.contextmanager
def silent(emulated):
    """No connection of the controller answers."""
    wires = {name: Recorder() for name in ("scpi", "modbus")}
    for name, wire in wires.items():
        emulated.wire(name).plan(wire)
    try:
        yield wires
    finally:
        for name in wires:
            emulated.wire(name).clear()


@pytest.mark.parametrize("settings", LINKS.values(), ids=LINKS)
@patient(0.2)
def test_off_is_the_first_that_is_sent(plate_rig, settings, deadline_s):
    """A controller that does not answer is off all the same; the outcome is unknown."""
    with plate_rig(deadline_s=deadline_s, **settings) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(150.0)
        with silent(emulated) as wires, pytest.raises(UnknownOutcomeError):
            emulated.driver.off()

        if settings is CONTROL_MODE:
            address = LoopRegister.USER_CONTROL_MODE.to_bytes(2, "big")
            assert wires["modbus"].lines[7:12] == b"\x06" + address + b"\x00\x3e"
            assert emulated.emulator.controller.mode is ControlMode.OFF
        assert wires["scpi"].lines.startswith(b":SOURCE:CLOOP1:SPOINT 20.00\n")
        assert emulated.plate.set_point_c <= 20.0
        emulated.driver.off()


@pytest.mark.parametrize("unit", list(TemperatureUnit))
@patient(0.2)
def test_off_is_sent_in_the_unit_of_the_last_look(plate_rig, unit, deadline_s):
    """A controller in °F that does not answer gets its idle set point in °F."""
    with plate_rig(F4TTraits(unit=unit), deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(150.0)
        with silent(emulated), pytest.raises(UnknownOutcomeError):
            emulated.driver.off()

        assert emulated.plate.set_point_c == pytest.approx(20.0)


@patient(0.2)
def test_off_switches_off_its_own_ramp_first(plate_rig, deadline_s):
    """On a ramp of the driver the set point would fall slowly: the ramp is switched off before."""
    with plate_rig(deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(60.0)
        emulated.driver.set_ramp_rate(1.0)
        with silent(emulated) as wires, pytest.raises(UnknownOutcomeError):
            emulated.driver.off()

        assert wires["scpi"].lines.startswith(
            b":SOURCE:CLOOP1:RACTION OFF\n:SOURCE:CLOOP1:SPOINT 20.00\n"
        )
        assert emulated.plate.set_point_c == 20.0


@pytest.mark.parametrize("settings", LINKS.values(), ids=LINKS)
@patient(0.2)
def test_off_ends_a_profile_without_an_answer(plate_rig, settings, deadline_s):
    """A stored profile that may run is ended blindly, and off is sent again behind it."""
    with plate_rig(deadline_s=deadline_s, **settings) as emulated:
        emulated.driver.open()
        controller = emulated.emulator.controller
        with controller.moment():
            controller.start_program(1, 2)
        emulated.clock.sleep(1.0)
        with silent(emulated), pytest.raises(UnknownOutcomeError):
            emulated.driver.off()
        emulated.driver.read()  # its answer shows that all before it has arrived

        assert controller.program_state == "IDLE"
        assert emulated.plate.set_point_c <= 20.0


@pytest.mark.parametrize("settings", LINKS.values(), ids=LINKS)
def test_off_goes_over_a_new_connection(plate_rig, settings):
    """After the controller has closed the connections, off needs no query to open new ones."""
    with plate_rig(**settings) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(150.0)
        for name in ("scpi", "modbus"):
            emulated.wire(name).plan(Cut(0))
        for call in (emulated.driver.read, emulated.driver.control_mode):
            with contextlib.suppress(Exception):
                call()
        for name in ("scpi", "modbus"):
            emulated.wire(name).clear()
        emulated.driver.off()

        assert emulated.plate.set_point_c <= 20.0


@pytest.mark.parametrize("settings", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("unit", list(TemperatureUnit))
@pytest.mark.parametrize("was_open", [False, True])
@patient(0.2)
def test_a_controller_too_late_to_be_opened_is_told(
    plate_rig, settings, unit, was_open, deadline_s
):
    """Without an open device, and whatever the unit is by now, the plate is not heated."""
    with plate_rig(F4TTraits(unit=unit), deadline_s=deadline_s, **settings) as emulated:
        controller = emulated.emulator.controller
        if was_open:
            emulated.driver.open()
            emulated.driver.close()
        for changed in TemperatureUnit:
            emulated.traits.unit = changed
            controller.user_set_point_c = 150.0
            controller.ramp_action = RampAction.SETPOINT
            controller.mode = ControlMode.AUTO
            with controller.moment():
                controller.start_program(1, 1)
            with silent(emulated):
                with pytest.raises(DeviceError):
                    emulated.driver.open()
                emulated.driver.send_safe_action()
                emulated.driver.close()
                settle(emulated)

            assert emulated.plate.set_point_c <= 20.0
            assert controller.user_set_point_c <= 20.0
            assert controller.program_state == "IDLE"


def settle(emulated):
    """Wait until the emulator has read what was sent before the connection was closed."""
    for name in ("scpi", "modbus"):
        emulated.wire(name).clear()
    with contextlib.suppress(DeviceError):
        emulated.driver.open()
        emulated.driver.read()
    emulated.driver.close()


def test_a_controller_without_a_server_is_not_told(plate_rig):
    """Where no connection can be made the error says so."""
    with plate_rig(**CONTROL_MODE) as emulated:
        emulated.emulator.stop()

        with pytest.raises(ConnectionLostError):
            emulated.driver.send_safe_action()


@patient(0.2)
def test_off_is_confirmed_when_the_answers_come_back(plate_rig, deadline_s):
    """Repeated until it is confirmed, off ends with the idle set point that reads back."""
    with plate_rig(deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(150.0)
        emulated.wire("scpi").plan(Mute())
        for _ in range(2):
            with pytest.raises(UnknownOutcomeError):
                emulated.driver.off()
        emulated.wire("scpi").clear()
        emulated.driver.off()

        assert emulated.driver.read().set_point_c == 20.0
