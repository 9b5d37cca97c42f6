"""The connection is cut at every byte of every exchange, by SCPI and by Modbus."""

import contextlib
from collections import Counter

import pytest
from attrs import field, frozen

from flowrig.emulation import Cut, When, Wire
from flowrig.errors import ConnectionLostError, UnknownOutcomeError
from flowrig_watlow.emulator.register_bank import RegisterBank
from flowrig_watlow.emulator.scpi_server import ScpiServer
from flowrig_watlow.parameters import PidSet, ProgramStatus
from flowrig_watlow.registers import ControlMode

PID = PidSet(heat_band_c=5.0, cool_band_c=5.0, integral_s=60.0, derivative_s=0.0)
BOTH = {"modbus": "unused", "off": "control-mode"}


class Measure(Wire):
    """A wire without a fault that records the length [bytes] of each exchange."""

    def __init__(self):
        self.sizes = []

    def carry(self, line, data):
        answer = line.feed(data)
        self.sizes.append(len(data) + len(answer))
        return answer


@frozen
class Call:
    """A call of the driver, and its correct result."""

    name: str
    run: object
    expected: object = None
    settings: dict = field(factory=dict)
    wires: tuple = ("scpi",)


CALLS = [
    Call("identify", lambda d: d.identify().model, "F4T"),
    Call("read", lambda d: (d.read().temperature_c, d.read().set_point_c), (25.0, 50.0)),
    Call("set_temperature", lambda d: d.set_temperature(90.0)),
    Call("off", lambda d: d.off()),
    Call("set_ramp_rate", lambda d: d.set_ramp_rate(5.0)),
    Call("no_ramp", lambda d: d.set_ramp_rate(None)),
    Call("output", lambda d: d.output(2), False),
    Call("set_output", lambda d: d.set_output(2, True)),
    Call("program", lambda d: d.program(), ProgramStatus("IDLE", "Heat Only")),
    Call("open", lambda d: (d.close(), d.open().model)[1], "F4T"),
    Call(
        "open_both",
        lambda d: (d.close(), d.open().model)[1],
        "F4T",
        BOTH,
        ("scpi", "modbus"),
    ),
    Call("control_mode", lambda d: d.control_mode(), ControlMode.AUTO, BOTH, ("modbus",)),
    Call("power", lambda d: d.output_power().power_percent, 100.0, BOTH, ("modbus",)),
    Call("alarm", lambda d: d.alarm(1), False, BOTH, ("modbus",)),
    Call("set_both", lambda d: d.set_temperature(90.0), None, BOTH, ("scpi", "modbus")),
    Call("off_both", lambda d: d.off(), None, BOTH, ("modbus",)),
    Call("limit", lambda d: d.limit_tripped(5), False, BOTH, ("modbus",)),
    Call("set_pid", lambda d: d.set_pid(2, PID), None, BOTH, ("modbus",)),
    Call("stop_program", lambda d: d.stop_program()),
    Call("ramp_both", lambda d: d.set_ramp_rate(5.0), None, BOTH, ("scpi", "modbus")),
]


@pytest.fixture
def written(monkeypatch):
    """Counts every command that the emulated controller obeys."""
    counts = Counter()
    run, write = ScpiServer.run, RegisterBank.write

    def counted_run(server, line):
        counts[line] += "?" not in line
        return run(server, line)

    def counted_write(bank, address, words):
        counts[address] += 1
        return write(bank, address, words)

    monkeypatch.setattr(ScpiServer, "run", counted_run)
    monkeypatch.setattr(RegisterBank, "write", counted_write)
    return counts


def sizes_of(call, plate_rig, wire):
    """Length [bytes] of each exchange of a call on one wire."""
    measure = Measure()
    with plate_rig(**call.settings) as emulated:
        emulated.wire(wire).plan(measure)
        prepare(emulated)
        before = len(measure.sizes)
        assert call.run(emulated.driver) == call.expected
        return measure.sizes[before:]


def prepare(emulated):
    """Bring driver and controller into the state in which every call begins."""
    assert is_found_again(emulated.driver)
    emulated.driver.set_temperature(50.0)
    emulated.emulator.controller.outputs[2] = False


LONG = ("open_both", "set_pid", "set_both", "off_both", "ramp_both", "limit", "alarm")
"""Calls of many exchanges; the others are cut in each kind of exchange that these have."""


@pytest.mark.parametrize(
    ("call", "wire"),
    [
        pytest.param(c, wire, id=f"{c.name}-{wire}", marks=[pytest.mark.slow] * (c.name in LONG))
        for c in CALLS
        for wire in c.wires
    ],
)
def test_pulled_at_any_byte(plate_rig, written, call, wire):
    """Wherever the connection breaks, a call fails at once as lost or unknown, or returns what is
    true; nothing but off is sent twice, and the controller is found again."""
    most = 3 if call.name.startswith("off") else 1
    sizes = sizes_of(call, plate_rig, wire)
    cuts = [(exchange, byte) for exchange, size in enumerate(sizes) for byte in range(size)]
    with plate_rig(deadline_s=30.0, **call.settings) as emulated:
        for exchange, byte in cuts:
            prepare(emulated)
            written.clear()
            emulated.wire(wire).plan(Cut(byte), When(after=exchange, times=1))
            with contextlib.suppress(ConnectionLostError, UnknownOutcomeError):
                assert call.run(emulated.driver) == call.expected, (exchange, byte)
            emulated.wire(wire).clear()
            assert max(written.values(), default=0) <= most, (exchange, byte, written)
            assert is_found_again(emulated.driver), (exchange, byte)


def is_found_again(driver):
    """Whether the driver reads the true temperature, now or, where the end of the last connection
    arrives only while it asks, one call later."""
    for _ in range(2):
        with contextlib.suppress(ConnectionLostError):
            driver.open()
            return driver.read().temperature_c == 25.0
    return False
