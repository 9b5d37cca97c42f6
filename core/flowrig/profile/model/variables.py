"""What an optimizer chooses, what no variable decides, what a loop keeps, and windows."""

from attrs import field, frozen

from flowrig.problem.space import Parameter
from flowrig.profile.expressions import Expression, Unit
from flowrig.profile.model.analysis import Window
from flowrig.profile.quantity import QuantityError, parse_of_a_device

__all__ = ["Choice", "ControlLoop", "ExpressionLimit", "Setting", "Variable"]

PER = " per "
"""Stands in a gain between the change of the reading and the change that causes it."""


@frozen
class Setting:
    """An equation: what the two expressions give is the same.

    Attributes:
        left: the key in TOML.
        right: the value in TOML.
    """

    left: Expression
    right: Expression

    @property
    def key(self) -> str:
        """The key in TOML."""
        return self.left.text


@frozen
class Choice:
    """One choice of a category.

    Attributes:
        name: its name; without settings, the position of a device, or the stream that flows.
        settings: equations that hold where it is chosen.
    """

    name: str
    settings: tuple[Setting, ...] = ()


@frozen(kw_only=True)
class Variable:
    """A condition that an optimizer chooses.

    At most one of `heater`, `stream`, `device` and `expression` is given; with `choices` none of
    them but `device`.

    Attributes:
        name: name in reports.
        heater: the device whose set point is chosen.
        stream: the stream whose flow rate is chosen.
        expression: the expression over controls whose value is chosen; `is` in TOML.
        range: lower and upper bound, in `unit`; of a category the first and last number.
        step: distance of the allowed values from the lower bound on; None allows all values.
        choices: the choices of a category.
        device: the device whose number or position is chosen; `is` in TOML.
        quantity: unit of an expression's range.
    """

    name: str
    range: Window
    heater: str | None = None
    stream: str | None = None
    step: float | None = None
    expression: Expression | None = field(default=None, metadata={"toml": "is"})
    choices: tuple[Choice, ...] = ()
    device: str | None = None
    quantity: Unit = field(factory=Unit)

    @property
    def unit(self) -> str:
        """ "°C", "µL/min", "s" …; "" for a plain number and for a category."""
        if self.heater is not None:
            return "°C"
        return "µL/min" if self.stream is not None else self.quantity.name

    @property
    def parameter(self) -> Parameter:
        """The condition of the search space."""
        if self.choices:
            return Parameter.category(self.name, [one.name for one in self.choices])
        low, high = self.range
        # The rules refuse a step that does not fit, with its place; until then there is none.
        fits = self.step is not None and 0.0 < self.step <= high - low
        return Parameter(self.name, low, high, self.unit, self.step if fits else None)


@frozen
class ExpressionLimit:
    """A window on an expression over controls.

    Attributes:
        expression: the key in TOML.
        window: lower and upper limit, in `quantity`.
        quantity: unit of the window.
    """

    expression: Expression
    window: Window
    quantity: Unit


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
