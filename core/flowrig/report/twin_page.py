"""The report of a digital twin as one HTML file."""

import math
from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.learning.scores import Scores
from flowrig.problem.space import Parameter
from flowrig.report.page import document, figure, section, table, text_cell
from flowrig.report.quantities import shown_condition, shown_feature, shown_objective
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, legend, points, symbol
from flowrig.report.svg.heat_map import color_of, heat_map, ramp
from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import Quantity
from flowrig.twin.study import SplitR2, TwinStudy
from flowrig.twin.surfaces import Surface

__all__ = ["render_twin"]

Array = NDArray[np.float64]

SPREAD = 0.36
"""Largest distance of a point of a swarm from its line, in lines."""


@frozen
class _Page:
    """A study, and how its quantities are shown.

    Attributes:
        study: predictions and scores of the twin.
        labels: names for people, by response and condition; `labels` of the profile.
        units: unit of each response.
    """

    study: TwinStudy
    labels: Mapping[str, str]
    units: Mapping[str, str]

    @property
    def objective(self) -> Quantity:
        return shown_objective(self.study.data.objective, self.labels)

    @property
    def responses(self) -> list[Quantity]:
        names = self.study.data.objective.responses
        return [shown_feature(name, self.units.get(name, ""), self.labels) for name in names]

    @property
    def conditions(self) -> list[Quantity]:
        return [shown_condition(one, self.labels) for one in self.study.space.parameters]


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
    count, page = len(study.data), _Page(study, labels or {}, units or {})
    missing = f", {left_out} without a value left out" if left_out else ""
    return document(
        f"Digital twin of {title}",
        tag(
            "header",
            tag("h1", "Digital twin"),
            tag("p", f"{title}; model {surrogate}, {count} experiments{missing}", class_="sub"),
        ),
        _scores(page),
        _parity(page),
        _learning(page),
        _attribution(page),
        _surfaces(page),
    )


def _scores(page: _Page) -> Markup:
    study = page.study
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


@frozen(eq=False)
class _Column:
    quantity: Quantity
    measured: Array
    mean: Array
    sd: Array
    r2: SplitR2


def _columns(page: _Page) -> list[_Column]:
    study, predicted = page.study, page.study.predicted
    *of_responses, of_objective = study.split
    columns = [
        _Column(quantity, study.data.Y[:, j], predicted.mean[:, j], predicted.sd[:, j], r2)
        for j, (quantity, r2) in enumerate(zip(page.responses, of_responses, strict=True))
    ]
    measured = study.data.objective_values
    mean, sd = predicted.objective_mean, predicted.objective_sd
    return [*columns, _Column(page.objective, measured, mean, sd, of_objective)]


def _parity(page: _Page) -> Markup:
    study = page.study
    shares = {"in the training set": study.training, "not seen": ~study.training}
    keys = legend((symbol(style), name) for style, name in enumerate(shares))
    figures = [_parity_figure(column, study.training) for column in _columns(page)]
    return section(
        "Predicted against measured",
        "The twin learns from 80 % of the experiments and does not see the others. Bars are one "
        "standard deviation of a measurement.",
        tag("div", *figures, class_="small-multiples"),
        keys,
    )


def _parity_figure(column: _Column, training: NDArray[np.bool_]) -> Markup:
    factor, quantity = column.quantity.factor, column.quantity
    seen = np.concatenate([column.measured, column.mean - column.sd, column.mean + column.sd])
    both = Axis.around(f"measured {quantity.label}", seen * factor)
    axes = Axes(both, Axis(f"predicted {quantity.label}", both.low, both.high), 380.0, 360.0)
    marks = [curve(axes, [both.low, both.high], [both.low, both.high], "diagonal")]
    for style, rows in enumerate((np.flatnonzero(training), np.flatnonzero(~training))):
        series = Series(
            style=style,
            x=[float(column.measured[i]) * factor for i in rows],
            y=[float(column.mean[i]) * factor for i in rows],
            sd=[float(column.sd[i]) * factor for i in rows],
            hints=[
                f"measured {quantity.text(float(column.measured[i]))}, predicted "
                f"{quantity.text(float(column.mean[i]), float(column.sd[i]))}"
                for i in rows
            ],
        )
        marks.append(points(axes, series))
    drawing = chart(axes, *marks, title=f"Predicted against measured {quantity.name}")
    seen_r2, unseen_r2 = (
        f"{value:.3f}".replace("-", "−") for value in (column.r2.seen, column.r2.unseen)
    )
    words = (
        f"R² = {seen_r2} of the {training.sum()} experiments in the training set, "
        f"{unseen_r2} of the {(~training).sum()} others."
    )
    return figure(drawing, tag("figcaption", words))


def _learning(page: _Page) -> Markup:
    study, objective = page.study, page.objective
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


