"""An invented analysis: the emission, its mean height and its centroid."""

import math

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Analysis, Looked

from .analysis_settings import TemplateAnalysisSettings

Array = NDArray[np.float64]


class TemplateAnalysis(Analysis):
    """Emission [counts] with the centroid of a window [nm] and the mean height there [counts].

    Args:
        settings: the window.
    """

    def __init__(self, settings: TemplateAnalysisSettings) -> None:
        self._low_nm, self._high_nm = settings.window_nm

    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """See `flowrig.interfaces.Analysis.reduce`; the axis is in nm."""
        emission = frames.mean(axis=0) - (0.0 if dark is None else dark)
        inside = (axis >= self._low_nm) & (axis <= self._high_nm)
        weights = np.maximum(emission[inside], 0.0)
        total = float(weights.sum())
        centroid = float((weights * axis[inside]).sum()) / total if total > 0 else math.nan
        mean = total / inside.sum() if inside.any() else math.nan
        quantities = {"centroid": centroid, "mean": float(mean)}
        doubts = () if total > 0 else ("nothing is emitted between the ends of the window",)
        return Looked(axis, emission, quantities, doubts)
