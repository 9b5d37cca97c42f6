"""A tap on the wire between a driver and an emulated instrument, and what can go wrong there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from flowrig.emulation import HangUp, ProtocolCore

__all__ = ["Cut", "Garbled", "InPieces", "Late", "Mute", "Slow", "Tap", "Wire"]


class Wire:
    """How bytes get from the driver to a core and back; this wire is sound.

    Attributes:
        struck: whether it did something else than a sound wire would.
    """

    struck = False

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Take bytes from the driver to the core; returns what the driver gets.

        Raises:
            HangUp: the connection breaks.
        """
        return core.feed(data)


class Mute(Wire):
    """The instrument obeys, and its answers are lost.

    Args:
        after_answers: how many answers still arrive.
    """

    def __init__(self, after_answers: int = 0) -> None:
        self._left = after_answers

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Swallow what is answered."""
        answer = core.feed(data)
        if not answer:
            return b""
        if self._left:
            self._left -= 1
            return answer
        self.struck = True
        return b""


class Late(Wire):
    """The first answer comes only with the next one on the same connection, in front of it."""

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Hold the first answer back."""
        answer = core.feed(data)
        if not answer:
            return b""
        if not self.struck:
            self.struck = True
            self._held[id(core)] = answer
            return b""
        return self._held.pop(id(core), b"") + answer


class Cut(Wire):
    """The connection breaks once after some bytes, counted in both directions.

    Args:
        after_bytes: how many bytes still pass.
    """

    def __init__(self, after_bytes: int) -> None:
        self._left = after_bytes

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Hang up in the middle of a request or of an answer; sound afterwards."""
        if self.struck:
            return core.feed(data)
        if len(data) > self._left:
            self.struck = True
            if self._left:
                core.feed(data[: self._left])
            raise HangUp
        self._left -= len(data)
        answer = core.feed(data)
        if len(answer) > self._left:
            self.struck = True
            raise HangUp(answer[: self._left])
        self._left -= len(answer)
        return answer


class Garbled(Wire):
    """Bytes of the answers arrive with their highest bit turned over.

    Args:
        position: which byte, counted from 0 over all answers; every byte if None.
    """

    def __init__(self, position: int | None = None) -> None:
        self._position = position
        self._passed = 0

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Turn bits over in what is answered."""
        answer = bytearray(core.feed(data))
        for index in range(len(answer)):
            if self._position in (None, self._passed + index):
                answer[index] ^= 0x80
                self.struck = True
        self._passed += len(answer)
        return bytes(answer)


class InPieces(Wire):
    """Every byte of a request arrives alone."""

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Hand the bytes over one by one."""
        self.struck = True
        return b"".join(core.feed(data[index : index + 1]) for index in range(len(data)))


class Slow(Wire):
    """Every answer takes a moment, so that those who do not wait for their own get another's.

    Args:
        delay_s: how long [s].
    """

    def __init__(self, delay_s: float = 0.002) -> None:
        self._delay_s = delay_s

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Wait before the answer."""
        answer = core.feed(data)
        if answer:
            self.struck = True
            time.sleep(self._delay_s)
        return answer


class Tap:
    """Sits between the front and the cores of one emulator.

    Attributes:
        cores: how many protocol cores it sits before.
        sent: every byte that the driver has sent.
        answered: how many bytes were answered.
    """

    def __init__(self) -> None:
        self.cores = 0
        self.sent = b""
        self.answered = 0
        self._wire = Wire()

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """Put the tap before a core; what `EmulatorContext.tap` does on a bench."""
        self.cores += 1
        return _Tapped(self, core)

    @contextmanager
    def through(self, wire: Wire) -> Iterator[Wire]:
        """Let the bytes go over another wire for a while."""
        self._wire, before = wire, self._wire
        try:
            yield wire
        finally:
            self._wire = before

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Note what the driver sends, and take it over the wire that is in place."""
        self.sent += data
        answer = self._wire.carry(core, data)
        self.answered += len(answer)
        return answer


class _Tapped:
    def __init__(self, tap: Tap, core: ProtocolCore) -> None:
        self._tap = tap
        self._core = core

    def feed(self, data: bytes) -> bytes:
        return self._tap.carry(self._core, data)
