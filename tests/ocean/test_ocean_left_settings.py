"""Settings that another program has left in a spectrometer, and what becomes of them."""

import time
from functools import partial

import numpy as np
import pytest
import usb.core
from attrs import evolve
from ocean_bench import bench_with_hdx
from patience import LONG_S

from flowrig.emulation import Detector
from flowrig.errors import (
    ConnectionLostError,
    OutOfRangeError,
    RefusedError,
    UnsupportedError,
)
from flowrig.testing import Mute, SpectrometerBench
from flowrig_ocean.driver import OceanHdx, OceanSpectrometer
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.emulator.ocean_emulator import MODELS, OceanEmulator
from flowrig_ocean.emulator.variant import HDX, STS, HdxVariant
from flowrig_ocean.settings import HdxSettings, OceanSettings
from flowrig_ocean.wire.obp_frame import Message

LEFT = {
    "an external trigger": {"trigger_mode": 1},
    "a level trigger": {"trigger_mode": 3},
    "no trigger at all": {"trigger_mode": 255},
    "averaging": {"scans_averaged": 10},
    "smoothing": {"boxcar_width": 5},
    "a delay": {"delay_us": 5_000},
    "a long exposure": {"integration_time_us": 4_000_000},
    "all of it": {
        "trigger_mode": 1, "scans_averaged": 3, "boxcar_width": 2, "integration_time_us": 900_000,
    },
}  # fmt: skip


def leave(instrument, settings):
    for name, value in settings.items():
        setattr(instrument.state, name, value)


@pytest.mark.parametrize("tells", [True, False], ids=["tells settings", "tells nothing"])
@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
@pytest.mark.parametrize("left", LEFT)
def test_settings_of_another_program_are_undone_at_open(left, address, tells):
    """After opening one frame takes one exposure with the time of the profile, unsmoothed."""
    with bench_with_hdx(address, variant=HdxVariant(tells_settings=tells)) as bench:
        leave(bench.instrument, LEFT[left])
        bench.detector.scene = np.random.default_rng(1).integers(0, 65_000, 2068, dtype=np.uint16)
        with bench.spectrometer(integration_time_us=9_000) as hdx:
            taken = len(bench.detector.exposures_us)
            np.testing.assert_array_equal(hdx.acquire(1).counts[0], bench.detector.scene)
        assert bench.detector.exposures_us[taken:] == [9_000]


@pytest.mark.parametrize("variant", [STS, HdxVariant(bins=True, buffers=True)])
def test_binning_and_buffers_are_undone_where_they_exist(variant):
    """Binned pixels and older spectra are those of another program, too."""
    with bench_with_hdx("usb", variant=variant) as bench:
        bench.detector.scene = np.arange(variant.pixels, dtype=np.uint16)
        leave(bench.instrument, {"binning": 1 if variant.bins else 0, "buffering": variant.buffers})
        model = "STS" if variant is STS else "HDX"
        eye = OceanSpectrometer("eye", OceanSettings(address="usb", model=model), bench.clock)
        with eye:
            np.testing.assert_array_equal(eye.acquire(1).counts[0], bench.detector.scene)


@pytest.mark.parametrize(
    ("message", "left", "names"),
    [
        (Message.SET_TRIGGER_MODE, {"trigger_mode": 1}, "trigger mode is 1"),
        (Message.SET_SCANS_TO_AVERAGE, {"scans_averaged": 7}, "number of averaged scans is 7"),
        (Message.SET_BOXCAR_WIDTH, {"boxcar_width": 2}, "boxcar width is 2"),
    ],
)
def test_a_setting_that_stays_is_named(bench, message, left, names):
    """An instrument that refuses to change a setting does not open, and the message says which."""
    leave(bench.instrument, left)
    bench.instrument.faults.refuses = {message}
    with pytest.raises(RefusedError, match=names):
        bench.spectrometer().open()


