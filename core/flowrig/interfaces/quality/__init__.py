"""Checks of measured samples against earlier ones."""

from flowrig.interfaces.quality.check import (
    CheckedSample,
    CheckedSpectrum,
    Doubt,
    QualityCheck,
    QualitySettings,
    require_doubts,
)

__all__ = [
    "CheckedSample",
    "CheckedSpectrum",
    "Doubt",
    "QualityCheck",
    "QualitySettings",
    "require_doubts",
]
