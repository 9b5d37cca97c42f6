"""Dark and lamp reference of one spectrometer without a campaign."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.errors import InputError, UnsupportedError
from flowrig.interfaces import DeviceSettings, Identity, Spectrometer, SpectrometerLimits
from flowrig.measurement.light_reference import LightReference, take_reference

NM = np.linspace(250.0, 800.0, 56)
BASELINE_NM = (700.0, 800.0)
DARK = 1_000


class Cell(Spectrometer):
    """A cell before a lamp of 40 counts/µs; its content lets a part of the light through."""

    def __init__(self, *, controls_light=True):
        super().__init__("cell", DeviceSettings(address=""), VirtualClock())
        self.transmission = np.ones(NM.size)
        self.lit = True
        self._controls = controls_light
        self._time_us = 1_000

    @property
    def controls_light(self):
        return self._controls

    def _do_open(self):
        pass

    def _do_close(self):
        pass

    def _do_identify(self):
        return Identity("bench", "cell")

    def _do_limits(self):
        return SpectrometerLimits(100, 10_000, 65_535)

    def _do_wavelengths_nm(self):
        return NM

    def _do_integration_time_us(self):
        return self._time_us

    def _do_set_integration_time(self, integration_time_us):
        self._time_us = integration_time_us

    def _do_set_light(self, on):
        if not self._controls:
            super()._do_set_light(on)
        self.lit = on

    def _do_acquire_frame(self):
        light = DARK + self.lit * 40.0 * self._time_us * self.transmission
        return np.clip(np.rint(light), 0, 65_535).astype(np.uint16)


@pytest.fixture
def cell():
    """An open spectrometer with something transparent in its cell."""
    with Cell() as cell:
        yield cell


@settings(max_examples=50, deadline=None)
@given(depths=st.lists(st.floats(0.05, 1.0), min_size=10, max_size=10))
def test_absorbance_is_that_of_the_sample(depths):
    """Dark counts and lamp drop out; what is left is the sample's absorbance."""
    with Cell() as cell:
        reference = take_reference(cell)
        cell.transmission = np.ones(NM.size)
        cell.transmission[:10] = depths
        absorbance = reference.absorbance(cell.acquire(5), NM, BASELINE_NM)
        np.testing.assert_allclose(absorbance, -np.log10(cell.transmission), atol=1e-3)


def test_the_light_is_open_afterwards(cell):
    """Dark is taken with the light shut, lamp with the light open, and it stays open."""
    reference = take_reference(cell, 3)
    assert (reference.dark == DARK).all()
    assert (reference.lamp == DARK + 40_000).all()
    assert reference.integration_time_us == 1_000
    assert cell.lit


def test_emission_needs_no_lamp(cell):
    """For photoluminescence a dark reference is enough; for absorbance it is not."""
    reference = take_reference(cell, lamp=False)
    cell.transmission = np.where(NM < 600.0, 0.5, 0.0)
    frames = cell.acquire(2)
    emission = reference.photoluminescence(frames, NM, BASELINE_NM)
    np.testing.assert_array_equal(emission, np.where(NM < 600.0, 20_000.0, 0.0))
    with pytest.raises(InputError, match="lamp"):
        reference.absorbance(frames, NM, BASELINE_NM)


def test_another_integration_time_is_refused(cell):
    """Frames with another integration time cannot be measured against a reference."""
    reference = take_reference(cell)
    cell.set_integration_time(500)
    frames = cell.acquire(1)
    for measure in (reference.absorbance, reference.photoluminescence):
        with pytest.raises(InputError, match="1000 µs, these frames with 500 µs"):
            measure(frames, NM, BASELINE_NM)
    cell.set_integration_time(600)
    lamp = cell.acquire(1)
    with pytest.raises(InputError, match="take the reference again"):
        LightReference.of(frames, lamp)


def test_a_saturated_lamp_is_refused(cell):
    """A lamp reference with a saturated pixel would make every absorbance too small."""
    cell.set_integration_time(2_000)
    with pytest.raises(InputError, match="20 of 20 lamp frames are saturated"):
        take_reference(cell)


def test_a_light_that_is_switched_by_hand():
    """Without control of the light nothing is taken; frames taken by hand do as well."""
    with Cell(controls_light=False) as cell:
        with pytest.raises(UnsupportedError):
            take_reference(cell)
        cell.lit = False
        dark = cell.acquire(2)
        cell.lit = True
        reference = LightReference.of(dark, cell.acquire(2))
        assert np.abs(reference.absorbance(cell.acquire(1), NM, BASELINE_NM)).max() == 0.0
