"""Objectives that read whole spectra."""

from collections.abc import Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.objective import Objective

__all__ = ["SpectrumMatch"]

Array = NDArray[np.float64]

LEAST_PLACES = 3
"""Smallest number of places at which two spectra are compared."""


@frozen(kw_only=True)
class SpectrumMatch(Objective):
    """How well a spectrum matches a wanted one, 1 where both are the same.

    Both are compared at the wavelengths of the wanted one, each divided by its largest absolute
    value there. The feature `mismatch` is the root of the mean squared difference, and the
    objective is `1 - mismatch`.

    Attributes:
        channel: the channel with the spectrum.
        wavelengths_nm: wavelengths [nm] of the wanted spectrum, rising.
        wanted: its values there, in any unit.
    """

    channel: str
    wavelengths_nm: tuple[float, ...] = field()
    wanted: tuple[float, ...] = field()

    name = "spectrum match"
    unit = ""
    responses = ("mismatch",)

    def __attrs_post_init__(self) -> None:
        count = len(self.wavelengths_nm)
        if count < LEAST_PLACES or count != len(self.wanted):
            raise InputError(
                f"`wavelengths` has {count} and `wanted` {len(self.wanted)} values; give as many "
                f"of both, at least {LEAST_PLACES}"
            )
        if not (np.diff(self.wavelengths_nm) > 0).all():
            raise InputError("the wavelengths do not rise")
        if not (np.isfinite(self.wanted).all() and np.any(self.wanted)):
            raise InputError("the wanted spectrum is zero, or has values that are no numbers")

    @property
    def computed(self) -> Mapping[str, str]:  # type: ignore[override]
        """The feature `mismatch`, which has no unit."""
        return {"mismatch": ""}

    @property
    def spectra(self) -> tuple[str, ...]:  # type: ignore[override]
        """The channel."""
        return (self.channel,)

    def compute(self, spectra: Mapping[str, tuple[Array, Array]]) -> Mapping[str, float]:
        """The mismatch; nan where the spectrum does not reach, or has no value."""
        axis, values = spectra[self.channel]
        wanted = np.array(self.wanted)
        seen = np.interp(self.wavelengths_nm, axis, values, left=np.nan, right=np.nan)
        largest = float(np.abs(seen).max())
        if not largest > 0.0:
            return {"mismatch": float("nan")}
        difference = seen / largest - wanted / np.abs(wanted).max()
        return {"mismatch": float(np.sqrt(np.square(difference).mean()))}

    def value(self, responses: Array) -> Array:
        """1 - mismatch."""
        return np.asarray(1.0 - responses[..., 0])
