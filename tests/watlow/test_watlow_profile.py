"""A profile that is stored on the controller, and moves the set point by itself while it runs."""

import pytest
from patience import patient

from flowrig.emulation import Cut, When
from flowrig.errors import (
    ConnectionLostError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
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
    """An open driver on a plate at 120 °C, while somebody started a profile at the panel."""
    with plate_rig(**PROTOCOLS[request.param]) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.emulator.controller.program_state = "RUN"
        yield emulated


@pytest.mark.parametrize("state", ["RUN", "HOLD"])
def test_set_point_under_a_profile_is_refused(running, state):
    """Where a profile would move the set point again, none is sent, and the error says what to
    do."""
    running.emulator.controller.program_state = state

    with pytest.raises(RefusedError, match=r"end it at the panel, or by stop_program"):
        running.driver.set_temperature(80.0)

    assert running.emulator.controller.user_set_point_c == 120.0


def test_profile_is_ended_when_told(running):
    """After a deliberate end the set point is the driver's again."""
    running.driver.stop_program()
    running.driver.set_temperature(80.0)

    assert running.driver.program() == ProgramStatus("IDLE", "Heat Only")
    assert running.plate.set_point_c == 80.0


def test_off_ends_the_profile(running):
    """A plate that is off is not heated again by a profile that goes on."""
    running.driver.off()

    assert running.emulator.controller.program_state == "IDLE"
    assert running.plate.set_point_c <= 20.0


def test_profile_that_goes_on_is_no_end(running):
    """A controller that does not end its profile is not reported as if it had, nor is off."""
    running.emulator.traits.refuses_sets = True

    with pytest.raises(RefusedError, match="stayed at running instead of stopped"):
        running.driver.stop_program()
    with pytest.raises(UnknownOutcomeError):
        running.driver.off()


def test_off_that_the_profile_undid_is_done_again(plate_rig, monkeypatch):
    """Where a profile holds the set point, it is ended first, and the plate is off after all."""
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


def test_off_says_that_a_profile_may_go_on(running):
    """Where nobody can tell whether a profile runs, off is not known to last."""
    wire = "modbus" if running.driver.settings.modbus else "scpi"
    exchanges = {"scpi": 3, "modbus": 0}[wire]
    if running.driver.settings.off == "control-mode":
        exchanges = 3
    running.wire(wire).plan(Cut(), When(after=exchanges))

    with pytest.raises(UnknownOutcomeError, match="a stored profile may heat again"):
        running.driver.off()

    assert running.plate.set_point_c <= 20.0


@pytest.mark.parametrize("answer", [None, b"ERROR\n"], ids=["silence", "error"])
@patient(0.2)
def test_firmware_that_does_not_tell_is_asked_once(peer, driver_at, answer, deadline_s):
    """Firmware without an answer gets its set points all the same, and an end is unknown."""
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

    with pytest.raises(UnknownOutcomeError, match="does not tell"):
        driver.stop_program()
    assert asked == [STATE]


@pytest.mark.parametrize("reply", [(b"",), b"\xff\xfe\x01\n"], ids=["hang-up", "noise"])
def test_state_that_is_lost_is_no_state(peer, driver_at, reply):
    """A link that breaks while the state is asked is an error; no set point is sent then."""
    driver = driver_at(peer({STATE: reply}))
    driver.open()

    with pytest.raises((ConnectionLostError, ProtocolError)):
        driver.set_temperature(90.0)


def test_calendar_start_counts_as_running(modbus_rig, monkeypatch):
    """A profile that waits for its time will move the set point, so none is sent now."""
    bank = modbus_rig.emulator.controller
    monkeypatch.setattr("flowrig_watlow.bank.PROGRAM_STATES", {"IDLE": 1783})

    with pytest.raises(RefusedError, match="stored profile"):
        modbus_rig.driver.set_temperature(80.0)
    assert bank.user_set_point_c == 20.0


def test_controller_without_profiles_is_none(modbus_rig, monkeypatch):
    """A controller that has no register for a profile has none that could run."""
    monkeypatch.setattr("flowrig_watlow.modbus_loop.PROGRAM_STATE", PROGRAM_STATE + 20_000)

    modbus_rig.driver.set_temperature(80.0)

    assert modbus_rig.plate.set_point_c == 80.0
