"""Lines: components that exist several times side by side, fed from one flow (numbering-up)."""

from attrs import frozen

__all__ = ["LINES", "MOST_LINES", "Lines", "name_in"]

LINES = "lines"
"""What a scan goes over that looks at one line after the other."""

MOST_LINES = 64
"""Most lines of one rig."""


@frozen(kw_only=True)
class Lines:
    """Components that exist several times; what leads into them divides, what follows joins.

    The path of a checked profile has each of them once for each line, by the name of the component
    and the number of the line: "reactor.3".

    Attributes:
        count: number of lines.
        parts: the components that exist in each line.
        shares: share of the flow into each line, in order; `()` for equal ones.
    """

    count: int
    parts: tuple[str, ...]
    shares: tuple[float, ...] = ()

    def share(self, line: int) -> float:
        """Share of the flow into a line, counted from 1."""
        if not self.shares:
            return 1.0 / self.count
        return self.shares[line - 1] / sum(self.shares)

    @property
    def slowest(self) -> int:
        """The line with the smallest share, counted from 1: liquid stays longest in it."""
        return min(range(1, self.count + 1), key=self.share)

    def names(self, part: str) -> tuple[str, ...]:
        """The names of a part in all lines, in order."""
        return tuple(name_in(part, line) for line in range(1, self.count + 1))

    def line_of(self, component: str) -> int | None:
        """The line to which a component belongs, from 1; None for a component outside of them."""
        part, _, line = component.rpartition(".")
        return int(line) if part in self.parts and line.isdecimal() else None


def name_in(part: str, line: int) -> str:
    """The name of a part in a line, counted from 1."""
    return f"{part}.{line}"
