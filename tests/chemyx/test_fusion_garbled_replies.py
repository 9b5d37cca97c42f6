"""Damaged replies by the thousand: each gives a number that was sent, or a device error."""

import math
import random
import re

import pytest
from damage import damaged
from fusion_bench import SYRINGE

from flowrig.clock import VirtualClock
from flowrig.errors import FlowrigError
from flowrig.interfaces import PumpState, PumpStep, WireLog
from flowrig_chemyx import driver
from flowrig_chemyx.settings import FusionSettings
from flowrig_chemyx.wire.channel import PumpChannel
from flowrig_chemyx.wire.protocol import FrameSplitter
from flowrig_serial.lines import LineFault

FRAMES = pytest.mark.parametrize("frames", [7_500, pytest.param(50_000, marks=pytest.mark.slow)])
HOSTILE = (
    *(b"nan", b"inf", b"-inf", b"1_0", b"1,5", b"1e9", b"0x10", b"--1", b"+", b".", b" ", b"\x00"),
    *(b"\xff", b"\xd9\xa3", b">", b"\r", b"\n", b"=", b"Invalid Command!", b"status", b"9" * 400),
)
ANSWERS = {
    "status": "1",
    "view parameter": "unit = 2\r\ndia = 14.567\r\nrate = 60.000000\r\nvolume = 10000.000000\r\n"
    "delay = 0.000000",
    "read limit parameter 2": "29698.8312 0.0472 24998.8765 3.3332",
    "read limit parameter 3": "1781929.8720 2.8301 24998.8765 3.3332",
    "dispensed volume": "dispensed volume = 123.4567",
    "elapsed time": "elapsed time = 2.50000",
    "set units 2": "units = 2",
    "set units 3": "units = 3",
    "set delay 0": "delay = 0.000000",
    "set delay 0,0": "delay = 0.000000,0.000000",
    "set diameter 14.567": "diameter = 14.567",
    "set volume 10000.00000": "volume = 10000.000000",
    "set volume 100.00000,-50.00000": "volume = 100.000000,-50.000000",
    "set rate 60.00000": "rate = 60.000000",
    "set rate 60.00000,30.00000/60.00000": "rate = 60.000000,30.000000/60.000000",
    "start": "Pump start running...",
    "pause": "Pump pause!",
    "stop": "Pump stop!",
}


class DamagedLine:
    """A line to a pump that damages the replies."""

    heard = b""

    def hint(self):
        return "is the pump on?"

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.chance = 1.0
        self.frames = 0
        self.text = ""
        self.state = "1"
        self.units = "2"

    def exchange(self, request, deadline_s, log, *, urgent=False):
        if request.startswith("set units "):
            self.units = request[-1]
        key = f"{request} {self.units}" if request.startswith("read limit") else request
        answer = self.state if request == "status" else ANSWERS.get(key, "")
        end, separator = self.draw.choice([("\r", "\r\n"), ("\r\n", "\r\n"), ("\r", " \n\r")])
        frame = f"{request}{end}{answer}{separator}>".encode()
        if self.draw.random() < self.chance:
            frame = damaged(frame, self.draw, HOSTILE)
            self.frames += 1
        self.text = frame.decode("ascii", "replace")
        splitter = FrameSplitter()
        replies = splitter.feed(frame) or splitter.settle()
        if not replies:
            raise LineFault("no answer", sent=True, reply=splitter.rest)
        return replies[0]

    def mark_out_of_sync(self):
        pass

    def find_baud(self, deadline_s, log):
        pass


def is_in(number, text):
    """Whether a text contains a number as a plain decimal."""
    found = re.findall(r"(?<![0-9A-Za-z_.,+-])[+-]?[0-9]+\.?[0-9]*(?![0-9A-Za-z_.,])", text)
    return any(float(one) == number for one in found)


@FRAMES
def test_no_damaged_reply_becomes_a_bad_number(frames):
    """Every query returns a number that is in the damaged reply, or raises a device error."""
    line = DamagedLine(seed=1)
    channel = PumpChannel(line, "pump", None, 1.0, WireLog())
    questions = {
        channel.dispensed: lambda value: (value,),
        channel.elapsed_min: lambda value: (value,),
        channel.settings: lambda found: (
            *found.volumes,
            *(rate for step in found.rates for rate in step),
            *((found.diameter_mm,) if found.diameter_mm else ()),
        ),
        channel.state: lambda _: (),
        channel.learn_units: lambda _: (),
    }
    taken = 0
    while line.frames < frames:
        for ask, numbers_in in questions.items():
            try:
                numbers = numbers_in(ask())
            except FlowrigError:
                continue
            assert all(map(math.isfinite, numbers))
            shown = line.text.replace(",", " ").replace("/", " ")
            assert all(is_in(number, shown) for number in numbers), line.text
            taken += len(numbers)
    assert taken > 1000


@pytest.fixture
def garbled(monkeypatch):
    """An open driver whose line damages replies from now on, and that line."""
    line = DamagedLine(seed=2)
    line.chance = 0.0
    monkeypatch.setattr(driver, "claim_line", lambda *_: line)
    monkeypatch.setattr(driver, "release_line", lambda *_: None)
    line.state = "0"
    pump = driver.ChemyxFusion("pump", FusionSettings(address="nowhere"), VirtualClock())
    with pump:
        pump.set_syringe(SYRINGE)
        pump.set_rate(60.0)
        line.chance = 0.5
        yield pump, line


@FRAMES
def test_the_driver_survives_damaged_replies(garbled, frames):
    """Every call returns a value or raises a documented error, whatever the replies contain."""
    pump, line = garbled
    steps = [PumpStep(100.0, 60.0), PumpStep(-50.0, 30.0, 60.0)]
    limits = pump.limits
    calls = [
        lambda: pump.status().state,
        lambda: pump.dispensed().volume_ul,
        lambda: pump.elapsed().duration_s,
        lambda: pump.set_rate(60.0),
        lambda: pump.start_program(steps),
        lambda: pump.set_syringe(SYRINGE),
        pump.start,
        pump.stop,
        pump.identify,
    ]
    line.frames = 0
    while line.frames < frames:
        line.state = line.draw.choice("01245")
        pump._limits, pump._syringe = limits, SYRINGE
        try:
            value = line.draw.choice(calls)()
        except FlowrigError:
            continue
        assert value is None or not isinstance(value, float) or math.isfinite(value)
        assert not isinstance(value, PumpState) or value in PumpState
