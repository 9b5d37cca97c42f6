"""The emulated pump: its requests and replies, its faults, and its motors on both clocks."""

import threading

import pytest
from fusion_bench import OnePlungerWorld, Plunger, bench, ready_bench

from flowrig.clock import RealClock, VirtualClock
from flowrig.emulation import (
    EmulatorContext,
)
from flowrig.interfaces import PumpState, PumpStep
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.emulator.serial_port import Uart
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.settings import FusionSettings
from flowrig_chemyx.wire.protocol import REJECTION, FrameSplitter


def off_the_wire(variant=None, channel=None, clock=None, **plunger):
    """An emulator without a wire; returns it, its plunger, and a function for requests."""
    clock = clock or VirtualClock()
    body = Plunger(clock, **plunger)
    settings = FusionSettings(address="", channel=channel)
    emulator = ChemyxEmulator(
        EmulatorContext("pump", settings, OnePlungerWorld(body), clock), variant
    )

    def ask(request):
        return emulator.core.feed(request.encode() + b"\r").decode()

    return emulator, body, ask


def answer(reply):
    """The lines of one reply, without its echo."""
    (lines,) = FrameSplitter().feed(reply.encode())
    return lines[1:]


def test_settings_are_kept_and_shown():
    """The reply to each setting has the value that was kept, and so has `view parameter`."""
    _, _, ask = off_the_wire()
    for request, kept in {
        "set units 2": ["units = 2"],
        "set diameter 14.567": ["diameter = 14.567"],
        "set volume 100, 50,": ["volume = 100.000000,50.000000"],
        "set rate 60": ["rate = 60.000000,60.000000"],
        "set rate 60,30/90,5": ["rate = 60.000000,30.000000/90.000000"],
        "set time 2": ["rate = 50.000000,25.000000", "time = 2.000000,2.000000"],
        "set delay 0.5": ["delay = 0.500000,0.500000"],
        "set primerate 500": ["primerate = 500.000000"],
        "set rate 1e9": [REJECTION],
        "set rate 99999999": ["rate = 50.000000,25.000000"],
        "set diameter 99": ["diameter = 14.567"],
        " set rate 1": [REJECTION],
        "Set rate 1": [REJECTION],
        "restart": [REJECTION],
    }.items():
        assert answer(ask(request)) == kept
    assert answer(ask("view parameter")) == [
        "unit = 2",
        "dia = 14.567",
        "rate = 50.000000,25.000000",
        "primerate = 500.000000",
        "time = 2.000000,2.000000",
        "volume = 100.000000,50.000000",
        "delay = 0.500000,0.500000",
    ]


def test_help_names_every_command_that_works():
    """The pump knows each command in the reply to `help`."""
    _, _, ask = off_the_wire()
    commands = [line.partition("-")[0].strip() for line in answer(ask("help"))]
    assert len(commands) > 10
    for command in commands:
        if command != "echo off":
            verb = command.partition(" ")[0]
            values = {"set": " 1", "change": " 1", "hexw2": " 2 0 14 50 60 0"}.get(verb, "")
            assert REJECTION not in ask(command + values)


def test_echo_on_and_off():
    """`echo on` and `echo off` switch the echo; the driver works with and without it."""
    with bench(variant=Variant(echo=False)) as b, b.pump:
        assert b.core.feed(b"status\r") == b"0\r\n>"
        assert b.core.feed(b"echo on\r") == b">"
        assert b.core.feed(b"status\r") == b"status\r\n0\r\n>"
        assert b.pump.status().state is PumpState.STOPPED
        b.core.feed(b"echo off\r")
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("unit_s", [60.0, 1.0])
def test_a_delayed_start(unit_s):
    """The plunger rests during a delay; the driver ignores the text that follows a delay."""
    with ready_bench(variant=Variant(delay_unit_s=unit_s, announces=True)) as b:
        b.pump.set_rate(60.0)
        b.core.feed(b"set delay 2\rstart\r")
        assert b.pump.status().state is PumpState.DELAYED
        b.clock.sleep(unit_s)
        assert b.pump.status().state is PumpState.DELAYED
        assert b.plunger.rate_ul_min == 0.0
        b.clock.sleep(2 * unit_s)
        assert b.pump.status().state is PumpState.RUNNING
        assert b.plunger.rate_ul_min == pytest.approx(60.0)


def test_the_basic_mode_runs_the_first_step_only():
    """`start 0` runs the first step only."""
    _, body, ask = off_the_wire()
    for request in ("set units 2", "set volume 10,10", "set rate 60,30", "start 0"):
        ask(request)
    for _ in range(30):
        body._clock.sleep(1.0)
        ask("status")
    assert answer(ask("status")) == ["0"]
    assert answer(ask("dispensed volume")) == ["dispensed volume = 10.0000"]


def test_a_power_cycle_forgets_everything():
    """After a power cycle the pump stops, and does not start before a rate is set."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.switch("power-cycle")
        assert b.plunger.rate_ul_min == 0.0
        assert b.pump.status().state is PumpState.STOPPED
        b.core.feed(b"start\r")
        assert b.plunger.rate_ul_min == 0.0


def test_a_jam_stalls_the_pump_until_it_is_stopped():
    """A blocked plunger is reported as a stall; after a stop, a free plunger runs again."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.switch("stall")
        assert b.plunger.rate_ul_min == 0.0
        assert b.pump.status().state is PumpState.STALLED
        b.pump.stop()
        b.emulator.switch("stall", False)
        b.pump.start()
        assert b.pump.status().state is PumpState.RUNNING


