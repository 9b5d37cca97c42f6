"""Scans: frames at each of several positions of a device, such as a stage that moves a probe."""

from collections.abc import Callable

from attrs import field, frozen

from flowrig.interfaces.capabilities import Value

__all__ = ["MOST_POSITIONS", "Scan"]

MOST_POSITIONS = 200
"""Most positions of one scan."""


@frozen(kw_only=True)
class Scan:
    """The positions of a device at which a channel takes its frames, one after the other.

    Attributes:
        device: the device.
        positions: its positions, or its numbers as quantities, in their order.
        start: instead of positions, the first number; `from` in TOML.
        end: the last number; `to` in TOML.
        points: how many numbers there are from the first to the last, both included.
        settle_s: time [s] between the arrival at a position and the first frame.
        over: the component along which the device moves a probe, from the inlet at the first
            position to the outlet at the last one; for simulated rigs. None if it moves none.
    """

    device: str
    positions: tuple[str, ...] = ()
    start: str | None = field(default=None, metadata={"toml": "from"})
    end: str | None = field(default=None, metadata={"toml": "to"})
    points: int | None = None
    settle_s: float = 0.0
    over: str | None = None

    @property
    def count(self) -> int:
        """Number of positions."""
        return len(self.positions) if self.points is None else self.points

    def values(self, value_of: Callable[[object], Value]) -> tuple[Value, ...]:
        """What the device is told, in order.

        Args:
            value_of: a number or position of the device from a text, `DeviceEntry.value_of`.

        Raises:
            QuantityError: it does not take one of them.
        """
        if self.points is None or self.start is None or self.end is None:
            return tuple(value_of(one) for one in self.positions)
        first, last = float(value_of(self.start)), float(value_of(self.end))
        step = (last - first) / max(self.points - 1, 1)
        return (*(first + number * step for number in range(self.points - 1)), last)
