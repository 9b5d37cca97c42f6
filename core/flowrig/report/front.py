"""The section of a report on an objective of several goals: its front, and how that grew."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from attrs import frozen

from flowrig.problem.pareto import Front, ParetoGoal, ParetoObjective, front_of, goals_of
from flowrig.report.content import Experiment, ReportContent
from flowrig.report.page import figure, section, table, text_cell
from flowrig.report.quantities import shown_objective
from flowrig.report.svg.charts import (
    Axes,
    Axis,
    Series,
    chart,
    legend,
    points,
    steps,
    symbol,
)
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.numbers import Quantity, with_unit

__all__ = ["front_section"]


@frozen(eq=False)
class _Goal:
    """A goal as the page shows it: its values by number of the experiment."""

    goal: ParetoGoal
    shown: Quantity
    values: dict[int, float]

    @property
    def label(self) -> str:
        return self.shown.label

    def drawn(self, number: int) -> float:
        return self.values[number] * self.shown.factor


def front_section(content: ReportContent) -> Markup:
    """The front, as measured, and the hypervolume after each experiment; nothing of one number."""
    objective = content.profile.objective
    if not isinstance(objective, ParetoObjective):
        return Markup()
    merits = {e.index: found for e in content.trusted if (found := goals_of(objective, e.features))}
    front = front_of(merits)
    if not front.members:
        return Markup()
    by_number = {e.index: e for e in content.trusted}
    judged = [by_number[one] for one in merits]
    shown = [_shown(content, objective, goal, judged) for goal in objective.goals]
    reached = [one.text for one in objective.goals]
    words = (
        f"Goals: {', '.join(reached)}. {len(front.members)} of {len(merits)} trusted experiments "
        "are on the front: none is beaten in every goal by another, as measured, so that noise "
        f"decides who is just on it. Hypervolume {front.hypervolume:.3g}: 0 at the reference point "
        f"({', '.join(f'{one.shown.name} {one.shown.text(one.goal.worst)}' for one in shown)}), "
        "1 for a single experiment that meets every goal."
    )
    pairs = [_pair(*pair, front) for pair in combinations(shown, 2)]
    return section(
        "Several goals",
        words,
        tag("div", *pairs, _growth(merits), class_="small-multiples"),
        _table(front, shown, by_number),
    )


def _shown(
    content: ReportContent,
    objective: ParetoObjective,
    goal: ParetoGoal,
    experiments: list[Experiment],
) -> _Goal:
    inner = goal.objective
    quantity = (
        content.features[goal.response]
        if inner is None
        else shown_objective(inner, content.profile.labels, content.profile.percent_features)
    )
    rows = np.array([[one.features[n] for n in goal.responses] for one in experiments], dtype=float)
    numbers = [one.index for one in experiments]
    return _Goal(goal, quantity, dict(zip(numbers, goal.number(rows).tolist(), strict=True)))


def _pair(across: _Goal, up: _Goal, front: Front) -> Markup:
    """Two goals against each other; the front is filled, what it beats is hollow."""
    x_all = [across.drawn(one) for one in across.values]
    y_all = [up.drawn(one) for one in up.values]
    axes = Axes(
        Axis.around(across.label, x_all, margin=0.12),
        Axis.around(up.label, y_all, margin=0.12),
        width=520.0,
        height=340.0,
    )
    marks = []
    for style, on_it in ((1, False), (0, True)):
        own = [one for one in across.values if (one in front.members) == on_it]
        marks.append(
            points(
                axes,
                Series(
                    style=style,
                    x=[across.drawn(one) for one in own],
                    y=[up.drawn(one) for one in own],
                    hints=[f"experiment {one}" for one in own],
                    hollow=[not on_it for _ in own],
                ),
            )
        )
    title = f"{up.shown.name} over {across.shown.name}"
    keys = [(symbol(0), "on the front"), (symbol(1), "beaten in every goal by another")]
    return figure(chart(axes, *marks, title=title), legend(keys))


def _growth(merits: dict[int, dict[str, float]]) -> Markup:
    """The hypervolume after each experiment."""
    known: dict[int, Mapping[str, float]] = {}
    x, y = [], []
    for number in sorted(merits):
        known = dict(front_of({**known, number: merits[number]}).members)
        if number in known:
            x.append(float(number))
            y.append(front_of(known).hypervolume)
    axes = Axes(
        Axis("experiment", 0.0, max(merits) + 1.0, whole=True),
        Axis.around("hypervolume", y, from_zero=True, margin=0.12),
        width=520.0,
        height=340.0,
    )
    return figure(chart(axes, steps(axes, x, y, "best-so-far"), title="Hypervolume so far"))


def _table(front: Front, shown: list[_Goal], experiments: dict[int, Experiment]) -> Markup:
    head = (
        "experiment",
        *(one.shown.name for one in shown),
        *(f"merit: {one.shown.name}" for one in shown),
        "stage",
    )
    rows = [
        tag(
            "tr",
            tag("td", f"{number}"),
            *(tag("td", one.shown.text(one.values[number])) for one in shown),
            *(tag("td", with_unit(merit, "", 2)) for merit in merits.values()),
            text_cell(experiments[number].stage),
        )
        for number, merits in front.members.items()
    ]
    return table(head, rows)
