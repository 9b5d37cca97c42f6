"""Counts of an emulated detector: number of pixels, smoothing, nonlinearity."""

from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.emulation import SpectrometerBody

__all__ = ["boxcar", "onto_pixels", "raw_counts"]


def onto_pixels(body: SpectrometerBody, pixels: int) -> SpectrometerBody:
    """A detector that sees what another one sees, with a number of pixels of its own.

    A body with that number of pixels already is seen unchanged.
    """
    return _Resampled(body, pixels)


@frozen
class _Resampled:
    """A detector with its first and last pixel where those of the body are."""

    _body: SpectrometerBody
    _pixels: int

    @property
    def wavelength_coefficients(self) -> tuple[float, ...]:
        return self._body.wavelength_coefficients

    def light(self, on: bool) -> None:
        self._body.light(on)

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        counts = self._body.expose(integration_time_us)
        if counts.size == self._pixels:
            return counts
        # The wavelength polynomial holds for the pixel number, so pixels are cut or repeated.
        return np.pad(counts[: self._pixels], (0, max(0, self._pixels - counts.size)), "edge")


def boxcar(counts: NDArray[Any], width: int) -> NDArray[Any]:
    """The mean of every pixel and `width` neighbours on each side."""
    if not width:
        return counts
    padded = np.pad(counts.astype(float), width, "edge")
    return np.rint(np.convolve(padded, np.full(2 * width + 1, 1 / (2 * width + 1)), "valid"))


def raw_counts(counts: NDArray[Any], nonlinearity: tuple[float, ...]) -> NDArray[Any]:
    """The counts that the correction `raw / polynomial(raw)` turns into the given ones."""
    polynomial = np.polynomial.Polynomial(nonlinearity)
    raw = counts.astype(float)
    for _ in range(8):  # the polynomial is near 1, so each round gains a digit or more
        raw = counts * polynomial(raw)
    return np.asarray(np.clip(np.rint(raw), 0, np.iinfo(np.uint16).max))
