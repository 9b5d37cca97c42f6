"""The connection is cut at every byte of every exchange."""

from collections import Counter

import pytest
from fusion_bench import SYRINGE, bench

from flowrig.emulation import Cut
from flowrig.errors import DeviceError
from flowrig.interfaces import PumpState, PumpStep

STEPS = [PumpStep(100.0, 60.0), PumpStep(-50.0, 30.0, 60.0)]
RATE_UL_MIN = 60.0
EVERY = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
"""At every how many bytes the cable is pulled."""


def at_rest(pump):
    """A pump whose syringe is set."""


def ready(pump):
    """A pump whose flow rate is set."""
    pump.set_rate(RATE_UL_MIN)


def running(pump):
    """A pump that runs."""
    pump.set_rate(RATE_UL_MIN)
    pump.start()


CALLS = {
    "set_syringe": (at_rest, lambda pump: pump.set_syringe(SYRINGE)),
    "set_rate": (at_rest, lambda pump: pump.set_rate(RATE_UL_MIN)),
    "set_rate, running": (running, lambda pump: pump.set_rate(30.0)),
    "start": (ready, lambda pump: pump.start()),
    "start_program": (at_rest, lambda pump: pump.start_program(STEPS)),
    "stop": (running, lambda pump: pump.stop()),
    "status": (running, lambda pump: pump.status().state),
    "dispensed": (running, lambda pump: pump.dispensed().volume_ul),
    "elapsed": (running, lambda pump: pump.elapsed().duration_s),
    "identify": (running, lambda pump: pump.identify()),
}


@pytest.fixture(scope="module")
def shared():
    """One bench for all tests of this module."""
    with bench() as b:
        yield b


@pytest.fixture
def obeyed(shared):
    """Counts the requests that reached the pump's firmware and were answered."""
    seen = Counter()
    feed = shared.core.firmware.feed

    def counting(data):
        answer = feed(data)
        seen.update(data.split(b"\r")[:-1] if answer else [])
        return answer

    shared.core.firmware.feed = counting
    yield seen
    del shared.core.firmware.feed


def prepare(b, state):
    """Switch the pump off and on, open it, and bring it into a state."""
    b.pump.close()
    b.emulator.wire.clear()
    b.emulator.switch("power-cycle")
    b.pump.open()
    b.pump.set_syringe(SYRINGE)
    state(b.pump)


@EVERY
@pytest.mark.parametrize("name", CALLS)
def test_unplugged_at_every_byte(shared, obeyed, name, every):
    """The call raises a device error, no command was sent twice, and the reopened pump agrees."""
    b = shared
    state, call = CALLS[name]
    prepare(b, state)
    before = b.wire.passed
    expected = call(b.pump)
    length = b.wire.passed - before
    assert length > 10
    for place in range(0, length, every):
        prepare(b, state)
        obeyed.clear()
        b.emulator.wire.plan(Cut(place))
        with pytest.raises(DeviceError):
            call(b.pump)
        assert max(obeyed[command] for command in (b"start", b"start 1", b"pause", b"stop")) <= 1
        b.pump.close()
        b.pump.open()
        moves = b.plunger.rate_ul_min != 0
        assert (b.pump.status().state is PumpState.RUNNING) == moves
    prepare(b, state)
    assert call(b.pump) == expected


@EVERY
def test_unplugged_during_opening(shared, every):
    """Opening fails when the connection is cut, and succeeds once it is back."""
    b = shared
    b.pump.close()
    before = b.wire.passed
    b.pump.open()
    for place in range(0, b.wire.passed - before, every):
        b.pump.close()
        b.emulator.wire.plan(Cut(place))
        with pytest.raises(DeviceError):
            b.pump.open()
        assert not b.pump.is_open
    b.emulator.wire.clear()
    b.pump.open()
