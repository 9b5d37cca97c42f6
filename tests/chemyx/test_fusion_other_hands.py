"""What other programs and hands leave in a pump, and pumps that differ in what they do or show."""

import subprocess
import sys
import threading
import time

import pytest
from fusion_bench import SYRINGE, bench, ready_bench
from fusion_time import LONG_S

from flowrig.emulation import Mute
from flowrig.errors import (
    ConnectionLostError,
    FlowrigWarning,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import PumpState, PumpStep, Syringe
from flowrig_chemyx.emulator.motor import Motor
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.settings import BAUD_RATES
from flowrig_chemyx.wire import serial_line
from flowrig_serial.ports import owners, rivals

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="owners are known on Linux only")

RATE_UL_MIN = 60.0
READY = b"set units 2\rset diameter 14.567\rset volume 100\rset rate 60\r"


def requests_of(b, call):
    """The requests that a call sends."""
    before = len(b.wire.received)
    call()
    return b.wire.received[before:].decode().split("\r")[:-1]


def wait_until(condition):
    """Wait for something that another thread does."""
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def poll(b, duration_s):
    """Let time pass, and let the emulated motors follow."""
    for _ in range(int(duration_s)):
        b.clock.sleep(1.0)
        b.core.feed(b"status\r")


@pytest.mark.parametrize(
    "left", [b"set delay 5\r", b"set volume 10,10\rset delay 0,7\r", b"set delay 0.1,0,3\r"]
)
@pytest.mark.parametrize("when", ["before the syringe", "before the rate", "before the start"])
@pytest.mark.parametrize("unit_s", [60.0, 1.0])
def test_a_delay_that_somebody_left_is_cleared(left, when, unit_s):
    """A run begins with its start, whenever a delay was set, and in either unit of delays."""
    with bench(variant=Variant(delay_unit_s=unit_s)) as b, b.pump:
        steps = [
            ("before the syringe", lambda: b.pump.set_syringe(SYRINGE)),
            ("before the rate", lambda: b.pump.set_rate(RATE_UL_MIN)),
            ("before the start", b.pump.start),
        ]
        for place, step in steps:
            if place == when:
                b.core.feed(left)
            step()
        assert b.plunger.rate_ul_min == pytest.approx(RATE_UL_MIN)
        b.pump.stop()


def test_a_program_begins_without_the_delays_of_another():
    """The steps of a program follow one another at once."""
    with ready_bench() as b:
        b.core.feed(b"set delay 4\r")
        b.pump.start_program([PumpStep(10.0, 60.0), PumpStep(-10.0, 60.0)])
        assert b.plunger.rate_ul_min == pytest.approx(60.0)
        poll(b, 11)
        assert b.plunger.rate_ul_min == pytest.approx(-60.0)


@pytest.mark.parametrize("hidden", [True, False])
def test_a_delay_that_stays_ends_in_a_stop(hidden, monkeypatch):
    """A pump that keeps a delay raises an error, and does not begin to pump later."""

    def keep(motor, values):
        motor.delays = (2.0,) * len(motor.volumes)

    with ready_bench() as b:
        b.pump.set_rate(RATE_UL_MIN)
        monkeypatch.setattr(Motor, "set_volumes", keep)
        if hidden:
            monkeypatch.setattr(b.core.firmware, "_parameters_of", shown_without_delay(b))
        with pytest.raises(RefusedError, match="delay"):
            b.pump.start()
        poll(b, 200)
        assert b.plunger.moved_ul == 0.0
        assert b.pump.status().state is PumpState.STOPPED


def shown_without_delay(b):
    """A pump that does not show its delay."""
    shown = b.core.firmware._parameters_of
    return lambda motor: [*shown(motor)[:-1], "delay = 0.000000"]


def test_a_pump_without_delays_is_no_fault(monkeypatch):
    """A pump that does not know `set delay` has none to clear."""
    with ready_bench() as b:
        answer = b.core.firmware._answer
        monkeypatch.setattr(
            b.core.firmware,
            "_answer",
            lambda request: ["Invalid Command!"] if "delay" in request else answer(request),
        )
        b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(RATE_UL_MIN)


