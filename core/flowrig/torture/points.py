"""Points of a campaign: after any event of its journal, any byte and any exchange of a wire."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, Self, get_args

from attrs import define, field, frozen

from flowrig.emulation import HangUp, Line, Wire

__all__ = ["POINTED", "Extent", "LastBytes", "Point"]

Unit = Literal["event", "byte", "exchange"]

POINTED: Final = (1, 41, 42, 43)
"""Faults that can strike at any point: of a cable, a disk, a program, and of the power."""

DISK: Final = 41


@frozen(order=True)
class Point:
    """One point of a campaign.

    Attributes:
        device: the device on whose wire bytes or exchanges are counted; "journal" for events.
        unit: the unit that is counted.
        number: number of undisturbed units before the point, from 1 for events and from 0 for
            bytes and exchanges.
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
            ValueError: the text is no point.
        """
        device, unit, number = text.rsplit("-", 2)
        for known in get_args(Unit):
            if unit == known and device and number.isdecimal():
                return cls(device, known, int(number))
        raise ValueError(text)


@frozen
class Extent:
    """Number of points in a healthy campaign.

    Attributes:
        events: number of events in its journal.
        bytes: number of bytes on each device's wire, both directions together.
        exchanges: number of exchanges on each device's wire.
    """

    events: int
    bytes: Mapping[str, int]
    exchanges: Mapping[str, int]

    def some(self, count: int, draw: random.Random, fault: int = 42) -> list[Point]:
        """Random points: one in three after an event, the others at a byte of a random device.

        A fault of the disk strikes after events only.
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
        """Every write of the journal, and every exchange with a device."""
        yield from (Point("journal", "event", n) for n in range(1, self.events + 1))
        for device, exchanges in self.exchanges.items():
            yield from (Point(device, "exchange", n) for n in range(exchanges))

    def of_fault(self, fault: int) -> Sequence[Point]:
        """Every operation at which a fault can strike."""
        units = {1: ("exchange",), 41: ("event",)}.get(fault, ("event", "exchange"))
        return [point for point in self.operations() if point.unit in units]


@define(eq=False, slots=False)
class LastBytes(Wire):
    """A wire that hangs up after some bytes, and then works again.

    Attributes:
        left: number of bytes that still pass, in both directions together.
        action: called when the wire hangs up.
    """

    left: int
    action: Callable[[], object]
    _done: bool = field(init=False, default=False)

    def carry(self, line: Line, data: bytes) -> bytes:
        """Pass the remaining bytes of a request or its answer; everything after the hang-up.

        Raises:
            HangUp: the last byte has passed.
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
