"""A wire with faults that begin and end by a plan."""

import math
import random
import threading
from collections.abc import Callable, Iterable, Sequence

from attrs import define, field, frozen
from attrs.validators import and_, ge, le, optional

from flowrig.clock import Clock
from flowrig.emulation.core import HangUp, ProtocolCore
from flowrig.emulation.wire import Line, Wire

__all__ = ["DisturbedWire", "When"]


@frozen(kw_only=True)
class When:
    """When a fault is on, and how often. All conditions must hold.

    Attributes:
        after: number of sound exchanges, counted from the moment of planning.
        after_bytes: number of bytes, both directions together, that must have passed since the
            moment of planning before an exchange can go wrong.
        at_s: rig time [s] at which the fault begins.
        for_s: duration [s] of the fault.
        times: number of exchanges that go wrong; None for all.
        chance: probability that an exchange goes wrong while the fault is on, 0 to 1.
    """

    after: int = field(default=0, validator=ge(0))
    after_bytes: int = field(default=0, validator=ge(0))
    at_s: float = field(default=0.0, validator=ge(0.0))
    for_s: float = field(default=math.inf, validator=ge(0.0))
    times: int | None = field(default=None, validator=optional(ge(1)))
    chance: float = field(default=1.0, validator=and_(ge(0.0), le(1.0)))


@define(eq=False)
class _Plan:
    """A planned fault, with the counts since its planning."""

    when: When
    draw: random.Random
    first_exchange: int
    first_byte: int
    since_s: float | None = None
    struck: int = 0

    def is_due(self, exchange: int, passed: int, now_s: float) -> bool:
        """Whether the fault strikes an exchange that begins now, chance included."""
        return self.is_on(exchange, passed, now_s) and self.draw.random() < self.when.chance

    def is_on(self, exchange: int, passed: int, now_s: float) -> bool:
        """Whether the fault is on in an exchange that begins now, before chance is drawn."""
        when = self.when
        begun = (
            exchange - self.first_exchange >= when.after
            and passed - self.first_byte >= when.after_bytes
            and now_s >= when.at_s
        )
        if begun and self.since_s is None:
            self.since_s = now_s
        over = self.since_s is not None and now_s - self.since_s >= when.for_s
        return begun and not over and (when.times is None or self.struck < when.times)


@define(eq=False)
class _WirePlan(_Plan):
    wire: Wire = field(kw_only=True)


@define(eq=False)
class _SwitchPlan(_Plan):
    switch: Callable[[bool], None] = field(kw_only=True)
    is_thrown: bool = False


