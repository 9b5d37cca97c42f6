"""Plugin `quality`: checks of measured samples against earlier ones of their run."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_quality.settings import DriftSettings, OutlierSettings

__all__ = ["flowrig_quality"]


@hookimpl
def flowrig_quality() -> Sequence[Offer]:
    """Offer the checks."""
    return [
        Offer(
            kind="quality",
            name="spectral-outlier",
            target="flowrig_quality.outlier:SpectralOutlier",
            settings=OutlierSettings,
            summary="a spectrum whose shape earlier ones do not explain",
        ),
        Offer(
            kind="quality",
            name="drift",
            target="flowrig_quality.drift:Drift",
            settings=DriftSettings,
            summary="a trend of conditions that come back, against time",
        ),
    ]
