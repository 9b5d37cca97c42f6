"""What can go wrong on a wire: faults that strike an emulator at exchanges of one's choice.

An exchange is one piece of bytes that arrives, and what is answered to it. A command without an
answer may arrive in one piece with the question that follows.
"""

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from attrs import frozen

from flowrig.clock import Clock
from flowrig.emulation import HangUp, ProtocolCore

__all__ = [
    "Delay",
    "Drop",
    "FaultScript",
    "FaultyCore",
    "Garble",
    "HangUpAt",
    "Lose",
    "Merge",
    "Mute",
    "Repeat",
    "WireFault",
]

Feed = Callable[[bytes], bytes]


class WireFault(ABC):
    """One thing that goes wrong with the bytes of one exchange.

    Attributes:
        holds_back: whether what is left of the answer waits for the next one of its connection.
    """

    holds_back: ClassVar[bool] = False

    @abstractmethod
    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """Hand the request on as far as it gets; returns what is left of the answer.

        Raises:
            HangUp: the connection breaks.
        """


@frozen
class Mute(WireFault):
    """The request is obeyed and not answered."""

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        feed(request)
        return b""


@frozen
class Lose(WireFault):
    """The request is lost: neither obeyed nor answered."""

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        return b""


@frozen
class Delay(WireFault):
    """The answer comes late, by a time [s]."""

    delay_s: float

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        answer = feed(request)
        clock.emulate_delay(self.delay_s)
        return answer


@frozen
class Drop(WireFault):
    """One byte of the answer is missing, counted from 0."""

    byte: int

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        answer = feed(request)
        return answer[: self.byte] + answer[self.byte + 1 :]


@frozen
class Garble(WireFault):
    """One byte of the answer, counted from 0, has some of its bits flipped."""

    byte: int
    bits: int = 0x01

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        answer = bytearray(feed(request))
        if self.byte < len(answer):
            answer[self.byte] ^= self.bits
        return bytes(answer)


@frozen
class Repeat(WireFault):
    """The answer comes twice, so that a stale one waits for the next question."""

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        return 2 * feed(request)


@frozen
class HangUpAt(WireFault):
    """The connection breaks after some bytes of the exchange, request first and then answer."""

    byte: int

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        answer = feed(request[: self.byte])
        raise HangUp(answer[: max(self.byte - len(request), 0)])


@frozen
class Merge(WireFault):
    """The answer comes together with the next one of its connection."""

    holds_back: ClassVar[bool] = True

    def strike(self, request: bytes, feed: Feed, clock: Clock) -> bytes:
        """See `WireFault`."""
        return feed(request)


class FaultScript:
    """Which exchanges go wrong, counted over all connections from 0.

    Args:
        plan: the fault of each exchange that is to go wrong.
    """

    def __init__(self, plan: Mapping[int, WireFault] | None = None) -> None:
        self._plan = dict(plan or {})
        self._chance: Callable[[], WireFault | None] = lambda: None
        self._exchange = 0
        self._lock = threading.Lock()

    @classmethod
    def at_random(cls, seed: int, probability: float, faults: Sequence[WireFault]) -> "FaultScript":
        """A script in which every exchange goes wrong with a probability.

        Args:
            seed: the same seed gives the same faults at the same exchanges.
            probability: from 0 to 1.
            faults: what can happen, each as likely as the others.
        """
        chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        script = cls()
        script._chance = lambda: chance.choice(faults) if chance.random() < probability else None
        return script

    @property
    def exchanges(self) -> int:
        """How many exchanges there were so far."""
        return self._exchange

    def plan(self, fault: WireFault, after: int = 0) -> None:
        """Let a fault strike, after a number of exchanges from now that go well."""
        with self._lock:
            self._plan[self._exchange + after] = fault

    def forget(self) -> None:
        """Let nothing that was planned strike any more."""
        with self._lock:
            self._plan.clear()

    def next(self) -> WireFault | None:
        """The fault of the exchange that begins now."""
        with self._lock:
            fault = self._plan.pop(self._exchange, None) or self._chance()
            self._exchange += 1
            return fault


class FaultyCore:
    """A protocol core whose wire follows a script.

    Args:
        core: the core of one connection.
        script: what goes wrong.
        clock: the run's clock.
    """

    def __init__(self, core: ProtocolCore, script: FaultScript, clock: Clock) -> None:
        self._core = core
        self._script = script
        self._clock = clock
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive; return what is left of the answer.

        Raises:
            HangUp: the connection breaks here.
        """
        fault = self._script.next()
        held, self._held = self._held, b""
        if fault is None:
            return held + self._core.feed(data)
        answer = held + fault.strike(data, self._core.feed, self._clock)
        if fault.holds_back:
            self._held, answer = answer, b""
        return answer
