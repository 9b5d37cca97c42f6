"""The conformance kit on USB, on another model, and on every variant of an HDX."""

from functools import partial

import pytest

from flowrig.emulation import Detector
from flowrig.errors import RefusedError, UnknownOutcomeError
from flowrig.testing import SpectrometerBench, SpectrometerConformance
from flowrig_ocean.driver import OceanHdx, OceanSpectrometer
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.emulator.ocean_emulator import OceanEmulator
from flowrig_ocean.emulator.variant import STS, HdxVariant
from flowrig_ocean.settings import HdxSettings, OceanSettings

VARIANTS = {
    "checksums": HdxVariant(checksums=True),
    "short answers behind the header": HdxVariant(immediate=False),
    "no stale frame": HdxVariant(runs_freely=False),
    "padded serial number": HdxVariant(serial_number_padding=16),
    "lamp unknown": HdxVariant(lamp="unknown"),
    "tells no settings": HdxVariant(tells_settings=False),
    "high-speed packets": HdxVariant(packet_bytes=512, checksums=True),
}
CHECKS = (
    "test_the_identity_is_stable",
    "test_opening_moves_nothing",
    "test_answers_are_fresh_and_dated",
    "test_wavelengths_are_those_of_the_detector",
    "test_the_integration_time_reaches_the_detector",
    "test_frames_come_as_one_array",
    "test_it_works_again_after_a_hang_up",
    "test_a_late_answer_is_never_returned",
    "test_garbled_bytes_are_never_returned",
    "test_the_emulator_takes_bytes_in_any_pieces",
)
"""Checks of the kit that depend on the variant."""


def hdx(address, variant=None, **settings):
    """A bench with an HDX, not switched on yet."""
    return SpectrometerBench(
        OceanHdx,
        partial(HdxEmulator, variant=variant or HdxVariant()),
        HdxSettings(address=address, deadline_s=0.2, **settings),
    )


class TestHdxOnUsb(SpectrometerConformance):
    """An HDX on the virtual USB, with a lamp on its lamp-enable line."""

    @pytest.fixture
    def bench(self):
        with hdx("usb", light_source="lamp-enable") as bench:
            yield bench


@pytest.mark.slow
class TestStsOnUsb(SpectrometerConformance):
    """Another model of the same protocol, through the driver for all models."""

    @pytest.fixture
    def bench(self):
        settings = OceanSettings(
            address="usb", model="STS", deadline_s=0.2, light_source="lamp-enable"
        )
        emulator = partial(HdxEmulator, variant=STS)
        detector = Detector(num_pixels=1024)
        with SpectrometerBench(OceanSpectrometer, emulator, settings, detector=detector) as bench:
            yield bench


class TestUsb2000PlusOnUsb(SpectrometerConformance):
    """A model with the older protocol, which acknowledges nothing."""

    @pytest.fixture
    def bench(self):
        settings = OceanSettings(address="usb", deadline_s=0.2, light_source="lamp-enable")
        with SpectrometerBench(OceanSpectrometer, OceanEmulator, settings) as bench:
            yield bench


@pytest.mark.slow
class TestHr4000OnUsb(SpectrometerConformance):
    """A model whose spectra come from two endpoints, with flipped bits."""

    @pytest.fixture
    def bench(self):
        settings = OceanSettings(
            address="usb", model="HR4000", deadline_s=0.2, light_source="lamp-enable"
        )
        with SpectrometerBench(OceanSpectrometer, OceanEmulator, settings) as bench:
            yield bench


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_understood(variant, address):
    """The driver passes the checks with every variant, over Ethernet and over USB."""
    for check in CHECKS:
        with hdx(address, VARIANTS[variant]) as bench:
            getattr(SpectrometerConformance(), check)(bench)


@pytest.mark.parametrize("address", ["127.0.0.1", "usb"])
def test_a_lamp_without_acknowledgement_is_an_unknown_outcome(address):
    """A real HDX may obey the lamp-enable message without an acknowledgement. Then the outcome
    is unknown, and the next opening finds the instrument in step."""
    with hdx(address, HdxVariant(lamp="silent"), light_source="lamp-enable") as bench:
        bench.open()
        with pytest.raises(UnknownOutcomeError):
            bench.driver.set_light(True)
        assert bench.detector.lit
        bench.open()
        assert len(bench.driver.acquire(2).counts) == 2


def test_an_unknown_lamp_message_is_refused():
    """If the HDX refuses the lamp-enable message, the call fails and the link stays usable."""
    with hdx("usb", HdxVariant(lamp="unknown"), light_source="lamp-enable") as bench:
        bench.open()
        with pytest.raises(RefusedError, match="Unknown message type"):
            bench.driver.set_light(True)
        assert len(bench.driver.acquire(2).counts) == 2
        assert not bench.detector.lit
