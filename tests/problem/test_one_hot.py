"""Categories as columns of numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.problem.one_hot import OneHot
from flowrig.problem.space import Parameter, Space
from flowrig.problem.steps import even_choices

LETTERS = "abcdefgh"


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Numbers and categories of two to five choices."""
    counts = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    return Space(
        tuple(
            Parameter.category(f"p{j}", LETTERS[:count])
            if count >= 2
            else Parameter(f"p{j}", -3.0, 7.0, "mm")
            for j, count in enumerate(counts)
        )
    )


@given(spaces(), st.integers(0, 1000))
def test_columns_give_the_conditions_again(space: Space, seed: int) -> None:
    """Through columns conditions come out as they were, in natural units and in the unit cube."""
    U = even_choices(space, np.random.default_rng(seed).random((5, len(space.names))))
    for columns, X in ((OneHot(space), U), (OneHot(space, natural=True), space.from_unit(U))):
        wide = columns.widen(X)
        assert wide.shape == (5, len(columns.parameters))
        assert columns.narrow(wide) == pytest.approx(X, abs=1e-12)
        assert set(np.unique(wide[:, columns.choosing])) <= {0.0, 1.0}
        for x, w in zip(X.T, columns.kept, strict=True):
            assert w < 0 or (wide[:, w] == x).all()


@given(spaces(), st.integers(0, 1000))
def test_any_numbers_are_conditions(space: Space, seed: int) -> None:
    """Whatever numbers stand in the columns of a category, one choice is meant."""
    columns = OneHot(space, natural=True)
    wide = np.random.default_rng(seed).normal(0.5, 1.0, (5, len(columns.parameters)))
    found = columns.narrow(wide)
    for parameter, x in zip(space.parameters, found.T, strict=True):
        if parameter.choices:
            assert set(x) <= set(range(len(parameter.choices)))


def test_choices_are_equally_far_from_each_other() -> None:
    """All pairs of four choices have one distance; two choices take one column."""
    space = Space((Parameter.category("q", LETTERS[:4]), Parameter.category("r", LETTERS[:2])))
    columns = OneHot(space)
    wide = columns.widen(np.array([[number / 3.0, 0.0] for number in range(4)]))
    apart = np.linalg.norm(wide[:, None] - wide[None], axis=2)
    assert np.unique(apart[~np.eye(4, dtype=bool)]).size == 1
    assert [one.name for one in columns.parameters] == [
        "q is a", "q is b", "q is c", "q is d", "r is b",
    ]  # fmt: skip
