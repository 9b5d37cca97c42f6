"""Claims on instruments: one program at a time."""

from flowrig.claims.claim import Claim, claim
from flowrig.claims.places import is_placeholder, places

__all__ = ["Claim", "claim", "is_placeholder", "places"]
