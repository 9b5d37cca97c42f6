"""Settings of the analysis, beside `use` in a channel of a profile."""

from attrs import frozen


@frozen(kw_only=True)
class TemplateAnalysisSettings:
    """Settings of the centroid.

    Attributes:
        window_nm: wavelengths [nm] between which the emission is weighed.
    """

    window_nm: tuple[float, float] = (345.0, 700.0)
