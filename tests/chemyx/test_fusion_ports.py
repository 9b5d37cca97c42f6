"""Finding the port and the baud rate, and naming the program that uses a port."""

import errno
import importlib
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from fusion_bench import bench
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.emulation import Mute
from flowrig.errors import ConnectionLostError
from flowrig.interfaces import PumpState
from flowrig_chemyx.emulator.serial_port import Uart
from flowrig_chemyx.settings import BAUD_RATES
from flowrig_chemyx.wire import serial_line
from flowrig_serial import port as serial_port
from flowrig_serial.ports import find_port, owners, why_not

needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="owners are known on Linux only")


def port(device, serial_number=None):
    return SimpleNamespace(device=device, serial_number=serial_number)


@needs_terminals
@pytest.mark.parametrize("baud", [9600, 19200, 38400, 57600, 115200])
def test_the_baud_rate_is_found(baud):
    """With `baud = "probe"` a pump opens at any baud rate, and its settings are not changed."""
    with bench(uart=Uart(baud=baud, strict=True)) as b:
        with b.other(list, baud="probe") as pump:
            assert pump.status().state is PumpState.STOPPED
        heard = set(b.wire.received.split(b"\r"))
        assert heard <= {b"", b"?", b"elapsed time", b"status", b"view parameter"}


@needs_terminals
def test_a_wrong_baud_rate_is_reported():
    """The message names the baud rate of the settings if the pump uses another one."""
    with bench(uart=Uart(baud=9600, strict=True)) as b:
        with pytest.raises(ConnectionLostError, match="set to 38400 baud"):
            b.pump.open()
        with b.other(list, baud=9600) as pump:
            assert pump.is_open


def test_a_failed_probe_names_every_baud_rate():
    """If no baud rate is answered, the message names them all."""
    with bench() as b:
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError) as caught:
            b.other(list, baud="probe").open()
        assert all(str(baud) in str(caught.value) for baud in BAUD_RATES)


def test_one_channel_may_probe_and_the_other_not():
    """A channel may probe while the other has a baud rate; two different ones are refused."""
    with bench(channel=1) as b, b.pump:
        for baud in ("probe", 38400):
            with b.other(list, channel=2, baud=baud) as second:
                assert second.status().state is PumpState.STOPPED
        with pytest.raises(ConnectionLostError, match="other channel uses the port at 38400 baud"):
            b.other(list, channel=2, baud=9600).open()


def test_a_pump_is_found_again_where_it_is_plugged_in():
    """After the USB adapter is plugged in again, its serial number leads to the new port."""
    with bench() as b:
        first = b.pump.settings.address
        ports = [port("COM1"), port(first, "A10KZP45")]
        pump = b.other(lambda: ports, address="usb:A10KZP45")
        pump.open()
        pump.close()
        ports.remove(ports[1])
        with pytest.raises(ConnectionLostError, match="no USB serial port has this serial number"):
            pump.open()
        ports.append(port(first, "A10KZP45"))
        pump.open()
        assert pump.status().state is PumpState.STOPPED
        pump.close()


@settings(max_examples=50)
@given(numbers=st.lists(st.text("AB1", min_size=1, max_size=2), max_size=5))
def test_a_serial_number_means_one_port(numbers):
    """A serial number finds its port if it is unique; else the message lists the ports."""
    ports = [port(f"COM{index}", number) for index, number in enumerate(numbers)]
    for wanted in {*numbers, "absent"}:
        if numbers.count(wanted) == 1:
            assert find_port(f"usb:{wanted}", lambda: ports) == f"COM{numbers.index(wanted)}"
            continue
        with pytest.raises(OSError, match=r"serial number") as caught:
            find_port(f"usb:{wanted}", lambda: ports)
        assert all(one.device in str(caught.value) for one in ports if wanted == one.serial_number)


def test_other_addresses_are_used_unchanged():
    """A port name or the URL of a device server is not looked up."""
    for address in ("COM3", "/dev/ttyUSB0", "socket://10.0.0.7:4001"):
        assert find_port(address, lambda: pytest.fail("looked up")) == address


@needs_proc
def test_the_program_that_has_the_port_is_named():
    """The message names the program that has the port open, and its process number."""
    keep = "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print(1); input()"
    with bench() as b:
        address = b.pump.settings.address
        command = [sys.executable, "-u", "-c", keep.replace("print(1)", "print(1, flush=True)")]
        with subprocess.Popen(
            [*command, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout.readline()
            with pytest.raises(ConnectionLostError, match=rf"in use by .*\(process {holder.pid}\)"):
                b.pump.open()
            holder.stdin.close()
        b.pump.open()


@needs_terminals
def test_a_lock_that_ends_in_a_moment_is_waited_for(monkeypatch):
    """A process that was just started holds copies of this program's locks until it runs."""
    with bench() as b:
        fd = os.open(b.pump.settings.address, os.O_RDWR | os.O_NOCTTY)
        fcntl = importlib.import_module("fcntl")
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with monkeypatch.context() as patched:
            let_go = SimpleNamespace(
                monotonic=time.monotonic, sleep=lambda duration_s: os.close(fd)
            )
            patched.setattr(serial_port, "LOCK_S", 60.0)
            patched.setattr(serial_port, "time", let_go)
            line = serial_line.claim_line(b.pump.settings.address, [38400], None)
        serial_line.release_line(line, None)


@needs_terminals
def test_why_a_port_does_not_open(tmp_path):
    """Each reason has its own message: in use by this or another program, no access, other."""
    with bench() as b, b.pump:
        assert owners(b.pump.settings.address, processes=tmp_path) == []
        taken = OSError(errno.EBUSY, "busy")
        assert "in use by another program" in why_not(str(tmp_path / "port"), taken)
        assert "dialout" in why_not("COM1", OSError(errno.EACCES, "denied"))
        assert why_not("COM1", ValueError("odd")) == "odd"
        if sys.platform == "linux":
            assert "in use by this program" in why_not(b.pump.settings.address, taken)
