"""Charts as inline SVG: axes with round ticks, lines, steps, points with error bars, spans.

A chart is drawn in its own pixel coordinates and scales with the page. Colours and fonts come from
the page's style sheet (`flowrig.report.svg.style`), so that one drawing serves light, dark and
paper; every series has a symbol of its own besides its colour.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from attrs import field, frozen
from numpy.typing import ArrayLike, NDArray

from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import decimals_for, grouped

__all__ = [
    "Axes",
    "Axis",
    "Series",
    "chart",
    "curve",
    "filled",
    "legend",
    "nice_ticks",
    "note",
    "points",
    "ring",
    "span",
    "steps",
    "symbol",
    "vertical",
]

LEFT, RIGHT, TOP, BOTTOM = 58.0, 20.0, 30.0, 42.0
SYMBOL_RADIUS = 4.0
SYMBOLS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "M-3.6 -3.6H3.6V3.6H-3.6Z",
    "M0 -5L5 0L0 5L-5 0Z",
    "M0 -4.8L4.6 3.4H-4.6Z",
    "M0 4.8L4.6 -3.4H-4.6Z",
    "M-5 -1.6H-1.6V-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5Z",
)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between two ends, at distances of 1, 2 or 5 times a power of 10.

    Raises:
        ValueError: `low` is not below `high`, or one of them is not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"expected finite ends with low below high, got {low} and {high}")
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


@frozen
class Axis:
    """One axis.

    Attributes:
        label: what is plotted, with its unit.
        low: value at the left or lower end.
        high: value at the right or upper end.
        whole: whether only whole numbers make sense.
        names: of the whole numbers from 0, for a category.
    """

    label: str
    low: float
    high: float
    whole: bool = False
    names: tuple[str, ...] = ()

    @classmethod
    def around(
        cls, label: str, values: ArrayLike, *, from_zero: bool = False, margin: float = 0.06
    ) -> "Axis":
        """An axis that shows all finite values with some margin.

        Args:
            label: what is plotted, with its unit.
            values: what must be seen, any shape.
            from_zero: whether 0 must be seen too.
            margin: free room at each end, as a fraction of the span.
        """
        array = np.asarray(values, dtype=float)
        shown = array[np.isfinite(array)]
        low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0)
        if from_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        room = (high - low) * margin or abs(high) * margin or 1.0
        return cls(label, low if from_zero and low == 0.0 else low - room, high + room)

    def ticks(self, count: int) -> list[float]:
        """Round values along the axis."""
        if self.names:
            return [float(number) for number in range(len(self.names))]
        found = nice_ticks(self.low, self.high, count)
        return [value for value in found if value == round(value)] if self.whole else found


@frozen
class Axes:
    """Two axes and the size of the drawing [px]."""

    x: Axis
    y: Axis
    width: float = 420.0
    height: float = 300.0

    @property
    def left(self) -> float:
        """Left end of the plot [px]."""
        return LEFT

    @property
    def right(self) -> float:
        """Right end of the plot [px]."""
        return self.width - RIGHT

    @property
    def top(self) -> float:
        """Upper end of the plot [px]."""
        return TOP

    @property
    def bottom(self) -> float:
        """Lower end of the plot [px]."""
        return self.height - BOTTOM

    def x_px(self, value: float) -> float:
        """Where a value is, from the left [px]."""
        return self.left + (value - self.x.low) / (self.x.high - self.x.low) * (
            self.right - self.left
        )

    def y_px(self, value: float) -> float:
        """Where a value is, from the top [px]."""
        return self.bottom - (value - self.y.low) / (self.y.high - self.y.low) * (
            self.bottom - self.top
        )


@frozen(kw_only=True, eq=False)
class Series:
    """Points that belong together.

    Attributes:
        style: which colour and symbol, from 0.
        x: shape `n`.
        y: shape `n`.
        sd: half lengths of the error bars, shape `n`; None draws none.
        hints: what each point says under the mouse, `n` of them; empty says nothing.
        hollow: which points are drawn as outlines, `n` of them; empty fills all.
    """

    style: int
    x: Sequence[float]
    y: Sequence[float]
    sd: Sequence[float] | None = None
    hints: Sequence[str] = field(factory=tuple)
    hollow: Sequence[bool] = field(factory=tuple)


def chart(axes: Axes, *marks: Markup, title: str) -> Markup:
    """The drawing: grid, marks in the order given, and a title for those who cannot see it."""
    return tag(
        "svg",
        tag("title", title),
        _grid(axes),
        *marks,
        viewBox=f"0 0 {axes.width:g} {axes.height:g}",
        role="img",
        aria_label=title,
        class_="chart",
    )


def legend(names: Iterable[tuple[Markup, str]]) -> Markup:
    """Keys below a chart: a symbol and a name each."""
    return tag(
        "p",
        *(tag("span", mark, " ", name, class_="key") for mark, name in names),
        class_="legend",
    )


def symbol(style: int) -> Markup:
    """The symbol of a series, for a legend."""
    return tag(
        "svg",
        tag("path", d=SYMBOLS[style % len(SYMBOLS)], class_=f"point s{style % len(SYMBOLS)}"),
        viewBox="-7 -7 14 14",
        class_="symbol",
        aria_hidden="true",
    )


def points(axes: Axes, series: Series) -> Markup:
    """The points of a series, with error bars where it has them, inside the plot only."""
    style = series.style % len(SYMBOLS)
    marks = []
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        at_x, at_y = axes.x_px(x), axes.y_px(y)
        drawn = [tag("title", series.hints[i])] if series.hints else []
        if series.sd is not None:
            drawn.append(_error_bar(axes, at_x, y, series.sd[i]))
        drawn.append(
            tag(
                "path",
                d=SYMBOLS[style],
                transform=f"translate({at_x:.1f} {at_y:.1f})",
                class_="point hollow" if series.hollow and series.hollow[i] else "point",
            )
        )
        marks.append(tag("g", *drawn))
    return tag("g", *marks, class_=f"s{style}")


def curve(axes: Axes, x: ArrayLike, y: ArrayLike, class_: str) -> Markup:
    """A line through points in the order given; it breaks where a value is not finite."""
    xs, ys = _inside(axes, x, y)
    runs = np.split(np.arange(xs.size), np.flatnonzero(~np.isfinite(ys)))
    path = "".join(
        "M" + "L".join(f"{axes.x_px(xs[i]):.1f} {axes.y_px(ys[i]):.1f}" for i in kept)
        for run in runs
        if (kept := [int(i) for i in run if np.isfinite(ys[i])])
    )
    return tag("path", d=path, class_=class_) if path else Markup()


def filled(axes: Axes, x: ArrayLike, y: ArrayLike, class_: str) -> Markup:
    """The area between a curve and the zero line."""
    xs, ys = _inside(axes, x, y)
    keep = np.isfinite(ys)
    if not keep.any():
        return Markup()
    zero = axes.y_px(min(max(0.0, axes.y.low), axes.y.high))
    path = "L".join(
        f"{axes.x_px(a):.1f} {axes.y_px(b):.1f}" for a, b in zip(xs[keep], ys[keep], strict=True)
    )
    first, last = axes.x_px(xs[keep][0]), axes.x_px(xs[keep][-1])
    return tag("path", d=f"M{first:.1f} {zero:.1f}L{path}L{last:.1f} {zero:.1f}Z", class_=class_)


def steps(axes: Axes, x: Sequence[float], y: Sequence[float], class_: str) -> Markup:
    """A line that keeps each value until the next point, and the last one to the right end."""
    if not x:
        return Markup()
    path = f"M{axes.x_px(x[0]):.1f} {axes.y_px(y[0]):.1f}"
    for at_x, at_y in zip(x[1:], y[1:], strict=True):
        path += f"H{axes.x_px(at_x):.1f}V{axes.y_px(at_y):.1f}"
    return tag("path", d=f"{path}H{axes.right:.1f}", class_=class_)


def span(axes: Axes, low: float, high: float, label: str) -> Markup:
    """A shaded range of x with a label inside its upper end."""
    left, right = (axes.x_px(min(max(value, axes.x.low), axes.x.high)) for value in (low, high))
    return tag(
        "g",
        tag("rect", x=left, y=axes.top, width=right - left, height=axes.bottom - axes.top),
        tag("text", label, x=(left + right) / 2, y=axes.top + 14, text_anchor="middle"),
        class_="span",
    )


def vertical(axes: Axes, x: float, label: str) -> Markup:
    """A dashed vertical line with a label at its upper right."""
    at = axes.x_px(x)
    return tag(
        "g",
        tag("path", d=f"M{at:.1f} {axes.top:.1f}V{axes.bottom:.1f}"),
        tag("text", label, x=at + 5, y=axes.top + 14),
        class_="marker",
    )


def ring(axes: Axes, x: float, y: float, class_: str) -> Markup:
    """A ring around one point."""
    return tag("circle", cx=axes.x_px(x), cy=axes.y_px(y), r=SYMBOL_RADIUS * 2, class_=class_)


def note(axes: Axes, x: float, y: float, text: str) -> Markup:
    """Words above one point, kept inside the plot."""
    at = axes.x_px(x)
    anchor = "end" if at > axes.right - 60 else "start" if at < axes.left + 60 else "middle"
    shift = {"end": 9.0, "start": -9.0, "middle": 0.0}[anchor]
    return tag("text", text, x=at + shift, y=axes.y_px(y) - 13, text_anchor=anchor, class_="note")


def _grid(axes: Axes) -> Markup:
    x_ticks = axes.x.ticks(max(3, int(axes.width // 55)))
    y_ticks = axes.y.ticks(max(3, int(axes.height // 48)))
    x_decimals, y_decimals = _tick_decimals(x_ticks), _tick_decimals(y_ticks)
    rows = [
        join(
            tag("path", d=f"M{axes.left:.1f} {axes.y_px(v):.1f}H{axes.right:.1f}"),
            tag(
                "text",
                axes.y.names[int(v)] if axes.y.names else grouped(v, y_decimals),
                x=axes.left - 7,
                y=axes.y_px(v) + 4,
                text_anchor="end",
            ),
        )
        for v in y_ticks
    ]
    columns = [
        join(
            tag("path", d=f"M{axes.x_px(v):.1f} {axes.bottom:.1f}v4", class_="tick"),
            tag(
                "text",
                axes.x.names[int(v)] if axes.x.names else grouped(v, x_decimals),
                x=axes.x_px(v),
                y=axes.bottom + 17,
                text_anchor="middle",
            ),
        )
        for v in x_ticks
    ]
    return tag(
        "g",
        *rows,
        *columns,
        tag("path", d=f"M{axes.left:.1f} {axes.bottom:.1f}H{axes.right:.1f}", class_="axis"),
        tag("text", axes.y.label, x=4.0, y=16.0, class_="label"),
        tag(
            "text",
            axes.x.label,
            x=axes.right,
            y=axes.height - 7,
            text_anchor="end",
            class_="label",
        ),
        class_="grid",
    )


def _tick_decimals(ticks: Sequence[float]) -> int:
    return decimals_for([ticks[1] - ticks[0]], 1) if len(ticks) > 1 else 0


def _error_bar(axes: Axes, at_x: float, y: float, sd: float) -> Markup:
    low, high = (axes.y_px(min(max(value, axes.y.low), axes.y.high)) for value in (y - sd, y + sd))
    return tag("path", d=f"M{at_x:.1f} {low:.1f}V{high:.1f}", class_="error")


def _inside(
    axes: Axes, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The part of a curve inside the x axis, cut off at the ends of the y axis."""
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    keep = (xs >= axes.x.low) & (xs <= axes.x.high)
    return xs[keep], np.clip(ys[keep], axes.y.low, axes.y.high)