def _attribution(page: _Page) -> Markup:
    study, objective = page.study, page.objective
    ranking = study.attribution.ranking
    values = study.attribution.values * objective.factor
    lines = len(ranking)
    axes = Axes(
        Axis.around(f"effect on {objective.label}", values),
        Axis("", 0.5, lines + 0.5),
        width=760.0,
        height=80.0 + 44.0 * lines,
    )
    marks = [curve(axes, [0.0, 0.0], [0.5, lines + 0.5], "diagonal")]
    for place, column in enumerate(ranking):
        parameter = study.space.parameters[column]
        levels, shown = study.data.X[:, column], page.conditions[column]
        marks.append(_swarm(axes, lines - place, values[:, column], levels, (parameter, shown)))
    order = ", ".join(page.conditions[column].name for column in ranking)
    drawing = _without_ticks(axes, marks)
    base = objective.text(study.attribution.base)
    introduction = (
        f"Exact Shapley values: the contribution of each condition to the prediction of every "
        f"experiment, relative to the mean, {base}. "
        f"From the strongest: {order}."
    )
    if study.space.has_choices:
        introduction += " The choices of a category have colours in the order of the profile."
    drawn = figure(tag("div", drawing, class_="wide"), ramp("low", "high"))
    return section("Which conditions matter", introduction, drawn)


def _without_ticks(axes: Axes, marks: list[Markup]) -> Markup:
    ticks = axes.x.ticks(8)
    grid = [
        join(
            tag("path", d=f"M{axes.x_px(v):.1f} {axes.top:.1f}V{axes.bottom:.1f}"),
            tag(
                "text",
                f"{v:g}".replace("-", "−"),
                x=axes.x_px(v),
                y=axes.bottom + 17,
                text_anchor="middle",
            ),
        )
        for v in ticks
    ]
    label = tag(
        "text", axes.x.label, x=axes.right, y=axes.height - 7, text_anchor="end", class_="label"
    )
    return tag(
        "svg",
        tag("title", "Shapley values of every condition and experiment"),
        tag("g", *grid, label, class_="grid"),
        *marks,
        viewBox=f"0 0 {axes.width:g} {axes.height:g}",
        role="img",
        class_="chart",
    )


def _swarm(
    axes: Axes, line: int, effects: Array, levels: Array, condition: tuple[Parameter, Quantity]
) -> Markup:
    """One condition's values side by side on a line, coloured by the condition."""
    parameter, shown = condition
    shifts = _spread_out(effects, (axes.x.high - axes.x.low) / 90.0)
    dots = []
    for effect, level, shift in zip(effects, levels, shifts, strict=True):
        number = parameter.low + float(level) * (parameter.high - parameter.low)
        value = parameter.value_of(number) if parameter.choices else f"{number:.4g}"
        dots.append(
            tag(
                "circle",
                tag("title", f"{shown.name} {value} {parameter.unit}: {effect:+.3g}"),
                cx=axes.x_px(float(effect)),
                cy=axes.y_px(line + shift),
                r=3.2,
                fill=color_of(float(level)),
            )
        )
    name = tag("text", shown.name, x=4.0, y=axes.y_px(line) + 4, class_="label")
    return tag("g", *dots, name)


def _spread_out(values: Array, width: float) -> Array:
    """Distance of each value from its line, so that neighbours do not hide each other."""
    bins = np.round(values / width).astype(int)
    shifts = np.zeros(len(values))
    for one in np.unique(bins):
        rows = np.flatnonzero(bins == one)
        steps = (np.arange(len(rows)) + 1) // 2 * np.where(np.arange(len(rows)) % 2, 1, -1)
        shifts[rows] = steps * min(0.12, SPREAD / max(math.ceil(len(rows) / 2), 1))
    return shifts


def _surfaces(page: _Page) -> Markup:
    study, objective = page.study, page.objective
    if not study.surfaces:
        return Markup()
    low = min(float(np.nanmin(one.mean)) for one in study.surfaces)
    high = max(float(np.nanmax(one.mean)) for one in study.surfaces)
    figures = [_surface_figure(page, one, low, high) for one in study.surfaces]
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


def _axis(parameter: Parameter, label: str) -> Axis:
    room = 0.5 if parameter.choices else 0.0  # a choice is in the middle of its band
    return Axis(label, parameter.low - room, parameter.high + room, names=parameter.choices)


def _held(page: _Page, one: Surface) -> str:
    """Where the conditions are held that a surface does not show."""
    parameters = page.study.space.parameters
    chosen = [
        f"{page.conditions[column].name} {parameters[column].value_of(round(value * high))}"
        for column, value in one.held.items()
        for high in [parameters[column].high]
    ]
    others = len(parameters) - 2 - len(chosen)
    if others and chosen:
        chosen.append(f"the others {one.level}")
    return ", ".join(chosen) or f"The others {one.level}"


def _surface_figure(page: _Page, one: Surface, low: float, high: float) -> Markup:
    objective, parameters = page.objective, page.study.space.parameters
    first, second = (page.conditions[column] for column in (one.first, one.second))
    axes = Axes(
        _axis(parameters[one.first], first.label),
        _axis(parameters[one.second], second.label),
        360.0,
        300.0,
    )
    held = _held(page, one)
    title = f"{objective.name} over {first.name} and {second.name}. {held}"
    sd = objective.text(float(np.nanmean(one.sd)))
    best = objective.text(float(np.nanmax(one.mean)))
    caption = f"{held}; {best} at best, ± {sd}."
    drawing = heat_map(axes, one.mean, low, high, title)
    return figure(drawing, tag("figcaption", caption))
