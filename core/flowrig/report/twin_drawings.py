"""The drawings of a digital twin: parity, Shapley values, surfaces."""

import math
from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.problem.space import Parameter
from flowrig.report.quantities import shown_condition, shown_feature, shown_objective
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, points
from flowrig.report.svg.heat_map import color_of, heat_map
from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import Quantity
from flowrig.twin.study import ExplainedTwin, SplitR2
from flowrig.twin.surfaces import Surface

__all__ = [
    "Drawn",
    "ShownTwin",
    "parity_drawings",
    "shapley_drawing",
    "surface_drawings",
    "surface_range",
]

Array = NDArray[np.float64]

SPREAD = 0.36
"""Largest distance of a point of a swarm from its line, in lines."""


@frozen
class Drawn:
    """A drawing with its caption."""

    drawing: Markup
    caption: str


@frozen
class ShownTwin:
    """A twin, and how its quantities are shown.

    Attributes:
        study: predictions of the twin.
        labels: names for people, by response and condition; `labels` of the profile.
        units: unit of each response.
    """

    study: ExplainedTwin
    labels: Mapping[str, str]
    units: Mapping[str, str]

    @property
    def objective(self) -> Quantity:
        """The objective."""
        return shown_objective(self.study.data.objective, self.labels)

    @property
    def responses(self) -> list[Quantity]:
        """The responses, in their order."""
        names = self.study.data.objective.responses
        return [shown_feature(name, self.units.get(name, ""), self.labels) for name in names]

    @property
    def conditions(self) -> list[Quantity]:
        """The conditions, in their order."""
        return [shown_condition(one, self.labels) for one in self.study.space.parameters]


def parity_drawings(shown: ShownTwin) -> list[Drawn]:
    """Predicted against measured values of each response and of the objective."""
    return [_parity(column, shown.study.training) for column in _columns(shown)]


@frozen(eq=False)
class _Column:
    quantity: Quantity
    measured: Array
    mean: Array
    sd: Array
    r2: SplitR2


def _columns(shown: ShownTwin) -> list[_Column]:
    study, predicted = shown.study, shown.study.predicted
    *of_responses, of_objective = study.split
    columns = [
        _Column(quantity, study.data.Y[:, j], predicted.mean[:, j], predicted.sd[:, j], r2)
        for j, (quantity, r2) in enumerate(zip(shown.responses, of_responses, strict=True))
    ]
    measured = study.data.objective_values
    mean, sd = predicted.objective_mean, predicted.objective_sd
    return [*columns, _Column(shown.objective, measured, mean, sd, of_objective)]


def _parity(column: _Column, training: NDArray[np.bool_]) -> Drawn:
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
    return Drawn(drawing, words)


def shapley_drawing(shown: ShownTwin) -> Drawn:
    """The Shapley values of every condition and experiment, from the strongest condition down."""
    study, objective = shown.study, shown.objective
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
        levels, quantity = study.data.X[:, column], shown.conditions[column]
        marks.append(_swarm(axes, lines - place, values[:, column], levels, (parameter, quantity)))
    order = ", ".join(shown.conditions[column].name for column in ranking)
    drawing = _without_ticks(axes, marks)
    base = objective.text(study.attribution.base)
    caption = (
        f"Exact Shapley values: the contribution of each condition to the prediction of every "
        f"experiment, relative to the mean, {base}. "
        f"From the strongest: {order}."
    )
    return Drawn(drawing, caption)


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


def _axis(parameter: Parameter, label: str) -> Axis:
    room = 0.5 if parameter.choices else 0.0  # a choice is in the middle of its band
    return Axis(label, parameter.low - room, parameter.high + room, names=parameter.choices)


def _held(shown: ShownTwin, one: Surface) -> str:
    """Where the conditions are held that a surface does not show."""
    parameters = shown.study.space.parameters
    chosen = [
        f"{shown.conditions[column].name} {parameters[column].value_of(round(value * high))}"
        for column, value in one.held.items()
        for high in [parameters[column].high]
    ]
    others = len(parameters) - 2 - len(chosen)
    if others and chosen:
        chosen.append(f"the others {one.level}")
    return ", ".join(chosen) or f"The others {one.level}"


def surface_drawings(shown: ShownTwin, every: int = 1) -> list[Drawn]:
    """The objective over pairs of conditions, all in the same colours.

    Args:
        shown: the twin.
        every: draw each so-many-th point of the grid.
    """
    if not shown.study.surfaces:
        return []
    low, high = surface_range(shown)
    return [_surface(shown, one, low, high, every) for one in shown.study.surfaces]


def surface_range(shown: ShownTwin) -> tuple[float, float]:
    """The lowest and the highest objective of all surfaces, at least one."""
    means = [one.mean for one in shown.study.surfaces]
    return min(float(np.nanmin(one)) for one in means), max(float(np.nanmax(one)) for one in means)


def _surface(shown: ShownTwin, one: Surface, low: float, high: float, every: int) -> Drawn:
    objective, parameters = shown.objective, shown.study.space.parameters
    first, second = (shown.conditions[column] for column in (one.first, one.second))
    axes = Axes(
        _axis(parameters[one.first], first.label),
        _axis(parameters[one.second], second.label),
        360.0,
        300.0,
    )
    held = _held(shown, one)
    title = f"{objective.name} over {first.name} and {second.name}. {held}"
    sd = objective.text(float(np.nanmean(one.sd)))
    best = objective.text(float(np.nanmax(one.mean)))
    caption = f"{held}; {best} at best, ± {sd}."
    drawing = heat_map(axes, one.mean[::every, ::every], low, high, title)
    return Drawn(drawing, caption)
