"""The emulated pump with the requests of Chemyx's own Python software, sent by bare pyserial.

The requests, and the lines of the replies in which values are expected, are those of
github.com/cukelarter/Chemyx-Syringe-Pump (`core/connect.py` and the two graphical programs): a
blank after `start` and `stop`, values as Python prints them, and replies read by line number.
"""

import time

import pytest
from fusion_bench import bench

serial = pytest.importorskip("serial")


class BareClient:
    """Sends requests as Chemyx's software does, and reads until the prompt, for at most 1 s."""

    def __init__(self, port, prefix=""):
        self._port = serial.serial_for_url(port, baudrate=38400, timeout=0)
        self._prefix = prefix

    def send(self, command):
        if command.startswith("set"):
            command = self._prefix + command
        self._port.write(command.encode() + b"\r")
        reply, end_s = b"", time.monotonic() + 1.0
        while not reply.endswith(b">") and time.monotonic() < end_s:
            reply += self._port.read(4096)
        return [line.strip("\r") for line in reply.decode().split("\n")]

    def close(self):
        self._port.close()


@pytest.fixture
def single():
    """A single-channel pump and its client."""
    with bench() as b:
        client = BareClient(b.pump.settings.address)
        yield client, b
        client.close()


def wait(b, duration_s):
    """Let rig time pass while the client polls the status."""
    for _ in range(int(duration_s)):
        b.clock.sleep(1.0)
        b.core.feed(b"pump status\r")


def test_a_single_step_run(single):
    """A run with a delay; every value is in the line where the vendor's window expects it."""
    client, b = single
    assert client.send("pump status")[1] == "0"
    for command in ("set units 0", "set diameter 28.6", "set volume 1", "set rate 1"):
        client.send(command)
    client.send("set delay 0.5")
    lines = client.send("view parameter")
    shown = [lines[index].partition(" = ") for index in (1, 2, 3, 6, 7)]
    assert [(name, float(value)) for name, _, value in shown] == [
        ("unit", 0.0),
        ("dia", 28.6),
        ("rate", 1.0),
        ("volume", 1.0),
        ("delay", 0.5),
    ]
    assert len(client.send("read limit parameter")[1].split()) == 4
    assert client.send("start ")[1] == "Pump delay..."
    assert client.send("pump status")[1] == "3"
    wait(b, 31)
    assert client.send("pump status")[1] == "1"
    client.send("pause ")
    assert client.send("pump status")[1] == "2"
    client.send("start ")
    wait(b, 65)
    assert client.send("pump status")[1] == "0"
    assert client.send("dispensed volume")[1] == "dispensed volume = 1.0000"
    assert float(client.send("elapsed time")[1].split("=")[1]) == pytest.approx(1.5, abs=0.1)
    assert client.send("stop ")[1] == "Pump stop!"


def test_a_multistep_run_with_a_ramp(single):
    """Steps with a ramp and a withdrawal run after `start 1`."""
    client, b = single
    for command in (
        "set units 2",
        "set diameter 14.567",
        "set volume 60,-30,120",
        "set rate 60,30,30.0/90.0",
        "set delay 0,0,0",
        "start  1",
    ):
        assert "Invalid" not in " ".join(client.send(command))
    rates = []
    for duration_s in (30, 60, 90):
        wait(b, duration_s)
        rates.append(b.plunger.rate_ul_min)
    assert rates == pytest.approx([60.0, -30.0, 60.0], rel=0.05)
    wait(b, 70)
    assert client.send("pump status")[1] == "0"
    assert client.send("dispensed volume")[1] == "dispensed volume = 210.0000"


def test_a_run_by_time(single):
    """`set time` makes the pump calculate the flow rate."""
    client, _ = single
    for command in ("set units 0", "set diameter 28.6", "set volume 1"):
        client.send(command)
    assert client.send("set time 2")[2] == "rate = 0.500000"


@pytest.mark.parametrize("channel", [1, 2])
def test_a_dual_pump(channel):
    """A channel number before `set` and `start` works; the echo is in the reply's first line."""
    with bench(channel=channel) as b:
        client = BareClient(b.pump.settings.address, prefix=f"{channel} ")
        for command in ("set units 2", "set diameter 14.567", "set volume 100", "set rate 60"):
            assert client.send(command)[0].startswith(f"{channel} {command}\r")
        lines = client.send("view parameter")
        heading = lines.index(f"Pump {channel}:")
        assert lines[heading + 1 : heading + 4] == ["unit = 2", "dia = 14.567", "rate = 60.000000"]
        client.send(f"{channel} start ")
        wait(b, 10)
        assert b.plunger.rate_ul_min == pytest.approx(60.0)
        client.send("stop ")
        assert b.plunger.rate_ul_min == 0.0
        client.close()
