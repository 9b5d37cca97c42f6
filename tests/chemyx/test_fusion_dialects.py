"""The emulated pump as a product: dialects, and the requests of public programs."""

import pytest
from fusion_bench import OnePlungerWorld, Plunger, ready_bench

from flowrig.clock import VirtualClock
from flowrig.emulation import EmulatorContext
from flowrig.interfaces import PumpState
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.emulator.variant import DIALECTS, Variant
from flowrig_chemyx.settings import FusionSettings
from flowrig_chemyx.wire.protocol import REJECTION, FrameSplitter


class Wireless:
    """An emulated pump without a wire."""

    def __init__(self, variant=None, channel=None):
        self.clock = VirtualClock()
        self.plunger = Plunger(self.clock)
        settings = FusionSettings(address="", channel=channel)
        world = OnePlungerWorld(self.plunger)
        context = EmulatorContext("pump", settings, world, self.clock)
        self.core = ChemyxEmulator(context, variant).core

    def feed(self, *requests):
        """The bytes of the replies."""
        return b"".join(self.core.feed(one.encode() + b"\r") for one in requests)

    def ask(self, request):
        """The lines of a reply after its echo."""
        ((_, *lines),) = FrameSplitter().feed(self.feed(request))
        return lines


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_driven(name):
    """The driver runs a pump of each dialect, changes its rate, and counts its volume."""
    variant = DIALECTS[name]
    with ready_bench(variant=variant, channel=1 if variant.dual else None) as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        for rate_ul_min in (30.0, 90.0, 12.0):
            b.clock.sleep(60.0)
            b.pump.set_rate(rate_ul_min)
            assert b.plunger.rate_ul_min == pytest.approx(rate_ul_min)
            assert b.pump.read_back().rate_ul_min == pytest.approx(rate_ul_min)
        assert b.pump.dispensed().volume_ul == pytest.approx(180.0)
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


def test_the_echo_ends_as_the_programs_for_each_pump_read_it():
    """CR LF on a single-channel pump, CR on a dual one, as far as nothing else is asked for."""
    assert Wireless().feed("status") == b"status\r\n0\r\n>"
    assert Wireless(channel=1).feed("1 status") == b"1 status\r0\r\n>"
    assert Wireless(DIALECTS["verbatim-echo"]).feed("status") == b"status\r0\r\n>"


@pytest.mark.parametrize("mode", ["", " ", " 0", " 1", "  1", " 1 "])
@pytest.mark.parametrize("prefix", ["", "1 "])
def test_run_commands_take_a_mode(mode, prefix):
    """`start`, `pause`, `stop` and `read limit parameter` take the number of a mode."""
    pump = Wireless(channel=1 if prefix else None)
    for one in ("set units 2", "set diameter 14.567", "set volume 100", "set rate 60"):
        pump.feed(prefix + one)
    limits = pump.ask(f"{prefix}read limit parameter{mode.replace('  ', ' ')}")
    assert len(limits[0].split()) == 4
    for command, state in (("start", "1"), ("pause", "2"), ("start", "1"), ("stop", "0")):
        assert REJECTION not in pump.ask(prefix + command + mode)
        assert pump.ask(f"{prefix}status") == [state]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mL/min", "0"),
        ("ml/min", "0"),
        ("mL/hr", "1"),
        ("uL/min", "2"),
        ("μL/min", "2"),
        ("µL/hr", "3"),
        ("2", "2"),
    ],
)
def test_units_are_taken_by_code_and_by_name(text, code):
    """The reply has the code, or in another dialect the name, whatever was sent."""
    pump = Wireless()
    assert pump.ask(f"set units {text}") == [f"units = {code}"]
    assert pump.ask(f"hexw2 {text} 0 10 1 1 0") == []
    named = Wireless(DIALECTS["unit-names"])
    name = {"0": "mL/min", "1": "mL/hr", "2": "uL/min", "3": "uL/hr"}[code]
    assert named.ask(f"set units {text}") == [f"units = {name}"]
    assert named.ask("view parameter")[0] == f"unit = {name}"


@pytest.mark.parametrize("text", ["L/min", "nL/min", "mL", "4", "mL/day", ""])
def test_foreign_units_change_nothing(text):
    """Units that no Fusion has are rejected, or answered with the old ones."""
    pump = Wireless()
    pump.feed("set units 2")
    assert pump.ask(f"set units {text}") in ([REJECTION], ["units = 2"])
    assert pump.ask("view parameter")[0] == "unit = 2"


def test_a_mode_sets_the_direction_of_the_volumes():
    """Mode 1 withdraws the volumes that are set, and mode 0 infuses them."""
    pump = Wireless()
    for one in ("set units 2", "set diameter 14.567", "set volume 10,-20", "set rate 60"):
        pump.feed(one)
    assert pump.ask("set mode 1") == ["mode = 1"]
    pump.feed("start")
    assert pump.plunger.rate_ul_min == pytest.approx(-60.0)
    pump.feed("stop")
    assert pump.ask("set mode 0") == ["mode = 0"]
    pump.feed("start")
    assert pump.plunger.rate_ul_min == pytest.approx(60.0)


