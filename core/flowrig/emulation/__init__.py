"""Emulated instruments: protocol cores, the fronts that serve them, one world.

Faults can be planned on every wire between an emulator and its driver, and on every body behind the
emulators; see `Emulator.inject`.
"""

from flowrig.emulation.bench_world import ROOM_C, BenchWorld, Detector, Plate, Plunger
from flowrig.emulation.chemistry import (
    Absorber,
    AbsorptionEdge,
    Chemistry,
    Emitter,
    GaussianBand,
    Leg,
    Parcel,
    Product,
    Setup,
    Shape,
)
from flowrig.emulation.core import Burst, HangUp, ProtocolCore
from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.disturbed_wire import DisturbedWire, When
from flowrig.emulation.emulator import MAIN_LINK, Emulator, EmulatorContext
from flowrig.emulation.faulty_world import FaultyWorld
from flowrig.emulation.fronts import DirectFront, Front, PtyFront, SocketFront, serial_front
from flowrig.emulation.place import AIR_BAR, Glimpse, Place, StillPlace
from flowrig.emulation.variant import Variants
from flowrig.emulation.wire import (
    WIRE_FAULTS,
    Cut,
    Deaf,
    Delay,
    Drop,
    Garbled,
    InPieces,
    Late,
    Line,
    Mute,
    Repeat,
    Slow,
    Split,
    Stale,
    Wire,
)
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World, stop_after

__all__ = [
    "AIR_BAR",
    "MAIN_LINK",
    "ROOM_C",
    "WIRE_FAULTS",
    "Absorber",
    "AbsorptionEdge",
    "BenchWorld",
    "Burst",
    "Chemistry",
    "Cut",
    "Deaf",
    "Delay",
    "Detector",
    "DeviceFault",
    "DirectFront",
    "DisturbedWire",
    "Drop",
    "Emitter",
    "Emulator",
    "EmulatorContext",
    "FaultyWorld",
    "Front",
    "Garbled",
    "GaussianBand",
    "Glimpse",
    "HangUp",
    "HeaterBody",
    "InPieces",
    "Late",
    "Leg",
    "Line",
    "Mute",
    "Parcel",
    "Place",
    "Plate",
    "Plunger",
    "Product",
    "ProtocolCore",
    "PtyFront",
    "PumpBody",
    "Repeat",
    "Setup",
    "Shape",
    "Slow",
    "SocketFront",
    "SpectrometerBody",
    "Split",
    "Stale",
    "StillPlace",
    "Variants",
    "When",
    "Wire",
    "World",
    "serial_front",
    "stop_after",
]
