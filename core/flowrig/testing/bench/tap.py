"""A tap on the wire between a driver and an emulated instrument."""

from collections.abc import Iterator
from contextlib import contextmanager

from flowrig.clock import Clock
from flowrig.emulation import DisturbedWire, ProtocolCore, Wire

__all__ = ["Tap"]


class Tap:
    """Sits between the front and the cores of one emulator.

    Args:
        clock: the bench's clock.

    Attributes:
        cores: how many protocol cores it sits before.
        sent: every byte that the driver has sent.
        answered: how many bytes were answered.
    """

    def __init__(self, clock: Clock) -> None:
        self.cores = 0
        self.sent = b""
        self.answered = 0
        self._wire = DisturbedWire(clock)

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """Put the tap before a core; what `EmulatorContext.tap` does on a bench."""
        self.cores += 1
        return _Tapped(self, self._wire.wrap(core))

    @contextmanager
    def through(self, wire: Wire) -> Iterator[Wire]:
        """Let the bytes go over another wire for a while; what it still holds then is lost."""
        self._wire.plan(wire)
        try:
            yield wire
        finally:
            self._wire.clear()

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Note what the driver sends, and what it gets."""
        self.sent += data
        answer = core.feed(data)
        self.answered += len(answer)
        return answer


class _Tapped:
    def __init__(self, tap: Tap, core: ProtocolCore) -> None:
        self._tap = tap
        self._core = core

    def feed(self, data: bytes) -> bytes:
        return self._tap.carry(self._core, data)
