"""A tap on the wire between a driver and an emulated instrument."""

from collections.abc import Iterator
from contextlib import contextmanager

from flowrig.clock import Clock
from flowrig.emulation import DisturbedWire, ProtocolCore, Wire

__all__ = ["Tap"]


class Tap:
    """Counts the bytes between the front and the protocol cores of an emulator, or disturbs them.

    Args:
        clock: the bench's clock.

    Attributes:
        cores: number of protocol cores behind the tap.
        sent: every byte that the driver sent.
        answered: number of bytes that the emulator answered.
    """

    def __init__(self, clock: Clock) -> None:
        self.cores = 0
        self.sent = b""
        self.answered = 0
        self._wire = DisturbedWire(clock)

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """Put the tap in front of a core; on a bench `EmulatorContext.tap` calls it."""
        self.cores += 1
        return _Tapped(self, self._wire.wrap(core))

    @contextmanager
    def through(self, wire: Wire) -> Iterator[Wire]:
        """Use another wire while entered; bytes that it still holds at the end are lost."""
        self._wire.plan(wire)
        try:
            yield wire
        finally:
            self._wire.clear()

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Pass bytes on to a core, and count bytes and answer."""
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
