"""Values over time, thinned so that a page can draw any number of them."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Point", "Series"]

MOST_BUCKETS = 1500
"""Largest number of buckets of a series, about the number of pixels of a wide chart."""


class Point(NamedTuple):
    """A value at a time.

    Attributes:
        sequence: number of the event of the journal that it comes from.
        x: time [s].
        y: value; None for a gap.
    """

    sequence: int
    x: float
    y: float | None


class Series:
    """Values over time. Each bucket keeps the lowest and the highest of an equal number of values.

    While there are few values every one is kept. Twice as many values as fit halve the number of
    buckets, so that the whole time is drawn equally finely, and no extreme is lost.

    Args:
        most: largest number of buckets, an even number.

    Attributes:
        thinned: how often the buckets were halved.
    """

    def __init__(self, most: int = MOST_BUCKETS) -> None:
        self._most = most
        self._buckets: list[Sequence[Point]] = []
        self._size = 1
        self._in_last = 0
        self.thinned = 0

    def add(self, point: Point) -> None:
        """Add a value; points come in order."""
        if self._buckets and self._in_last < self._size:
            self._in_last += 1
            if not _is_within(self._buckets[-1], point.y):
                self._buckets[-1] = _extremes([*self._buckets[-1], point])
            return
        if len(self._buckets) == self._most:
            halves = zip(self._buckets[::2], self._buckets[1::2], strict=True)
            self._buckets = [_extremes([*one, *other]) for one, other in halves]
            self._size *= 2
            self.thinned += 1
        self._buckets.append((point,))
        self._in_last = 1

    def after(self, sequence: int) -> list[Point]:
        """The kept points that come from events behind the one of a number, in order."""
        return [one for bucket in self._buckets for one in bucket if one.sequence > sequence]


def _is_within(bucket: Sequence[Point], y: float | None) -> bool:
    """Whether a value, or a gap, adds nothing to the values of a bucket."""
    known = [one.y for one in bucket if one.y is not None]
    return y is None or (bool(known) and min(known) <= y <= max(known))


def _extremes(points: Sequence[Point]) -> Sequence[Point]:
    """The lowest and the highest of some points in their order, or a gap if all of them are."""
    values = [(one.y, one) for one in points if one.y is not None]
    if not values:
        return points[:1]
    low = min(values, key=lambda pair: pair[0])[1]
    high = max(values, key=lambda pair: pair[0])[1]
    return (low,) if low == high else tuple(sorted((low, high)))