def test_a_setting_that_is_acknowledged_and_ignored_is_found(bench):
    """What an instrument acknowledges is read back."""
    leave(bench.instrument, {"scans_averaged": 7})
    bench.instrument.faults.ignores_sets = True
    with pytest.raises(RefusedError, match="averaged scans stays 7 after it was set to 1"):
        bench.spectrometer().open()
    leave(bench.instrument, {"scans_averaged": 1})
    bench.instrument.faults.ignores_sets = False
    with bench.spectrometer(light_source="lamp-enable") as hdx:
        bench.instrument.faults.ignores_sets = True
        with pytest.raises(RefusedError, match="integration time stays 8000"):
            hdx.set_integration_time(20_000)
        assert hdx.integration_time_us() == 8_000
        with pytest.raises(RefusedError, match="lamp-enable line stays 0"):
            hdx.set_light(True)
        assert (hdx.acquire(1).counts == 80).all()


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
def test_an_instrument_that_leaves_unknown_queries_unanswered_opens(address):
    """Firmware that neither answers nor refuses a query of a setting opens after one deadline, with
    the trigger mode set."""
    variant = HdxVariant(tells_settings=False, unknown="unanswered")
    with bench_with_hdx(address, variant=variant) as bench:
        leave(bench.instrument, {"trigger_mode": 1})
        with bench.spectrometer(deadline_s=0.3) as hdx:
            assert (hdx.acquire(1).counts == 80).all()
        assert bench.instrument.state.trigger_mode == 0


def test_what_it_is_set_to_is_read_from_the_instrument(bench):
    """What another program changes meanwhile shows, and not what the driver has set."""
    with bench.spectrometer(light_source="lamp-enable") as hdx:
        hdx.set_light(True)
        leave(bench.instrument, {"scans_averaged": 4, "integration_time_us": 50_000})
        leave(bench.instrument, {"trigger_mode": 3, "lamp_enable": False})
        found = hdx.read_back()
    assert found.integration_time_us == 50_000
    assert (found.exposures_averaged, found.trigger_mode, found.is_light_on) == (4, 3, False)


def test_what_cannot_be_read_is_none():
    """An instrument that tells nothing is no error."""
    silent = HdxVariant(tells_settings=False)
    with bench_with_hdx(variant=silent) as bench, bench.spectrometer() as hdx:
        found = hdx.read_back()
        assert hdx.is_open
    assert found.integration_time_us is found.trigger_mode is found.is_light_on is None


@pytest.mark.parametrize("model", MODELS)
def test_other_models_open_with_the_settings_of_another_program(model):
    """Trigger and exposure of another program are undone, and what is set can be read."""
    settings = OceanSettings(
        address="usb", model=model, integration_time_us=30_000, deadline_s=LONG_S
    )
    with SpectrometerBench(OceanSpectrometer, OceanEmulator, settings) as bench:
        instrument = bench._emulator.instrument
        leave(instrument, {"trigger_mode": 3, "integration_time_us": 2_000_000})
        bench.detector.brightness = 1.0
        bench.open()
        frames = bench.call(lambda: bench.driver.acquire(2))
        assert (frames.counts == bench.detector.counts(30_000)).all()
        found = bench.call(bench.driver.read_back)
        assert (found.integration_time_us, found.trigger_mode) == (30_000, 0)


@pytest.mark.parametrize("model", ["", "USB2000PLUS", "STS"])
def test_a_setting_that_ooi_ignores_is_found(model):
    """OOI acknowledges nothing; its status tells that a setting was ignored."""
    settings = OceanSettings(
        address="usb", model=model, light_source="lamp-enable", deadline_s=LONG_S
    )
    with SpectrometerBench(OceanSpectrometer, OceanEmulator, settings) as bench:
        bench.open()
        bench._emulator.switch("silent-refusal")
        for change in (
            lambda: bench.driver.set_integration_time(50_000),
            lambda: bench.driver.set_light(True),
        ):
            assert isinstance(bench.attempt(change), RefusedError)


def hdx(address="127.0.0.1", variant=HDX, **settings):
    return SpectrometerBench(
        OceanHdx,
        partial(HdxEmulator, variant=variant),
        HdxSettings(address=address, deadline_s=LONG_S, **settings),
        detector=Detector(),
    )


def test_saturation_below_the_top_is_a_setting():
    """A frame is saturated from the counts of the settings on."""
    with hdx(saturation_counts=52_000) as bench:
        bench.open()
        bench.detector.brightness = 52_000 / 8 / 2 * 0.999
        assert not bench.call(lambda: bench.driver.acquire(1)).saturated.any()
        bench.detector.brightness *= 1.01
        assert bench.call(lambda: bench.driver.acquire(1)).saturated.all()
        assert bench.driver.limits.saturation_counts == 52_000


def test_saturation_beyond_the_converter_is_refused():
    """No model counts beyond its converter."""
    with pytest.raises(ValueError, match="saturation_counts"):
        HdxSettings(address="usb", saturation_counts=70_000)
    settings = OceanSettings(address="usb", model="STS", saturation_counts=20_000)
    with SpectrometerBench(OceanSpectrometer, OceanEmulator, settings) as bench:
        assert isinstance(bench.attempt(bench.driver.open), UnsupportedError)


