"""What a plan takes for conditions that an optimizer will choose: draws, and their mean."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.planning.average import average
from flowrig.planning.draws import DRAWS, drawn_conditions
from flowrig.planning.dry_run import DryRun
from flowrig.planning.known_conditions import centre, scattered
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.profile import load_profile

Short = Callable[..., Path]

PARAMETERS = (
    Parameter("temperature", 60.0, 180.0, "degC"),
    Parameter("flow", 20.0, 80.0, "uL/min", step=20.0),
    Parameter.category("ligand", ("a", "b", "c")),
    Parameter("share", 0.0, 1.0, ""),
)


@given(
    st.sets(st.sampled_from(PARAMETERS), min_size=1).map(lambda some: sorted(some, key=str)),
    st.integers(1, 5),
    st.floats(0.2, 1.0),
)
@settings(max_examples=10)
def test_draws_are_conditions_of_the_space_and_always_the_same(
    parameters: list[Parameter], count: int, most: float
) -> None:
    """With steps, categories and a constraint; the draws differ from each other."""
    numbers = [one for one in parameters if not one.choices]
    total = sum(one.high for one in numbers)
    some = {one.name: 1.0 for one in numbers}
    limit = LinearConstraint("sum", some, -np.inf, max(most * total, 100.0))
    space = Space(tuple(parameters), (limit,) if numbers else ())
    draws = drawn_conditions(space, count)
    assert draws == drawn_conditions(space, count)
    assert len(draws) == DRAWS
    for one in draws:
        assert 1 <= len(one) <= count
        for row in one:
            space.require_feasible(row)
    if numbers:
        assert any(one != draws[0] for one in draws)


def test_some_draws_stay_at_one_place_and_some_go_everywhere() -> None:
    """As optimizers do; over all draws the conditions are about those of the middle."""
    space = Space(tuple(Parameter(name, 0.0, 1.0, "") for name in "abc"))
    points = np.array([space.array(rows) for rows in drawn_conditions(space, 20)])
    widths = np.ptp(points, axis=1).mean(axis=1)
    assert widths.min() < 0.05
    assert widths.max() > 0.9
    assert points.mean(axis=(0, 1)) == pytest.approx([0.5] * 3, abs=0.06)


def test_the_mean_of_dry_runs_is_whole(short: Short) -> None:
    """Parts and shares of the time sum up to it, as in one dry run; one alone is its own mean."""
    profile = load_profile(short(2, 2), Plugins.discover())
    begun = DryRun(profile)
    begun.perform({"explore": scattered(profile.space, 2, 0)})
    outcomes = []
    for seed in range(3):
        run = begun.forked()
        run.perform({"improve": scattered(profile.space, 2, seed)})
        outcomes.append(run.end())
    whole = DryRun(profile)
    whole.perform(
        {"explore": scattered(profile.space, 2, 0), "improve": scattered(profile.space, 2, 2)}
    )
    assert outcomes[2] == whole.end()
    assert average(outcomes[:1]) == outcomes[0]
    mean = average(outcomes)
    assert mean.time_s == pytest.approx(np.mean([one.time_s for one in outcomes]))
    assert sum(part.time_s for part in mean.parts) == pytest.approx(mean.time_s)
    assert sum(mean.time.seconds.values()) == pytest.approx(mean.time_s)
    assert mean.time.total_s == pytest.approx(mean.time_s)
    assert [one.index for one in mean.time.experiments] == [1, 2, 3, 4]
    for name, volume_ul in mean.volumes_ul.items():
        assert sum(part.volumes_ul[name] for part in mean.parts) == pytest.approx(volume_ul)


def test_an_interval_is_told_where_conditions_are_not_known(flowrig: Any, short: Short) -> None:
    """Around what is planned and inside the range, also in words."""
    path = short(2, 3)
    told = json.loads(flowrig("plan", path, "--json").stdout)
    for value, interval, limits in (
        (told["time_s"], told["time_interval_s"], told["time_range_s"]),
        (told["waste_ul"], told["waste_interval_ul"], told["waste_range_ul"]),
    ):
        assert limits[0] <= interval[0] < value < interval[1] <= limits[1]
    assert not told["at_most"]
    assert "80 % of draws" in flowrig("plan", path).stdout


def test_a_campaign_that_ends_at_an_aim_takes_at_most_so_long(flowrig: Any, short: Short) -> None:
    """Of the objective or of the model."""
    for more, aim in (
        ("[campaign.stop]\nobjective_above = 0.5\n", "an objective of 0.5"),
        ("until_r2 = 0.9", "R² of 0.9 in improve"),
    ):
        said = " ".join(flowrig("plan", short(3, 2, more)).stdout.split())
        assert "short: at most 5 experiments" in said
        assert f"nothing ends before, at {aim}" in said


def test_draws_are_ordered_as_a_campaign_orders_its_batches(short: Short) -> None:
    """A batch that is ordered by heating heats for a shorter time; one at a time does not."""
    profile = load_profile(short(2, 6), Plugins.discover())
    assert profile.campaign is not None
    explore, improve = profile.campaign.stages

    def heating_s(batch: int) -> float:
        stage = evolve(improve, batch=batch, order="least-heating")
        campaign = evolve(profile.campaign, stages=(explore, stage))
        return plan_campaign(evolve(profile, campaign=campaign)).time.seconds["heating"]

    assert heating_s(6) < 0.95 * heating_s(1)


def test_likely_conditions_are_taken_as_they_are(short: Short) -> None:
    """A rehearsal knows them in their order; no mean takes their place."""
    profile = load_profile(short(2, 2), Plugins.discover())
    middle = centre(profile.space)
    one = plan_campaign(profile, likely=[middle])
    assert one.time_interval_s == (one.time_s, one.time_s)
    assert one.waste_interval_ul == (one.waste_ul, one.waste_ul)
