"""Optimizers side by side, as one HTML file."""

from collections.abc import Sequence

from flowrig.report.page import document, figure, section, table, text_cell
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, legend, points, symbol
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.numbers import Quantity, with_unit
from flowrig.twin.comparison import RegretCurves

__all__ = ["render_comparison"]

COLOURS = 6
"""Number of colours for series in the style sheet."""


def render_comparison(
    curves: Sequence[RegretCurves], objective: Quantity, *, title: str, start: int, seeds: int
) -> str:
    """The report of a comparison.

    Args:
        curves: one for each optimizer.
        objective: its name, unit and factor.
        title: the campaign on whose twin the optimizers were compared.
        start: number of experiments before the optimizers choose.
        seeds: number of campaigns of each optimizer.

    Returns:
        an HTML document.
    """
    head = ("", "final regret", "mean regret", "per decision")
    return document(
        f"Optimizers on {title}",
        tag("header", tag("h1", "Optimizers side by side"), tag("p", title, class_="sub")),
        section(
            "Regret",
            f"Distance of the best condition so far from the optimum: medians of {seeds} "
            "campaigns with their quartiles, without noise. All begin with the same "
            f"{start} conditions.",
            figure(
                tag("div", _regret_chart(curves, objective, start), class_="wide"),
                legend((symbol(i), one.optimizer) for i, one in enumerate(curves)),
            ),
        ),
        section("In numbers", "", table(head, (_row(one, objective) for one in curves))),
    )


def _regret_chart(curves: Sequence[RegretCurves], objective: Quantity, start: int) -> Markup:
    """Median and quartiles of each optimizer's regret, from the last experiment of the start on."""
    count = curves[0].quartiles.shape[1]
    highest = [max(row[start - 1] for row in one.quartiles) * objective.factor for one in curves]
    axes = Axes(
        Axis("experiment", start - 1.0, count + 1.0, whole=True),
        Axis.around(f"regret in {objective.label}", [0.0, *highest], from_zero=True),
        width=1040.0,
        height=380.0,
    )
    shown = slice(max(start - 1, 0), None)
    x = [float(i) for i in range(1, count + 1)][shown]
    marks = []
    for style, one in enumerate(curves):
        lower, middle, upper = (one.quartiles * objective.factor)[:, shown]
        marks += [
            tag("g", curve(axes, x, quartile, "quartile"), class_=f"s{style % COLOURS}")
            for quartile in (lower, upper)
        ]
        marks.append(points(axes, Series(style=style, x=x, y=list(middle))))
    return chart(axes, *marks, title="Regret")


def _row(one: RegretCurves, objective: Quantity) -> Markup:
    numbers = (
        objective.text(one.final), objective.text(one.area), with_unit(one.decision_s, "s", 2)
    )  # fmt: skip
    return tag("tr", text_cell(one.optimizer), *(tag("td", number) for number in numbers))
