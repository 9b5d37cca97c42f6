"""Checks of the conditions that a campaign decided (promise I7)."""

from collections.abc import Sequence
from typing import Final

from flowrig.campaign.optimizer import new_optimizer
from flowrig.campaign.results import results_for_optimizers
from flowrig.interfaces.study import PlannedStudy
from flowrig.journal.events import Decided
from flowrig.learning.from_campaign import new_surrogate
from flowrig.profile import Stage
from flowrig.profile.controls.studies import new_study
from flowrig.run_record.experiment import Decision
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.studies import rig_of_study
from flowrig.torture.injections.optimizer import BrokenModel
from flowrig.torture.judge.breach import Breach, Breaches, Kind
from flowrig.torture.judge.healthy_campaign import HealthyCampaign
from flowrig.torture.rigs import SEEDED_STAGE
from flowrig.torture.trial import Trial

__all__ = ["seeded", "suggestions"]

INSTEAD: Final = "space-filling: "
"""Beginning of the reason of conditions that were taken in place of a suggestion."""


def seeded(trial: Trial, record: RunRecord, healthy: HealthyCampaign) -> Breaches:
    """Conditions that follow from the seed alone are those of the healthy campaign.

    An optimizer in a process of its own has a deadline in real time, which a busy machine can miss.
    """
    for decision in record.decisions():
        if trial.injection.optimizer_process and decision.reason.startswith(INSTEAD):
            continue
        conditions = tuple(decision.conditions.values())
        if decision.stage == SEEDED_STAGE and conditions not in healthy.conditions:
            text = f"experiment {decision.index} is not that of the same seed"
            yield Breach(Kind.DIVERGED, text)


def suggestions(trial: Trial, record: RunRecord) -> Breaches:
    """Every suggestion follows, bit for bit, from the seed and the measurements before it."""
    if isinstance(trial.injection, BrokenModel):
        return
    events = {e.data.index: e for e in record.journal.events(Decided)}
    for stage in record.campaign.stages:
        decided = [d for d in record.decisions() if d.stage == stage.name]
        if not decided:
            continue
        if stage.is_study:
            yield from _points(record, stage, decided)
            continue
        before = events[decided[0].index].sequence
        known = results_for_optimizers(record, before, stage.spectra, stage.arm)
        optimizer = new_optimizer(
            record.profile,
            stage,
            record.seed,
            lambda: new_surrogate(record.campaign, record.seed, record.profile.space),
        )
        optimizer.ingest(known)
        again = optimizer.suggest(len(decided))
        if again != [dict(decision.conditions) for decision in decided]:
            text = f"stage {stage.name} decided other conditions than its journal gives"
            yield Breach(Kind.DIVERGED, text)


def _points(record: RunRecord, stage: Stage, decided: Sequence[Decision]) -> Breaches:
    """The points of a study that plans them all at once are those of its plan, in order."""
    study = new_study(stage, rig_of_study(record, stage))
    if not isinstance(study, PlannedStudy):
        return
    planned = [dict(point.conditions) for point in study.next_points(())]
    if [dict(decision.conditions) for decision in decided] != planned[: len(decided)]:
        yield Breach(Kind.DIVERGED, f"stage {stage.name} has other points than its plan")
