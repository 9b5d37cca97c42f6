"""A map of values over two conditions, as inline SVG."""

import numpy as np
from numpy.typing import NDArray

from flowrig.report.svg.charts import Axes, chart
from flowrig.report.svg.markup import Markup, tag

__all__ = ["color_of", "heat_map", "ramp"]

Array = NDArray[np.float64]

STOPS = (
    (0x44, 0x01, 0x54),
    (0x3B, 0x52, 0x8B),
    (0x21, 0x91, 0x8C),
    (0x5E, 0xC9, 0x62),
    (0xFD, 0xE7, 0x25),
)
"""Colours of viridis (Smith & van der Walt, matplotlib, CC0) at even distances, dark to light."""


def color_of(fraction: float) -> str:
    """The colour of a value between the lowest (0) and the highest (1), as "#rrggbb"."""
    place = min(max(fraction, 0.0), 1.0) * (len(STOPS) - 1)
    index = min(int(place), len(STOPS) - 2)
    share = place - index
    mixed = (
        round(a + share * (b - a)) for a, b in zip(STOPS[index], STOPS[index + 1], strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def heat_map(axes: Axes, values: Array, low: float, high: float, title: str) -> Markup:
    """A map over a grid that fills the axes.

    Args:
        axes: the two conditions.
        values: shape `g x h`; rows run along x, columns along y; nan is left blank.
        low: value of the darkest colour.
        high: value of the lightest colour.
        title: for those who cannot see it.
    """
    wide, tall = values.shape
    step_x, step_y = (axes.right - axes.left) / wide, (axes.bottom - axes.top) / tall
    width = high - low or 1.0
    cells = [
        tag(
            "rect",
            x=axes.left + i * step_x,
            y=axes.bottom - (j + 1) * step_y,
            width=step_x + 0.4,
            height=step_y + 0.4,
            fill=color_of((float(values[i, j]) - low) / width),
        )
        for i in range(wide)
        for j in range(tall)
        if np.isfinite(values[i, j])
    ]
    return chart(axes, tag("g", *cells, shape_rendering="crispEdges"), title=title)


def ramp(low: str, high: str) -> Markup:
    """The colours from the lowest to the highest value, with their names, for a legend."""
    bars = [
        tag("rect", x=4.0 * i, y=0.0, width=4.4, height=12.0, fill=color_of(i / 39))
        for i in range(40)
    ]
    drawing = tag("svg", *bars, viewBox="0 0 160 12", class_="ramp", aria_hidden="true")
    return tag("p", tag("span", low, " ", drawing, " ", high, class_="key"), class_="legend")
