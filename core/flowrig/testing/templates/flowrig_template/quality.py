"""A feature far from all earlier ones; replace it by your own quality check."""

import math
from collections.abc import Sequence

import numpy as np

from flowrig.interfaces import CheckedSample, Doubt, QualityCheck

from .quality_settings import TemplateQualitySettings


class TemplateQuality(QualityCheck):
    """Doubts a sample with a feature that lies far outside of what was measured before."""

    settings: TemplateQualitySettings

    def doubts(self, sample: CheckedSample, earlier: Sequence[CheckedSample]) -> list[Doubt]:
        """One for each such feature."""
        found = []
        for name, value in sample.features.items():
            before = [one.features.get(name, math.nan) for one in earlier if one.quality != "bad"]
            known = np.array([one for one in before if math.isfinite(one)])
            if len(known) < self.settings.least or not math.isfinite(value):
                continue
            low, high = float(known.min()), float(known.max())
            room = self.settings.ranges * (high - low)
            if not low - room <= value <= high + room:
                text = f"{name} is {value:.4g}; before it was {low:.4g} to {high:.4g}"
                found.append(Doubt(text=text, quality="doubtful", test="range of earlier values"))
        return found
