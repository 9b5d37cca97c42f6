"""Settings from frames to features: calibration, absorbance and photoluminescence."""

import math
from collections.abc import Iterable, Mapping

from attrs import field, frozen

__all__ = ["AbsorbanceAnalysis", "Analysis", "Calibration", "PhotoluminescenceAnalysis", "Window"]

Window = tuple[float, float]
"""Lower and upper bound of a quantity, in the unit of its field."""


@frozen(kw_only=True)
class Calibration:
    """Dark frames and lamp reference, which are taken when a run begins or is resumed.

    Attributes:
        flow_rates_ul_min: by stream, the flow rate [µL/min] that fills the flow cells with a
            transparent liquid.
        duration_s: duration [s] of that flow before the reference is taken.
        dark_frames: number of frames with the light source shut, which are averaged.
        reference_frames: number of frames with the light source open, which are averaged.
    """

    flow_rates_ul_min: Mapping[str, float]
    duration_s: float
    dark_frames: int = 20
    reference_frames: int = 20


@frozen(kw_only=True)
class AbsorbanceAnalysis:
    """Beer-Lambert absorbance from the frames of one spectrometer.

    Attributes:
        spectrometer: name of the device.
        wavelength_nm: wavelength [nm] of the feature, which is named after it ("a300").
        baseline_window_nm: wavelengths [nm] at which the absorbance counts as zero.
    """

    spectrometer: str
    wavelength_nm: float
    baseline_window_nm: Window

    @property
    def feature(self) -> str:
        """Name of the absorbance feature, for instance "a300"."""
        return f"a{self.wavelength_nm:.0f}"


@frozen(kw_only=True)
class PhotoluminescenceAnalysis:
    """Photoluminescence from the frames of one spectrometer.

    The features are "pli" (intensity at a wavelength), "pla" (area), and the position and width of
    the emission peak: "peak_nm", "peak_ev" and "fwhm_nm".

    Attributes:
        spectrometer: name of the device.
        peak_nm: wavelength [nm] of the feature "pli".
        area_window_nm: wavelengths [nm] of the feature "pla", and of the search for the peak.
        baseline_window_nm: wavelengths [nm] at which the emission counts as zero.
    """

    spectrometer: str
    peak_nm: float
    area_window_nm: Window
    baseline_window_nm: Window


@frozen(kw_only=True)
class Analysis:
    """Settings from raw frames to features.

    Attributes:
        frames: number of frames in a sample.
        frame_interval_s: time [s] from one frame to the next.
        dark_frames: number of frames with the light source shut before each sample, which are
            averaged.
        reactive_frames: number of frames that count as reactive phase: those with the lowest mean
            counts in `reactive_window_nm`.
        reactive_window_nm: wavelengths [nm] of these mean counts.
        absorbance: analysis of the absorbance.
        photoluminescence: analysis of the photoluminescence.
        repeatability_percent: by feature, the relative standard deviation [%] of repeated
            measurements at the same conditions, where it is known.
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
        """Names of all features."""
        return (self.absorbance.feature, "pli", "pla", "peak_nm", "peak_ev", "fwhm_nm")

    def rsd(self, features: Iterable[str]) -> tuple[float, ...]:
        """Repeatability of features as fractions; nan where it is not known."""
        return tuple(self.repeatability_percent.get(name, math.nan) / 100.0 for name in features)
