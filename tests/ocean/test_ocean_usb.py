"""The drivers on USB, with the real python-seabreeze and pyusb on a virtual bus."""

import gc

import numpy as np
import pytest
import usb.backend.libusb0
import usb.backend.libusb1
import usb.backend.openusb
import usb.core
from ocean_bench import bench_with_hdx
from patience import LONG_S

from flowrig.emulation import Deaf
from flowrig.errors import (
    ConnectionLostError,
    InputError,
    MissingDependencyError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import Identity, SpectrometerLimits
from flowrig_ocean.driver import OceanSpectrometer
from flowrig_ocean.emulator.variant import STS, HdxVariant
from flowrig_ocean.emulator.virtual_usb import VIRTUAL_USB
from flowrig_ocean.settings import OceanSettings
from flowrig_ocean.wire import deadline
from flowrig_ocean.wire.obp_frame import Message


def on_the_bus():
    """The device that was plugged in last."""
    return VIRTUAL_USB.devices[max(VIRTUAL_USB.devices)]


@pytest.fixture
def taken(usb_bench):
    """The HDX of the bench, held by another program in the middle of an exchange."""
    device = on_the_bus()
    found = usb.core.find(find_all=True, backend=VIRTUAL_USB)
    (other,) = (one for one in found if VIRTUAL_USB.devices[one.address] is device)
    other.set_configuration()
    other.write(0x01, b"half a frame")
    device.leftovers.append(b"an answer on its way")
    return device


def test_the_serial_number_picks_the_instrument(usb_bench):
    """Of two HDXs on the bus the one with the serial number of the address is opened."""
    assert usb_bench.address == "usb:emulated hdx"
    with usb_bench.spectrometer() as hdx:
        assert hdx.identify().serial_number == "emulated hdx"


def test_without_serial_number_the_first_free_one_is_opened(usb_bench):
    """An HDX that another program uses is skipped."""
    usb_bench.address = "usb"
    with usb_bench.spectrometer() as first, usb_bench.spectrometer() as second:
        names = [one.identify().serial_number for one in (first, second)]
    assert names == ["emulated twin", "emulated hdx"]


def test_skipping_a_device_leaves_it_alone(usb_bench, taken):
    """Skipping a device that another program uses neither resets it nor reads its answers."""
    usb_bench.address = "usb:HDX99999"
    with pytest.raises(ConnectionLostError, match=r"HDX99999.*does not open"):
        usb_bench.spectrometer().open()
    gc.collect()
    assert list(taken.leftovers) == [b"an answer on its way"]
    assert taken.owner is not None


def test_two_instruments_side_by_side(usb_bench):
    """Opening, using and closing one HDX does not disturb an exchange with another HDX."""
    usb_bench.address = "usb:emulated twin"
    twin = usb_bench.spectrometer(integration_time_us=20_000)
    usb_bench.address = "usb:emulated hdx"
    with twin:
        for _ in range(3):
            with usb_bench.spectrometer() as hdx:
                assert (hdx.acquire(1).counts == 80).all()
                assert (twin.acquire(1).counts == 200).all()
        gc.collect()
        assert (twin.acquire(1).counts == 200).all()


def test_frames_settings_and_light_over_usb(usb_bench):
    """Counts, integration time and light work over USB as over Ethernet."""
    usb_bench.detector.scene = np.arange(2068, dtype=np.uint16)
    with usb_bench.spectrometer(light_source="lamp-enable") as hdx:
        hdx.set_light(True)
        hdx.set_integration_time(25_000)
        np.testing.assert_array_equal(hdx.acquire(2).counts[1], usb_bench.detector.scene)
    assert usb_bench.detector.lit
    assert usb_bench.instrument.integration_time_us == 25_000


def test_packets_of_high_speed_usb():
    """Where packets hold 512 bytes, no read is too small for one: libusb would call it overflow."""
    with bench_with_hdx("usb", variant=HdxVariant(packet_bytes=512)) as bench:
        bench.detector.scene = np.arange(2068, dtype=np.uint16)
        with bench.spectrometer() as hdx:
            np.testing.assert_array_equal(hdx.acquire(3).counts[2], bench.detector.scene)


def test_what_an_earlier_program_left_is_dropped(usb_bench):
    """An answer that a killed program left in the endpoint is dropped by the next program."""
    device = on_the_bus()
    device.leftovers.extend([b"\xc1\xc0" * 2_100, b"x" * 64])
    with usb_bench.spectrometer() as hdx:
        assert hdx.identify().serial_number == "emulated hdx"


def test_an_unplugged_instrument_is_a_lost_connection(usb_bench):
    """Pulling the plug loses the connection; after plugging in again open() finds it."""
    device = on_the_bus()
    hdx = usb_bench.spectrometer()
    hdx.open()
    for address, one in list(VIRTUAL_USB.devices.items()):
        if one is device:
            VIRTUAL_USB.pull(address)
    with pytest.raises(ConnectionLostError, match="No such device"):
        hdx.acquire(1)
    with pytest.raises(ConnectionLostError, match="is on the USB"):
        hdx.open()
    address = VIRTUAL_USB.plug_in(device)
    with hdx:
        assert (hdx.acquire(1).counts == 80).all()
    VIRTUAL_USB.pull(address)


def test_silence_and_refusal_over_usb(usb_bench):
    """A NACK is a refusal; a setting without acknowledgement has an unknown outcome."""
    with usb_bench.spectrometer() as hdx:
        usb_bench.instrument.faults.refuses = {Message.SET_INTEGRATION_TIME_US}
        with pytest.raises(RefusedError):
            hdx.set_integration_time(20_000)
        with usb_bench.tap.through(Deaf()), pytest.raises(UnknownOutcomeError):
            hdx.set_integration_time(20_000)


def test_the_deadline_reaches_libusb(usb_bench, monkeypatch):
    """Every read and write over USB waits no longer than the driver's deadline."""
    waits_ms = []
    read, write = VIRTUAL_USB.bulk_read, VIRTUAL_USB.bulk_write
    monkeypatch.setattr(VIRTUAL_USB, "bulk_read", lambda *a: (waits_ms.append(a[-1]), read(*a))[1])
    monkeypatch.setattr(
        VIRTUAL_USB, "bulk_write", lambda *a: (waits_ms.append(a[-1]), write(*a))[1]
    )
    with usb_bench.spectrometer(deadline_s=LONG_S, integration_time_us=6_000) as hdx:
        hdx.acquire(2)
        hdx.identify()
    assert waits_ms
    assert 0 < min(waits_ms) <= max(waits_ms) <= 1000 * LONG_S + 2 * 6


@pytest.mark.parametrize("held_up_s", [0.011, 5.0])
def test_a_driver_that_the_system_holds_up_opens_all_the_same(usb_bench, monkeypatch, held_up_s):
    """A thread that is held up between two waits has not waited for the instrument: what is there
    by then is read, also when the deadline would be over by the clock on the wall."""
    monkeypatch.setattr(deadline, "time", SlowMachine(held_up_s))
    with usb_bench.spectrometer(deadline_s=0.2) as hdx:
        assert len(hdx.acquire(2).counts) == 2


class SlowMachine:
    """A clock that runs on by some time before every second reading, which begins a wait."""

    def __init__(self, held_up_s):
        self.now_s = 0.0
        self.held_up_s = held_up_s
        self.begins = True

    def monotonic(self):
        self.now_s += self.held_up_s if self.begins else 1e-6
        self.begins = not self.begins
        return self.now_s


def test_a_device_that_sends_without_end_does_not_hang_the_opening(usb_bench, monkeypatch):
    """Leftovers are dropped for one deadline, and no longer."""
    device, read = on_the_bus(), VIRTUAL_USB.bulk_read

    def endless(handle, ep, *rest):
        device.waiting[ep].append(b"x" * 64)
        return read(handle, ep, *rest)

    monkeypatch.setattr(VIRTUAL_USB, "bulk_read", endless)
    with pytest.raises(ConnectionLostError):
        usb_bench.spectrometer(deadline_s=0.01).open()


def test_without_libusb_the_message_says_what_to_install(bench, monkeypatch):
    """Without libusb the error names the missing library."""
    for backend in (usb.backend.libusb1, usb.backend.libusb0, usb.backend.openusb):
        monkeypatch.setattr(backend, "get_backend", lambda *_, **__: None)
    bench.address = "usb"
    with pytest.raises(MissingDependencyError, match="libusb"):
        bench.spectrometer().open()


def test_the_vendors_own_client_finds_the_virtual_usb(usb_bench, monkeypatch):
    """Python-seabreeze, unchanged but for its choice of backend, lists, opens and reads."""
    from seabreeze.pyseabreeze.devices import SeaBreezeDevice
    from seabreeze.pyseabreeze.transport import USBTransport
    from seabreeze.spectrometers import Spectrometer

    monkeypatch.setitem(
        USBTransport.list_devices.__func__.__globals__["_pyusb_backend_instances"],
        "virtual",
        VIRTUAL_USB,
    )
    handles = list(USBTransport.list_devices(pyusb_backend="virtual"))
    assert len(handles) == 2
    vendors = Spectrometer(SeaBreezeDevice(handles[1]))
    vendors.integration_time_micros(7_000)
    vendors.intensities()
    np.testing.assert_array_equal(vendors.intensities(), np.full(2068, 70.0))
    assert vendors.serial_number == "emulated hdx"
    vendors.close()


@pytest.fixture
def sts():
    """An STS, another spectrometer that speaks OBP, on the virtual USB."""
    with bench_with_hdx("usb", variant=STS) as bench:
        bench.detector.scene = np.arange(1024, dtype=np.uint16)
        yield bench


def other(bench, model, **settings):
    """A driver for another model than the HDX."""
    return OceanSpectrometer(
        "eye", OceanSettings(address="usb", model=model, **settings), bench.clock
    )


def test_another_model_works_through_the_same_driver(sts):
    """An STS has its own pixels, limits and saturation, and its lamp-enable line."""
    with other(sts, "STS", light_source="lamp-enable", integration_time_us=500) as eye:
        assert eye.identify() == Identity("Ocean Insight", "STS", "emulated hdx")
        assert eye.limits == SpectrometerLimits(10, 84_999_999, 16_383)
        assert eye.wavelengths_nm().shape == (1024,)
        eye.set_light(True)
        assert sts.detector.lit
        eye.set_integration_time(20)
        frames = eye.acquire(2)
        np.testing.assert_array_equal(frames.counts, np.tile(sts.detector.scene, (2, 1)))
        assert not frames.saturated.any()
        sts.detector.scene[7] = 16_383
        assert eye.acquire(1).saturated.all()
        assert sts.detector.exposures_us[-1] == 20


def test_models_that_python_seabreeze_does_not_know(sts):
    """An unknown model, the wrong wire and a missing device each give a clear message."""
    with pytest.raises(InputError, match=r"no 'HDY' on USB; it supports .*STS"):
        other(sts, "HDY").open()
    with pytest.raises(ConnectionLostError, match="no free SPARK"):
        other(sts, "SPARK").open()
    ethernet = OceanSettings(address="127.0.0.1:1", model="STS")
    with pytest.raises(InputError, match="use USB"):
        OceanSpectrometer("eye", ethernet, sts.clock).open()


def test_counts_beyond_16_bit_are_unsupported():
    """A QE Pro counts to 200 000, which frames of 16 bit cannot hold."""
    qepro = HdxVariant(product_id=0x4004, spectrum_message=Message.GET_RAW_SPECTRUM)
    with (
        bench_with_hdx("usb", variant=qepro) as bench,
        pytest.raises(UnsupportedError, match="beyond 16 bit"),
    ):
        other(bench, "QEPRO").open()
