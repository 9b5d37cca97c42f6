"""Settings of the quality checks."""

from typing import Literal

from attrs import frozen

from flowrig.interfaces.quality import QualitySettings

__all__ = ["DriftSettings", "OutlierSettings"]


def _between(key: str, value: float, low: float, high: float) -> str:
    """An objection if a number is not between two others, which are not included."""
    if low < value < high:
        return ""
    return f"`{key}` is {value:g}; expected a number between {low:g} and {high:g}"


@frozen(kw_only=True)
class OutlierSettings(QualitySettings):
    """Settings of `spectral-outlier`.

    Attributes:
        channels: whose spectra are compared; all if None.
        least: how many earlier spectra it takes to judge another one.
        variance: share of the variance of the earlier shapes that the model explains.
        least_ratio: smallest residual that is told, as a multiple of the median of the others.
        significance: probability, for one experiment, of a doubt about a spectrum that fits.
        quality: of a sample that does not fit.
    """

    channels: tuple[str, ...] | None = None
    least: int = 12
    variance: float = 0.99
    least_ratio: float = 3.0
    significance: float = 0.001
    quality: Literal["doubtful", "bad"] = "doubtful"

    def objection(self) -> str:
        """Enough spectra, and shares that are some."""
        if not 6 <= self.least <= 10_000:
            return f"`least` is {self.least}; expected 6 to 10000"
        return (
            _between("variance", self.variance, 0.0, 1.0)
            or _between("least_ratio", self.least_ratio, 0.0, 1e6)
            or _between("significance", self.significance, 0.0, 0.5)
        )


@frozen(kw_only=True)
class DriftSettings(QualitySettings):
    """Settings of `drift`.

    Attributes:
        features: that are watched; all that are never zero or negative if None.
        least: how many repeats it takes to judge, the newest one included.
        least_change: smallest drift that is told, relative, over the time of the repeats.
        significance: probability, for one look at all features, of a doubt without a drift.
        quality: of a sample at a condition that has drifted.
    """

    features: tuple[str, ...] | None = None
    least: int = 6
    least_change: float = 0.05
    significance: float = 0.005
    quality: Literal["doubtful", "bad"] = "doubtful"

    def objection(self) -> str:
        """Enough repeats, and shares that are some."""
        if not 4 <= self.least <= 10_000:
            return f"`least` is {self.least}; expected 4 to 10000"
        return _between("least_change", self.least_change, 0.0, 10.0) or _between(
            "significance", self.significance, 0.0, 0.5
        )
