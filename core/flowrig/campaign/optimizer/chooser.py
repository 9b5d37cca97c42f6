"""The choice of conditions: ask the optimizer, check its answer, ask again, do without it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.campaign.optimizer.host import OptimizerFailedError, OptimizerHost, Row
from flowrig.campaign.optimizer.messages import plain, suggestion
from flowrig.errors import NothingLeftError
from flowrig.interfaces import Suggestion
from flowrig.learning.from_campaign import NoSurrogateError
from flowrig.problem.designs import maximin_latin_hypercube
from flowrig.problem.door import Door, Key
from flowrig.problem.space import Value
from flowrig.profile import Profile, Stage

__all__ = ["Choice", "Compute", "ConditionChooser"]

ATTEMPTS = ("choosing conditions", "choosing conditions once more, from a fresh start")

MARGIN_S = 60.0
"""Time [s] beyond the deadline of the optimizer after which a computation is given up."""

CANDIDATES = 32
"""Points of a design; those farthest from all tried conditions are taken."""

DESIGNS = 10
"""Random designs, of which the most evenly spread is taken."""

MOST_CANDIDATES = 5000
"""Untried conditions among which those farthest from all tried ones are looked for."""

Array = NDArray[np.float64]
R = TypeVar("R")


class Compute(Protocol):
    """Computes something while the rig is watched, as `Executor.compute` does."""

    def __call__(self, what: str, function: Callable[[], R], at_most_s: float) -> R:
        """Compute a function.

        Args:
            what: its purpose, for people.
            function: computes the result.
            at_most_s: longest time [s].
        """


@frozen
class Choice:
    """The choice of a batch.

    Attributes:
        suggestions: conditions that the rig can do; none if the run has to hold for a person, or
            if the campaign or the stage ends here.
        incident: how the optimizer failed and what was done about it, in one sentence; "" if it
            did not fail.
        settled: that the optimizer chose the same conditions too often, which is no failure, and
            what was done about it, in one sentence; "" if it did not.
        stage_over: why the stage ends here, in one phrase; "" if it does not.
    """

    suggestions: Sequence[Suggestion]
    incident: str = ""
    settled: str = ""
    stage_over: str = ""


class ConditionChooser:
    """Chooses conditions, also if the optimizer fails.

    An optimizer fails if it crashes, hangs, takes too much memory, or gives an unusable answer.
    Then a fresh one gets everything that was measured, and is asked once more. If that fails too,
    `if_optimizer_fails` of the campaign decides. An optimizer that chooses the same conditions
    again and again has settled, which is no failure; then `if_optimizer_settles` decides. Where
    nothing is left to measure, the stage ends.

    Args:
        profile: the rig, with its campaign.
        seed: of the run.
        new_host: makes a host of the optimizers.
    """

    def __init__(self, profile: Profile, seed: int, new_host: Callable[[], OptimizerHost]) -> None:
        assert profile.campaign is not None
        self._space = profile.space
        self._campaign = profile.campaign
        self._seed = seed
        self._new_host = new_host
        self._host: OptimizerHost | None = None
        self._door = Door(profile.space)
        self._times: Counter[Key] = Counter()
        self._first = 1
        self._arm: str | None = None

    def close(self) -> None:
        """End the optimizer; a request under way gets no answer."""
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def choose(
        self,
        stage: Stage,
        rows: Sequence[Row],
        tried: Sequence[Mapping[str, Value]],
        count: int,
        compute: Compute,
        *,
        pending: Sequence[Row] = (),
        first: int | None = None,
    ) -> Choice:
        """Choose conditions.

        Args:
            stage: stage of the campaign.
            rows: every measured experiment that the stage learns from, in order of time.
            tried: conditions that optimizers decided so far and the stage knows, in order.
            count: most conditions that are wanted.
            compute: computes while the rig is watched; its own errors are passed on.
            pending: conditions of the experiments whose results are to come, in order.
            first: number of the next experiment; by default that after `tried`.

        Raises:
            NoSurrogateError: the optimizer needs a surrogate, and the campaign names none.
        """
        self._first = len(tried) + 1 if first is None else first
        if stage.arm != self._arm:  # it knows of other experiments
            self._arm, self._times, self._door = stage.arm, Counter(), Door(self._space)
        new = tried[self._times.total() :]
        self._times.update(self._door.keys(new))
        for conditions in new:
            self._door.note(conditions)
        failures: list[str] = []
        for what in ATTEMPTS:
            answer = compute(
                what,
                lambda: self._suggest(stage.name, rows, count, pending),
                self._campaign.optimizer_deadline_s + MARGIN_S,
            )
            if isinstance(answer, NothingLeftError):
                return Choice([], stage_over=str(answer))
            if not isinstance(answer, OptimizerFailedError):
                incident = self._incident(stage, tried, failures, "the second answered")
                return evolve(self._without_repeats(stage, tried, answer), incident=incident)
            failures.append(str(answer))
            self.close()
        return self._without_optimizer(stage, tried, count, failures)

    def _suggest(
        self, stage: str, rows: Sequence[Row], count: int, pending: Sequence[Row]
    ) -> list[Suggestion] | OptimizerFailedError | NothingLeftError:
        if self._host is None:
            self._host = self._new_host()
        waiting = (pending,) if pending else ()
        try:
            answer = [
                suggestion(plain(s)) for s in self._host.suggest(stage, rows, count, *waiting)
            ]
            if not 1 <= len(answer) <= count:
                wrong = f"{len(answer)} conditions where {count} were asked for"
                return OptimizerFailedError(wrong)
            rows = self._door.admit_all([s.conditions for s in answer], note=False)
            return [evolve(s, conditions=row) for s, row in zip(answer, rows, strict=False)]
        except NoSurrogateError:
            raise
        except (OptimizerFailedError, NothingLeftError) as error:
            return error
        except Exception as error:
            return OptimizerFailedError(str(error) or repr(error))

    def _without_repeats(
        self, stage: Stage, tried: Sequence[Mapping[str, Value]], answer: Sequence[Suggestion]
    ) -> Choice:
        """An answer without the conditions that were chosen too often already."""
        times, kept, repeated = self._times.copy(), list[Suggestion](), list[Suggestion]()
        for one, key in zip(answer, self._door.keys([s.conditions for s in answer]), strict=True):
            times[key] += 1
            (kept if times[key] <= self._campaign.repeats_at_most else repeated).append(one)
        if not repeated:
            return Choice(answer)
        self.close()  # it counts what is not done as pending; a rebuilt one does not
        most = self._campaign.repeats_at_most
        chosen = ", ".join(
            f"{name} = {_shown(repeated[0].conditions[name])} {unit}".rstrip()
            for name, unit in self._space.units.items()
        )
        what = f"the optimizer of stage {stage.name!r} has settled: it chose {chosen} {most} times"
        if self._campaign.if_optimizer_settles == "end-stage":
            return Choice(
                kept, settled=what, stage_over="" if kept else "its optimizer has settled"
            )
        what += (
            "; the rest of the stage goes to conditions far from all others, where least is known. "
            'To end the stage instead: `if_optimizer_settles = "end-stage"` in [campaign]'
        )
        done = [*tried, *(one.conditions for one in kept)]
        return self._space_filling(stage, done, len(repeated), "settled", kept, settled=what)

    def _without_optimizer(
        self,
        stage: Stage,
        tried: Sequence[Mapping[str, Value]],
        count: int,
        failures: Sequence[str],
    ) -> Choice:
        what = self._campaign.if_optimizer_fails
        if what == "fallback":
            done = "conditions far from all others instead"
            incident = self._incident(stage, tried, failures, done)
            return self._space_filling(stage, tried, count, "failed", (), incident=incident)
        done = "the run holds" if what == "hold" else "the campaign ends here"
        return Choice([], self._incident(stage, tried, failures, done))

    def _incident(
        self,
        stage: Stage,
        tried: Sequence[Mapping[str, Value]],
        failures: Sequence[str],
        done: str,
    ) -> str:
        if not failures:
            return ""
        how = "; then ".join(dict.fromkeys(failures))
        times = "" if len(failures) == 1 else " twice"
        return (
            f"the optimizer of stage {stage.name!r} failed{times} before experiment "
            f"{self._first}: {how}; {done}"
        )

    def _space_filling(
        self,
        stage: Stage,
        tried: Sequence[Mapping[str, Value]],
        count: int,
        why: str,
        kept: Sequence[Suggestion],
        **told: str,
    ) -> Choice:
        """The conditions that are farthest from all tried ones, beside those that are kept.

        Args:
            stage: the stage.
            tried: conditions decided so far, in order.
            count: number of conditions that are wanted.
            why: what the optimizer did, in one word.
            kept: suggestions that come first.
            told: `incident` or `settled` of the choice.
        """
        label = f"{self._seed}/{stage.name}/{len(tried)}/fallback"
        rng = np.random.default_rng(int.from_bytes(sha256(label.encode()).digest()[:8]))
        door, space = Door(self._space), self._space
        for conditions in tried:
            door.note(conditions)
        found, over = list(kept), ""
        try:
            door.require_untried()
            near = space.to_unit(space.array(tried))
            points = _farthest(self._candidates(door, count, rng), near, count)
            for row in space.rows(space.from_unit(points)):
                conditions = door.admit_new(row)
                door.note(conditions)
                found.append(Suggestion(conditions, reason=f"space-filling: the optimizer {why}"))
        except NothingLeftError as error:
            over = str(error)
        return Choice(found, stage_over="" if found else over, **told)

    def _candidates(self, door: Door, count: int, rng: np.random.Generator) -> Array:
        """Points of the unit cube among which the farthest are looked for: untried ones."""
        left = door.untried()
        if left is None:
            return maximin_latin_hypercube(self._space, max(CANDIDATES, count), DESIGNS, rng)
        if len(left) > max(MOST_CANDIDATES, count):
            left = rng.choice(left, max(MOST_CANDIDATES, count), replace=False)
        return self._space.to_unit(left)


def _farthest(candidates: Array, near: Array, count: int) -> Array:
    """Candidates chosen one by one, each as far as possible from the chosen ones and `near`.

    Args:
        candidates: points, shape `k x d`; fewer than `count` are all taken.
        near: points to keep away from, shape `n x d`.
        count: number of points to choose.
    """
    distance = np.full(len(candidates), np.inf)
    for other in near:
        distance = np.minimum(distance, np.linalg.norm(candidates - other, axis=-1))
    chosen: list[Array] = []
    for _ in range(min(count, len(candidates))):
        chosen.append(candidates[distance.argmax()])
        distance = np.minimum(distance, np.linalg.norm(candidates - chosen[-1], axis=-1))
    return np.array(chosen).reshape(len(chosen), candidates.shape[1])


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"
