"""Rules for procedures of one's own, scans and lines: what is done one after the other."""

from flowrig.profile.rules.steps import lines, procedure, scans
from flowrig.profile.rules.steps.procedure import timed

__all__ = ["RULES", "timed"]

RULES = (*procedure.RULES, *scans.RULES, *lines.RULES)
