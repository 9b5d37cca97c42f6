"""The connection is cut at every byte of every exchange, over Ethernet and over USB."""

from collections import Counter

import numpy as np
import pytest
from attrs import frozen
from ocean_bench import bench_with_hdx

from flowrig.emulation import Cut
from flowrig.errors import ConnectionLostError, UnknownOutcomeError
from flowrig_ocean.emulator.instrument import HdxInstrument
from flowrig_ocean.wire.obp_frame import Message

ACTUATORS = (Message.SET_LAMP_ENABLE, Message.SET_INTEGRATION_TIME_US)
SCENE = np.arange(2068, dtype=np.uint16)


@frozen
class Call:
    """A call of the driver, and its correct result.

    Attributes:
        run: makes the call.
        is_right: whether a result is correct.
        moves: whether the call changes the state of the instrument.
        stride: distance [bytes] between two cuts.
    """

    run: object
    is_right: object = lambda answer: answer is None
    moves: bool = False
    stride: int = 1


CALLS = {
    "open": Call(
        lambda hdx: (hdx.close(), hdx.open().serial_number)[1],
        lambda serial_number: serial_number == "emulated hdx",
        moves=True,
        stride=7,  # a dozen exchanges, most of which other calls have too
    ),
    "identify": Call(
        lambda hdx: hdx.identify().serial_number,
        lambda serial_number: serial_number == "emulated hdx",
    ),
    "acquire": Call(lambda hdx: hdx.acquire(1).counts[0], lambda counts: (counts == SCENE).all()),
    "set_integration_time": Call(lambda hdx: hdx.set_integration_time(20_000), moves=True),
    "light on": Call(lambda hdx: hdx.set_light(True), moves=True),
    "light off": Call(lambda hdx: hdx.set_light(False), moves=True),
}


@pytest.fixture(scope="module", params=["127.0.0.1", "usb"], ids=["Ethernet", "USB"])
def tapped(request):
    """An instrument on either wire, and a driver that is not open yet."""
    with bench_with_hdx(request.param) as bench:
        bench.detector.scene = SCENE
        yield bench, bench.spectrometer(light_source="lamp-enable", deadline_s=30.0)


@pytest.fixture
def obeyed(monkeypatch):
    """Counts the messages that the instrument itself has seen."""
    counts = Counter()
    answer = HdxInstrument.answer

    def counting(instrument, request):
        counts[request.message] += 1
        return answer(instrument, request)

    monkeypatch.setattr(HdxInstrument, "answer", counting)
    return counts


def places(total):
    """Every byte of an exchange; of the counts of a spectrum at its end, one in 211."""
    counts = range(max(0, total - 4_136), total - 80) if total > 4_136 else range(0)
    return [place for place in range(total) if place not in counts or place % 211 == 0]


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CALLS)
def test_pulled_at_any_byte(tapped, obeyed, name, every):
    """A call ends at once with an error or the truth; nothing is sent twice; what may have moved
    is said to be unknown; afterwards the driver opens and reads again."""
    bench, hdx = tapped
    tap = bench.tap
    call = CALLS[name]
    hdx.open()
    before = len(tap.sent) + tap.answered
    assert call.is_right(call.run(hdx))
    length = len(tap.sent) + tap.answered - before
    assert length >= 128
    for place in places(length)[:: every * call.stride]:
        hdx.open()
        state = bench.detector.lit, bench.instrument.integration_time_us
        obeyed.clear()
        with tap.through(Cut(place)):
            try:
                assert call.is_right(call.run(hdx)), place
            except UnknownOutcomeError:
                assert call.moves, place
            except ConnectionLostError:
                assert state == (bench.detector.lit, bench.instrument.integration_time_us)
            else:
                pytest.fail(f"cut after {place} bytes, and nothing was said")
            assert max(obeyed[message] for message in ACTUATORS) <= 1, place
        assert not hdx.is_open
        hdx.open()
        assert hdx.integration_time_us() == bench.instrument.integration_time_us == 8_000
    assert (hdx.acquire(1).counts == SCENE).all()
