"""Spectra whose shape earlier ones do not explain."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces.quality import CheckedSample, Doubt, QualityCheck
from flowrig_quality.settings import OutlierSettings

__all__ = ["SpectralOutlier", "box_tail"]

Array = NDArray[np.float64]

MOST_PLACES = 256
"""Places of a spectrum that are compared: neighbouring pixels are averaged to at most so many."""

MOST_EARLIER = 200
"""How many of the newest spectra are compared with."""

FOLDS = 10
"""How many times the model is fitted, each time without every tenth spectrum."""


class SpectralOutlier(QualityCheck):
    """Doubts a spectrum whose shape is no mixture of the shapes of earlier spectra.

    The shape is the spectrum minus its mean, over its standard deviation (standard normal variate;
    Barnes, Dhanoa & Lister, *Appl. Spectrosc.* 1989, 43, 772). A principal component model of the
    earlier shapes leaves a residual Q, the squared distance from the model (Jackson & Mudholkar,
    *Technometrics* 1979, 21, 341). Its distribution is g·χ²(h), with g and h from mean and variance
    of the residuals of spectra that were left out of the model (Box, *Ann. Math. Stat.* 1954, 25,
    290; Nomikos & MacGregor, *Technometrics* 1995, 37, 41). Where a spectrum lies inside the model
    (Hotelling's T²) says how far its conditions are from the others, which is what a campaign is
    for; it raises no doubt.
    """

    settings: OutlierSettings

    def doubts(self, sample: CheckedSample, earlier: Sequence[CheckedSample]) -> list[Doubt]:
        """One for each channel whose spectrum does not fit."""
        wanted = self.settings.channels
        names = sample.spectra if wanted is None else [n for n in wanted if n in sample.spectra]
        found = []
        for name in names:
            p, ratio = self._tail(name, sample, earlier)
            # Each channel is a test of its own (Bonferroni).
            is_rare = p * max(len(names), 1) < self.settings.significance
            if is_rare and ratio >= self.settings.least_ratio:
                text = (
                    f"the shape of the {name} spectrum is no mixture of earlier ones: its residual "
                    f"is {ratio:.3g} times theirs"
                )
                found.append(
                    Doubt(text=text, quality=self.settings.quality, test="Q of a PCA", p=p)
                )
        return found

    def _tail(
        self, name: str, sample: CheckedSample, earlier: Sequence[CheckedSample]
    ) -> tuple[float, float]:
        """Probability of such a residual by chance, and how many times the usual one it is."""
        same = [
            one.spectra[name].values
            for one in earlier
            if one.quality != "bad"
            and name in one.spectra
            and np.array_equal(one.spectra[name].axis, sample.spectra[name].axis)
        ][-MOST_EARLIER:]
        rows = [*same, sample.spectra[name].values]
        seen = np.isfinite(np.array(rows)).all(axis=0)
        if len(same) < self.settings.least or seen.sum() < 8:
            return 1.0, 0.0
        shapes = _shapes(np.array(rows)[:, seen])
        known = shapes[:-1]
        residuals = np.empty(len(known))
        folds = min(FOLDS, len(known))
        for fold in range(folds):
            out = np.arange(len(known)) % folds == fold
            residuals[out] = _residuals(known[~out], known[out], self.settings.variance)
        own = float(_residuals(known, shapes[-1:], self.settings.variance)[0])
        usual = float(np.median(residuals))
        return box_tail(own, residuals), own / usual if usual > 0.0 else math.inf


def _shapes(spectra: Array) -> Array:
    """Standard normal variates of spectra with fewer places, each row one; zeros of a flat one."""
    width = -(-spectra.shape[1] // MOST_PLACES)
    places = spectra.shape[1] // width
    short = spectra[:, : places * width].reshape(len(spectra), places, width).mean(axis=2)
    centred = short - short.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    shapes: Array = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0.0)
    return shapes


def _residuals(known: Array, others: Array, variance: float) -> Array:
    """Squared distance of other shapes from a principal component model of known ones."""
    mean = known.mean(axis=0)
    _, sizes, components = np.linalg.svd(known - mean, full_matrices=False)
    power = np.square(sizes)
    if power.sum() <= 0.0:
        return np.asarray(np.square(others - mean).sum(axis=1), dtype=np.float64)
    count = int(np.searchsorted(np.cumsum(power) / power.sum(), variance)) + 1
    # A third of the spectra at most: with more components nothing would be left over.
    kept = components[: min(count, max(1, len(known) // 3))]
    away = others - mean
    return np.asarray(np.square(away - away @ kept.T @ kept).sum(axis=1), dtype=np.float64)


def box_tail(value: float, residuals: Array) -> float:
    """Probability that a residual is as large by chance.

    The distribution is g·χ²(h); its tail is that of the cube root, which is nearly normal (Wilson
    & Hilferty, *PNAS* 1931, 17, 684). Mean and variance of few residuals are uncertain themselves:
    the tail is that of a prediction, wider by √(1 + 1/n), with n - 1 degrees of freedom, which the
    normal distribution approximates (Abramowitz & Stegun, *Handbook of Mathematical Functions*,
    26.7.8).

    Args:
        value: the residual.
        residuals: earlier ones, at least two.
    """
    mean, var = float(residuals.mean()), float(residuals.var(ddof=1))
    if mean <= 0.0 or var <= 0.0:
        return 1.0 if value <= mean else 0.0
    h = 2.0 * mean**2 / var
    z = ((value / mean) ** (1.0 / 3.0) - (1.0 - 2.0 / (9.0 * h))) / math.sqrt(2.0 / (9.0 * h))
    n = len(residuals)
    t = float(z) / math.sqrt(1.0 + 1.0 / n)
    freedom = n - 1
    return 1.0 - NormalDist().cdf(
        t * (1.0 - 1.0 / (4.0 * freedom)) / math.sqrt(1.0 + t**2 / (2.0 * freedom))
    )
