"""The detector of an Ocean Insight HDX.

Sources: number of pixels and range of counts from python-seabreeze; wavelengths of the short unit,
dark pedestal and fixed pattern measured on the raw spectra published with Volk et al., Nat. Commun.
2023, 14, 1403 (AlphaFlow); read noise and gain from the vendor's 12000:1 dynamic range and 400:1
signal-to-noise ratio, not checked against a data sheet.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIXELS", "PL_COEFFICIENTS", "UV_COEFFICIENTS", "Detector"]

PIXELS = 2068
UV_COEFFICIENTS = (195.2096, 0.372739, -4.12918e-5, 2.30361e-9)
"""Wavelength polynomial [nm] of a real unit, 195 to 810 nm (measured)."""
PL_COEFFICIENTS = (195.0, 0.55, -5.8e-5, 3.0e-9)
"""Wavelength polynomial [nm] of a unit with a longer range, 195 to 1110 nm (assumed).

The published processing takes the baseline of the emission from 800 to 1000 nm, beyond the short
unit.
"""
FULL_SCALE = 65_535.0
DARK_COUNTS = 1_357.0
"""Dark pedestal (measured: dark-corrected spectra clip at 64178, so 65535 - 64178)."""
PATTERN_COUNTS = 0.33
"""Standard deviation of the fixed pattern from pixel to pixel (measured)."""
FIRST_PIXELS_COUNTS = (145.0, -179.0)
"""Offsets of the first two pixels (measured)."""
READ_NOISE_COUNTS = 5.5
ELECTRONS_PER_COUNT = 2.44


class Detector:
    """Converts light into counts, with pedestal, fixed pattern, shot noise and read noise.

    Args:
        coefficients: wavelength polynomial [nm] in the pixel number, lowest order first.
        rng: source of the pattern and of the noise of each frame.
        noise: scale of shot and read noise.
    """

    def __init__(
        self, coefficients: tuple[float, ...], rng: np.random.Generator, noise: float
    ) -> None:
        self.coefficients = coefficients
        self._rng = rng
        self._noise = np.float32(noise)
        self._dark = DARK_COUNTS + PATTERN_COUNTS * rng.standard_normal(PIXELS, dtype=np.float32)
        self._dark[: len(FIRST_PIXELS_COUNTS)] += np.array(FIRST_PIXELS_COUNTS, np.float32)

    @property
    def wavelengths_nm(self) -> NDArray[np.float64]:
        """Wavelength [nm] of every pixel, shape `p`."""
        return np.asarray(np.polynomial.polynomial.polyval(np.arange(PIXELS), self.coefficients))

    def read(self, light: NDArray[np.float32] | None) -> NDArray[np.uint16]:
        """Read one frame.

        Args:
            light: expected counts above dark, shape `p`, or None in darkness.

        Returns:
            counts, shape `p`.
        """
        counts = np.empty((1, PIXELS), np.uint16)
        self.read_into(counts, None if light is None else light[None])
        return np.asarray(counts[0])

    def read_into(self, counts: NDArray[np.uint16], light: NDArray[np.float32] | None) -> None:
        """Read frames, one after the other; the same as `read` for each of them.

        Args:
            counts: takes the counts, shape `frames x p`.
            light: expected counts above dark, shape `frames x p`, or None in darkness.
        """
        # Drawn in darkness too: every frame takes as many numbers, whatever it sees.
        draw = self._rng.standard_normal(counts.shape, dtype=np.float32)
        draw *= self._noise
        if light is None:
            draw *= np.float32(READ_NOISE_COUNTS)
            draw += self._dark
        else:
            draw *= np.sqrt(light * (1.0 / ELECTRONS_PER_COUNT) + READ_NOISE_COUNTS**2)
            draw += light
            draw += self._dark
        np.rint(draw, out=draw)
        np.clip(draw, 0.0, FULL_SCALE, out=draw)
        counts[:] = draw

    def mark(self) -> Any:
        """Where the noise stands, for `rewind`."""
        return self._rng.bit_generator.state

    def rewind(self, mark: Any, frames: int) -> None:
        """Let the noise stand as a number of frames after a mark."""
        self._rng.bit_generator.state = mark
        self._rng.standard_normal((frames, PIXELS), dtype=np.float32)
