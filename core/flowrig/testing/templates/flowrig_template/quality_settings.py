"""Settings of the quality check, beside `use` in its table of a profile."""

from attrs import frozen

from flowrig.interfaces import QualitySettings


@frozen(kw_only=True)
class TemplateQualitySettings(QualitySettings):
    """Settings of the check.

    Attributes:
        least: how many earlier samples it takes to judge another one.
        ranges: how far outside of them a feature may be, as a multiple of their range.
    """

    least: int = 8
    ranges: float = 2.0

    def objection(self) -> str:
        """There is something to compare with."""
        return "" if self.least >= 2 else f"`least` is {self.least}; expected 2 or more"
