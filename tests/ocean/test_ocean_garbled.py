"""Damaged OBP frames by the thousand: each gives a correct value or a device error."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from damage import damaged
from ocean_bench import Detector
from seabreeze.pyseabreeze.protocol import OBPProtocol

from flowrig.clock import VirtualClock
from flowrig.errors import DeviceError
from flowrig.interfaces import WireLog
from flowrig_ocean import driver
from flowrig_ocean.connect import connect
from flowrig_ocean.emulator.emulator import HdxProtocol
from flowrig_ocean.emulator.instrument import HdxInstrument
from flowrig_ocean.emulator.variant import HdxVariant
from flowrig_ocean.settings import HdxSettings
from flowrig_ocean.wire.ethernet_transport import SafeIPv4Transport
from flowrig_ocean.wire.obp_frame import Flag, Frame, Message
from flowrig_ocean.wire.obp_protocol import ObpProtocolError, ObpRefusal, SafeObpProtocol


def by_the_thousand(quick, all_of_them):
    """Parametrize `total`: `quick` frames, and `all_of_them` in a slow test."""
    slow = pytest.param(all_of_them, marks=pytest.mark.slow)
    return pytest.mark.parametrize("total", [quick, slow])


REACH = 80
"""Leading bytes [number] in which damage begins: header and settings come before the pixels."""
HOSTILE = (
    *(b"\x00", b"\xff", b"\x00" * 4, b"\xff" * 4, b"\xc1\xc0\x00\x11", b"\xc5\xc4\xc3\xc2"),
    *(b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\x00\x00\x80\xff"),  # nan, inf, -inf
)


class DamagedTransport(SafeIPv4Transport):
    """An HDX behind a wire that damages its answers; a missing answer times out at once."""

    def __init__(self, instrument, seed):
        super().__init__(OBPProtocol, 1.0, WireLog())
        self.core = HdxProtocol(instrument)
        self.draw = random.Random(seed)
        self.chance = 0.0
        self.frames = 0
        self.before = b""
        self._waiting = b""

    def open_device(self, device):
        self._waiting = b""
        self._device = device
        self._protocol = self._protocol_cls(self)

    def close_device(self):
        self._device = self._protocol = None

    def write(self, data, timeout_ms=None, **_):
        answer = self.core.feed(data)
        if self.draw.random() < self.chance:
            self.frames += 1
            stale, self.before = self.before, answer
            answer = damaged(
                stale if self.draw.random() < 0.1 else answer, self.draw, HOSTILE, REACH
            )
        self._waiting += answer
        return len(data)

    def read(self, size=None, timeout_ms=None, mode=None, **_):
        assert 0 < size <= 70_000, "a damaged length was believed"
        if len(self._waiting) < size:
            raise TimeoutError("nothing more comes")
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data


@by_the_thousand(30_000, 90_000)
def test_damaged_frames_are_accepted_refused_or_unreadable(total):
    """A damaged answer is accepted, a refusal or an error; its payload never grows longer."""
    draw = random.Random(3)
    payloads = [b"", b"\x08", b"HDX00123", np.float32(0.37).tobytes(), bytes(range(200))]
    transport = DamagedTransport(None, 3)
    transport.open_device(object())
    protocol: SafeObpProtocol = transport.protocol
    taken = 0
    for number in range(total):
        payload = payloads[number % len(payloads)]
        flags = Flag.RESPONSE | (Flag.ACK if not payload else 0)
        frame = Frame(Message.GET_SERIAL_NUMBER, payload, flags)
        checksum, immediate = draw.random() < 0.5, draw.random() < 0.5
        protocol._asked = frame.message
        transport._waiting = damaged(
            frame.encode(checksum=checksum, immediate=immediate), draw, HOSTILE, REACH
        )
        try:
            got = protocol.receive()
        except (ObpProtocolError, ObpRefusal, TimeoutError):
            continue
        assert len(got) <= max(len(payload), 16)
        taken += 1
    assert taken > 1000


@pytest.fixture(params=[False, True], ids=["plain", "with checksums"])
def garbled(request, monkeypatch) -> Iterator:
    """A driver behind a wire that damages answers, opened before the damage begins."""
    instrument = HdxInstrument(
        Detector(), VirtualClock(), "HDX00123", HdxVariant(checksums=request.param)
    )
    transport = DamagedTransport(instrument, seed=4)

    def connect_damaged(*details):
        monkeypatch.setattr("flowrig_ocean.connect.SafeIPv4Transport", lambda *_: transport)
        return connect(*details)

    monkeypatch.setattr(driver, "connect", connect_damaged)
    settings = HdxSettings(address="127.0.0.1", light_source="lamp-enable")
    hdx = driver.OceanHdx("hdx", settings, VirtualClock())
    hdx.open()
    yield hdx, transport, instrument
    hdx.close()


@by_the_thousand(1_500, 5_000)
def test_a_driver_survives_damaged_frames(garbled, total):
    """Every call returns a correct value or raises a device error; arrays are finite and of the
    right size, and a setting that returns was obeyed."""
    hdx, transport, instrument = garbled
    wavelengths_nm = hdx.wavelengths_nm()
    answered = 0
    while transport.frames < total:
        call = transport.draw.choice(("open", "acquire", "set", "light", "identify"))
        try:
            transport.chance = 0.1
            hdx.open()
            transport.chance = 0.5
            if call == "acquire":
                frames = hdx.acquire(1)
                assert frames.counts.shape == (1, 2068)
                assert frames.counts.dtype == np.uint16
            elif call == "set":
                hdx.set_integration_time(transport.draw.randint(6_000, 6_553_500))
                assert instrument.integration_time_us == hdx.integration_time_us()
            elif call == "light":
                on = transport.draw.random() < 0.5
                hdx.set_light(on)
                assert instrument._body.lit is on
            elif call == "identify":
                assert isinstance(hdx.identify().serial_number, str)
        except DeviceError:
            continue
        answered += 1
        found_nm = hdx.wavelengths_nm()
        assert found_nm.shape == wavelengths_nm.shape
        assert np.isfinite(found_nm).all()
        assert (np.diff(found_nm) > 0).all()
    assert answered > 100
