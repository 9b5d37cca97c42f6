"""The conformance kit on USB, on other models, and in every way an HDX may answer."""

from functools import partial

import pytest

from flowrig.emulation import Detector
from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig.testing import SpectrometerBench, SpectrometerConformance
from flowrig_ocean.dialect import STS, HdxDialect
from flowrig_ocean.driver import OceanHdx, OceanSpectrometer
from flowrig_ocean.emulator import HdxEmulator
from flowrig_ocean.settings import HdxSettings, OceanSettings

DIALECTS = {
    "checksums": HdxDialect(checksums=True),
    "short answers behind the header": HdxDialect(immediate=False),
    "no stale frame": HdxDialect(runs_freely=False),
    "padded serial number": HdxDialect(serial_number_padding=16),
    "lamp unknown": HdxDialect(lamp="unknown"),
    "high-speed packets": HdxDialect(packet_bytes=512, checksums=True),
}
CHECKS = (
    "test_the_identity_is_stable",
    "test_opening_moves_nothing",
    "test_answers_are_fresh_and_dated",
    "test_wavelengths_are_those_of_the_detector",
    "test_the_integration_time_reaches_the_detector",
    "test_frames_come_as_one_array",
    "test_it_comes_back_after_a_hang_up",
    "test_a_late_answer_is_never_returned",
    "test_nonsense_is_never_returned",
    "test_the_emulator_takes_bytes_in_any_pieces",
)
"""What a dialect could spoil."""


def hdx(address, dialect=None, **settings):
    """A bench with an HDX, not switched on yet."""
    return SpectrometerBench(
        OceanHdx,
        partial(HdxEmulator, dialect=dialect or HdxDialect()),
        HdxSettings(address=address, deadline_s=0.2, **settings),
    )


class TestHdxOnUsb(SpectrometerConformance):
    """An HDX on the virtual USB, with a lamp on its lamp-enable line."""

    @pytest.fixture
    def bench(self):
        with hdx("usb", light_source="lamp-enable") as bench:
            yield bench


class TestStsOnUsb(SpectrometerConformance):
    """Another model of the same protocol, through the driver for all models."""

    @pytest.fixture
    def bench(self):
        settings = OceanSettings(
            address="usb", model="STS", deadline_s=0.2, light_source="lamp-enable"
        )
        emulator = partial(HdxEmulator, dialect=STS)
        detector = Detector(num_pixels=1024)
        with SpectrometerBench(OceanSpectrometer, emulator, settings, detector=detector) as bench:
            yield bench


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_is_understood(dialect, address):
    """In every dialect, on every wire, the driver reads what there is and keeps in step."""
    for check in CHECKS:
        with hdx(address, DIALECTS[dialect]) as bench:
            getattr(SpectrometerConformance(), check)(bench)


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
def test_a_lamp_that_obeys_without_a_word_is_unknown(address):
    """Nobody knows whether an HDX acknowledges the lamp-enable message; without that the outcome
    is unknown, and the next opening finds the instrument in step."""
    with hdx(address, HdxDialect(lamp="silent"), light_source="lamp-enable") as bench:
        bench.open()
        with pytest.raises(UnknownOutcomeError):
            bench.driver.set_light(True)
        assert bench.detector.lit
        bench.open()
        assert len(bench.driver.acquire(2).counts) == 2


def test_a_lamp_that_nobody_knows_is_refused():
    """An HDX that does not know the lamp-enable message says so, and works on."""
    with hdx("usb", HdxDialect(lamp="unknown"), light_source="lamp-enable") as bench:
        bench.open()
        with pytest.raises(RefusedError, match="Unknown message type"):
            bench.driver.set_light(True)
        assert len(bench.driver.acquire(2).counts) == 2
        assert not bench.detector.lit
