"""Wire faults: what can go wrong between a driver and an instrument, for every protocol.

An exchange is one piece of bytes that arrives at the instrument, and the answer to it. A command
without an answer may arrive in one piece with the query that follows it.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field
from attrs.validators import ge, optional

from flowrig.clock import Clock
from flowrig.emulation.core import Burst, HangUp, ProtocolCore

__all__ = [
    "WIRE_FAULTS",
    "Cut",
    "Deaf",
    "Delay",
    "Drop",
    "Garbled",
    "InPieces",
    "Late",
    "Line",
    "Mute",
    "Repeat",
    "Slow",
    "Split",
    "Stale",
    "Wire",
]

BURST_S: Final = 0.01
"""Pause [s, real time] between the two bursts of a split answer."""


class Wire:
    """The path of bytes from the driver to a core and back; this class is the sound wire.

    A wire fault counts what it did, so it can be planned once only: plan the same fault twice with
    two objects.

    Attributes:
        struck: whether the fault has changed anything yet.
    """

    struck = False

    def carry(self, line: "Line", data: bytes) -> bytes:
        """Carry bytes from the driver to the far end; returns the bytes that the driver receives.

        Args:
            line: the far end.
            data: bytes from the driver.

        Raises:
            HangUp: the connection breaks.
        """
        return line.feed(data)


class Line:
    """The far end of a wire on one connection, and the state of the wire on this connection.

    Args:
        core: the core at the far end.
        clock: the run's clock.

    Attributes:
        core: the core at the far end.
        clock: the run's clock.
        held: answers that the wire holds back until the next one.
        before: the previous answer of the instrument on this connection.
    """

    def __init__(self, core: ProtocolCore, clock: Clock) -> None:
        self.core = core
        self.clock = clock
        self.held = b""
        self.before = b""

    def feed(self, data: bytes) -> bytes:
        """Pass bytes to the far end; returns its answer."""
        return self.core.feed(data)

    def hold(self, answer: bytes) -> bytes:
        """Hold an answer back until the next one; returns what the driver gets instead: nothing."""
        self.held += answer
        return b""


@define(eq=False, slots=False)
class Mute(Wire):
    """The instrument obeys, and its answers are lost.

    Attributes:
        after_answers: number of answers that still arrive.
    """

    after_answers: int = field(default=0, validator=ge(0))
    _left: int = field(init=False)

    @_left.default
    def _all(self) -> int:
        return self.after_answers

    def carry(self, line: Line, data: bytes) -> bytes:
        """Drop the answer."""
        answer = line.feed(data)
        if answer and self._left:
            self._left -= 1
            return answer
        self.struck |= bool(answer)
        return b""


@define(eq=False, slots=False)
class Deaf(Wire):
    """The requests are lost: neither obeyed nor answered."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Drop the request."""
        self.struck = True
        return b""


@define(eq=False, slots=False)
class Delay(Wire):
    """Every answer comes late; on the virtual clock it comes at once.

    Attributes:
        delay_s: delay [s] on the rig's clock.
    """

    delay_s: float = field(default=1.0, validator=ge(0.0))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Wait on the rig's clock before the answer."""
        answer = line.feed(data)
        if answer:
            self.struck = True
            line.clock.emulate_delay(self.delay_s)
        return answer


@define(eq=False, slots=False)
class Slow(Wire):
    """Every answer takes some real time, whichever clock the run has.

    It exposes drivers whose threads do not wait for their own answer: they read another thread's.

    Attributes:
        delay_s: delay [s] in real time.
    """

    delay_s: float = field(default=0.002, validator=ge(0.0))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Wait before the answer."""
        answer = line.feed(data)
        if answer:
            self.struck = True
            time.sleep(self.delay_s)
        return answer


@define(eq=False, slots=False)
class Drop(Wire):
    """One byte of every answer is missing.

    Attributes:
        byte: index of the missing byte in each answer, from 0.
    """

    byte: int = field(default=0, validator=ge(0))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Remove the byte."""
        answer = line.feed(data)
        self.struck |= self.byte < len(answer)
        return answer[: self.byte] + answer[self.byte + 1 :]


