"""How spectra become features: calibration, absorbance and photoluminescence."""

import math
from collections.abc import Iterable, Mapping

from attrs import field, frozen

__all__ = ["AbsorbanceAnalysis", "Analysis", "Calibration", "PhotoluminescenceAnalysis"]


Window = tuple[float, float]


@frozen(kw_only=True)
class Calibration:
    """How dark and lamp reference are taken when a run begins.

    Attributes:
        flow_rates_ul_min: what flows [µL/min] so that the cells hold something transparent.
        duration_s: for how long [s] before the reference is taken.
        dark_frames: frames with the light source shut, averaged.
        reference_frames: frames with the light source open, averaged.
    """

    flow_rates_ul_min: Mapping[str, float]
    duration_s: float
    dark_frames: int = 20
    reference_frames: int = 20


@frozen(kw_only=True)
class AbsorbanceAnalysis:
    """Beer-Lambert absorbance of one spectrometer's frames.

    Attributes:
        spectrometer: the device.
        wavelength_nm: where the absorbance is read [nm]; the feature is named after it ("a300").
        baseline_window_nm: where absorbance counts as zero [nm].
    """

    spectrometer: str
    wavelength_nm: float
    baseline_window_nm: Window

    @property
    def feature(self) -> str:
        """Name of the feature, for instance "a300"."""
        return f"a{self.wavelength_nm:.0f}"


@frozen(kw_only=True)
class PhotoluminescenceAnalysis:
    """Photoluminescence of one spectrometer's frames.

    Features: "pli" (intensity at a wavelength), "pla" (area), and of the shape of the spectrum
    "peak_nm", "peak_ev" and "fwhm_nm".

    Attributes:
        spectrometer: the device.
        peak_nm: where the peak intensity is read [nm].
        area_window_nm: over which the area is taken, and in which the peak is looked for [nm].
        baseline_window_nm: where the emission counts as zero [nm].
    """

    spectrometer: str
    peak_nm: float
    area_window_nm: Window
    baseline_window_nm: Window


@frozen(kw_only=True)
class Analysis:
    """From raw frames to features.

    Attributes:
        frames: frames a sample.
        frame_interval_s: time [s] from one frame to the next.
        dark_frames: frames with the light source shut before each sample, averaged.
        reactive_frames: how many frames with the lowest mean counts …
        reactive_window_nm: … in this window [nm] count as reactive phase.
        absorbance: the absorbance spectrometer.
        photoluminescence: the photoluminescence spectrometer.
        repeatability_percent: by feature, the relative standard deviation [%] of measurements that
            are repeated at the same conditions, where it is known.
    """

    frames: int
    frame_interval_s: float
    dark_frames: int
    reactive_frames: int
    reactive_window_nm: Window
    absorbance: AbsorbanceAnalysis
    photoluminescence: PhotoluminescenceAnalysis
    repeatability_percent: Mapping[str, float] = field(factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of everything that is measured."""
        return (self.absorbance.feature, "pli", "pla", "peak_nm", "peak_ev", "fwhm_nm")

    def rsd(self, features: Iterable[str]) -> tuple[float, ...]:
        """Relative standard deviations of repeated measurements, as fractions; nan if not known."""
        return tuple(self.repeatability_percent.get(name, math.nan) / 100.0 for name in features)
