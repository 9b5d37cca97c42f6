"""Checks of optimizers."""

import copy
from typing import Any

import numpy as np

from flowrig.errors import InputError
from flowrig.interfaces import Optimizer
from flowrig.testing.conformance.checks import Level, earns, require
from flowrig.testing.conformance.learning import (
    RESPONSE,
    OptimizerBench,
    box,
    choice_space,
    inside,
    limited_space,
    measured,
    stepped_space,
    thin_space,
)

__all__ = ["OptimizerConformance"]

EXPERIMENTS = 15
"""Experiments of one search on the hill."""

SEEDS = range(3)
"""Seeds of the searches, of which the median counts."""


class OptimizerConformance:
    """The conformance suite of optimizers; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_suggestions_keep_to_the_space(self, bench: OptimizerBench) -> None:
        """Every suggestion satisfies bounds and constraints, in wide and in thin spaces."""
        spaces = {
            "in a box of one condition": box(1),
            "in a box of four": box(4),
            "where a sum is limited": limited_space(),
            "where two conditions must nearly be equal": thin_space(),
            "where conditions move in steps": stepped_space(),
        }
        for where, space in spaces.items():
            problem = bench.problem(seed=3, space=space)
            optimizer = bench.optimizer(problem, measured(space, inside(space, bench.start)))
            for count in (1, 4):
                self._suggest(optimizer, count, where)

    @earns(Level.BRONZE)
    def test_it_suggests_the_number_requested(self, bench: OptimizerBench) -> None:
        """A request for one, three or eight points gets that number of points."""
        for count in (1, 3, 8):
            optimizer = bench.optimizer(bench.problem(), _start(bench))
            points = self._suggest(optimizer, count)
            require(
                len(points) == count,
                f"suggest({count}) gave {len(points)} points; return num_points of them from "
                "_do_suggest",
            )

    @earns(Level.BRONZE)
    def test_without_results_it_suggests_or_raises(self, bench: OptimizerBench) -> None:
        """Before the first experiment there is a suggestion, or an InputError with the reason."""
        optimizer = bench.optimizer(bench.problem())
        try:
            optimizer.suggest()
        except InputError:
            pass
        except Exception as error:
            raise AssertionError(
                f"suggest() without results raised {error!r}; suggest a condition, or raise "
                "InputError and name the stage that has to come first"
            ) from error

    @earns(Level.BRONZE)
    def test_inputs_are_unchanged(self, bench: OptimizerBench) -> None:
        """The results that the optimizer receives are not changed."""
        rows = _start(bench)
        before = copy.deepcopy(rows)
        bench.optimizer(bench.problem(), rows).suggest(2)
        require(
            rows == before, "ingest() or suggest() changes the results; copy the data that you keep"
        )

    @earns(Level.SILVER)
    def test_the_same_seed_suggests_the_same(self, bench: OptimizerBench) -> None:
        """The same seed and results give the same suggestion, whatever the process did before."""
        suggestions = []
        for noise in (1, 2):
            np.random.seed(noise)  # noqa: NPY002 - optimizers must not depend on it
            suggestions.append(bench.optimizer(bench.problem(seed=5), _start(bench)).suggest(3))
        require(
            suggestions[0] == suggestions[1],
            "the same seed and results gave two suggestions; draw every random number from "
            "np.random.default_rng([problem.seed, number of results])",
        )

    @earns(Level.SILVER)
    def test_it_is_rebuilt_from_its_results(self, bench: OptimizerBench) -> None:
        """A new optimizer that receives all results at once continues like the old one."""
        problem = bench.problem(seed=7)
        rows = _start(bench)
        original = bench.optimizer(problem, rows)
        for _ in range(3):
            points = problem.space.array(original.suggest(2))
            results = measured(problem.space, points)
            for row in results:
                original.ingest([row])
            rows += results
        rebuilt = bench.optimizer(problem, rows)
        one, other = original.suggest(2), rebuilt.suggest(2)
        require(
            one == other,
            f"the optimizer of a campaign suggests {one}, one that was rebuilt from the results "
            f"{other}; derive every suggestion from the seed and the results",
        )

    @earns(Level.SILVER)
    def test_failed_experiments_are_left_out(self, bench: OptimizerBench) -> None:
        """Results that are missing, None or not finite are treated alike, and not as zero."""
        problem = bench.problem(seed=9)
        rows = _start(bench)
        below = [{**row, RESPONSE: row[RESPONSE] - 5.0} for row in rows]
        corner = dict(zip(problem.space.names, map(float, problem.space.low + 15.0), strict=True))

        def suggested(result: dict[str, Any]) -> list[dict[str, float]]:
            optimizer = bench.optimizer(problem, [*below, {**corner, **result}])
            return self._suggest(optimizer, 2, "after a failed experiment")

        missing = suggested({})
        others = [suggested({RESPONSE: value}) for value in (None, np.nan, np.inf)]
        require(
            all(one == missing for one in others),
            f"experiments without a finite result are treated differently: {[missing, *others]}; "
            "leave them out",
        )
        zero, poor = suggested({RESPONSE: 0.0}), suggested({RESPONSE: -9.0})
        require(
            zero == poor or missing != zero,
            "an experiment without a result counts as one with the result 0; leave it out",
        )

    @earns(Level.GOLD)
    def test_points_of_a_batch_differ(self, bench: OptimizerBench) -> None:
        """No two points of a batch are the same."""
        problem = bench.problem(seed=11)
        points = problem.space.array(bench.optimizer(problem, _start(bench)).suggest(4))
        require(
            len(np.unique(points.round(9), axis=0)) == len(points),
            f"a batch repeats a point: {points.tolist()}; choose each point as if the points "
            "before it were being measured",
        )

    @earns(Level.GOLD)
    def test_choices_and_curved_limits_are_kept(self, bench: OptimizerBench) -> None:
        """With categories and limits that are not linear suggestions are valid, or the settings
        object."""
        space = choice_space()
        if bench.settings.objection(space):
            return
        problem = bench.problem(seed=13, space=space)
        rows = measured(space, inside(space, bench.start))
        optimizer = bench.optimizer(problem, rows)
        for count in (1, 3):
            self._suggest(optimizer, count, "with categories and a curved limit")

    @earns(Level.GOLD)
    def test_degenerate_results_are_handled(self, bench: OptimizerBench) -> None:
        """After repeats, constants, huge numbers or a single result, suggestions are valid."""
        space = bench.problem().space
        rows = _start(bench)
        poor = {
            "the same result everywhere": [{**row, RESPONSE: 1.0} for row in rows],
            "the same condition again and again": [rows[0]] * len(rows),
            "huge results": [{**row, RESPONSE: 1e9 * row[RESPONSE]} for row in rows],
            "a single result": rows[:1],
            "results outside the space": [
                {**row, space.names[0]: row[space.names[0]] + 500.0} for row in rows[:2]
            ] + rows,
        }  # fmt: skip
        for what, results in poor.items():
            self._suggest(bench.optimizer(bench.problem(), results), 1, f"after {what}")

    @earns(Level.GOLD)
    def test_it_is_no_worse_than_random_search(self, bench: OptimizerBench) -> None:
        """On a smooth hill its best result is above the lowest quarter of random searches."""
        space = limited_space()
        tries = [
            max(row[RESPONSE] for row in measured(space, inside(space, EXPERIMENTS, seed)))
            for seed in range(100)
        ]
        chance = float(np.quantile(tries, 0.25))
        found = float(np.median([self._best(bench, seed) for seed in SEEDS]))
        require(
            found >= chance,
            f"after {EXPERIMENTS} experiments the best result is {found:.3f}, that of random "
            f"search {chance:.3f}; check the sign of the objective, which is maximized, and that "
            "later suggestions are not repetitions",
        )

    def _best(self, bench: OptimizerBench, seed: int) -> float:
        problem = bench.problem(seed=seed)
        rows = measured(problem.space, inside(problem.space, bench.start, 1000 + seed))
        optimizer = bench.optimizer(problem, rows)
        best = 0.0
        for _ in range(EXPERIMENTS):
            (row,) = measured(problem.space, problem.space.array(optimizer.suggest()))
            optimizer.ingest([row])
            best = max(best, row[RESPONSE])
        return best

    def _suggest(self, optimizer: Optimizer, count: int, when: str = "") -> list[dict[str, float]]:
        try:
            points = optimizer.suggest(count)
        except Exception as error:
            raise AssertionError(
                f"suggest({count}) {when} raised {error!r}; return points of problem.space: draw "
                "again, or move points inside, until space.feasible() holds, for any results"
            ) from error
        return points


def _start(bench: OptimizerBench) -> list[dict[str, Any]]:
    space = limited_space()
    return measured(space, inside(space, bench.start))
