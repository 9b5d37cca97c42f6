"""The best of a run in lines for the terminal."""

from collections.abc import Mapping
from typing import Any

from flowrig.cli.terminal.experiment_table import is_fraction, objective_text, value_text
from flowrig.cli.terminal.printing import front_lines
from flowrig.journal.events import Objective, Robustness

__all__ = ["best_lines"]


def best_lines(summary: Mapping[str, Any]) -> list[str]:
    """The front, the best measured objective, and the incumbent of a model with its robustness.

    Args:
        summary: as `RunRecord.summary` gives it.
    """
    objective = Objective(**summary["objective"])
    best, expected = summary["best"], summary["expected_best"]
    if best is None:
        return []
    value = objective_text(best["objective"], objective)
    if expected is None:
        where = f"in experiment {best['index']}: {_conditions_of(best)}"
        return [*front_lines(summary["front"]), f"best {objective.name} {value} {where}"]
    mean = objective_text(expected["objective_mean"], objective)
    sd = objective_text(expected["objective_sd"], objective)
    return [
        *front_lines(summary["front"]),
        f"best {objective.name} {mean} ± {sd}, as the model of all experiments expects, at the "
        f"conditions of experiment {expected['index']}: {_conditions_of(expected)}",
        *_robustness_lines(expected["robustness"], objective),
        f"highest measured {value}, in experiment {best['index']}",
    ]


def _robustness_lines(robustness: Mapping[str, Any] | None, objective: Objective) -> list[str]:
    """How far the best scatters with the rig; nothing where the run did not compute it."""
    from flowrig.report.scorecard import robustness_words
    from flowrig.report.svg.numbers import Quantity

    if robustness is None:
        return []
    shown = (
        Quantity(objective.name, "%", 100.0)
        if is_fraction(objective)
        else Quantity(objective.name, objective.unit)
    )
    return [robustness_words(Robustness.from_json(robustness), shown)]


def _conditions_of(best: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value_text(entry['value'])} {entry['unit']}".rstrip()
        for name, entry in best["conditions"].items()
    )
