"""What a chemistry sees of the simulated rig, and what it gives back.

A chemistry is a pure function from a parcel of liquid, with its composition and its history, to the
light that the parcel absorbs and emits. It knows no device; of the rig it gets a `Setup` once.
"""

from flowrig.emulation.chemistry.chemistry import Chemistry, Setup
from flowrig.emulation.chemistry.parcel import Leg, Parcel
from flowrig.emulation.chemistry.product import (
    Absorber,
    AbsorptionEdge,
    Emitter,
    GaussianBand,
    Product,
    Shape,
)

__all__ = [
    "Absorber",
    "AbsorptionEdge",
    "Chemistry",
    "Emitter",
    "GaussianBand",
    "Leg",
    "Parcel",
    "Product",
    "Setup",
    "Shape",
]
