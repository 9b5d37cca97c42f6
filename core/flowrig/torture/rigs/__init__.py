"""The rigs on which the board plays: the reference rig, and any profile that can be simulated."""

from flowrig.torture.rigs.choice import RigChoice
from flowrig.torture.rigs.played_rig import NotOnThisRigError, PlayedRig
from flowrig.torture.rigs.reference import REFERENCE, rig_of
from flowrig.torture.rigs.short_campaign import EXPERIMENTS, SEEDED_STAGE, plugins

__all__ = [
    "EXPERIMENTS",
    "REFERENCE",
    "SEEDED_STAGE",
    "NotOnThisRigError",
    "PlayedRig",
    "RigChoice",
    "plugins",
    "rig_of",
]
