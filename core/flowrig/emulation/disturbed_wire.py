"""A wire on which faults come and go by a plan."""

import math
import random
import threading
from collections.abc import Callable, Iterable, Sequence

from attrs import define, field, frozen
from attrs.validators import and_, ge, le, optional

from flowrig.clock import Clock
from flowrig.emulation.fronts import HangUp, ProtocolCore
from flowrig.emulation.wire import Line, Wire

__all__ = ["DisturbedWire", "When"]


@frozen(kw_only=True)
class When:
    """When a fault is on, and how often. All conditions must hold.

    Attributes:
        after: how many exchanges still go well, from the moment at which the fault is planned.
        after_bytes: how many bytes, both directions together, must have passed since that moment
            before an exchange begins that goes wrong.
        at_s: rig time [s] from which it is on.
        for_s: how long [s] it stays on, from the first moment on.
        times: how many exchanges go wrong; None for all.
        chance: the part of the exchanges that go wrong while it is on, 0 to 1.
    """

    after: int = field(default=0, validator=ge(0))
    after_bytes: int = field(default=0, validator=ge(0))
    at_s: float = field(default=0.0, validator=ge(0.0))
    for_s: float = field(default=math.inf, validator=ge(0.0))
    times: int | None = field(default=None, validator=optional(ge(1)))
    chance: float = field(default=1.0, validator=and_(ge(0.0), le(1.0)))


@define(eq=False)
class _Plan:
    """A fault and when it is on."""

    when: When
    draw: random.Random
    first_exchange: int
    first_byte: int
    since_s: float | None = None
    struck: int = 0

    def is_due(self, exchange: int, passed: int, now_s: float) -> bool:
        """Whether the fault is on in an exchange that begins now."""
        return self.is_on(exchange, passed, now_s) and self.draw.random() < self.when.chance

    def is_on(self, exchange: int, passed: int, now_s: float) -> bool:
        """Whether it is time for the fault, leaving chance aside."""
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
    """The wire between an emulator and whoever talks to it; sound until something is planned.

    Faults that are on at the same time strike one after the other, the one that was planned first
    next to the instrument. Exchanges are counted over all connections.

    Args:
        clock: the run's clock.
        seed: what chance follows from.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._clock = clock
        self._draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._lock = threading.Lock()
        self._wires: list[_WirePlan] = []
        self._switches: list[_SwitchPlan] = []
        self._sometimes: Callable[[], Wire | None] = lambda: None
        self._exchanges = 0
        self._passed = 0
        self._clearings = 0

    @property
    def exchanges(self) -> int:
        """How many exchanges there were so far."""
        return self._exchanges

    @property
    def passed(self) -> int:
        """How many bytes have passed so far, both directions together."""
        return self._passed

    def seed(self, seed: int) -> None:
        """Let chance begin anew."""
        with self._lock:
            self._draw.seed(seed)

    def plan(self, wire: Wire, when: When | None = None) -> Wire:
        """Let the bytes go over another wire; returns that wire.

        Args:
            wire: what goes wrong.
            when: at which exchanges; at all from now on unless said otherwise.
        """
        with self._lock:
            self._wires.append(_WirePlan(*self._from_now(when), wire=wire))
        return wire

    def plan_switch(self, switch: Callable[[bool], None], when: When | None = None) -> None:
        """Throw a switch when it is time, and back when the time is over.

        It is looked for at each exchange, before the instrument hears of it, and by `follow`.

        Args:
            switch: takes True and False.
            when: when it is on.
        """
        with self._lock:
            self._switches.append(_SwitchPlan(*self._from_now(when), switch=switch))

    def plan_at_random(self, chance: float, faults: Sequence[Callable[[], Wire]]) -> None:
        """Let each exchange go wrong with a probability; takes the place of an earlier such plan.

        Args:
            chance: from 0 to 1.
            faults: what can happen, each as likely as the others.
        """
        draw = self._draw
        self._sometimes = lambda: draw.choice(faults)() if draw.random() < chance else None

    def remove(self, wire: Wire) -> None:
        """Take a fault off the wire; what it holds back comes with the next answer."""
        with self._lock:
            self._wires = [plan for plan in self._wires if plan.wire is not wire]

    def clear(self) -> None:
        """Make the wire sound and throw planned switches back; what was held back is lost."""
        with self._lock:
            self._wires.clear()
            self._clearings += 1
            self._sometimes = lambda: None
            thrown = [plan for plan in self._switches if plan.is_thrown]
            self._switches.clear()
        for plan in thrown:
            plan.switch(False)

    def follow(self) -> None:
        """Throw the switches whose time has come, without an exchange."""
        with self._lock:
            changes = self._changes(self._exchanges)
        _throw(changes)

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """Put the wire before the core of one connection."""
        return _Connection(self, core, self._clock)

    def begin_exchange(self) -> tuple[list[Wire], int]:
        """Count an exchange and throw the switches that are due.

        Returns:
            the wires that bytes go over in this exchange, and how often the wire was cleared.
        """
        with self._lock:
            exchange, self._exchanges = self._exchanges, self._exchanges + 1
            now_s = self._clock.now_s()
            changes = self._changes(exchange, counts=True)
            due = [plan for plan in self._wires if plan.is_due(exchange, self._passed, now_s)]
            for plan in due:
                plan.struck += 1
            chance = self._sometimes()
            wires = [plan.wire for plan in due] + ([chance] if chance else [])
            clearings = self._clearings
        _throw(changes)
        return wires, clearings

    def count_bytes(self, number: int) -> None:
        """Note that bytes have passed, in either direction."""
        with self._lock:
            self._passed += number

    def _changes(self, exchange: int, *, counts: bool = False) -> list[_SwitchPlan]:
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
    """One core behind the wire."""

    def __init__(self, wire: DisturbedWire, core: ProtocolCore, clock: Clock) -> None:
        self._wire = wire
        self._instrument = _Remembering(core)
        self._clock = clock
        self._lines: dict[Wire, Line] = {}
        self._clearings = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes over every wire that is in place.

        Raises:
            HangUp: the connection breaks.
        """
        wires, clearings = self._wire.begin_exchange()
        if clearings != self._clearings:
            self._lines, self._clearings = {}, clearings
        self._wire.count_bytes(len(data))
        try:
            answer = self._path(wires).feed(data)
        except HangUp as end:
            self._wire.count_bytes(len(end.last_words))
            self._lines, self._instrument.said = {}, b""
            raise
        self._wire.count_bytes(len(answer))
        return answer

    def _path(self, wires: Sequence[Wire]) -> ProtocolCore:
        """The core behind all wires, and behind those that still hold something back."""
        held = {wire: line for wire, line in self._lines.items() if line.held}
        due = {wire: self._lines.get(wire) or Line(self._instrument, self._clock) for wire in wires}
        self._lines = held | due
        core: ProtocolCore = self._instrument
        for wire, line in self._lines.items():
            line.core, line.before = core, self._instrument.said
            core = _Stretch(wire if wire in due else Wire(), line)
        return core


@define(eq=False)
class _Remembering:
    """A core and what it said last."""

    core: ProtocolCore
    said: bytes = b""

    def feed(self, data: bytes) -> bytes:
        answer = self.core.feed(data)
        self.said = answer or self.said
        return answer


@frozen
class _Stretch:
    """One wire and its far end; what the wire holds comes in front of what is answered next."""

    wire: Wire
    line: Line

    def feed(self, data: bytes) -> bytes:
        answer = self.wire.carry(self.line, data)
        if not answer or not self.line.held:
            return answer
        held, self.line.held = self.line.held, b""
        return held + answer
