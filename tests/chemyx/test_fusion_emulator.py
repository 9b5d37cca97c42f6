"""The emulated pump by itself: its language, its faults, its own time."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from fusion_bench import SYRINGE, OnePlungerWorld, Plunger, bench, ready_bench

from flowrig.clock import RealClock, VirtualClock
from flowrig.emulation import (
    Cut,
    Deaf,
    Drop,
    EmulatorContext,
    Garbled,
    Late,
    Mute,
    Split,
    Stale,
    Wire,
)
from flowrig.errors import DeviceError, UnknownOutcomeError
from flowrig.interfaces import PumpState, PumpStep
from flowrig_chemyx.emulator import ChemyxEmulator, Dialect, Uart
from flowrig_chemyx.protocol import REJECTION, FrameSplitter
from flowrig_chemyx.settings import FusionSettings

FAULTS: list[Callable[[], Wire]] = [
    Mute,
    Deaf,
    Garbled,
    Split,
    Stale,
    *(partial(Late, answers) for answers in (1, 2)),
    *(partial(Garbled, byte, 1) for byte in range(12)),
    *(partial(Drop, byte) for byte in range(12)),
    *(partial(Cut, byte) for byte in range(40)),
]


def off_the_wire(dialect=None, channel=None, clock=None, **plunger):
    """An emulator that is fed by hand; returns it, its plunger, and a way to ask it."""
    clock = clock or VirtualClock()
    body = Plunger(clock, **plunger)
    settings = FusionSettings(address="", channel=channel)
    emulator = ChemyxEmulator(
        EmulatorContext("pump", settings, OnePlungerWorld(body), clock), dialect
    )

    def ask(request):
        return emulator.core.feed(request.encode() + b"\r").decode()

    return emulator, body, ask


def answer(reply):
    """The lines of one reply, without its echo."""
    (lines,) = FrameSplitter().feed(reply.encode())
    return lines[1:]


def test_what_is_set_is_shown():
    """Every setting is answered with what was kept, and shows among the parameters."""
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
    """Each command that the help names is known, with a number where it needs one."""
    _, _, ask = off_the_wire()
    commands = [line.partition("-")[0].strip() for line in answer(ask("help"))]
    assert len(commands) > 10
    for command in commands:
        if command != "echo off":
            verb = command.partition(" ")[0]
            values = {"set": " 1", "change": " 1", "hexw2": " 2 0 14 50 60 0"}.get(verb, "")
            assert REJECTION not in ask(command + values)


def test_echo_on_and_off():
    """The echo goes and comes on request; a driver works without it."""
    with bench(dialect=Dialect(echo=False)) as b, b.pump:
        assert b.core.feed(b"status\r") == b"0\r\n>"
        assert b.core.feed(b"echo on\r") == b">"
        assert b.core.feed(b"status\r") == b"status\r0\r\n>"
        assert b.pump.status().state is PumpState.STOPPED
        b.core.feed(b"echo off\r")
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("unit_s", [60.0, 1.0])
def test_a_delayed_start(unit_s):
    """A delay holds the plunger, shows as its own state, and what is said after it is ignored."""
    with ready_bench(dialect=Dialect(delay_unit_s=unit_s, announces=True)) as b:
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
    """`start 0` leaves the further steps out."""
    _, body, ask = off_the_wire()
    for request in ("set units 2", "set volume 10,10", "set rate 60,30", "start 0"):
        ask(request)
    for _ in range(30):
        body._clock.sleep(1.0)
        ask("status")
    assert answer(ask("status")) == ["0"]
    assert answer(ask("dispensed volume")) == ["dispensed volume = 10.0000"]


def test_a_power_cycle_forgets_everything():
    """After a power cycle the pump stands still, and nothing but a rate lets it run again."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.switch("power-cycle")
        assert b.plunger.rate_ul_min == 0.0
        assert b.pump.status().state is PumpState.STOPPED
        b.core.feed(b"start\r")
        assert b.plunger.rate_ul_min == 0.0


WAKES_WITH = {
    "nothing": b"",
    "other units": b"set units 0\rset volume 1\rset rate 60\r",
    "an older rate": b"set units 2\rset diameter 10\rset volume 100\rset rate 600\r",
}