class DisturbedWire:
    """The wire between an emulator and its client; sound until a fault is planned.

    Several faults that are on at the same time act in series; the one planned first is next to the
    instrument. Exchanges are counted over all connections.

    Args:
        clock: the run's clock.
        seed: seed of the random draws for `When.chance`.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._lock = threading.Lock()
        self._wires: list[_WirePlan] = []
        self._switches: list[_SwitchPlan] = []
        self._exchanges = 0
        self._passed = 0
        self._clearings = 0

    @property
    def exchanges(self) -> int:
        """Number of exchanges so far."""
        return self._exchanges

    @property
    def passed(self) -> int:
        """Number of bytes that have passed so far, both directions together."""
        return self._passed

    def seed(self, seed: int) -> None:
        """Restart the random draws from a seed."""
        with self._lock:
            self._draw.seed(seed)

    def plan(self, wire: Wire, when: When | None = None) -> Wire:
        """Plan a wire fault: its exchanges pass over another wire. Returns that wire.

        Args:
            wire: the faulty wire.
            when: the exchanges that pass over it; by default all from now on.
        """
        with self._lock:
            self._wires.append(_WirePlan(*self._from_now(when), wire=wire))
        return wire

    def plan_switch(self, switch: Callable[[bool], None], when: When | None = None) -> None:
        """Plan a device fault: its switch is called with True at its begin, with False at its end.

        Switches are thrown at the start of an exchange, before the instrument receives it, and by
        `follow`.

        Args:
            switch: takes whether the fault is on.
            when: when the fault is on; by default from now on.
        """
        with self._lock:
            self._switches.append(_SwitchPlan(*self._from_now(when), switch=switch))

    def remove(self, wire: Wire) -> None:
        """Remove a planned fault; bytes that it holds back come with the next answer."""
        with self._lock:
            self._wires = [plan for plan in self._wires if plan.wire is not wire]

    def clear(self) -> None:
        """Remove all faults and end planned device faults; bytes that were held back are lost."""
        with self._lock:
            self._wires.clear()
            self._clearings += 1
            thrown = [plan for plan in self._switches if plan.is_thrown]
            self._switches.clear()
        # Outside the lock: a switch may stop the front, which waits for threads that use the wire.
        for plan in thrown:
            plan.switch(False)

    def follow(self) -> None:
        """Throw the switches of the device faults that begin or end now, without an exchange."""
        with self._lock:
            changes = self._changes(self._exchanges)
        _throw(changes)

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """The core of one connection, seen through this wire."""
        return _Connection(self, core, self._clock)

    def begin_exchange(self) -> tuple[list[Wire], int]:
        """Count an exchange and throw the switches of device faults that begin or end with it.

        Returns:
            the faulty wires of this exchange, the one next to the instrument first, and the number
            of calls of `clear` so far.
        """
        with self._lock:
            exchange, self._exchanges = self._exchanges, self._exchanges + 1
            if not (self._wires or self._switches):
                return [], self._clearings
            now_s = self._clock.now_s()
            changes = self._changes(exchange, counts=True)
            due = [plan for plan in self._wires if plan.is_due(exchange, self._passed, now_s)]
            for plan in due:
                plan.struck += 1
            clearings = self._clearings
        _throw(changes)
        return [plan.wire for plan in due], clearings

    @property
    def has_faults(self) -> bool:
        """Whether any fault is planned."""
        return bool(self._wires or self._switches)

    def count_exchange(self, number: int) -> None:
        """Count an exchange, and the bytes that the driver has sent."""
        with self._lock:
            self._exchanges += 1
            self._passed += number

    def count_bytes(self, number: int) -> None:
        """Add to the number of bytes that have passed, in either direction."""
        with self._lock:
            self._passed += number

    def _changes(self, exchange: int, *, counts: bool = False) -> list[_SwitchPlan]:
        """The device faults that begin or end now; the caller holds the lock.

        Args:
            exchange: number of the exchange.
            counts: whether an exchange really begins, so that chance is drawn and `times` counts.
        """
        now_s = self._clock.now_s()
        changes = []
        for plan in self._switches:
            if counts:
                on = plan.is_due(exchange, self._passed, now_s)
                plan.struck += on
            else:
                on = plan.when.chance == 1.0 and plan.is_on(exchange, self._passed, now_s)
            if on != plan.is_thrown:
                plan.is_thrown = on
                changes.append(plan)
        return changes

    def _from_now(self, when: When | None) -> tuple[When, random.Random, int, int]:
        return when or When(), self._draw, self._exchanges, self._passed


def _throw(changes: Iterable[_SwitchPlan]) -> None:
    for plan in changes:
        plan.switch(plan.is_thrown)


class _Connection:
    """One core behind the wire; it keeps the state of each wire fault on this connection."""

    def __init__(self, wire: DisturbedWire, core: ProtocolCore, clock: Clock) -> None:
        self._wire = wire
        self._instrument = _LastAnswer(core)
        self._clock = clock
        self._lines: dict[Wire, Line] = {}
        self._clearings = 0

    def feed(self, data: bytes) -> bytes:
        """Pass bytes through the faulty wires of this exchange; returns what arrives of the answer.

        Raises:
            HangUp: the connection breaks.
        """
        if not (self._lines or self._wire.has_faults):
            return self._sound(data)
        wires, clearings = self._wire.begin_exchange()
        if clearings != self._clearings:
            self._lines, self._clearings = {}, clearings
        self._wire.count_bytes(len(data))
        try:
            answer = self._path(wires).feed(data)
        except HangUp as end:
            self._wire.count_bytes(len(end.answer))
            self._lines, self._instrument.answer = {}, b""
            raise
        self._wire.count_bytes(len(answer))
        return answer

    def _sound(self, data: bytes) -> bytes:
        """An exchange on a wire without any fault."""
        self._wire.count_exchange(len(data))
        try:
            answer = self._instrument.feed(data)
        except HangUp as end:
            self._wire.count_bytes(len(end.answer))
            self._instrument.answer = b""
            raise
        self._wire.count_bytes(len(answer))
        return answer

    def _path(self, wires: Sequence[Wire]) -> ProtocolCore:
        """The core behind the given wires and behind those that still hold bytes back."""
        if not (wires or self._lines):
            return self._instrument
        held = {wire: line for wire, line in self._lines.items() if line.held}
        due = {wire: self._lines.get(wire) or Line(self._instrument, self._clock) for wire in wires}
        self._lines = held | due
        core: ProtocolCore = self._instrument
        for wire, line in self._lines.items():
            line.core, line.before = core, self._instrument.answer
            core = _WireSegment(wire if wire in due else Wire(), line)
        return core


@define(eq=False)
class _LastAnswer:
    """A core and its last answer that was not empty."""

    core: ProtocolCore
    answer: bytes = b""

    def feed(self, data: bytes) -> bytes:
        answer = self.core.feed(data)
        self.answer = answer or self.answer
        return answer


@frozen
class _WireSegment:
    """One wire and its far end; bytes that the wire holds back precede the next answer."""

    wire: Wire
    line: Line

    def feed(self, data: bytes) -> bytes:
        answer = self.wire.carry(self.line, data)
        if not answer or not self.line.held:
            return answer
        held, self.line.held = self.line.held, b""
        return held + answer