def test_a_delay_outlives_diameter_and_units():
    """A delay stays in the pump until it is set to 0, or the power is off."""
    pump = Wireless()
    pump.feed("set volume 1,1", "set delay 3,4", "set units 2", "set diameter 14.567")
    assert pump.ask("view parameter")[-1] == "delay = 3.000000"
    pump.feed("set volume 10", "set rate 60")
    assert pump.ask("start") == ["Pump delay..."]
    pump.core.firmware.power_cycle()
    assert pump.ask("view parameter")[-1] == "delay = 0.000000"


@pytest.mark.parametrize(
    ("restart", "state"), [("unknown", "2"), ("resumes", "1"), ("reboots", "0")]
)
def test_a_restart_does_what_the_dialect_says(restart, state):
    """Public programs disagree on `restart`: it is unknown, resumes a run, or reboots the pump."""
    pump = Wireless(Variant(restart=restart))
    for one in ("set units 2", "set diameter 14.567", "set volume 10", "set rate 60"):
        pump.feed(one)
    pump.feed("start", "pause")
    assert (pump.ask("restart") == [REJECTION]) == (restart == "unknown")
    assert pump.ask("status") == [state]


def test_silence_ends_a_request():
    """In a lenient dialect a request is valid without a terminator; LF alone is none."""
    pump = Wireless(DIALECTS["lenient"])
    assert pump.core.feed(b"status") == b""
    assert pump.core.firmware.next_event_s() == pytest.approx(0.1)
    pump.clock.sleep(0.05)
    assert pump.core.firmware.tick() == b""
    pump.clock.sleep(0.06)
    assert pump.core.firmware.tick() == b"status\r\n0\r\n>"
    assert pump.core.firmware.next_event_s() is None
    pump.core.feed(b"elapsed ")
    pump.clock.sleep(0.05)
    assert b"elapsed time = 0" in pump.core.feed(b"time\r")
    pump.core.feed(b"\n")
    assert pump.core.firmware.next_event_s() is None
    strict = Wireless()
    strict.core.feed(b"status")
    strict.clock.sleep(60.0)
    assert strict.core.firmware.tick() == b""


def test_a_request_left_unfinished_answers_before_the_next_one():
    """Without a thread, as on the virtual clock, the end is noticed with the next bytes."""
    pump = Wireless(DIALECTS["lenient"])
    pump.core.feed(b"status")
    pump.clock.sleep(1.0)
    assert pump.feed("elapsed time").startswith(b"status\r\n0\r\n>elapsed time\r\n")


def test_public_sessions_end_without_a_rejection():
    """Sessions as public programs hold them, request by request, on the pump that they expect."""
    sessions = {
        "single": [
            *("pump status", "set units mL/min", "set diameter 8.66", "set rate 8"),
            *("set volume -0.5", "start", "pump status", "stop", "start", "start", "pause "),
            *("view parameter", "dispensed volume", "elapsed time", "read limit parameter"),
            *("set time 2", "set primerate 1", "hexw2 0 0 14.5 1 1 0", "echo on", "help"),
        ],
        "4000-x": [
            *("1 set units mL/min", "1 set diameter 23.36", "1 hexw2 mL/min 0 23.36 1 10 0"),
            *("1 set delay 0", "1 set time 0,1,2,3,4", "1 set volume 0.1,0.1,0.1"),
            *("1 set rate 1,5,10", "1 read limit parameter 1 ", "1 read limit parameter 0 "),
            *("1 start 0", "1 set rate 20", "1 stop 0", "view parameter 1", "2 pump status"),
            *("3 set units 0", "3 set volume 1", "3 set delay 1", "3 start ", "3 stop "),
            *("1 set volume 1.000,2.000 ", "1 start 1 ", "1 pause ", "stop "),
        ],
    }
    for name, requests in sessions.items():
        pump = Wireless(DIALECTS[name], channel=1 if DIALECTS[name].dual else None)
        for request in requests:
            assert REJECTION not in pump.ask(request), request


def test_what_others_leave_in_the_pump_can_be_injected():
    """A delay set at the panel, and a start without its end, do no harm to a run."""
    for channel in (None, 1):
        with ready_bench(channel=channel) as b:
            b.pump.set_rate(60.0)
            b.emulator.inject("panel-delay times=1")
            assert b.pump.status().state is PumpState.STOPPED
            assert any(motor.delays == (5.0,) for motor in b.core.firmware.motors.values())
            b.pump.start()
            assert b.plunger.rate_ul_min == pytest.approx(60.0)
            b.pump.stop()
            b.pump.close()
            b.emulator.switch("half-request")
            b.pump.open()
            assert b.pump.status().state is PumpState.STOPPED


def test_a_state_is_known_by_its_digit_in_every_dialect():
    """A stall is status 4, whatever else differs."""
    for name, variant in DIALECTS.items():
        with ready_bench(variant=variant, channel=2 if variant.dual else None) as b:
            b.pump.set_rate(60.0)
            b.pump.start()
            b.emulator.switch("stall")
            assert b.pump.status().state is PumpState.STALLED, name
