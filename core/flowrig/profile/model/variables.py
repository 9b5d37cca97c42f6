"""What an optimizer chooses, what no variable decides, and windows on expressions."""

from attrs import field, frozen

from flowrig.problem.space import Parameter
from flowrig.profile.expressions import Expression, Unit
from flowrig.profile.model.analysis import Window

__all__ = ["Choice", "ExpressionLimit", "Setting", "Variable"]


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
