"""Linear forms of what is set on a rig, and quotients of two of them."""

from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["Form", "Ratio"]


@frozen
class Form:
    """`constant + sum(factor * name)`."""

    constant: float = 0.0
    factors: Mapping[str, float] = field(factory=dict)

    def scaled(self, by: float) -> "Form":
        """The form times a number."""
        factors = {name: one * by for name, one in self.factors.items()}
        return Form(self.constant * by, {name: one for name, one in factors.items() if one})

    def plus(self, other: "Form") -> "Form":
        """The sum of two forms."""
        sums = dict(self.factors)
        for name, one in other.factors.items():
            sums[name] = sums.get(name, 0.0) + one
        return Form(
            self.constant + other.constant, {name: one for name, one in sums.items() if one}
        )

    def times(self, other: "Form") -> "Form | None":
        """The product of two forms; None if it is not linear."""
        if not other.factors:
            return self.scaled(other.constant)
        return None if self.factors else other.scaled(self.constant)

    def value(self, values: Mapping[str, float]) -> float:
        """The value of the form, given those of its names."""
        return self.constant + sum(one * values[name] for name, one in self.factors.items())


@frozen
class Ratio:
    """The quotient of two linear forms."""

    above: Form
    below: Form = Form(1.0)

    @property
    def names(self) -> frozenset[str]:
        """The names in either form."""
        return frozenset((*self.above.factors, *self.below.factors))

    def scaled(self, by: float) -> "Ratio":
        """The quotient times a number."""
        return Ratio(self.above.scaled(by), self.below)

    def value(self, values: Mapping[str, float]) -> float:
        """The value of the quotient, given those of its names; nan if it divides by zero."""
        below = self.below.value(values)
        return self.above.value(values) / below if below else float("nan")
