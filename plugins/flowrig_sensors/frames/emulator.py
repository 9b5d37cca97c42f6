"""Emulated instruments that answer the SCPI queries of detectors in a profile."""

from typing import Any, ClassVar

from flowrig.emulation import Emulator, EmulatorContext, SocketFront
from flowrig_sensors.emulator import Connection
from flowrig_sensors.frames.settings import ScpiGatesSettings, ScpiHistogramSettings

__all__ = ["ListEmulator", "ScpiGatesEmulator", "ScpiHistogramEmulator"]


class ListEmulator(Emulator):
    """An emulated instrument on a TCP port.

    Args:
        context: the device to emulate, its world and its clock.
    """

    identity: ClassVar[str]

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        self._body: Any = context.world.body(context.device)
        self._front = SocketFront(self._connection, context.port, direct=context.is_direct)

    def start(self) -> str:
        """Start to answer; returns "127.0.0.1:port"."""
        return self._front.start()

    def stop(self) -> None:
        """Stop to answer, and free the port."""
        self._front.stop()

    def _connection(self) -> Connection:
        core = Connection(self._answer, b"\n")
        return self.context.tap(core)  # type: ignore[return-value]

    def _answer(self, query: str) -> str | None:
        return self.identity if query == "*IDN?" else None


class ScpiHistogramEmulator(ListEmulator):
    """An emulated counter of single photons; see `flowrig_kinds.detector_bodies.TcspcBody`."""

    identity = "ACME INSTRUMENTS,COUNTER 1,0042,1.00"

    def _answer(self, query: str) -> str | None:
        settings = self.context.settings
        if isinstance(settings, ScpiHistogramSettings):
            if query == f"{settings.begin};*OPC?":
                self._body.clear()
                return "1"
            if query == settings.query:
                counts = self._body.histogram(settings.bins, settings.bin_ns)
                return f"[{','.join(map(str, counts.tolist()))}]"
        return super()._answer(query)


class ScpiGatesEmulator(ListEmulator):
    """Emulated light gates; see `flowrig_kinds.detector_bodies.PhaseSensorBody`."""

    identity = "ACME INSTRUMENTS,GATES 2,0042,1.00"

    def _answer(self, query: str) -> str | None:
        settings = self.context.settings
        if isinstance(settings, ScpiGatesSettings) and query == settings.query:
            levels = self._body.levels(settings.places_mm)
            return ",".join(f"{level:+.6E}" for level in levels.tolist())
        return super()._answer(query)
