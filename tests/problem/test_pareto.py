"""Several goals at once: merits, front, hypervolume, compromise, and the search for a front."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from some_events import resumed

from flowrig.errors import InputError
from flowrig.interfaces import OptimizerSettings, Problem
from flowrig.journal.events import ResultEntered
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse, PlqyProxy
from flowrig.problem.pareto import (
    ParetoGoal,
    ParetoObjective,
    front_of,
    goals_of,
    hypervolume,
    non_dominated,
    random_weights,
)
from flowrig.problem.space import Parameter, Space
from flowrig.profile import check_profile, load_profile
from flowrig.profile.rules.space import optimizers_fit
from flowrig.run_record.status import RunStatus
from flowrig.testing import PlainGaussianProcess
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings

BRIGHT = ParetoGoal(response="bright", worst=0.0, best=10.0)
NARROW = ParetoGoal(response="width", worst=60.0, best=20.0)
COLOUR = ParetoGoal(response="peak_nm", worst=540.0, target=520.0)
TWO = ParetoObjective((BRIGHT, NARROW))
THREE = ParetoObjective((BRIGHT, NARROW, COLOUR))

merits = st.integers(2, 4).flatmap(
    lambda p: st.lists(
        st.lists(st.sampled_from([-0.5, 0.0, 0.2, 0.5, 0.7, 1.0, 1.5]), min_size=p, max_size=p),
        min_size=1,
        max_size=7,
    ).map(np.array)
)


def test_a_merit_is_0_at_the_worst_and_1_where_the_goal_is_met() -> None:
    """Large, small and near a value; linear between, and on beyond both ends."""
    rows = np.array([[0.0, 60.0, 540.0], [10.0, 20.0, 520.0], [5.0, 40.0, 510.0], [20.0, 0.0, 500]])
    wanted = [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5], [2.0, 1.5, 0.0]]
    assert THREE.merits(rows) == pytest.approx(np.array(wanted))
    assert THREE.value(rows[:2]) == pytest.approx([0.0, 1.0])


@given(merits)
def test_the_front_is_what_nothing_beats(rows: np.ndarray) -> None:
    """By the definition, row by row."""
    beaten = [any((other >= one).all() and (other > one).any() for other in rows) for one in rows]
    assert non_dominated(rows).tolist() == [not one for one in beaten]


@given(merits)
def test_the_hypervolume_is_that_of_the_union_of_boxes(rows: np.ndarray) -> None:
    """By inclusion and exclusion over the boxes from the reference point."""
    boxes = rows[(rows > 0).all(axis=1)]
    union = sum(
        (-1.0) ** (count + 1) * float(np.min(some, axis=0).prod())
        for count in range(1, len(boxes) + 1)
        for some in combinations(boxes, count)
    )
    assert hypervolume(rows) == pytest.approx(union, abs=1e-9)


@given(st.lists(st.tuples(*[st.floats(-20, 20)] * 3), min_size=1, max_size=6))
def test_the_best_compromise_is_on_the_front(found: list[tuple[float, float, float]]) -> None:
    """One number orders experiments, and never puts one first that another beats in every goal."""
    rows = np.array([[bright, 40 + width, 520 + off] for bright, width, off in found])
    assert non_dominated(THREE.merits(rows))[int(np.argmax(THREE.value(rows)))]


def test_directions_measure_the_hypervolume() -> None:
    """Golovin & Zhang 2020, lemma 5: the mean over directions, times the volume of their part of
    the unit ball over its surface, is the hypervolume."""
    rows = np.array([[2.0, 50.0, 521.0], [8.0, 55.0, 528.0], [4.0, 25.0, 535.0]])
    rng, p = np.random.default_rng(1), 3
    highest = [THREE.toward(random_weights(p, rng)).value(rows).max() ** p for _ in range(1000)]
    constant = math.pi ** (p / 2) / (2**p * math.gamma(p / 2 + 1))
    error = 3 * np.std(highest) / math.sqrt(len(highest))
    assert np.mean(highest) * constant == pytest.approx(
        hypervolume(THREE.merits(rows)), abs=constant * error
    )


@pytest.mark.parametrize(
    ("goals", "said"),
    [
        ((BRIGHT,), "two to 4 goals"),
        ((BRIGHT, BRIGHT), "two goals are about 'bright'"),
    ],
)
def test_goals_that_make_no_front_are_refused(goals: tuple[ParetoGoal, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ParetoObjective(goals)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"response": "a", "worst": 1.0}, "exactly one of: best, target"),
        ({"response": "a", "worst": 1.0, "best": 2.0, "target": 3.0}, "exactly one of"),
        ({"response": "a", "worst": 1.0, "best": 1.0}, "two different numbers"),
        ({"response": "a", "worst": math.inf, "best": 1.0}, "two different numbers"),
        ({"worst": 1.0, "best": 2.0}, "either a response or another objective"),
    ],
)
def test_a_goal_without_a_direction_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ParetoGoal(**keys)


def test_a_goal_may_be_another_objective() -> None:
    """It needs the features of that, and keeps its own name."""
    proxy = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)
    both = ParetoObjective((BRIGHT, ParetoGoal(objective=proxy, worst=0.0, best=0.5)))
    assert both.responses == ("bright", "a300", "pla")
    assert list(goals_of(both, {"bright": 1.0, "a300": 0.5, "pla": 1e5}) or {}) == [
        "bright",
        "PLQY proxy",
    ]
    assert goals_of(both, {"bright": 1.0, "a300": 0.5, "pla": math.nan}) is None
    assert goals_of(proxy, {"a300": 0.5, "pla": 1e5}) is None


def trade_off(X: np.ndarray) -> np.ndarray:
    """Bright along the first condition, narrow against it; the second spoils both."""
    off = np.square(X[:, 1] - 0.7)
    return np.stack([10 * np.sqrt(X[:, 0]) - 20 * off, 20 + 40 * X[:, 0] ** 2 + 60 * off], axis=1)


def searched(count: int, seed: int = 3) -> tuple[np.ndarray, list[str]]:
    """Merits of a start of 8 and `count` suggestions, and the reasons of these.

    The last suggestion comes from an optimizer that is built anew, as after a resumption.
    """
    space = Space(tuple(Parameter(name, 0.0, 1.0, "") for name in "ab"))
    problem = Problem(space, TWO, seed, PlainGaussianProcess)

    def new() -> BayesianOptimizer:
        return BayesianOptimizer(problem, BayesSettings(candidates=60, samples=32, refinements=2))

    def measured(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        Y = trade_off(space.array(rows)).tolist()
        named = [dict(zip(TWO.responses, y, strict=True)) for y in Y]
        return [{**row, **y} for row, y in zip(rows, named, strict=True)]

    rows = measured(space.rows(np.random.default_rng(seed).random((8, 2))))
    made, reasons = new(), list[str]()
    made.ingest(rows)
    for _ in range(count):
        (found,) = made.suggest_explained()
        fresh = measured([found.conditions])
        reasons.append(found.reason)
        rows += fresh
        made.ingest(fresh)
    rebuilt = new()
    rebuilt.ingest(rows)
    assert rebuilt.suggest() == made.suggest()
    return TWO.merits(np.array([[row[name] for name in TWO.responses] for row in rows])), reasons


def test_bayes_widens_the_front_in_a_direction_of_its_own_each_time() -> None:
    """It comes nearer to the whole front (0.8) than chance; a reason tells the direction."""
    found, reasons = searched(6)
    by_chance = TWO.merits(trade_off(np.random.default_rng(3).random((14, 2))))
    assert 0.8 - hypervolume(found) < 0.7 * (0.8 - hypervolume(by_chance))
    assert all(one.startswith("bright ") and "expected improvement" in one for one in reasons)
    assert len({one.partition(":")[0] for one in reasons}) > 3


def test_bayes_models_no_merit_of_several_goals() -> None:
    space = Space((Parameter("a", 0.0, 1.0, ""),))
    problem = Problem(space, TWO, 1, PlainGaussianProcess)
    with pytest.raises(InputError, match="no single merit"):
        BayesianOptimizer(problem, BayesSettings(model="merit"))


def result(index: int, **goals: float) -> ResultEntered:
    return ResultEntered(
        entry="",
        index=index,
        values={},
        units={},
        by="",
        entered="",
        objective=min(goals.values(), default=None),
        goals=goals or None,
    )


def test_the_status_tells_the_front_after_a_resumption_too() -> None:
    """An experiment leaves the front when another beats it, and comes back when that is lost."""
    status = RunStatus()

    def follow(data: Any) -> list[int]:
        status(SimpleNamespace(time_s=0.0, data=data))  # type: ignore[arg-type]
        assert status.front is not None
        return [one["index"] for one in status.as_json()["front"]["experiments"]]

    begun = {"1": {"a": 0.2, "b": 0.8}, "2": {"a": 0.5, "b": 0.5}}
    assert follow(resumed(best=0.5, merits={"1": 0.2, "2": 0.5}, waiting=(3,), goals=begun)) == [
        1,
        2,
    ]
    assert follow(result(3, a=0.6, b=0.6)) == [1, 3]
    assert status.front is not None
    assert status.front.hypervolume == pytest.approx(0.2 * 0.8 + 0.4 * 0.6)
    assert follow(result(3)) == [1, 2]
    assert front_of({}).members == {}


PROFILE = """
extends = "cs3cu2i5-heatup-chem3"

