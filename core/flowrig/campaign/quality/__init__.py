"""Quality checks of measured experiments, and the reference condition of batches."""

from flowrig.campaign.quality.checks import QualityChecks
from flowrig.campaign.quality.references import ReferenceConditions, ReferenceDueError

__all__ = ["QualityChecks", "ReferenceConditions", "ReferenceDueError"]
