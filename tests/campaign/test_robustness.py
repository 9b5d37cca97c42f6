"""What the rig's own scatter makes of the objective."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.campaign.robustness import (
    Scatter,
    flattest,
    objective_around,
    scatter_of,
)
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse
from flowrig.profile import load_profile

OBJECTIVE = MaximumResponse("y")


def known(function: Any) -> Any:
    """A surrogate that knows a function of the conditions."""
    return SimpleNamespace(predict=lambda X: SimpleNamespace(mean=function(X)[:, None]))


def independent(*sd: float) -> Scatter:
    """A scatter of independent conditions."""
    return Scatter(np.diag(sd), ())


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.001, 0.05), st.floats(0.001, 0.05))
def test_a_slope_turns_scatter_into_spread(a: float, b: float, s: float, t: float) -> None:
    """Of a plane the spread is the root of the squares of slopes times scatters, on average."""
    model = known(lambda X: a * X[:, 0] + b * X[:, 1])
    values = objective_around(model, OBJECTIVE, np.array([[0.5, 0.5]]), independent(s, t), 1)
    wanted = np.hypot(a * s, b * t)
    assert values.std() == pytest.approx(wanted, rel=0.4, abs=1e-12)
    assert values.mean() == pytest.approx(0.5 * (a + b))


@given(st.floats(0.0, 1.0), st.floats(0.0, 0.3))
def test_no_condition_leaves_the_space(centre: float, sd: float) -> None:
    """A surrogate is asked inside the unit cube only, also at its edges."""
    seen = []
    model = known(lambda X: seen.append(X) or X[:, 0])
    objective_around(model, OBJECTIVE, np.array([[centre]]), independent(sd), 1)
    assert 0.0 <= seen[0].min() <= seen[0].max() <= 1.0


def test_a_flat_optimum_is_found_beside_a_steep_one() -> None:
    """Of two tops of nearly the same height the wide one is told, and none that is much lower."""
    peaks = ((0.2, 1.0, 0.02), (0.7, 0.98, 0.3), (0.95, 0.5, 1.0))
    model = known(
        lambda X: np.max([h * np.exp(-(((X[:, 0] - c) / w) ** 2)) for c, h, w in peaks], axis=0)
    )
    centres = np.array([[c] for c, _, _ in peaks])
    values = objective_around(model, OBJECTIVE, centres, independent(0.005), 1)
    spreads = values.std(axis=1)
    found = flattest([7, 8, 9], values.mean(axis=1), spreads, float(spreads[0]))
    assert found is not None
    assert found.index == 8
    assert found.sd < spreads[0]
    assert flattest([7], np.ones(1), spreads[:1], 0.1) is None


def rig(name: str, **streams: Any) -> Any:
    """A run of a shipped rig that has no readings."""
    profile = load_profile(name, Plugins.discover())
    return SimpleNamespace(
        profile=profile,
        experiments=list,
        journal=SimpleNamespace(events=lambda *kinds, after=0: []),
    )


def test_flow_rates_scatter_as_stated() -> None:
    """Without an accuracy a flow rate is anywhere within 3 %; streams that follow are named."""
    run = rig("cs3cu2i5-heatup-chem3")
    middle = {one.name: sum(one.range) / 2 for one in run.profile.variables}
    found = scatter_of(run, middle)
    space = run.profile.space
    in_units = dict(zip(space.names, found.sd * (space.high - space.low), strict=True))
    assert in_units["CuI"] == pytest.approx(0.03 / np.sqrt(3.0) * middle["CuI"])
    assert in_units["temperature"] == 0.0
    assert "PFO" in found.left_out[0]
