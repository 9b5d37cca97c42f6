"""Set points and off while a profile that is stored on the controller runs."""

import struct

import pytest
from patience import patient

from flowrig.emulation import HangUp, Wire
from flowrig.errors import (
    ConnectionLostError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig_watlow.emulator.traits import F4TTraits
from flowrig_watlow.parameters import ProgramStatus
from flowrig_watlow.registers import PROGRAM_STATE

PROTOCOLS = {
    "scpi": {},
    "modbus": {"modbus": "unused"},
    "control-mode": {"modbus": "unused", "off": "control-mode"},
}
STATE = ":PROGRAM:SELECTED:STATE?"
STOP = ":PROGRAM:SELECTED:STATE STOP"


@pytest.fixture(params=PROTOCOLS)
def running(plate_rig, request):
    """An open driver on a plate at 120 °C, on which a profile was started at the panel."""
    with plate_rig(**PROTOCOLS[request.param]) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.emulator.controller.program_state = "RUN"
        yield emulated


@pytest.mark.parametrize("state", ["RUN", "HOLD"])
def test_set_point_under_a_profile_is_refused(running, state):
    """While a profile would move the set point, none is sent, and the error names the remedy."""
    running.emulator.controller.program_state = state

    with pytest.raises(RefusedError, match=r"end it at the panel, or by stop_program"):
        running.driver.set_temperature(80.0)

    assert running.emulator.controller.user_set_point_c == 120.0


def test_stop_program_ends_the_profile(running):
    """After `stop_program` the driver can set the set point again."""
    running.driver.stop_program()
    running.driver.set_temperature(80.0)

    assert running.driver.program() == ProgramStatus("IDLE", "Heat Only")
    assert running.plate.set_point_c == 80.0


def test_off_ends_the_profile(running):
    """Off ends a running profile, which would heat the plate again."""
    running.driver.off()

    assert running.emulator.controller.program_state == "IDLE"
    assert running.plate.set_point_c <= 20.0


def test_profile_that_goes_on_is_reported(running):
    """If the controller does not end its profile, `stop_program` and `off` raise an error."""
    running.emulator.traits.refuses_sets = True

    with pytest.raises(RefusedError, match="stayed at running instead of stopped"):
        running.driver.stop_program()
    with pytest.raises(UnknownOutcomeError):
        running.driver.off()


def test_off_is_repeated_after_the_profile_has_ended(plate_rig, monkeypatch):
    """If a profile holds the set point, off ends the profile and then sets idle again."""
    with plate_rig() as emulated:
        emulated.driver.open()
        controller = emulated.emulator.controller
        controller.program_state = "RUN"
        accepted_c = type(controller).accepted_c

        def held(here, temperature_c):
            if here.program_state == "RUN":
                raise ValueError("the profile holds the set point")
            return accepted_c(here, temperature_c)

        monkeypatch.setattr(type(controller), "accepted_c", held)
        controller._user_set_point_c = 120.0

        emulated.driver.off()

        assert emulated.plate.set_point_c == 20.0


class CutAt(Wire):
    """A wire that breaks when certain bytes arrive."""

    def __init__(self, *marks):
        self._marks = marks

    def carry(self, line, data):
        if any(mark in data for mark in self._marks):
            raise HangUp
        return line.feed(data)


def test_off_says_that_a_profile_may_go_on(running):
    """If the state of the profile cannot be read, the outcome of off is unknown."""
    if running.driver.settings.modbus:
        running.wire("modbus").plan(CutAt(struct.pack(">HH", PROGRAM_STATE, 1)))
    else:
        running.wire("scpi").plan(CutAt(STATE.encode()))

    with pytest.raises(UnknownOutcomeError, match="a stored profile may heat again"):
        running.driver.off()

    assert running.plate.set_point_c <= 20.0


@pytest.mark.parametrize("word", ["RUNNING", "SOAK", "RAMP", "Hold", "paused", "WAITING", "2"])
def test_state_of_another_wording_is_a_running_profile(plate_rig, word):
    """A state that is not known to be one of rest counts as a profile that holds the set point."""
    with plate_rig(F4TTraits(state_words=("IDLE", word, "HOLD"))) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.emulator.controller.program_state = "RUN"

        with pytest.raises(RefusedError, match=f"reports '{word}'"):
            emulated.driver.set_temperature(80.0)
        emulated.driver.off()
        assert emulated.plate.set_point_c == 20.0
        assert emulated.emulator.controller.program_state == "IDLE"


@pytest.mark.parametrize(
    "word", ["Idle", "OFF", "Not Started", "COMPLETE", "completed", "Terminated", "STOPPED", "End"]
)
def test_states_of_rest_have_many_words(plate_rig, word):
    """A profile that has not begun, or that has ended, is no obstacle."""
    with plate_rig(F4TTraits(state_words=(word, "RUN", "HOLD"))) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(80.0)

        assert emulated.plate.set_point_c == 80.0


@pytest.mark.parametrize("state", [146, 149, 1783, 150, 9999])
def test_unknown_code_of_a_profile_counts_as_running(modbus_rig, monkeypatch, state):
    """By Modbus, too, every state that is not one of rest holds the set point."""
    monkeypatch.setattr("flowrig_watlow.emulator.register_bank.PROGRAM_STATES", {"IDLE": state})

    with pytest.raises(RefusedError, match="stored profile"):
        modbus_rig.driver.set_temperature(80.0)


def test_off_ends_a_profile_whose_state_nobody_can_read(plate_rig):
    """Firmware without the state of a profile gets the command that ends one, if idle does not
    stay."""
    with plate_rig(idle_c=20.0) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.driver._scpi._has_program_query = False
        controller = emulated.emulator.controller
        with controller.moment():
            controller.start_program(1, 1)
        emulated.clock.sleep(1.0)
        emulated.driver.off()

        assert controller.program_state == "IDLE"
        assert emulated.plate.set_point_c == 20.0


@pytest.mark.parametrize("answer", [None, b"ERROR\n"], ids=["silence", "error"])
@patient(0.2)
def test_firmware_without_the_state_query_is_queried_once(peer, driver_at, answer, deadline_s):
    """Without the state query set points work, and the outcome of `stop_program` is unknown."""
    asked = []

    def state():
        asked.append(STATE)
        return [answer or b""]

    set_point = ":SOURCE:CLOOP1:SPOINT"
    address = peer(
        {STATE: state, STOP: None, f"{set_point}?": b"90.00\n", f"{set_point} 90.00": None}
    )
    driver = driver_at(address, deadline_s=deadline_s)
    driver.open()
    driver.set_temperature(90.0)
    driver.set_temperature(90.0)

    with pytest.raises(UnknownOutcomeError, match="does not report the state"):
        driver.stop_program()
    assert asked == [STATE]


@pytest.mark.parametrize("reply", [(b"",), b"\xff\xfe\x01\n"], ids=["hang-up", "noise"])
def test_unreadable_state_is_an_error(peer, driver_at, reply):
    """If the link breaks while the state is read, the call fails and sends no set point."""
    driver = driver_at(peer({STATE: reply}))
    driver.open()

    with pytest.raises((ConnectionLostError, ProtocolError)):
        driver.set_temperature(90.0)


def test_calendar_start_counts_as_running(modbus_rig, monkeypatch):
    """A profile that waits for its start time will move the set point, so none is sent."""
    bank = modbus_rig.emulator.controller
    monkeypatch.setattr("flowrig_watlow.emulator.register_bank.PROGRAM_STATES", {"IDLE": 1783})

    with pytest.raises(RefusedError, match="stored profile"):
        modbus_rig.driver.set_temperature(80.0)
    assert bank.user_set_point_c == 20.0


def test_controller_without_profiles_takes_set_points(modbus_rig, monkeypatch):
    """A controller without the register for the profile state has no profile that could run."""
    monkeypatch.setattr("flowrig_watlow.modbus.loop.PROGRAM_STATE", PROGRAM_STATE + 20_000)

    modbus_rig.driver.set_temperature(80.0)

    assert modbus_rig.plate.set_point_c == 80.0
