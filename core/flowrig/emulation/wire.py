"""What can go wrong between a driver and an instrument: one vocabulary for every protocol.

An exchange is one piece of bytes that arrives, and what is answered to it. A command without an
answer may arrive in one piece with the question that follows.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import define, field
from attrs.validators import ge, optional

from flowrig.clock import Clock
from flowrig.emulation.fronts import Burst, HangUp, ProtocolCore

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
    """How bytes get from the driver to a core and back; this wire is sound.

    A wire belongs to one place: whoever wants the same fault twice makes two.

    Attributes:
        struck: whether it did something else than a sound wire would.
    """

    struck = False

    def carry(self, line: "Line", data: bytes) -> bytes:
        """Take bytes from the driver to the far end; returns what the driver gets.

        Args:
            line: the far end.
            data: what the driver sends.

        Raises:
            HangUp: the connection breaks.
        """
        return line.feed(data)


class Line:
    """The far end of a wire on one connection, and what the wire remembers of the connection.

    Args:
        core: what is at the far end.
        clock: the run's clock.

    Attributes:
        core: what is at the far end.
        clock: the run's clock.
        held: answers that wait for the next one.
        before: what the instrument answered before on this connection.
    """

    def __init__(self, core: ProtocolCore, clock: Clock) -> None:
        self.core = core
        self.clock = clock
        self.held = b""
        self.before = b""

    def feed(self, data: bytes) -> bytes:
        """Hand bytes to the far end; returns its answer."""
        return self.core.feed(data)

    def hold(self, answer: bytes) -> bytes:
        """Keep an answer until the next one; returns what the driver gets instead: nothing."""
        self.held += answer
        return b""


@define(eq=False, slots=False)
class Mute(Wire):
    """The instrument obeys, and its answers are lost.

    Attributes:
        after_answers: how many answers still arrive.
    """

    after_answers: int = field(default=0, validator=ge(0))
    _left: int = field(init=False)

    @_left.default
    def _all(self) -> int:
        return self.after_answers

    def carry(self, line: Line, data: bytes) -> bytes:
        """Swallow what is answered."""
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
        """Swallow what is asked."""
        self.struck = True
        return b""


@define(eq=False, slots=False)
class Delay(Wire):
    """Every answer comes later; at once on the virtual clock.

    Attributes:
        delay_s: how much later [s].
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
    """Every answer takes a moment of real time, whichever clock the run has.

    Those who do not wait for their own answer get another's.

    Attributes:
        delay_s: how long [s].
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
        byte: which one, counted from 0 in each answer.
    """

    byte: int = field(default=0, validator=ge(0))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Leave the byte out."""
        answer = line.feed(data)
        self.struck |= self.byte < len(answer)
        return answer[: self.byte] + answer[self.byte + 1 :]


@define(eq=False, slots=False)
class Garbled(Wire):
    """Bytes of the answers arrive with some of their bits turned over.

    Attributes:
        position: which byte, counted from 0 over all answers; every byte if None.
        bits: which bits; the highest unless said otherwise.
    """

    position: int | None = field(default=None, validator=optional(ge(0)))
    bits: int = field(default=0x80, validator=ge(1))
    _passed: int = field(init=False, default=0)

    def carry(self, line: Line, data: bytes) -> bytes:
        """Turn bits over in what is answered."""
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
        byte: where it is split, counted from 0 in each answer; in the middle if None.
    """

    byte: int | None = field(default=None, validator=optional(ge(0)))

    def carry(self, line: Line, data: bytes) -> bytes:
        """Let the answer go out in two parts."""
        answer = line.feed(data)
        middle = len(answer) // 2 if self.byte is None else self.byte
        if not 0 < middle < len(answer):
            return answer
        self.struck = True
        return Burst((answer[:middle], answer[middle:]), BURST_S)


@define(eq=False, slots=False)
class Late(Wire):
    """Answers come only with the one after them on the same connection, in front of it.

    Attributes:
        answers: how many of them.
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
    """Every answer has the one before it on the same connection in front."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Say again what was said."""
        answer = line.feed(data)
        if not answer:
            return b""
        self.struck |= bool(line.before)
        return line.before + answer


@define(eq=False, slots=False)
class Repeat(Wire):
    """Every answer comes twice, so that a stale one waits for the next question."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Answer twice."""
        answer = line.feed(data)
        self.struck |= bool(answer)
        return 2 * answer


@define(eq=False, slots=False)
class Cut(Wire):
    """The connection breaks once after some bytes, counted in both directions.

    Attributes:
        after_bytes: how many bytes still pass.
    """

    after_bytes: int = field(default=0, validator=ge(0))
    _left: int = field(init=False)

    @_left.default
    def _all(self) -> int:
        return self.after_bytes

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hang up in the middle of a request or of an answer; sound afterwards."""
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
    """Every byte of a request arrives alone."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hand the bytes over one by one."""
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
"""What a wire can suffer from, by the name that the command line and scripts give it."""
