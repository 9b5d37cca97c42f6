"""The analysis `decay`: lifetimes of an emission from histograms of single photons."""

import math

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces.analysis import Analysis, Looked
from flowrig.measurement.reductions.decay_fit import Decay, fit_decay
from flowrig.measurement.reductions.settings import DecaySettings

__all__ = ["DecayAnalysis"]

Array = NDArray[np.float64]

FWHM_SDS = 2.0 * math.sqrt(2.0 * math.log(2.0))
"""Full width at half maximum of a Gaussian in standard deviations."""
LEAST_BINS = 8
"""Smallest number of bins that are fitted."""
EARLY_SHARE = 0.02
"""Share of the axis over which the peak is looked for on a moving mean, against noise."""
LEAST_EVIDENCE = 30.0
"""Fall of the deviance against a flat background from which on there is a decay: some 5 standard
deviations."""
WORST_MISFIT = 1.5
"""Deviance for each degree of freedom from which on a fit is doubtful (assumed)."""
FULL_BIN_COUNTS = 5.0
"""Mean counts of a bin from which on the deviance tells whether a model fits (assumed)."""
NAMES = (
    "lifetime", "lifetime_sd", "intensity_lifetime", "intensity_lifetime_sd",
    "fast", "fast_sd", "slow", "slow_sd", "fast_share", "offset", "photons", "misfit",
)  # fmt: skip


class DecayAnalysis(Analysis):
    """Lifetimes from the sum of the frames of a sample.

    Args:
        settings: number of lifetimes, what is fitted, and the response of the instrument.
    """

    def __init__(self, settings: DecaySettings) -> None:
        self._settings = settings

    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """See `flowrig.interfaces.Analysis.reduce`; the axis is in ns, the values are counts."""
        del light
        counts = frames.sum(axis=0)
        if dark is not None:
            counts = np.maximum(counts - len(frames) * dark, 0.0)
        nothing = dict.fromkeys(NAMES, math.nan)
        pulse_ns = _peak_ns(counts, axis)
        inside = self._inside(axis, pulse_ns)
        if inside.sum() < LEAST_BINS:
            words = f"the fit has {inside.sum()} bins, fewer than {LEAST_BINS}"
            return Looked(axis, counts, nothing, (words,))
        part = counts[inside]
        photons = float(part.sum() - part.size * np.quantile(part, 0.05))
        found = {**nothing, "photons": photons}
        if photons < self._settings.least_counts:
            words = f"{photons:.0f} photons above the background are too few for a lifetime"
            return Looked(axis, counts, found, (words,))
        response_ns = self._settings.response_ns
        decay = fit_decay(
            part,
            axis[inside],
            self._settings.exponentials,
            pulse_ns,
            None if response_ns is None else response_ns / FWHM_SDS,
        )
        if decay is None or decay.evidence < LEAST_EVIDENCE:
            return Looked(axis, counts, found, ("nothing decays above the background",))
        flags: tuple[str, ...] = ()
        if decay.misfit > WORST_MISFIT and part.mean() >= FULL_BIN_COUNTS:
            flags = (
                f"the lifetimes do not fit the decay: deviance {decay.misfit:.2g} for each bin",
            )
        return Looked(axis, counts, {**found, **_numbers(decay)}, flags)

    def _inside(self, axis: Array, pulse_ns: float) -> NDArray[np.bool_]:
        """The bins that are fitted."""
        if self._settings.fit_ns is not None:
            low, high = self._settings.fit_ns
            return np.asarray((low <= axis) & (axis <= high))
        if self._settings.response_ns is not None:
            return np.ones(axis.size, dtype=bool)
        return np.asarray(axis > pulse_ns)


def _peak_ns(counts: Array, axis: Array) -> float:
    """Where the decay is highest [ns], on a moving mean."""
    width = max(int(EARLY_SHARE * counts.size) // 4, 1)
    smooth = np.convolve(counts, np.full(width, 1.0 / width), mode="same")
    return float(axis[int(np.argmax(smooth))])


def _numbers(decay: Decay) -> dict[str, float]:
    found = {
        "lifetime": decay.amplitude_mean_ns[0],
        "lifetime_sd": decay.amplitude_mean_ns[1],
        "intensity_lifetime": decay.intensity_mean_ns[0],
        "intensity_lifetime_sd": decay.intensity_mean_ns[1],
        "offset": decay.offset,
        "misfit": decay.misfit,
    }
    if len(decay.lifetimes_ns) == 1:
        return found
    (fast, slow), (fast_sd, slow_sd) = decay.lifetimes_ns, decay.lifetime_sds_ns
    more = {"fast": fast, "fast_sd": fast_sd, "slow": slow, "slow_sd": slow_sd}
    return {**found, **more, "fast_share": decay.amplitudes[0]}
