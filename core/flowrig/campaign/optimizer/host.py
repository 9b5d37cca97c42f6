"""Hosts of the optimizers of a campaign. Their state follows from the measured experiments."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from flowrig.errors import FlowrigError
from flowrig.interfaces import Optimizer, Problem, Suggestion, Surrogate
from flowrig.learning.from_campaign import new_surrogate
from flowrig.profile import Profile, Stage

__all__ = ["InProcessOptimizer", "OptimizerFailedError", "OptimizerHost", "Row", "new_optimizer"]

Row = Mapping[str, Any]
"""An experiment: conditions, responses and objective by name."""


class OptimizerFailedError(FlowrigError):
    """An optimizer gave no usable answer; the message says why."""


class OptimizerHost(ABC):
    """Chooses conditions for the stages of a campaign."""

    @abstractmethod
    def suggest(
        self, stage: str, rows: Sequence[Row], count: int, pending: Sequence[Row] = ()
    ) -> list[Suggestion]:
        """Ask the optimizer of a stage.

        Args:
            stage: its name.
            rows: every measured experiment that the stage learns from, in order of time; earlier
                calls for the same stage got the first of them.
            count: most conditions that are wanted.
            pending: conditions of the experiments whose results are to come, in order.

        Raises:
            OptimizerFailedError: there is no answer.
            NothingLeftError: there is nothing left to suggest; the stage ends.
            Exception: any error of an optimizer that computes in this process.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End the optimizer; a request under way gets no answer."""


class InProcessOptimizer(OptimizerHost):
    """Computes in this process.

    Args:
        profile: the rig, with its campaign.
        seed: of the run.
        surrogates: makes a fresh surrogate, with the earlier experiments that the campaign starts
            from; see `surrogates_of`. By default one without experiments.
    """

    def __init__(
        self, profile: Profile, seed: int, surrogates: Callable[[], Surrogate] | None = None
    ) -> None:
        assert profile.campaign is not None
        self._profile = profile
        self._campaign = profile.campaign
        self._seed = seed
        self._surrogates = surrogates
        self._stage = ""
        self._optimizer: Optimizer | None = None
        self._known = 0

    def suggest(
        self, stage: str, rows: Sequence[Row], count: int, pending: Sequence[Row] = ()
    ) -> list[Suggestion]:
        """Give the optimizer of a stage the new experiments, and ask it."""
        if self._optimizer is None or stage != self._stage:
            self._optimizer, self._stage, self._known = self._new(stage), stage, 0
        self._optimizer.ingest(rows[self._known :])
        self._known = len(rows)
        if pending or self._optimizer.expected:
            self._optimizer.expect(pending)
        return self._optimizer.suggest_explained(count)

    def _new(self, name: str) -> Optimizer:
        stage = next(stage for stage in self._campaign.stages if stage.name == name)
        return new_optimizer(self._profile, stage, self._seed, self._surrogates or self._cold)

    def _cold(self) -> Surrogate:
        return new_surrogate(self._campaign, self._seed, self._profile.space)


def new_optimizer(
    profile: Profile, stage: Stage, seed: int, surrogate: Callable[[], Surrogate]
) -> Optimizer:
    """The optimizer of a stage, as a run with a seed has it.

    Args:
        profile: the rig, with its campaign.
        stage: stage of the campaign.
        seed: of the run.
        surrogate: makes a fresh surrogate model.
    """
    own_seed = int.from_bytes(sha256(f"{seed}/{stage.name}".encode()).digest()[:4])
    earlier = profile.campaign is not None and bool(profile.campaign.prior)
    problem = Problem(profile.space, profile.objective, own_seed, surrogate, profile.rsd, earlier)
    optimizer: Optimizer = stage.offer.load()(problem, stage.settings)
    return optimizer
