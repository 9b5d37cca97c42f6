"""The driver on USB: real python-seabreeze and pyusb on a virtual bus."""

import numpy as np
import pytest
import usb.backend.libusb0
import usb.backend.libusb1
import usb.backend.openusb
from virtual_usb import VirtualBus, VirtualDevice

from flowrig.errors import (
    ConnectionLostError,
    MissingDependencyError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig_ocean.emulator import HdxInstrument
from flowrig_ocean.obp import Message


@pytest.fixture
def plug_in(monkeypatch):
    """Lets pyusb find a bus with these devices and nothing else; without a bus, no libusb."""

    def use(bus):
        for backend in (usb.backend.libusb1, usb.backend.libusb0, usb.backend.openusb):
            monkeypatch.setattr(backend, "get_backend", lambda *_, **__: bus)

    return use


@pytest.fixture
def usb_bench(bench, plug_in):
    """A bench whose HDX is on the USB, beside one with another serial number."""
    twin = HdxInstrument(bench.detector, bench.clock, serial_number="HDX00002")
    plug_in(VirtualBus(VirtualDevice(twin, address=7), VirtualDevice(bench.instrument, address=8)))
    bench.address = "usb:emulated hdx"
    return bench


def test_the_serial_number_picks_the_instrument(usb_bench):
    """Of two HDXs on the bus the one with the serial number of the address is opened."""
    with usb_bench.spectrometer() as hdx:
        assert hdx.identify().serial_number == "emulated hdx"


def test_without_serial_number_the_first_free_one_is_opened(usb_bench, plug_in):
    """An HDX that another program holds is passed over."""
    taken = VirtualDevice(usb_bench.instrument, address=3)
    taken.claimed_elsewhere = True
    free = HdxInstrument(usb_bench.detector, usb_bench.clock, serial_number="HDX00002")
    plug_in(VirtualBus(taken, VirtualDevice(free, address=4)))
    usb_bench.address = "usb"
    with usb_bench.spectrometer() as hdx:
        assert hdx.identify().serial_number == "HDX00002"


def test_frames_settings_and_light_over_usb(usb_bench):
    """What works over Ethernet works over USB: counts, integration time, light."""
    usb_bench.detector.scene = np.arange(2068, dtype=np.uint16)
    with usb_bench.spectrometer(light_source="lamp-enable") as hdx:
        hdx.set_light(True)
        hdx.set_integration_time(25_000)
        np.testing.assert_array_equal(hdx.acquire(2).counts[1], usb_bench.detector.scene)
    assert usb_bench.detector.lit
    assert usb_bench.instrument.integration_time_us == 25_000


def test_an_unplugged_instrument_is_a_lost_connection(usb_bench):
    """Pulling the plug loses the connection; after plugging in again open() finds it."""
    hdx = usb_bench.spectrometer()
    hdx.open()
    usb_bench.instrument.faults.hangs_up = True
    with pytest.raises(ConnectionLostError):
        hdx.acquire(1)
    usb_bench.instrument.faults.hangs_up = False
    with hdx:
        assert (hdx.acquire(1).counts == 80).all()


def test_silence_and_refusal_over_usb(usb_bench):
    """A NACK is a refusal; a setting without acknowledgement has an unknown outcome."""
    with usb_bench.spectrometer() as hdx:
        usb_bench.instrument.faults.refuses = {Message.SET_INTEGRATION_TIME_US}
        with pytest.raises(RefusedError):
            hdx.set_integration_time(20_000)
        usb_bench.instrument.faults.silent = True
        with pytest.raises(UnknownOutcomeError):
            hdx.set_integration_time(20_000)


def test_a_serial_number_that_is_not_there(usb_bench):
    """A serial number that no HDX on the bus has is named in the message."""
    usb_bench.address = "usb:HDX99999"
    with pytest.raises(ConnectionLostError, match="HDX99999"):
        usb_bench.spectrometer().open()


def test_without_libusb_the_message_says_what_to_install(usb_bench, plug_in):
    """Where pyusb finds no libusb, the error names it."""
    plug_in(None)
    with pytest.raises(MissingDependencyError, match="libusb"):
        usb_bench.spectrometer().open()
