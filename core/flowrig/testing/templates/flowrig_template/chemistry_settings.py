"""Settings of the chemistry, beside its name in `[simulation]` of a profile."""

from attrs import frozen


@frozen(kw_only=True)
class TemplateChemistrySettings:
    """Settings of the nanocrystals.

    Attributes:
        peak_nm: wavelength [nm] of their emission.
        growth_s: time [s] in which they grow.
    """

    peak_nm: float = 520.0
    growth_s: float = 20.0
