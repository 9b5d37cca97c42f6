"""The HDX driver with the real python-seabreeze and an emulated instrument over Ethernet."""

import threading

import numpy as np
import pytest
import usb.core
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.emulation import Cut
from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces import Identity


def test_open_says_who_answers(bench):
    """Opening identifies the instrument by maker, model and serial number."""
    with bench.spectrometer() as hdx:
        assert hdx.identify() == Identity("Ocean Insight", "HDX", "emulated hdx")


def test_wavelengths_follow_the_instruments_coefficients(bench):
    """Wavelengths are the polynomial that the instrument stores, in its single precision."""
    coefficients = np.float32(bench.detector.wavelength_coefficients).astype(float)
    with bench.spectrometer() as hdx:
        wavelengths_nm = hdx.wavelengths_nm()
    expected_nm = np.polynomial.polynomial.polyval(np.arange(2068.0), coefficients)
    np.testing.assert_allclose(wavelengths_nm, expected_nm, rtol=1e-12)
    assert np.all(np.diff(wavelengths_nm) > 0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_counts_arrive_as_the_detector_gave_them(shared_bench, seed):
    """The counts of every pixel arrive unchanged."""
    scene = np.random.default_rng(seed).integers(0, 65_536, 2068, dtype=np.uint16)
    shared_bench.detector.scene = scene
    with shared_bench.spectrometer() as hdx:
        frames = hdx.acquire(3)
    assert frames.counts.dtype == np.uint16
    np.testing.assert_array_equal(frames.counts, np.tile(scene, (3, 1)))


def test_only_frames_with_a_full_pixel_are_saturated(bench):
    """A frame is flagged when one of its pixels reaches full scale, and not one count below."""
    bench.detector.scene = np.full(2068, 65_534, dtype=np.uint16)
    with bench.spectrometer() as hdx:
        assert not hdx.acquire(1).saturated.any()
        bench.detector.scene[1000] = 65_535
        assert hdx.acquire(2).saturated.all()


def test_the_settings_integration_time_holds_from_open_on(bench):
    """The first frame after opening already has the integration time of the profile."""
    with bench.spectrometer(integration_time_us=12_000) as hdx:
        frames = hdx.acquire(1)
    assert frames.integration_time_us == 12_000
    assert (frames.counts == 120).all()


@settings(max_examples=20, deadline=None)
@given(times_us=st.lists(st.integers(6_000, 6_553_500), min_size=1, max_size=5))
def test_no_stale_frame_after_a_change_of_the_integration_time(shared_bench, times_us):
    """The frame that was being exposed with the old integration time is not returned."""
    shared_bench.detector.scene = None
    with shared_bench.spectrometer() as hdx:
        for time_us in times_us:
            hdx.set_integration_time(time_us)
            assert (hdx.acquire(2).counts == time_us // 100).all()


def test_an_integration_time_out_of_range_sends_nothing(bench):
    """Python-seabreeze's open upper bound and the HDX's lower one are checked before the wire."""
    with bench.spectrometer() as hdx:
        with bench.tap.through(Cut(0)) as wire:
            for time_us in (5_999, 10_000_000):
                with pytest.raises(OutOfRangeError):
                    hdx.set_integration_time(time_us)
        assert not wire.struck
        assert hdx.is_open


def test_lamp_enable_opens_and_shuts_the_light(bench):
    """With "lamp-enable" the light follows, and the frame of the change is dropped."""
    with bench.spectrometer(light_source="lamp-enable") as hdx:
        for on in (True, False):
            exposures_before = len(bench.detector.exposures_us)
            hdx.set_light(on)
            assert bench.detector.lit is on
            assert len(bench.detector.exposures_us) == exposures_before + 1


def test_a_light_that_is_not_controlled_is_unsupported(bench):
    """Without a light source in the settings, set_light raises UnsupportedError."""
    with bench.spectrometer() as hdx, pytest.raises(UnsupportedError):
        hdx.set_light(True)


def test_opening_leaves_the_light_as_it_is(bench):
    """Neither open nor close touches the light."""
    bench.detector.lit = True
    with bench.spectrometer(light_source="lamp-enable"):
        pass
    assert bench.detector.lit


def test_frames_follow_each_other_at_the_integration_time(bench):
    """Frames are stamped one integration time apart on the rig's clock."""
    with bench.spectrometer(integration_time_us=8_000) as hdx:
        times_s = hdx.acquire(5).times_s
    np.testing.assert_allclose(np.diff(times_s), 0.008)


def test_connections_share_one_instrument(bench):
    """A setting made over one connection holds for all connections."""
    with bench.spectrometer(integration_time_us=6_000) as first:
        with bench.spectrometer(integration_time_us=9_000):
            pass
        assert (first.acquire(1).counts == 90).all()


def test_threads_get_whole_frames(bench):
    """Four threads that share one device get complete frames."""
    bench.detector.scene = np.arange(2068, dtype=np.uint16)
    wrong = []

    def look(hdx):
        try:
            for _ in range(20):
                if not np.array_equal(hdx.acquire(1).counts[0], bench.detector.scene):
                    wrong.append(threading.get_ident())
        finally:
            bench.clock.leave()

    with bench.spectrometer() as hdx:
        bench.clock.add_participants(4)
        threads = [threading.Thread(target=look, args=(hdx,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        bench.clock.leave()
        for thread in threads:
            thread.join()
    assert not wrong


def test_a_closed_device_is_not_ready_and_can_be_opened_again(bench):
    """A second close has no effect, calls then raise NotReadyError, and open connects again."""
    hdx = bench.spectrometer()
    hdx.open()
    hdx.close()
    hdx.close()
    with pytest.raises(NotReadyError):
        hdx.acquire(1)
    with hdx:
        assert len(hdx.acquire(2).counts) == 2


def test_ethernet_needs_no_usb(bench, monkeypatch):
    """An Ethernet address neither looks for libusb nor scans the USB."""

    def scan(*_, **__):
        raise AssertionError("the USB was scanned")

    monkeypatch.setattr(usb.core, "find", scan)
    with bench.spectrometer() as hdx:
        assert hdx.is_open


def test_the_vendors_own_client_takes_the_emulator_for_an_hdx(bench):
    """Python-seabreeze's Spectrometer, unchanged, opens the emulator and reads spectra from it."""
    from seabreeze.pyseabreeze.devices import SeaBreezeDevice
    from seabreeze.pyseabreeze.transport import IPv4Transport, IPv4TransportHandle
    from seabreeze.spectrometers import Spectrometer

    host, _, port = bench.address.partition(":")
    IPv4Transport.devices_ip_port[(host, int(port))] = "HDX"
    handle = IPv4TransportHandle(host, int(port))
    vendors = Spectrometer(SeaBreezeDevice(handle))
    try:
        vendors.integration_time_micros(7_000)
        vendors.trigger_mode(0)
        vendors.intensities()
        np.testing.assert_array_equal(vendors.intensities(), np.full(2068, 70.0))
    finally:
        handle.socket.close()
        vendors.close()
