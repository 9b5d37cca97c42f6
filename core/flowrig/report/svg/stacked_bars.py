"""Stacked bars: one bar for each whole number on the x axis, divided by colour."""

from collections.abc import Mapping, Sequence

from flowrig.report.svg.charts import Axes, Axis, chart
from flowrig.report.svg.markup import Markup, tag

__all__ = ["bar_key", "stacked_bars"]

BAR = 0.86
"""Width of a bar, as a share of the distance of two."""


def stacked_bars(
    bars: Mapping[int, Mapping[str, float]],
    parts: Sequence[str],
    axes_labels: tuple[str, str],
    *,
    title: str,
) -> Markup:
    """A chart of stacked bars.

    Args:
        bars: by place on the x axis, the height of each part; missing parts have none.
        parts: the parts from below, in the order of their colours.
        axes_labels: of the x and the y axis.
        title: for those who cannot see the drawing.
    """
    highest = max((sum(one.values()) for one in bars.values()), default=1.0)
    axes = Axes(
        Axis(axes_labels[0], min(bars, default=1) - 1.0, max(bars, default=1) + 1.0, whole=True),
        Axis(axes_labels[1], 0.0, 1.06 * highest or 1.0),
        width=1040.0,
        height=280.0,
    )
    bottoms = dict.fromkeys(bars, 0.0)
    marks = []
    for style, part in enumerate(parts):
        paths = []
        for place, heights in bars.items():
            height = heights.get(part, 0.0)
            if height > 0.0:
                paths.append(_bar(axes, place, bottoms[place], height))
                bottoms[place] += height
        marks.append(tag("path", d="".join(paths), class_=f"bar b{style}") if paths else Markup())
    return chart(axes, *marks, title=title)


def _bar(axes: Axes, place: int, bottom: float, height: float) -> str:
    """The outline of one part of a bar, as a path."""
    left, right = axes.x_px(place - BAR / 2), axes.x_px(place + BAR / 2)
    low, high = axes.y_px(bottom), axes.y_px(bottom + height)
    return f"M{left:.1f} {low:.1f}V{high:.1f}H{right:.1f}V{low:.1f}Z"


def bar_key(style: int) -> Markup:
    """The colour of a part, for a legend."""
    return tag(
        "svg",
        tag("path", d="M-5 -5H5V5H-5Z", class_=f"bar b{style}"),
        viewBox="-7 -7 14 14",
        class_="symbol",
        aria_hidden="true",
    )
