"""Cross-validation of the surrogate on the experiments of a run, and stages that it ends."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import (
    Symptom,
    drift,
    explained_share,
    explains_nothing,
    without_effect,
)
from flowrig.campaign.progress import CampaignProgress
from flowrig.journal.events import Prediction
from flowrig.problem.objective import Objective
from flowrig.procedure.executor import Executor
from flowrig.profile import Stage
from flowrig.profile.model.campaign import is_known_to
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord
from flowrig.twin import FOLDS, Fold, TrainingSet, held_out

__all__ = ["EarlyEnd", "check_model", "model_r2", "model_symptoms"]

Array = NDArray[np.float64]


def check_model(record: RunRecord) -> tuple[Prediction, ...]:
    """Predict every measured experiment from the others, in five folds.

    Returns:
        one prediction for each experiment; none if there are too few experiments, or the campaign
        has no surrogate.
    """
    experiments = _checkable(record)
    objective = record.profile.objective
    checks = [
        _check(experiments[row].index, place, fold, objective)
        for fold in _folds(record, experiments)
        for place, row in enumerate(fold.rows)
    ]
    return tuple(sorted(checks, key=lambda check: check.index))


def model_r2(record: RunRecord, arm: str | None = None) -> Callable[[], float] | None:
    """A function that computes R² of the objective from five folds.

    Args:
        record: the run.
        arm: of the stage that asks: experiments of other arms are left out.

    Returns:
        the function, which reads no journal, so that it can run in another thread; None if there
        are too few experiments, or the campaign has no surrogate.
    """
    experiments = _checkable(record, arm)
    if not experiments:
        return None
    measured = np.array([e.objective for e in experiments])
    folds = _folds(record, experiments)

    def compute() -> float:
        predicted = np.empty_like(measured)
        for fold in folds:
            predicted[fold.rows] = fold.objective_mean
        return explained_share(measured, predicted)

    return compute


def _checkable(record: RunRecord, arm: str | None = None) -> list[Experiment]:
    """The experiments with a trusted objective; none if they are too few, or without surrogate."""
    if record.campaign.surrogate is None:
        return []
    experiments = [e for e in record.settled() if e.is_usable and is_known_to(arm, e.decision.arm)]
    return experiments if len(experiments) >= 2 * FOLDS else []


def _folds(record: RunRecord, experiments: Sequence[Experiment]) -> Iterator[Fold]:
    """Predictions of each fold from the other folds, computed when they are iterated."""
    if not experiments:
        return iter(())
    space, objective = record.profile.space, record.profile.objective
    X = space.to_unit(space.array([e.conditions for e in experiments]))
    Y = np.array([[e.features[name] for name in objective.responses] for e in experiments])
    data = TrainingSet(X, Y, objective, record.profile.rsd)
    return held_out(data, record.surrogates(), record.seed)


def _check(index: int, place: int, fold: Fold, objective: Objective) -> Prediction:
    """The prediction of the experiment at `place` in a fold."""
    names = objective.responses
    return Prediction(
        index=index,
        mean=dict(zip(names, map(float, fold.mean[place]), strict=True)),
        sd=dict(zip(names, map(float, fold.sd[place]), strict=True)),
        objective_mean=float(fold.objective_mean[place]),
        objective_sd=float(fold.objective_sd[place]),
    )


def model_symptoms(record: RunRecord, checks: Sequence[Prediction]) -> list[Symptom]:
    """Symptoms that show in predictions of unseen experiments.

    Args:
        record: the run.
        checks: from `check_model`.
    """
    by_index = {check.index: check for check in checks}
    experiments = [e for e in record.experiments() if e.index in by_index]
    if not experiments:
        return []
    measured = np.array([e.objective for e in experiments])
    predicted = np.array([by_index[e.index].objective_mean for e in experiments], float)
    sd = np.array([by_index[e.index].objective_sd for e in experiments], float)
    space, objective, model = record.profile.space, record.profile.objective, record.model()

    def expected(X: Array) -> Array:
        return objective.value(model.predict(X).mean)

    X = space.to_unit(space.array([e.conditions for e in experiments]))
    explained = explained_share(measured, predicted)
    found = (
        explains_nothing(measured, predicted),
        without_effect(expected, X, space.names, explained, record.seed),
        drift((measured - predicted) / sd),
    )
    return [symptom for symptom in found if symptom is not None]


class EarlyEnd:
    """Ends stages for which earlier experiments are enough, or whose model explains enough.

    Args:
        record: reads the journal.
        journal: writes it.
        progress: what is left to do.
        executor: watches the rig while something is computed.
    """

    def __init__(
        self,
        record: RunRecord,
        journal: CampaignJournal,
        progress: CampaignProgress,
        executor: Executor,
    ) -> None:
        self._record = record
        self._journal = journal
        self._progress = progress
        self._executor = executor

    def ends(self, stage: Stage) -> bool:
        """Whether a stage without pending experiments ends here; written down if so."""
        if self._progress.left_to_decide(stage):
            return self._explains_enough(stage)
        count, done = self._progress.counted_prior, len(self._progress.decided_in(stage))
        reason = f"{count} earlier experiments of the same rig count as its own"
        self._journal.stage_ended(stage, reason, done)
        return True

    def _explains_enough(self, stage: Stage) -> bool:
        """Whether the surrogate reaches `until_r2` of a stage; written down if so."""
        compute = None if stage.until_r2 is None else model_r2(self._record, stage.arm)
        if stage.until_r2 is None or compute is None:
            return False
        r2 = self._executor.compute("seeing how much the model explains", compute)
        if r2 < stage.until_r2:
            return False
        self._journal.explored(stage, r2, len(self._progress.decided_in(stage)))
        return True
