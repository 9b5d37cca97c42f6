"""What the base class of optimizers says to an optimizer that goes wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from flowrig.errors import InputError, OutOfRangeError
from flowrig.interfaces import Optimizer, OptimizerSettings, Problem, Suggestion
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space

SPACE = Space((Parameter("A", 0.0, 100.0, "µL/min"), Parameter("B", 0.0, 100.0, "µL/min")))
MIDDLE = {"A": 50.0, "B": 50.0}


def suggesting(points: Any) -> Optimizer:
    """An optimizer that suggests this, whatever was asked for."""

    class Fixed(Optimizer):
        def _do_suggest(self, num_points: int) -> Any:
            return points

        def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
            pass

    def no_surrogate() -> Any:
        raise AssertionError

    return Fixed(
        Problem(SPACE, MaximumResponse("pla"), seed=1, new_surrogate=no_surrogate),
        OptimizerSettings(),
    )


@pytest.mark.parametrize("points", [[MIDDLE], (Suggestion(MIDDLE),), iter([MIDDLE, MIDDLE])])
def test_any_iterable_of_conditions_will_do(points: Any) -> None:
    """Mappings and suggestions may come in a list, a tuple or a generator; fewer are enough."""
    assert suggesting(points).suggest(2)[0] == MIDDLE


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([], "suggested 0 points; expected at least 1 and at most 2"),
        ([MIDDLE] * 3, "suggested 3 points"),
        (None, "suggested None; expected a list of mappings"),
        (MIDDLE, "suggested {'A': 50.0, 'B': 50.0}; expected a list"),
        ([(50.0, 50.0)], r"suggested \(50.0, 50.0\); expected"),
        (np.full((2, 2), 50.0), "suggested array.*; expected"),
    ],
)
def test_what_is_no_list_of_conditions_is_told(points: Any, said: str) -> None:
    """The message names the optimizer and what it returned; none at all does not go on for ever."""
    with pytest.raises(InputError, match=f"Fixed {said}"):
        suggesting(points).suggest(2)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"A": 1.0}, "must name A, B: B missing"),
        ({"A": 1.0, "B": 1.0, "C": 1.0}, "must name A, B: C unknown"),
        ({"a": 1.0, "B": 1.0}, "must name A, B: A missing and a unknown"),
    ],
)
def test_names_that_are_missing_or_unknown_are_told_apart(
    point: Mapping[str, float], said: str
) -> None:
    """Conditions must have exactly the names of the space."""
    with pytest.raises(OutOfRangeError, match=said):
        suggesting([point]).suggest()
