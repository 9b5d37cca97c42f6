"""Emulated instruments: protocol cores without transport, thin fronts, one physical world."""

from flowrig.emulation.emulator import Emulator, EmulatorContext
from flowrig.emulation.fronts import (
    Front,
    HangUp,
    ProtocolCore,
    PtyFront,
    SocketFront,
    serial_front,
)
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World

__all__ = [
    "Emulator",
    "EmulatorContext",
    "Front",
    "HangUp",
    "HeaterBody",
    "ProtocolCore",
    "PtyFront",
    "PumpBody",
    "SocketFront",
    "SpectrometerBody",
    "World",
    "serial_front",
]