@define(eq=False, slots=False)
class Garbled(Wire):
    """Bytes of the answers arrive with inverted bits.

    Attributes:
        position: index of the byte, from 0 over all answers; None for every byte.
        bits: mask of the inverted bits; by default the highest bit.
    """

    position: int | None = field(default=None, validator=optional(ge(0)))
    bits: int = field(default=0x80, validator=ge(1))
    _passed: int = field(init=False, default=0)

    def carry(self, line: Line, data: bytes) -> bytes:
        """Invert bits of the answer."""
        answer = bytearray(line.feed(data))
        for index in range(len(answer)):
            if self.position in (None, self._passed + index):
                answer[index] ^= self.bits
                self.struck = True
        self._passed += len(answer)
        return bytes(answer)


@define(eq=False, slots=False)
class Split(Wire):
    """Every answer comes in two bursts.

    Attributes:
        byte: index of the first byte of the second burst in each answer; None for the middle.
    """

    byte: int | None = field(default=None, validator=optional(ge(0)))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Send the answer in two parts."""
        answer = line.feed(data)
        middle = len(answer) // 2 if self.byte is None else self.byte
        if not 0 < middle < len(answer):
            return answer
        self.struck = True
        return Burst((answer[:middle], answer[middle:]), BURST_S)


@define(eq=False, slots=False)
class Late(Wire):
    """The first answers come only with the next answer on the same connection, in front of it.

    Attributes:
        answers: number of late answers.
    """

    answers: int = field(default=1, validator=ge(1))
    _left: int = field(init=False)

    @_left.default
    def _all(self) -> int:
        return self.answers

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hold the first answers back."""
        answer = line.feed(data)
        if not answer or not self._left:
            return answer
        self._left -= 1
        self.struck = True
        return line.hold(answer)


@define(eq=False, slots=False)
class Stale(Wire):
    """Every answer comes with the previous answer of the same connection in front of it."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Repeat the previous answer before the new one."""
        answer = line.feed(data)
        if not answer:
            return b""
        self.struck |= bool(line.before)
        return line.before + answer


@define(eq=False, slots=False)
class Repeat(Wire):
    """Every answer comes twice, so a stale answer waits for the next query."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Answer twice."""
        answer = line.feed(data)
        self.struck |= bool(answer)
        return 2 * answer


@define(eq=False, slots=False)
class Cut(Wire):
    """The connection breaks once, after a number of bytes in both directions together.

    Attributes:
        after_bytes: number of bytes that still pass.
    """

    after_bytes: int = field(default=0, validator=ge(0))
    _left: int = field(init=False)

    @_left.default
    def _all(self) -> int:
        return self.after_bytes

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hang up in the middle of a request or of an answer; the wire is sound afterwards."""
        if self.struck:
            return line.feed(data)
        if len(data) > self._left:
            self.struck = True
            if self._left:
                line.feed(data[: self._left])
            raise HangUp
        self._left -= len(data)
        answer = line.feed(data)
        if len(answer) > self._left:
            self.struck = True
            raise HangUp(answer[: self._left])
        self._left -= len(answer)
        return answer


@define(eq=False, slots=False)
class InPieces(Wire):
    """Every byte of a request arrives on its own."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Pass the bytes one by one."""
        self.struck = True
        return b"".join(line.feed(byte) for byte in _bytes_of(data))


def _bytes_of(data: bytes) -> Iterator[bytes]:
    return (data[index : index + 1] for index in range(len(data)))


WIRE_FAULTS: Final[Mapping[str, type[Wire]]] = {
    "mute": Mute,
    "deaf": Deaf,
    "delay": Delay,
    "drop": Drop,
    "garble": Garbled,
    "split": Split,
    "late": Late,
    "stale": Stale,
    "repeat": Repeat,
    "hang-up": Cut,
    "pieces": InPieces,
}
"""The wire faults by their names on the command line and in scripts.

`Slow` is left out: it is for tests of threads, where a delay in real time is wanted.
"""