@pytest.mark.parametrize("plateau", [40_000, 53_000, 60_000])
def test_auto_expose_finds_the_plateau_of_an_hdx(plateau):
    """The search through the driver tells the saturation that belongs into the settings."""
    with hdx(variant=evolve(HDX, saturation_counts=plateau)) as bench:
        bench.open()
        found = bench.call(bench.driver.auto_expose)
        assert found.saturation_counts == pytest.approx(plateau, rel=0.001)
        peak = bench.call(lambda: bench.driver.acquire(1)).counts.max()
        assert peak == pytest.approx(0.8 * plateau, rel=0.05)


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
def test_the_light_of_an_instrument_that_cannot_be_opened_is_shut(address):
    """Shut goes out to a device that answers nothing, and a later opening works."""
    with bench_with_hdx(address) as bench:
        hdx = bench.spectrometer(light_source="lamp-enable", deadline_s=0.2)
        with hdx:
            hdx.set_light(True)
        with bench.tap.through(Mute()):
            with pytest.raises(ConnectionLostError):
                hdx.open()
            hdx.send_safe_action()
            hdx.send_safe_action()
            end_s = time.monotonic() + LONG_S
            while bench.detector.lit and time.monotonic() < end_s:
                time.sleep(0.005)
        assert not bench.detector.lit
        with hdx:
            assert len(hdx.acquire(1).counts) == 1


def test_of_two_on_the_usb_none_is_shut_unasked(usb_bench):
    """Which of two silent spectrometers has the serial number is not known: none is touched."""
    eye = usb_bench.spectrometer(light_source="lamp-enable")
    with pytest.raises(ConnectionLostError, match="2 are free"):
        eye.send_safe_action()


def test_a_padded_serial_number_is_reported_without_padding():
    """Zero bytes and blanks around a serial number would make one instrument look like two."""
    with bench_with_hdx(variant=HDX) as bench:
        bench.instrument._serial_number = b" HDX01234\0\0\0 "
        with bench.spectrometer() as hdx:
            assert hdx.identify().serial_number == "HDX01234"


def test_two_instruments_with_one_serial_number_report_it(usb_bench):
    """The driver reports what the instrument says, so that two alike can be noticed."""
    usb_bench.instrument._serial_number = b"emulated twin"
    usb_bench.address = "usb:emulated twin"
    with usb_bench.spectrometer() as one, usb_bench.spectrometer() as other:
        assert one.identify() == other.identify()


def test_a_bright_frame_of_a_stretched_detector_is_saturated():
    """Counts that python-seabreeze stretches beyond full scale are full scale."""
    settings = OceanSettings(address="usb", deadline_s=LONG_S)
    variant = evolve(MODELS["USB2000PLUS"], saturation_counts=50_000)
    emulator = partial(OceanEmulator, variant=variant)
    with SpectrometerBench(OceanSpectrometer, emulator, settings, detector=Detector(2048)) as bench:
        bench.open()
        frames = bench.call(lambda: bench.driver.acquire(1))
        np.testing.assert_allclose(frames.counts[0], bench.detector.counts(10_000), atol=1)
        bench.detector.brightness = 1e6
        assert bench.call(lambda: bench.driver.acquire(1)).saturated.all()


def test_a_model_without_an_emulator_is_named():
    """A model that is not emulated is no crash later."""
    from flowrig.errors import InputError

    settings = OceanSettings(address="usb", model="QEPRO")
    with pytest.raises(InputError, match=r"no emulator of the model 'QEPRO', only of .*STS"):
        SpectrometerBench(OceanSpectrometer, OceanEmulator, settings).__enter__()


def test_out_of_range_of_another_model_sends_nothing():
    """The limits are those of the model."""
    with SpectrometerBench(
        OceanSpectrometer, OceanEmulator, OceanSettings(address="usb", deadline_s=LONG_S)
    ) as bench:
        bench.open()
        assert isinstance(
            bench.attempt(lambda: bench.driver.set_integration_time(999)), OutOfRangeError
        )


def test_the_computers_own_usb_is_not_looked_at_while_one_is_emulated(usb_bench, monkeypatch):
    """The virtual USB stands in for the real one."""
    backends = []
    find = usb.core.find
    monkeypatch.setattr(usb.core, "find", lambda **k: (backends.append(k["backend"]), find(**k))[1])
    with usb_bench.spectrometer():
        pass
    assert all(backends)
