"""Rules for procedures of one's own: what their steps may do, one after the other."""

from flowrig.profile.rules.steps.procedure import RULES, timed

__all__ = ["RULES", "timed"]
