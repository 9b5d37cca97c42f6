"""What is done in a campaign, and what is left to do."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flowrig.journal.events import Explored, PriorKept, StageEnded
from flowrig.journal.journal import Journal
from flowrig.procedure.procedures import Flow, looking_s, run_condition
from flowrig.procedure.steps import RequireVolume
from flowrig.profile import Profile, Stage
from flowrig.run_record.experiment import Decision
from flowrig.run_record.reader import RunRecord
from flowrig.safety.syringe_outlook import refill_outlook

__all__ = ["CampaignProgress", "inside", "is_campaign_over"]

EDGE = 1e-9
"""How far outside of the unit cube an earlier experiment may be by rounding."""


class CampaignProgress:
    """The state of a campaign, computed from its journal at each call.

    Args:
        record: reads the journal.
        journal: the same journal, as the run writes it.
    """

    def __init__(self, record: RunRecord, journal: Journal) -> None:
        self._record = record
        self._journal = journal

    def decided_in(self, stage: Stage) -> list[Decision]:
        """The decisions of a stage, in order, without references, which are beside its count."""
        return [d for d in self._all_of(stage) if not d.reference]

    def _all_of(self, stage: Stage) -> list[Decision]:
        return [d for d in self._record.decisions() if d.stage == stage.name]

    def tried(self, stage: Stage) -> list[Decision]:
        """The decisions of optimizers that a stage learns from, in order."""
        studies = self._record.campaign.studies
        decided = self._record.decisions()
        return [
            d
            for d in decided
            if d.stage not in studies and not d.reference and stage.learns_from(d.arm)
        ]

    def pending(self, stage: Stage) -> list[Decision]:
        """The decisions of a stage that are neither measured nor skipped: references, then the
        others, in order."""
        closed = self._closed()
        left = [d for d in self._all_of(stage) if d.index not in closed]
        return sorted(left, key=lambda one: not one.reference)

    def is_over(self, stage: Stage) -> bool:
        """Whether a stage has nothing left to decide or to measure."""
        ended = {event.data.stage for event in self._journal.events(Explored, StageEnded)}
        enough = len(self.decided_in(stage)) >= stage.experiments or stage.name in ended
        return enough and not self.pending(stage)

    def reached_limit(self, now_s: float) -> bool:
        """Whether a limit of `[campaign.stop]` is reached at a rig time [s]."""
        stop, best = self._record.campaign.stop, self._record.best()
        wanted, at_most_s = stop.objective_above, stop.at_most_s
        is_good_enough = wanted is not None and best is not None and best.objective >= wanted
        return is_good_enough or (at_most_s is not None and now_s >= at_most_s)

    def left_to_decide(self, stage: Stage) -> int:
        """How many experiments of a stage are not decided, less the earlier ones that count."""
        counted = self.counted_prior if stage.counts_prior else 0
        return max(0, stage.experiments - counted - len(self.decided_in(stage)))

    @cached_property
    def counted_prior(self) -> int:
        """Number of earlier experiments of the same rig inside the search space."""
        kept = [e.sequence for e in self._journal.events(PriorKept) if e.data.trust == "same-rig"]
        return sum(inside(self._journal.arrays(sequence)["X"]) for sequence in kept)

    def unmeasured(self) -> int:
        """Number of experiments of the campaign that have no measurement."""
        return self._planned - len(self._record.experiments())

    @property
    def _planned(self) -> int:
        """Number of experiments of all stages, less the earlier ones that count, and of the
        references so far."""
        stages = self._record.campaign.stages
        return sum(len(self._all_of(s)) + self.left_to_decide(s) for s in stages)

    def outlook(self, streams: Sequence[str]) -> str:
        """For how many of the experiments to come full syringes of some streams are enough.

        The experiments to come are taken to need as much as those that are decided and not yet
        measured, or, without any, as much as all decided ones.
        """
        closed, decisions = self._closed(), self._record.decisions()
        left = self._planned - len(closed)
        upcoming = [d for d in decisions if d.index not in closed] or decisions
        profile = self._record.profile
        volumes_ul = [_volumes_ul(profile, decision) for decision in upcoming]
        return refill_outlook(profile, streams, volumes_ul, left)

    def _closed(self) -> set[int]:
        """Numbers of the experiments that are measured or skipped."""
        return {e.index for e in self._record.experiments()} | self._record.skipped()


def inside(X: NDArray[np.float64]) -> int:
    """How many conditions, shape `n x d`, lie in the unit cube."""
    return int(((X >= -EDGE) & (X <= 1.0 + EDGE)).all(axis=1).sum())


def is_campaign_over(record: RunRecord, journal: Journal) -> bool:
    """Whether a campaign has nothing left to decide or to measure.

    Args:
        record: reads the journal.
        journal: the same journal.
    """
    progress, newest = CampaignProgress(record, journal), journal.last()
    if progress.reached_limit(0.0 if newest is None else newest.time_s):
        return True
    return all(progress.is_over(stage) for stage in record.campaign.stages)


def _volumes_ul(profile: Profile, decision: Decision) -> Mapping[str, float]:
    """Volume [µL] that an experiment draws, by stream.

    That of the first step of its procedure; of one that continues, what flows until its frames are
    taken.
    """
    if decision.continues:
        minutes = max(decision.after_s or 0.0, looking_s(profile, decision.frames)) / 60
        rates_ul_min = profile.flow_rates_ul_min(decision.conditions)
        return {name: rate * minutes for name, rate in rates_ul_min.items() if rate}
    first = next(
        run_condition(
            profile, decision.conditions, flow=Flow(wait_s=decision.after_s, frames=decision.frames)
        )
    )
    assert isinstance(first, RequireVolume)
    return first.volumes_ul
