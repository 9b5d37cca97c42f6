"""Panels of studies and papers as charts."""

from collections.abc import Sequence

from attrs import evolve, field, frozen

from flowrig.interfaces.study import Panel
from flowrig.report.svg.charts import (
    SYMBOLS,
    Axes,
    Axis,
    Series,
    chart,
    curve,
    points,
    symbol,
    vertical,
)
from flowrig.report.svg.markup import Markup, tag

__all__ = ["DrawnPanel", "panel_drawing"]

WIDTH, HEIGHT = 420.0, 260.0
"""Size of a panel [px]."""

ROW = 18.0
"""Height of a row of a legend [px]."""


@frozen
class DrawnPanel:
    """A panel as a chart.

    Attributes:
        drawing: the chart.
        keys: symbol and name of each series with symbols.
    """

    drawing: Markup
    keys: Sequence[tuple[Markup, str]]


@frozen
class _WithLegend(Axes):
    """Axes with a legend above the plot."""

    rows: int = field(default=0, kw_only=True)

    @property
    def top(self) -> float:
        return super().top + ROW * self.rows


def panel_drawing(panel: Panel, *, has_legend: bool = False) -> DrawnPanel:
    """A panel as a chart.

    Args:
        panel: the panel.
        has_legend: whether several series are named inside the drawing, for a file of its own.
    """
    xs = [x for one in panel.series for x in one.x] + list(panel.marks.values())
    spread = [
        y + sign * sd
        for one in panel.series
        for y, sd in zip(one.y, one.sd or [0.0] * len(one.y), strict=True)
        for sign in (-1.0, 1.0)
    ]
    named = [(style, one.name) for style, one in enumerate(panel.series) if not one.line]
    rows = len(named) if has_legend and len(named) > 1 else 0
    axes = _WithLegend(
        evolve(Axis.around(panel.x, xs), names=panel.names),
        Axis.around(panel.y, spread, margin=0.12),
        width=WIDTH,
        height=HEIGHT + ROW * rows,
        rows=rows,
    )
    marks = [vertical(axes, x, label) for label, x in panel.marks.items()]
    for style, one in enumerate(panel.series):
        if one.line:
            marks.append(curve(axes, one.x, one.y, "best-so-far"))
        else:
            marks.append(points(axes, Series(style=style, x=one.x, y=one.y, sd=one.sd or None)))
    marks += [_key(axes, row, *key) for row, key in enumerate(named[:rows])]
    drawn = chart(axes, *marks, title=f"{panel.y} over {panel.x}")
    return DrawnPanel(drawn, [(symbol(style), name) for style, name in named])


def _key(axes: _WithLegend, row: int, style: int, name: str) -> Markup:
    """A row of the legend: a symbol and a name."""
    y = axes.top - ROW * (axes.rows - row)
    at = f"translate({axes.left + 6:.1f} {y:.1f})"
    number = style % len(SYMBOLS)
    return tag(
        "g",
        tag("path", d=SYMBOLS[number], transform=at, class_="point"),
        tag("text", name, x=axes.left + 16, y=y + 4),
        class_=f"s{number}",
    )
