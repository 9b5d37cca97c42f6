"""Control loops of a profile: a reading that a stream or a device keeps at a value."""

from attrs import frozen

from flowrig.profile.model.analysis import Window
from flowrig.profile.quantity import QuantityError, parse_of_a_device

__all__ = ["ControlLoop"]

PER = " per "
"""Stands in a gain between the change of the reading and the change that causes it."""


@frozen(kw_only=True)
class ControlLoop:
    """A reading that is kept at a value, by the flow rate of a stream or the number of a device.

    Attributes:
        name: name of the loop; a variable or a setting of this name decides the value.
        reading: what is kept, DEVICE.QUANTITY.
        by: the stream whose flow rate, or the device whose number, is changed.
        within: lowest and highest value to which it is changed, as texts of the profile.
        at: the value at which the reading is kept, as a text; None where a variable or a setting
            decides it.
        gain: by how much the reading changes, PER what change of `by`, as a text; None where the
            flow path tells it.
        every_s: time [s] between two corrections. It is longer than the reading takes to follow.
        proportional: share of a change of the error that a correction answers.
        integral: share of the error that a correction takes away.
        tolerance: largest error, as a fraction of the value, that is not corrected.
        grace_s: time [s] for which the reading may be missing or still, or `by` at a limit, before
            that is told.
    """

    name: str
    reading: str
    by: str
    within: tuple[str, str]
    at: str | None = None
    gain: str | None = None
    every_s: float = 20.0
    proportional: float = 0.0
    integral: float = 0.5
    tolerance: float = 0.01
    grace_s: float = 60.0

    @property
    def device(self) -> str:
        """The device that reports the reading."""
        return self.reading.partition(".")[0]

    def window(self, unit: str) -> Window:
        """The limits of `by`, in its unit.

        Raises:
            QuantityError: they are no such quantities, or the first is not below the second.
        """
        low, high = (parse_of_a_device(one, unit) for one in self.within)
        if not low < high:
            message = f"the lower bound {self.within[0]} is not below the upper, {self.within[1]}"
            raise QuantityError(message, "the lower bound first")
        return low, high

    def gain_in(self, reading: str, by: str) -> float | None:
        """The gain that the profile gives, in the unit of the reading for one unit of `by`.

        Args:
            reading: unit of the reading.
            by: unit of what is changed.

        Raises:
            QuantityError: it is none, or 0.
        """
        if self.gain is None:
            return None
        effect, per, cause = self.gain.partition(PER)
        expected = f'a text such as "1 {reading}{PER}10 {by}"'
        if not per:
            raise QuantityError(f"got {self.gain!r}", expected)
        try:
            up, down = parse_of_a_device(effect, reading), parse_of_a_device(cause, by)
        except QuantityError as error:
            raise QuantityError(error.message, expected) from error
        if not (up and down):
            raise QuantityError(f"got {self.gain!r}, which has no effect", expected)
        return up / down
