"""The report of a digital twin as one HTML file."""

from collections.abc import Mapping

import numpy as np

from flowrig.learning.scores import Scores
from flowrig.report.page import document, figure, section, table, text_cell
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, legend, points, symbol
from flowrig.report.svg.heat_map import ramp
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.twin_drawings import (
    Drawn,
    ShownTwin,
    parity_drawings,
    shapley_drawing,
    surface_drawings,
    surface_range,
)
from flowrig.twin.study import TwinStudy

__all__ = ["render_twin"]


def render_twin(
    study: TwinStudy,
    title: str,
    surrogate: str,
    left_out: int = 0,
    *,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> str:
    """The report of a digital twin.

    Args:
        study: predictions and scores of the twin.
        title: name of the rig.
        surrogate: name of the model.
        left_out: number of experiments in the source without a usable value.
        labels: names for people, by response and condition, that of the objective under
            "objective"; by default their own names.
        units: unit of each response; none by default.

    Returns:
        an HTML document.
    """
    count, page = len(study.data), ShownTwin(study, labels or {}, units or {})
    missing = f", {left_out} without a value left out" if left_out else ""
    return document(
        f"Digital twin of {title}",
        tag(
            "header",
            tag("h1", "Digital twin"),
            tag("p", f"{title}; model {surrogate}, {count} experiments{missing}", class_="sub"),
        ),
        _scores(page, study),
        _parity(page),
        _learning(page, study),
        _attribution(page),
        _surfaces(page),
    )


def _scores(page: ShownTwin, study: TwinStudy) -> Markup:
    names = [one.name for one in (*page.responses, page.objective)]
    scores = (*study.scores.responses.values(), study.scores.objective)
    rows = zip(names, scores, strict=True)
    head = ("", "R²", "negative log density", "within 1 sd (68 %)", "within 1.96 sd (95 %)")
    introduction = (
        f"Every experiment predicted from four fifths of the others, {study.scores.repeats} times. "
        "The log density is per experiment, in standard deviations of the data; lower is better."
    )
    made = table(head, (_score_row(name, one) for name, one in rows))
    return section("How well it predicts", introduction, made)


def _score_row(name: str, scores: Scores) -> Markup:
    values = (scores.r2, scores.nll, scores.coverage68, scores.coverage95)
    cells = (tag("td", f"{value:.3f}".replace("-", "−")) for value in values)
    return tag("tr", text_cell(name), *cells)


def _parity(page: ShownTwin) -> Markup:
    study = page.study
    shares = {"in the training set": study.training, "not seen": ~study.training}
    keys = legend((symbol(style), name) for style, name in enumerate(shares))
    figures = [_figure(one) for one in parity_drawings(page)]
    return section(
        "Predicted against measured",
        "The twin learns from 80 % of the experiments and does not see the others. Bars are one "
        "standard deviation of a measurement.",
        tag("div", *figures, class_="small-multiples"),
        keys,
    )


def _learning(page: ShownTwin, study: TwinStudy) -> Markup:
    objective = page.objective
    sizes = [float(point.experiments) for point in study.learning]
    x = Axis.around("experiments in the training set", sizes)
    r2 = [point.r2 for point in study.learning]
    accuracy = Axes(x, Axis.around("R² of the others", [max(value, -0.2) for value in r2] + [1.0]))
    uncertainty = [point.sd_mean * objective.factor for point in study.learning]
    uncertain = Axes(
        x, Axis.around(f"uncertainty of {objective.label}", uncertainty, from_zero=True)
    )
    figures = [
        (accuracy, r2, [point.r2_sd for point in study.learning], "Accuracy"),
        (
            uncertain,
            uncertainty,
            [p.sd_spread * objective.factor for p in study.learning],
            "Uncertainty",
        ),
    ]
    drawn = [
        figure(
            chart(
                axes,
                curve(axes, sizes, values, "best-so-far"),
                points(axes, Series(style=0, x=sizes, y=values, sd=spread)),
                title=f"{name} over the number of experiments",
            )
        )
        for axes, values, spread, name in figures
    ]
    introduction = (
        "Random subsets of the experiments, the others predicted (bars: spread over the subsets), "
        "and the predicted standard deviation over random conditions (bars: spread over them). "
        "Where both curves are flat, more experiments of the same kind bring little."
    )
    return section(
        "Accuracy with more experiments", introduction, tag("div", *drawn, class_="small-multiples")
    )


def _attribution(page: ShownTwin) -> Markup:
    found = shapley_drawing(page)
    introduction = found.caption
    if page.study.space.has_choices:
        introduction += " The choices of a category have colours in the order of the profile."
    drawn = figure(tag("div", found.drawing, class_="wide"), ramp("low", "high"))
    return section("Which conditions matter", introduction, drawn)


def _surfaces(page: ShownTwin) -> Markup:
    study, objective = page.study, page.objective
    if not study.surfaces:
        return Markup()
    low, high = surface_range(page)
    figures = [_figure(one) for one in surface_drawings(page)]
    held = (
        "the others are held in the middle, for choices of the categories"
        if study.space.has_choices
        else "the others are held low, in the middle, and high"
    )
    forbidden = any(np.isnan(one.mean).any() for one in study.surfaces)
    blank = " Blank: conditions that a limit forbids." if forbidden else ""
    return section(
        f"{objective.name} over the strongest conditions",
        f"Two conditions at a time; {held}.{blank}",
        ramp(objective.text(low), objective.text(high)),
        tag("div", *figures, class_="small-multiples"),
    )


def _figure(one: Drawn) -> Markup:
    return figure(one.drawing, tag("figcaption", one.caption))
