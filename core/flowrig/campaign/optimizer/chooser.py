"""The choice of conditions: ask the optimizer, check its answer, ask again, do without it."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol, TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.campaign.optimizer.host import OptimizerFailedError, OptimizerHost, Row
from flowrig.campaign.optimizer.messages import plain, suggestion
from flowrig.interfaces import Suggestion
from flowrig.learning.from_campaign import NoSurrogateError
from flowrig.problem.designs import maximin_latin_hypercube
from flowrig.profile import Profile, Stage

__all__ = ["Choice", "Compute", "ConditionChooser"]

ATTEMPTS = ("choosing conditions", "choosing conditions once more, from a fresh start")

MARGIN_S = 60.0
"""Time [s] beyond the deadline of the optimizer after which a computation is given up."""

CANDIDATES = 32
"""Points of a design; those farthest from all tried conditions are taken."""

DESIGNS = 10
"""Random designs, of which the most evenly spread is taken."""

SAME_WITHIN = 1e-6
"""Conditions closer than this share of every range are the same."""

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
            if the campaign ends here.
        incident: how the optimizer failed and what was done about it, in one sentence; "" if it
            did not fail.
    """

    suggestions: Sequence[Suggestion]
    incident: str = ""


class ConditionChooser:
    """Chooses conditions, also if the optimizer fails.

    An optimizer fails if it crashes, hangs, takes too much memory, or gives an unusable answer.
    Then a fresh one gets everything that was measured, and is asked once more. If that fails too,
    `if_optimizer_fails` of the campaign decides.

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

    def close(self) -> None:
        """End the optimizer; a request under way gets no answer."""
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def choose(
        self,
        stage: Stage,
        rows: Sequence[Row],
        tried: Sequence[Mapping[str, float]],
        count: int,
        compute: Compute,
    ) -> Choice:
        """Choose conditions.

        Args:
            stage: stage of the campaign.
            rows: every measured experiment, in order of time.
            tried: conditions decided so far, in order.
            count: most conditions that are wanted.
            compute: computes while the rig is watched; its own errors are passed on.

        Raises:
            NoSurrogateError: the optimizer needs a surrogate, and the campaign names none.
        """
        failures: list[str] = []
        for what in ATTEMPTS:
            answer = compute(
                what,
                lambda: self._suggest(stage.name, rows, tried, count),
                self._campaign.optimizer_deadline_s + MARGIN_S,
            )
            if not isinstance(answer, OptimizerFailedError):
                return Choice(answer, self._incident(stage, tried, failures, "the second answered"))
            failures.append(str(answer))
            self.close()
        return self._without_optimizer(stage, tried, count, failures)

    def _suggest(
        self, stage: str, rows: Sequence[Row], tried: Sequence[Mapping[str, float]], count: int
    ) -> list[Suggestion] | OptimizerFailedError:
        if self._host is None:
            self._host = self._new_host()
        try:
            answer = [suggestion(plain(s)) for s in self._host.suggest(stage, rows, count)]
            self._require_sound(answer, tried, count)
        except NoSurrogateError:
            raise
        except OptimizerFailedError as error:
            return error
        except Exception as error:
            return OptimizerFailedError(str(error) or repr(error))
        return answer

    def _require_sound(
        self, answer: Sequence[Suggestion], tried: Sequence[Mapping[str, float]], count: int
    ) -> None:
        """Refuse an answer that the rig cannot do, or that was done too often.

        Raises:
            OutOfRangeError: conditions are outside the search space.
            OptimizerFailedError: there are too few, too many or repeated conditions.
        """
        if not 1 <= len(answer) <= count:
            raise OptimizerFailedError(f"{len(answer)} conditions where {count} were asked for")
        done = [*tried]
        for one in answer:
            self._space.require_feasible(one.conditions)
            done.append(one.conditions)
            if self._count(one.conditions, done) > self._campaign.repeats_at_most:
                raise OptimizerFailedError(
                    f"the same conditions more than {self._campaign.repeats_at_most} times"
                )

    def _count(self, conditions: Mapping[str, float], done: Sequence[Mapping[str, float]]) -> int:
        U = self._space.to_unit(self._space.array([conditions, *done]))
        return int((np.abs(U[1:] - U[0]).max(axis=1) <= SAME_WITHIN).sum())

    def _without_optimizer(
        self,
        stage: Stage,
        tried: Sequence[Mapping[str, float]],
        count: int,
        failures: Sequence[str],
    ) -> Choice:
        what = self._campaign.if_optimizer_fails
        if what == "fallback":
            done = "conditions far from all others instead"
            return Choice(
                self._space_filling(stage, tried, count),
                self._incident(stage, tried, failures, done),
            )
        done = "the run holds" if what == "hold" else "the campaign ends here"
        return Choice([], self._incident(stage, tried, failures, done))

    def _incident(
        self,
        stage: Stage,
        tried: Sequence[Mapping[str, float]],
        failures: Sequence[str],
        done: str,
    ) -> str:
        if not failures:
            return ""
        how = "; then ".join(dict.fromkeys(failures))
        times = "" if len(failures) == 1 else " twice"
        return (
            f"the optimizer of stage {stage.name!r} failed{times} before experiment "
            f"{len(tried) + 1}: {how}; {done}"
        )

    def _space_filling(
        self, stage: Stage, tried: Sequence[Mapping[str, float]], count: int
    ) -> list[Suggestion]:
        """The points of a Latin hypercube that are farthest from all tried conditions."""
        label = f"{self._seed}/{stage.name}/{len(tried)}/fallback"
        rng = np.random.default_rng(int.from_bytes(sha256(label.encode()).digest()[:8]))
        candidates = maximin_latin_hypercube(self._space, max(CANDIDATES, count), DESIGNS, rng)
        near = self._space.to_unit(self._space.array(tried))
        rows = self._space.rows(self._space.from_unit(_farthest(candidates, near, count)))
        return [Suggestion(row, reason="space-filling: the optimizer failed") for row in rows]


def _farthest(candidates: Array, near: Array, count: int) -> Array:
    """Candidates chosen one by one, each as far as possible from the chosen ones and `near`."""
    chosen: list[Array] = []
    for _ in range(count):
        others = np.vstack([near, *chosen])
        distance = (
            np.linalg.norm(candidates[:, None] - others[None], axis=-1).min(axis=1)
            if len(others)
            else np.ones(len(candidates))
        )
        chosen.append(candidates[distance.argmax()])
    return np.array(chosen)