@pytest.mark.parametrize("memory", WAKES_WITH.values(), ids=WAKES_WITH)
def test_a_power_cycle_before_the_start_changes_no_rate(memory):
    """Whatever a pump remembers after it lost its power, it runs at the rate that was set."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.emulator.switch("power-cycle")
        b.core.feed(memory)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(60.0)


def test_a_jam_stalls_the_pump_until_it_is_stopped():
    """A blocked plunger shows as a stall; a stop acknowledges it, and once free it runs again."""
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


@pytest.mark.parametrize("fault", [Split, Stale])
@pytest.mark.parametrize("front", ["serial", "socket"])
def test_replies_in_pieces_or_with_company_are_never_mistaken(front, fault):
    """Split replies are put together; of replies that come with an older one, none is misread."""
    with ready_bench(front=front) as b:
        b.pump.set_rate(60.0)
        b.emulator.wire.plan(fault())
        for _ in range(3):
            try:
                b.pump.start()
                assert b.pump.status().state is PumpState.RUNNING
                b.clock.sleep(10.0)
                assert b.pump.dispensed().volume_ul == pytest.approx(10.0)
                b.pump.stop()
                assert b.plunger.rate_ul_min == 0.0
            except DeviceError:
                assert fault is Stale
        b.emulator.heal()
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_a_script_of_faults_ends_in_a_known_state(seed):
    """Through faults of every kind: no misread state, no flow that nobody asked for."""
    with ready_bench() as b:
        b.emulator.wire.seed(seed)
        b.emulator.wire.plan_at_random(0.2, FAULTS)
        calls: list[Callable[[], object]] = [
            lambda: b.pump.set_rate(60.0),
            b.pump.start,
            b.pump.status,
            b.pump.dispensed,
            b.pump.stop,
        ]
        for turn in range(25):
            try:
                calls[turn % len(calls)]()
            except DeviceError:
                b.pump.close()
                try:
                    b.pump.open()
                    b.pump.stop()
                    b.pump.set_syringe(SYRINGE)
                except DeviceError:
                    continue
        b.emulator.heal()
        b.pump.close()
        b.pump.open()
        moves = b.plunger.rate_ul_min != 0.0
        assert (b.pump.status().state is PumpState.RUNNING) == moves
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("baud", [9600, 115200])
def test_bytes_take_their_time_on_a_paced_line(baud, monkeypatch):
    """Request and reply of a paced pump take ten bits a byte, whatever else happens."""
    waited_s = []
    clock = VirtualClock()
    monkeypatch.setattr(clock, "emulate_delay", waited_s.append)
    with bench(clock=clock, uart=Uart(baud=baud, paced=True)) as b:
        reply = b.core.feed(b"status\r")
        assert sum(waited_s) == pytest.approx((len(b"status\r") + len(reply)) * 10 / baud)


def test_on_the_real_clock_a_step_ends_by_itself():
    """Nobody has to ask the pump for it to stop at its volume."""
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


def test_an_emergency_stop_reaches_both_channels():
    """A stop that is not confirmed on its channel is followed by one for the whole pump."""
    with ready_bench(channel=1) as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        feed = b.core.firmware.feed
        b.core.firmware.feed = lambda data: b"" if data.startswith(b"1 stop") else feed(data)
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0
        assert b"\rstop\r" in b.wire.received


def test_a_stop_that_nobody_confirms_is_unknown():
    """When neither stop is confirmed, the outcome is unknown, not good."""
    with ready_bench(channel=1) as b:
        b.emulator.wire.plan(Deaf())
        with pytest.raises(UnknownOutcomeError, match="stands still"):
            b.pump.stop()


def test_in_cycle_mode_the_channels_take_turns():
    """One channel pushes while the other fills, until it is stopped."""
    emulator, plunger, ask = off_the_wire(channel=1, clock=(clock := VirtualClock()))
    other = Plunger(clock)
    emulator.core.firmware.drives[2]._body = other
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


def test_everything_can_be_set_in_one_line():
    """`hexw2` sets units, direction, diameter, volume, rate and delay, and may start."""
    _, plunger, ask = off_the_wire()
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
    """`change rate` acts at once, `set rate` where the dialect says so, and no volume is lost."""
    clock = VirtualClock()
    _, plunger, ask = off_the_wire(Dialect(rate_while_running=lenient), clock=clock)
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
