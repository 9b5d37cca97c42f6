"""The analyses that flowrig ships: absorbance and emission."""

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces.analysis import Analysis, Looked
from flowrig.measurement import spectra
from flowrig.profile.model import SpectrumSettings

__all__ = ["Absorbance", "Emission"]

Array = NDArray[np.float64]


class Absorbance(Analysis):
    """Decadic absorbance; see `flowrig.measurement.spectra.absorbance`.

    Args:
        settings: the baseline window.
    """

    def __init__(self, settings: SpectrumSettings) -> None:
        self._baseline_nm = settings.baseline_nm

    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """See `flowrig.interfaces.Analysis.reduce`; the axis is in nm.

        Raises:
            InputError: there is no light reference, or no pixel lies in the baseline window.
        """
        if light is None:
            raise InputError("absorbance needs a lamp reference")
        mean = frames.mean(axis=0, dtype=np.float64)
        shut = np.zeros_like(mean) if dark is None else dark
        values = spectra.absorbance(mean, shut, light, axis, self._baseline_nm)
        if self._baseline_nm is None:
            return Looked(axis, values)
        missing = np.isnan(values[spectra.window_slice(axis, self._baseline_nm)])
        words = f"no light at {missing.sum()} of {missing.size} baseline pixels"
        return Looked(axis, values, flags=(words,) if missing.any() else ())


class Emission(Analysis):
    """Light that the sample emits [counts]; see `flowrig.measurement.spectra.photoluminescence`.

    Args:
        settings: the baseline window.
    """

    def __init__(self, settings: SpectrumSettings) -> None:
        self._baseline_nm = settings.baseline_nm

    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """See `flowrig.interfaces.Analysis.reduce`; the axis is in nm.

        Raises:
            InputError: no pixel lies in the baseline window.
        """
        mean = frames.mean(axis=0, dtype=np.float64)
        shut = np.zeros_like(mean) if dark is None else dark
        return Looked(axis, spectra.photoluminescence(mean, shut, axis, self._baseline_nm))
