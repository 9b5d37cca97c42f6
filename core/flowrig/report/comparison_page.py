"""Optimizers side by side, as one HTML file."""

from collections.abc import Sequence

from flowrig.report.page import document, section
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, legend, points, symbol
from flowrig.report.svg.markup import tag
from flowrig.report.svg.numbers import Quantity, with_unit
from flowrig.twin.comparison import Curves

__all__ = ["render_comparison"]


def render_comparison(
    curves: Sequence[Curves], merit: Quantity, *, title: str, start: int, seeds: int
) -> str:
    """The report of a comparison.

    Args:
        curves: one for each optimizer.
        merit: the figure of merit, as it is shown.
        title: what they were compared on.
        start: how many experiments they did not choose.
        seeds: campaigns of each.

    Returns:
        an HTML document.
    """
    count = curves[0].quartiles.shape[1]
    most = [max(row[start - 1] for row in one.quartiles) * merit.factor for one in curves]
    axes = Axes(
        Axis("experiment", start - 1.0, count + 1.0, whole=True),
        Axis.around(f"regret in {merit.label}", [0.0, *most], from_zero=True),
        width=1040.0,
        height=380.0,
    )
    marks = []
    for style, one in enumerate(curves):
        lower, middle, upper = one.quartiles * merit.factor
        x = [float(i) for i in range(1, count + 1)]
        shown = slice(max(start - 1, 0), None)
        marks += [
            tag("g", curve(axes, x[shown], quartile[shown], "quartile"), class_=f"s{style % 6}")
            for quartile in (lower, upper)
        ]
        marks.append(points(axes, Series(style=style, x=x[shown], y=list(middle[shown]))))
    table = tag(
        "table",
        tag(
            "thead",
            tag("tr", *(tag("th", h) for h in ("", "final regret", "mean regret", "per decision"))),
        ),
        tag("tbody", *(_row(one, merit) for one in curves)),
    )
    return document(
        f"Optimizers on {title}",
        tag("header", tag("h1", "Optimizers side by side"), tag("p", title, class_="sub")),
        section(
            "Regret",
            f"How far the best condition so far is from the best there is: medians of {seeds} "
            "campaigns with their quartiles, without noise. All begin with the same "
            f"{start} conditions.",
            tag(
                "figure",
                tag("div", chart(axes, *marks, title="Regret"), class_="wide"),
                legend((symbol(i), one.contender) for i, one in enumerate(curves)),
                class_="card",
            ),
        ),
        section("In numbers", "", tag("div", table, class_="card scroll")),
    )


def _row(one: Curves, merit: Quantity) -> str:
    cells = (merit.text(one.final), merit.text(one.area), with_unit(one.decision_s, "s", 2))
    return tag("tr", tag("td", one.contender, class_="text"), *(tag("td", c) for c in cells))
