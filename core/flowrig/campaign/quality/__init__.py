"""Quality checks of measured experiments."""

from flowrig.campaign.quality.checks import QualityChecks

__all__ = ["QualityChecks"]
