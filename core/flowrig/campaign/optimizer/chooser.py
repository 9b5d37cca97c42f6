"""What becomes of a decision: asked, checked, asked once more, and made without the optimizer."""

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

__all__ = ["Choice", "ConditionChooser", "Think"]

ATTEMPTS = ("choosing conditions", "choosing conditions once more, from a fresh start")

MARGIN_S = 60.0
"""How much longer [s] than an optimizer's deadline a computation may take in all."""

CANDIDATES = 32
"""Points of a design from which those are taken that are farthest from all that was tried."""

DESIGNS = 10
"""Designs of which the best is taken."""

SAME_WITHIN = 1e-6
"""Conditions closer than this share of every range are the same."""

Array = NDArray[np.float64]
R = TypeVar("R")


class Think(Protocol):
    """Computes something, as `Executor.compute` does, while somebody watches the rig."""

    def __call__(self, what: str, function: Callable[[], R], at_most_s: float) -> R:
        """Compute it; what it is, for people, and how long [s] it may take."""


@frozen
class Choice:
    """What was decided.

    Attributes:
        suggestions: conditions that the rig can do; none if a person has to look first, or if the
            campaign ends here.
        incident: how the optimizer failed and what was done about it, in one sentence; "" where it
            did not.
    """

    suggestions: Sequence[Suggestion]
    incident: str = ""


class ConditionChooser:
    """Chooses conditions, whatever becomes of the optimizer.

    An optimizer that crashes, hangs, takes too much memory, or whose answer cannot be used is asked
    once more from a fresh start, with everything that was measured. If that fails too, the campaign
    says what is done: `if_optimizer_fails`.

    Args:
        profile: the rig, with its campaign.
        seed: of the run.
        new_host: makes whom to ask.
    """

    def __init__(self, profile: Profile, seed: int, new_host: Callable[[], OptimizerHost]) -> None:
        assert profile.campaign is not None
        self._space = profile.space
        self._campaign = profile.campaign
        self._seed = seed
        self._new_host = new_host
        self._host: OptimizerHost | None = None

    def close(self) -> None:
        """Give up the optimizer; a question under way is not answered."""
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def choose(
        self,
        stage: Stage,
        rows: Sequence[Row],
        tried: Sequence[Mapping[str, float]],
        count: int,
        think: Think,
    ) -> Choice:
        """Choose conditions.

        Args:
            stage: whose optimizer is asked.
            rows: every experiment that was measured, in order of time.
            tried: conditions that were decided so far, in order.
            count: how many are wanted.
            think: computes while somebody watches the rig; what it raises by itself is passed on.

        Raises:
            NoSurrogateError: the optimizer needs a surrogate, and the campaign names none.
        """
        failures: list[str] = []
        for what in ATTEMPTS:
            answer = think(
                what,
                lambda: self._asked(stage.name, rows, tried, count),
                self._campaign.optimizer_deadline_s + MARGIN_S,
            )
            if not isinstance(answer, OptimizerFailedError):
                return Choice(answer, self._incident(stage, tried, failures, "the second answered"))
            failures.append(str(answer))
            self.close()
        return self._without(stage, tried, count, failures)

    def _asked(
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
        """Nothing goes on from here that a rig cannot do, or that was done too often."""
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

    def _without(
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
        """Of a Latin hypercube the points that are farthest from all that was tried."""
        label = f"{self._seed}/{stage.name}/{len(tried)}/fallback"
        rng = np.random.default_rng(int.from_bytes(sha256(label.encode()).digest()[:8]))
        candidates = maximin_latin_hypercube(self._space, max(CANDIDATES, count), DESIGNS, rng)
        near = self._space.to_unit(self._space.array(tried))
        rows = self._space.rows(self._space.from_unit(_farthest(candidates, near, count)))
        return [Suggestion(row, reason="space-filling: the optimizer failed") for row in rows]


def _farthest(candidates: Array, near: Array, count: int) -> Array:
    """As many candidates, one by one, each as far as possible from all others and from `near`."""
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