@pytest.mark.parametrize("baud", [9600, 115200])
def test_a_paced_port_takes_the_transmission_time(baud, monkeypatch):
    """Request and reply of a paced pump take ten bits per byte."""
    waited_s = []
    clock = VirtualClock()
    monkeypatch.setattr(clock, "emulate_delay", waited_s.append)
    with bench(clock=clock, uart=Uart(baud=baud, paced=True)) as b:
        reply = b.core.feed(b"status\r")
        assert sum(waited_s) == pytest.approx((len(b"status\r") + len(reply)) * 10 / baud)


def test_on_the_real_clock_a_step_ends_without_a_request():
    """On the real clock the pump stops at its volume although no client polls it."""
    ended = threading.Event()
    with ready_bench(clock=RealClock()) as b:
        push = b.plunger.push

        def watched(rate_ul_min):
            push(rate_ul_min)
            if not rate_ul_min:
                ended.set()

        b.plunger.push = watched
        b.pump.start_program([PumpStep(5.0, 6000.0, 3000.0)])
        ended.clear()
        assert ended.wait(60.0) or b.pump.status().state is PumpState.STOPPED
        assert b.plunger.rate_ul_min == 0.0
        assert b.pump.dispensed().volume_ul == pytest.approx(5.0)


def test_in_cycle_mode_the_channels_take_turns():
    """In cycle mode one channel infuses while the other withdraws, in turns, until `stop`."""
    emulator, plunger, ask = off_the_wire(channel=1, clock=(clock := VirtualClock()))
    other = Plunger(clock)
    emulator.core.firmware.motors[2]._body = other
    for request in ("units 2", "diameter 14.567", "volume 10", "rate 60"):
        ask(f"3 set {request}")
    assert answer(ask("3 start 2")) == ["Pump start running..."]
    rates = []
    for _ in range(4):
        ask("status")
        rates.append((plunger.rate_ul_min, other.rate_ul_min))
        clock.sleep(10.0)
    assert (
        rates
        == [
            (pytest.approx(60.0), pytest.approx(-60.0)),
            (pytest.approx(-60.0), pytest.approx(60.0)),
        ]
        * 2
    )
    ask("stop")
    assert (plunger.rate_ul_min, other.rate_ul_min) == (0.0, 0.0)


def test_hexw2_sets_everything_in_one_request():
    """`hexw2` sets units, direction, diameter, volume, rate and delay, and may start."""
    _, plunger, ask = off_the_wire(Variant(views_sign=True))
    assert answer(ask("hexw2 2 1 14.567 50 60 0")) == []
    assert "volume = -50.000000" in answer(ask("view parameter"))
    assert answer(ask("hexw2 2 0 14.567 50 60 0 start")) == ["Pump start running..."]
    assert plunger.rate_ul_min == pytest.approx(60.0)
    for nonsense in ("hexw2 2 0", "hexw2 2 2 14.567 50 60 0", "hexw2 a b c d e f"):
        assert answer(ask(nonsense)) == [REJECTION]


@pytest.mark.parametrize(
    ("command", "lenient", "reply"),
    [
        ("change rate 30", False, "change rate = 30.000000"),
        ("set rate 30", True, "rate = 30.000000"),
        ("set rate 30", False, "rate = 60.000000"),
    ],
)
def test_a_rate_may_change_while_it_runs(command, lenient, reply):
    """`change rate` acts during a run, `set rate` in some variants; no volume is lost."""
    clock = VirtualClock()
    _, plunger, ask = off_the_wire(Variant(rate_while_running=lenient), clock=clock)
    for request in ("units 2", "diameter 14.567", "volume 50", "rate 60"):
        ask(f"set {request}")
    ask("start")
    clock.sleep(10.0)
    assert answer(ask(command)) == [reply]
    rate_ul_min = float(reply.rpartition(" ")[2])
    assert plunger.rate_ul_min == pytest.approx(rate_ul_min)
    clock.sleep(10.0)
    expected_ul = 10.0 + rate_ul_min / 6.0
    assert answer(ask("dispensed volume")) == [f"dispensed volume = {expected_ul:.4f}"]


def test_change_rate_after_a_longer_program():
    """After a run of three steps, fewer steps can be set and the rate of the first changed."""
    _, body, ask = off_the_wire()
    for request in ("set units 2", "set volume 10,10,10", "set rate 60", "start 1"):
        ask(request)
    for _ in range(40):
        body._clock.sleep(1.0)
        ask("status")
    assert answer(ask("status")) == ["0"]
    ask("set volume 5")
    assert answer(ask("change rate 30")) == ["change rate = 30.000000"]


def test_a_rate_of_zero_is_not_taken():
    """A rate of 0 is refused even where the smallest rate is printed as 0.0000."""
    emulator, plunger, ask = off_the_wire()
    for request in ("set units 0", "set diameter 4.61", "set volume 0.1", "set rate 0.01", "start"):
        ask(request)
    assert answer(ask("read limit parameter"))[0].split()[1] == "0.0000"
    assert answer(ask("change rate 0")) == ["change rate = 0.010000"]
    assert plunger.rate_ul_min > 0
    assert emulator.core.firmware.next_event_s() > 0


@pytest.mark.parametrize("channel", [None, 1])
def test_cycle_mode_needs_its_channel_number(channel):
    """Only a dual pump has cycle mode, and only a start with the number 3 begins it."""
    _, plunger, ask = off_the_wire(channel=channel)
    for request in ("set units 2", "set diameter 14.567", "set volume 10", "set rate 60"):
        ask(request)
    assert answer(ask("start cycle")) == [REJECTION]
    assert plunger.rate_ul_min == 0.0