[objective]
name = "pareto"

[[objective.goals]]
response = "peak_ev"
worst = "2.7 eV"
target = "2780 meV"

[[objective.goals]]
response = "{response}"
worst = 2.0
best = 0.2

[campaign]
surrogate = {{ name = "gp" }}

[[campaign.stages]]
name = "front"
optimizer = "{optimizer}"
experiments = 3
"""


def checked(folder: Path, response: str = "a300", optimizer: str = "bayes") -> list[Any]:
    path = folder / "goals.toml"
    path.write_text(PROFILE.format(response=response, optimizer=optimizer), encoding="utf-8")
    return check_profile(path, Plugins.discover())


def test_a_profile_says_goals_with_units(tmp_path: Path) -> None:
    assert checked(tmp_path) == []
    objective = load_profile(tmp_path / "goals.toml", Plugins.discover()).objective
    assert isinstance(objective, ParetoObjective)
    assert objective.goals[0].target == pytest.approx(2.78)
    assert objective.goals[0].text == "peak_ev to 2.78"
    assert objective.goals[1].text == "a300 small"


def test_check_finds_a_goal_about_nothing(tmp_path: Path) -> None:
    (problem,) = checked(tmp_path, response="a30")
    assert "the objective needs the feature 'a30'" in problem.message


@frozen
class OneNumber(OptimizerSettings):
    """Settings of an optimizer that knows nothing of goals."""


def test_check_refuses_an_optimizer_of_one_number(tmp_path: Path) -> None:
    """It would make the compromise alone large; the message says what takes goals."""
    assert checked(tmp_path) == []
    profile = load_profile(tmp_path / "goals.toml", Plugins.discover())
    stages = tuple(evolve(stage, settings=OneNumber()) for stage in profile.campaign.stages)
    asked = evolve(profile, campaign=evolve(profile.campaign, stages=stages))
    (finding,) = optimizers_fit(asked)
    assert finding.path == ("campaign", "stages", 0, "optimizer")
    assert "the objective has several goals" in finding.message
    assert "such as bayes" in finding.expected
    assert list(optimizers_fit(evolve(asked, objective=MaximumResponse("pla")))) == []