def test_a_pump_that_waits_is_not_taken_for_one_that_runs():
    """A delayed run of somebody else: the rate is refused, a start replaces it."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.core.feed(b"set delay 9\rstart\r")
        assert b.pump.status().state is PumpState.DELAYED
        with pytest.raises(NotReadyError, match="delay"):
            b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


@pytest.mark.parametrize("counts_on", [True, False])
def test_a_pump_whose_pause_is_a_stop_changes_its_rate(counts_on):
    """The run goes on at each new rate, whatever units it needs, and no volume is lost."""
    variant = Variant(pause_stops=True, counts_on_after_pause=counts_on)
    with bench(variant=variant, inner_diameter_mm=0.46) as b, b.pump:
        b.pump.set_syringe(Syringe(volume_ul=10.0, inner_diameter_mm=0.46))
        b.pump.set_rate(0.6)
        b.pump.start()
        for rate_ul_min in (0.3, 0.0006, 0.0009, 1.2):
            b.clock.sleep(10.0)
            b.pump.set_rate(rate_ul_min)
            assert b.plunger.rate_ul_min == pytest.approx(rate_ul_min)
        b.clock.sleep(10.0)
        expected_ul = (0.6 + 0.3 + 0.0006 + 0.0009 + 1.2) / 6
        assert b.plunger.moved_ul == pytest.approx(expected_ul)
        assert b.pump.dispensed().volume_ul == pytest.approx(expected_ul, rel=1e-2)


@pytest.mark.parametrize("pause_stops", [True, False])
def test_a_run_that_ends_before_its_pause_is_not_begun_anew(pause_stops):
    """A pump that has delivered the whole syringe stays at rest when its rate is changed."""
    with bench(variant=Variant(pause_stops=pause_stops)) as b, b.pump:
        b.pump.set_syringe(Syringe(volume_ul=10.0, inner_diameter_mm=14.567))
        b.pump.set_rate(600.0)
        b.pump.start()
        feed = b.core.firmware.feed

        def ends_first(data):
            if data.startswith(b"pause"):
                b.clock.sleep(60.0)
            return feed(data)

        b.core.firmware.feed = ends_first
        with pytest.raises(RefusedError, match="did not pause"):
            b.pump.set_rate(300.0)
        assert b.plunger.rate_ul_min == 0.0
        assert b.pump.dispensed().volume_ul == pytest.approx(10.0)


def test_a_run_of_somebody_else_is_not_begun_anew():
    """A pump that somebody else started, and that a pause stops, stays at rest."""
    with ready_bench(variant=Variant(pause_stops=True)) as b:
        b.pump.set_rate(30.0)
        b.core.feed(b"start\r")
        with pytest.raises(RefusedError, match="did not pause"):
            b.pump.set_rate(RATE_UL_MIN)
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("units", [0, 1, 3])
def test_a_run_of_somebody_else_in_other_units(units):
    """The flow rate of a run that somebody began is set in the units that it has."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.core.feed(f"set units {units}\rset diameter 14.567\r".encode())
        b.core.feed(b"set volume 10\rset rate 10\rstart\r")
        assert b.pump.status().state is PumpState.RUNNING
        b.pump.set_rate(RATE_UL_MIN)
        assert b.plunger.rate_ul_min == pytest.approx(RATE_UL_MIN)


def test_a_pump_that_ignores_a_pause_keeps_its_rate(monkeypatch):
    """The change is refused, and the pump runs on as before."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.pump.start()
        monkeypatch.setattr(Motor, "pause", lambda motor: None)
        with pytest.raises(RefusedError, match="'running'"):
            b.pump.set_rate(RATE_UL_MIN)
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


@pytest.mark.parametrize("known", ["the rate of set_rate", "another rate"])
def test_a_start_of_somebody_else(known):
    """A run of somebody else counts as the own one only if its settings are the same."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        if known == "another rate":
            b.core.feed(b"set rate 90\r")
        b.core.feed(b"start\r")
        if known == "another rate":
            with pytest.raises(NotReadyError, match="other settings"):
                b.pump.start()
            b.pump.stop()
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


UNFINISHED = [
    b"start",
    b"start 1",
    b"start ",
    b"star",
    b"set rate 99",
    b"hexw2 2 0 14.567 50 60 0 start",
    b"restart",
    b"\n",
]


