"""Moments of a campaign: after any event of its journal, any byte and any exchange of a wire."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, Self, get_args

from attrs import define, field, frozen

from flowrig.emulation import HangUp, Line, Wire

__all__ = ["POINTED", "Extent", "LastBytes", "Point"]

Unit = Literal["event", "byte", "exchange"]

POINTED: Final = (1, 41, 42, 43)
"""Faults that can strike at any point: a cable, a disk, a program, the power."""


DISK: Final = 41


@frozen(order=True)
class Point:
    """One moment of a campaign.

    Attributes:
        device: whose wire is counted on; "journal" for events.
        unit: what is counted.
        number: how many have gone well before, from 1 for events and from 0 for the others.
    """

    device: str
    unit: Unit
    number: int

    def __str__(self) -> str:
        return f"{self.device}-{self.unit}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "pump_cui-byte-123".

        Raises:
            ValueError: it is no point.
        """
        device, unit, number = text.rsplit("-", 2)
        for known in get_args(Unit):
            if unit == known and device and number.isdecimal():
                return cls(device, known, int(number))
        raise ValueError(text)


@frozen
class Extent:
    """How many points there are in a campaign in health.

    Attributes:
        events: of its journal.
        bytes: on each device's wire, both directions together.
        exchanges: on each device's wire.
    """

    events: int
    bytes: Mapping[str, int]
    exchanges: Mapping[str, int]

    def some(self, count: int, draw: random.Random, fault: int = 42) -> list[Point]:
        """Points by chance: one in three after an event, the others at a byte of some device.

        A disk knows events only.
        """
        devices = sorted(self.bytes)
        points = []
        for _ in range(count):
            if fault == DISK or draw.random() < 1 / 3:
                points.append(Point("journal", "event", draw.randint(1, self.events)))
            else:
                device = draw.choice(devices)
                points.append(Point(device, "byte", draw.randrange(self.bytes[device])))
        return points

    def operations(self) -> Iterator[Point]:
        """Every write of the journal, and every exchange with every device."""
        yield from (Point("journal", "event", n) for n in range(1, self.events + 1))
        for device, exchanges in self.exchanges.items():
            yield from (Point(device, "exchange", n) for n in range(exchanges))

    def of_fault(self, fault: int) -> Sequence[Point]:
        """Every operation that a fault can strike at."""
        units = {1: ("exchange",), 41: ("event",)}.get(fault, ("event", "exchange"))
        return [point for point in self.operations() if point.unit in units]


@define(eq=False, slots=False)
class LastBytes(Wire):
    """Some bytes pass, in both directions together; then somebody is called, and the wire is dead.

    Attributes:
        left: how many bytes still pass.
        action: what is called.
    """

    left: int
    action: Callable[[], object]
    _done: bool = field(init=False, default=False)

    def carry(self, line: Line, data: bytes) -> bytes:
        """Let through what still passes of a request, or of its answer; sound afterwards.

        Raises:
            HangUp: that was all.
        """
        if self._done:
            return line.feed(data)
        if len(data) > self.left:
            if self.left:
                line.feed(data[: self.left])
            self._end()
            raise HangUp
        self.left -= len(data)
        answer = line.feed(data)
        if len(answer) > self.left:
            self._end()
            raise HangUp(answer[: self.left])
        self.left -= len(answer)
        return answer

    def _end(self) -> None:
        self._done = self.struck = True
        self.action()