@pytest.mark.parametrize("left", UNFINISHED)
@pytest.mark.parametrize("channel", [None, 1, 2])
def test_an_unfinished_request_is_never_completed(left, channel):
    """Opening a port starts nothing, whatever a program that died has left in the pump."""
    with bench(channel=channel, variant=Variant(dual=channel is not None, restart="resumes")) as b:
        prefix = f"{channel} ".encode() if channel else b""
        b.core.feed(b"".join(prefix + one + b"\r" for one in READY.split(b"\r")[:-1]))
        b.core.feed(prefix + left if left.strip() else left)
        b.pump.open()
        assert b.pump.status().state is PumpState.STOPPED
        assert b.plunger.rate_ul_min == 0.0
        b.pump.set_syringe(SYRINGE)
        b.pump.set_rate(30.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize(("channel", "moved"), [(None, None), (1, 1), (1, 2), (2, 1)])
def test_a_pump_that_takes_half_a_request_is_stopped(echo, channel, moved):
    """A run that the first byte on the line begins is stopped at once, on either channel."""
    variant = Variant(dual=channel is not None, by_beginning=True, echo=echo)
    with bench(channel=channel, variant=variant) as b:
        motor = b.core.firmware.motors[moved or 0]
        prefix = f"{moved} ".encode() if moved else b""
        b.core.feed(b"".join(prefix + one + b"\r" for one in READY.split(b"\r")[:-1]))
        b.core.feed(prefix + b"start")
        with pytest.warns(FlowrigWarning, match="unfinished start"):
            b.pump.open()
        assert motor.state is PumpState.STOPPED
        assert b.pump.status().state is PumpState.STOPPED


def test_a_run_is_not_stopped_by_what_is_left_in_the_pump():
    """A pump that ran before the port was opened runs on."""
    with ready_bench(variant=Variant(by_beginning=True)) as b:
        b.pump.set_rate(30.0)
        b.pump.start()
        b.pump.close()
        b.clock.sleep(10.0)
        b.core.feed(b"start")
        b.pump.open()
        assert b.pump.status().state is PumpState.RUNNING
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


HOLD = """
import os, sys
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print(1, flush=True)
input()
"""
PROVIDE = """
import os, pty
far, near = pty.openpty()
print(os.ttyname(near), flush=True)
input()
"""


def run(code, *words):
    """A process that executes code; it ends when its standard input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@needs_proc
@pytest.mark.parametrize("baud", [38400, "probe"])
def test_a_program_that_has_the_port_open_without_a_lock_is_named(baud):
    """A pump that does not answer is no question of the baud rate if another program listens."""
    with bench() as b, run(HOLD, b.pump.settings.address) as holder:
        assert holder.stdout.readline()
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError, match=rf"\(process {holder.pid}\)") as caught:
            b.other(list, baud=baud).open()
        assert "set to" not in str(caught.value)
        holder.stdin.close()


@needs_proc
def test_the_program_behind_a_terminal_is_no_rival():
    """The emulator of a pump has its port open as well, and takes no replies."""
    with run(PROVIDE) as emulator:
        port = emulator.stdout.readline().decode().strip()
        assert owners(port)
        assert rivals(port) == []
        with run(HOLD, port) as holder:
            assert holder.stdout.readline()
            assert [str(holder.pid) in one for one in rivals(port)] == [True]
            holder.stdin.close()
        emulator.stdin.close()


@pytest.mark.parametrize("port", ["/nowhere/tty", "socket://127.0.0.1:1", "COM3"])
def test_a_port_of_which_nothing_is_known_has_no_rivals(port):
    """A port that is no file of this computer has no owner that could be named."""
    assert rivals(port) == []


def test_a_stop_is_written_before_anything_is_waited_for():
    """On a line that is not synchronized the stop goes out first, and ends what stands there."""
    with ready_bench() as b:
        b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError):
            b.pump.status()
        b.core.firmware.feed(b"set ra")
        before = len(b.wire.received)
        with pytest.raises(UnknownOutcomeError, match="did not confirm"):
            b.pump.stop()
        assert b.wire.received[before:].startswith(b"?\rstop\r")
        assert b.plunger.rate_ul_min == 0.0


def test_a_stop_does_not_wait_for_the_other_channel(monkeypatch):
    """While one channel waits for a reply that does not come, the other one is stopped."""
    monkeypatch.setattr(serial_line, "BUSY_S", 0.01)
    with ready_bench(channel=1) as b:
        b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        line, arrived = b.pump._line, threading.Event()
        push = b.plunger.push

        def watched(rate_ul_min):
            push(rate_ul_min)
            arrived.set()

        b.plunger.push = watched
        with line._lock:
            stopper = threading.Thread(target=b.pump.stop)
            stopper.start()
            assert arrived.wait(120.0)
            assert b.plunger.rate_ul_min == 0.0
        stopper.join()
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("channel", [None, 1, 2])
@pytest.mark.parametrize("state", ["closed", "open", "port gone"])
def test_a_pump_that_cannot_be_opened_is_stopped(channel, state):
    """A stop is sent to a silent pump, whether its driver is open or not; it opens afterwards."""
    with ready_bench(channel=channel) as b:
        b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        b.emulator.wire.plan(Mute())
        if state == "closed":
            b.pump.close()
        elif state == "port gone":
            b.pump._line.close()
        b.pump.send_safe_action()
        wait_until(lambda: b.plunger.rate_ul_min == 0.0)
        b.emulator.heal()
        b.pump.close()
        b.pump.open()
        assert b.pump.status().state is PumpState.STOPPED


def test_a_silent_pump_is_stopped_at_any_baud_rate():
    """With `baud = "probe"` the stop is sent at every baud rate."""
    with ready_bench() as b:
        b.pump.set_rate(RATE_UL_MIN)
        b.pump.start()
        b.pump.close()
        b.emulator.wire.plan(Mute())
        pump = b.other(list, baud="probe")
        pump.send_safe_action()
        wait_until(lambda: b.plunger.rate_ul_min == 0.0)
        assert b.wire.received.count(b"?\rstop\r") == len(BAUD_RATES)
        pump.close()


def test_a_stop_of_a_port_that_does_not_exist(tmp_path):
    """The message has the address."""
    with ready_bench() as b:
        pump = b.other(list, address=str(tmp_path / "ttyUSB7"))
        with pytest.raises(ConnectionLostError, match="ttyUSB7"):
            pump.send_safe_action()


def test_limits_in_either_order_are_told_apart():
    """The pump itself proves which of its limits are flow rates, since these depend on minutes."""
    known = []
    for first in ("rate", "volume"):
        with bench(variant=Variant(limits_first=first)) as b, b.pump:
            known.append(b.pump.set_syringe(Syringe(1e6, 14.567)))
    assert known[0] == known[1]
    assert known[0].rate_max_ul_min > known[0].volume_max_ul


@pytest.mark.parametrize(
    "swap",
    [
        lambda limits: (limits[1], limits[0], limits[2], limits[3]),
        lambda limits: (limits[0], limits[1], limits[3], limits[2]),
        lambda limits: (limits[1], limits[0], limits[3], limits[2]),
        lambda limits: (limits[2], limits[0], limits[1], limits[3]),
        lambda limits: (limits[0], limits[0], limits[2], limits[3]),
        lambda limits: (1e3, 1e-3, 1e3, 1e-3),
    ],
)
def test_limits_that_make_no_sense_are_refused(swap, monkeypatch):
    """A smallest value above the largest, another order, or limits that ignore the units."""
    limits = Motor.limits
    monkeypatch.setattr(Motor, "limits", lambda motor: swap(limits(motor)))
    with bench() as b, b.pump, pytest.raises(ProtocolError, match="limits"):
        b.pump.set_syringe(SYRINGE)


@pytest.mark.parametrize(("largest_mm", "taken"), [(60.0, True), (40.0, False)])
def test_the_pump_decides_which_bore_it_takes(largest_mm, taken):
    """A bore of 50 mm works on a pump that takes it, and is refused by the name of the old one."""
    variant = Variant(diameter_max_mm=largest_mm)
    with bench(variant=variant, inner_diameter_mm=50.0) as b, b.pump:
        syringe = Syringe(volume_ul=200_000.0, inner_diameter_mm=50.0)
        if not taken:
            with pytest.raises(RefusedError, match="instead of 50"):
                b.pump.set_syringe(syringe)
            return
        assert b.pump.set_syringe(syringe).rate_max_ul_min == pytest.approx(349_900, rel=1e-3)
        b.pump.set_rate(300_000.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(300_000.0)


@pytest.mark.parametrize(
    ("echoes", "views", "shows_sign", "withdraws"),
    [
        (True, False, True, True),
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, False),
        (False, False, False, True),
    ],
)
def test_a_volume_that_is_shown_without_its_sign(echoes, views, shows_sign, withdraws):
    """A withdrawal needs a sign somewhere, or the word of a person; nothing moves without it."""
    with ready_bench(variant=Variant(echoes_sign=echoes, views_sign=views)) as b:
        pump = b.other(list, shows_sign=shows_sign)
        b.pump.close()
        with pump:
            pump.set_syringe(SYRINGE)
            steps = [PumpStep(-10.0, 60.0)]
            if withdraws:
                pump.start_program(steps)
                assert b.plunger.rate_ul_min == pytest.approx(-60.0)
                pump.stop()
            else:
                with pytest.raises(RefusedError, match="shows_sign"):
                    pump.start_program(steps)
                assert b.plunger.moved_ul == 0.0
            pump.set_rate(30.0)
            pump.start()
            assert b.plunger.rate_ul_min == pytest.approx(30.0)


def test_a_direction_that_somebody_set_is_not_taken_over():
    """A run infuses although the pump shows the volume of a withdrawal as a positive number."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.core.feed(b"set volume -10000\r")
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(30.0)


def test_a_rate_takes_two_requests_and_a_start_five():
    """At rest, a rate is sent alone if nothing else changes, and the start reads everything."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        assert requests_of(b, lambda: b.pump.set_rate(60.0)) == ["status", "set rate 60.00000"]
        assert requests_of(b, b.pump.start) == [
            "status",
            "view parameter",
            "set volume 10000.00000",
            "start",
            "status",
        ]
        b.clock.sleep(10.0)
        b.pump.set_rate(30.0)
        assert len(requests_of(b, lambda: b.pump.set_rate(20.0))) == 7
        assert b.plunger.rate_ul_min == pytest.approx(20.0)


@pytest.mark.parametrize(
    "changed",
    [
        b"set units 0\r",
        b"set diameter 10\r",
        b"set rate 59\r",
        b"set volume 1\r",
        b"set volume 5,5\r",
        b"set delay 1\r",
        b"hexw2 0 1 14.567 50 60 0\r",
    ],
)
@pytest.mark.parametrize("again", [True, False])
def test_what_somebody_changes_before_the_start_is_set_again(changed, again):
    """The pump runs as it was told, with or without another rate after the change."""
    with ready_bench() as b:
        b.pump.set_rate(30.0)
        b.core.feed(changed)
        if again:
            b.pump.set_rate(60.0)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(60.0 if again else 30.0)
        poll(b, 120)
        assert b.pump.dispensed().volume_ul == pytest.approx(120.0 if again else 60.0)


def test_what_the_pump_is_set_to_can_be_read():
    """Flow rate and diameter, as somebody else has left them, while the pump runs as well."""
    with ready_bench(variant=Variant(rate_while_running=True)) as b:
        b.pump.set_rate(30.0)
        b.pump.start()
        found = b.pump.read_back()
        assert (found.rate_ul_min, found.inner_diameter_mm) == (30.0, 14.567)
        b.core.feed(b"set rate 31.5\r")
        assert b.pump.read_back().rate_ul_min == 31.5
        b.pump.stop()
        b.core.feed(b"set units 0\rset diameter 20\rset volume 1\rset rate 0.5\r")
        found = b.pump.read_back()
        assert (found.rate_ul_min, found.inner_diameter_mm) == (500.0, 20.0)
        b.core.feed(b"set volume 1,1\r")
        assert b.pump.read_back().rate_ul_min is None


def test_each_channel_reads_its_own_settings():
    """The settings of one channel of a dual pump are not those of the other."""
    with ready_bench(channel=2, variant=Variant(dual=True, unit_names=True)) as b:
        b.core.feed(b"1 set units 0\r1 set diameter 20\r1 set volume 1\r1 set rate 0.5\r")
        b.pump.set_rate(30.0)
        found = b.pump.read_back()
        assert (found.rate_ul_min, found.inner_diameter_mm) == (30.0, 14.567)
