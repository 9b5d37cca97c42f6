"""The campaign loop: choose conditions, run them, evaluate the spectra, write the result down."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import Symptom
from flowrig.campaign.final_check import newest_symptoms
from flowrig.campaign.later import LaterResults
from flowrig.campaign.model_check import EarlyEnd
from flowrig.campaign.optimizer import Choice, ConditionChooser
from flowrig.campaign.points import StudyRunner
from flowrig.campaign.progress import CampaignProgress
from flowrig.campaign.quality import QualityChecks, ReferenceConditions, ReferenceDueError
from flowrig.campaign.results import results_for_optimizers
from flowrig.campaign.retry_after_hold import RetryAfterHold
from flowrig.errors import NeedsPersonError, SkipRequested
from flowrig.measurement.evaluate import evaluate, feature_probe
from flowrig.measurement.light_check import with_changed_lights
from flowrig.measurement.light_reference import LightCalibration
from flowrig.measurement.observation import Observation
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.executor import Executor
from flowrig.procedure.procedures import calibrate
from flowrig.profile import Stage
from flowrig.run_record.experiment import Decision
from flowrig.run_record.reader import RunRecord

__all__ = ["CampaignLoop"]

Array = NDArray[np.float64]


class CampaignLoop:
    """Runs one experiment after the other until the stages of the campaign are over.

    The journal is its only memory, so that a resumed run goes on where the last one ended.

    Args:
        record: reads the journal.
        journal: writes it.
        executor: runs procedures.
        wavelengths_nm: by spectrometer, each of shape `n_pixels`.
        chooser: chooses conditions.
        later: the results that come later, which the chooser has learned from.
        requests: takes what a person asks of the run.
        require_room: holds the run if so many experiments do not fit on the disk.
    """

    def __init__(
        self,
        record: RunRecord,
        journal: CampaignJournal,
        executor: Executor,
        wavelengths_nm: Mapping[str, Array],
        *,
        chooser: ConditionChooser,
        later: LaterResults,
        requests: OperatorRequests,
        require_room: Callable[[int], None] = lambda experiments: None,
    ) -> None:
        self._record = record
        self._profile = record.profile
        self._executor = executor
        self._wavelengths_nm = wavelengths_nm
        self._journal = journal
        self._chooser = chooser
        self._later = later
        self._requests = requests
        self._require_room = require_room
        self._progress = CampaignProgress(record, journal.journal)
        self._with_holds = RetryAfterHold(record.profile, executor, journal, self._progress)
        self._early = EarlyEnd(record, journal, self._progress, executor)
        self._studies = StudyRunner(record, journal, executor, later)
        self._quality = QualityChecks(record, journal, executor)
        self._references = ReferenceConditions(record, journal)
        self._optimizer_gave_up = False

    def run(self) -> None:
        """Calibrate, then do every experiment that the journal does not hold yet."""
        stages = self._record.campaign.stages
        if self._should_end() or all(self._progress.is_over(stage) for stage in stages):
            return
        self._with_holds(lambda: self._require_room(self._progress.unmeasured()))
        calibration = self._calibrate()
        self._quality.check()  # what a killed run measured last
        for stage in stages:
            if self._should_end():
                break
            self._run_stage(stage, calibration)

    def _calibrate(self) -> LightCalibration:
        """Take the light references; doubt them if the excitation has changed since the start."""
        taken = self._with_holds(lambda: self._executor.run(calibrate(self._profile)))
        first = self._record.first_lights()
        calibration = with_changed_lights(taken, first, self._profile.analysis)
        self._journal.calibrated(calibration, self._wavelengths_nm)
        return calibration

    def _run_stage(self, stage: Stage, calibration: LightCalibration) -> None:
        self._journal.stage_begun(stage)
        self._studies.write_fractions(stage.name)
        if self._progress.is_over(stage):  # before the gate, so that no person is asked for nothing
            return
        self._executor.begin_stage(stage.name)  # no later stage asks what the study before it asks
        if self._is_done(stage):
            return
        while True:
            self._references.decide(stage)
            pending = self._progress.pending(stage)
            if pending:
                self._run_experiment(pending[0], calibration)
            else:
                self._with_holds(lambda: self._choose(stage))
            if self._should_end() or self._is_done(stage):
                self._studies.end_flow()
                return

    def _choose(self, stage: Stage) -> None:
        """Choose the conditions of the next batch, and write them down."""
        if self._studies.ask(stage):
            return
        self._later.before_choice(self._chooser)
        self._references.before_choice(self._chooser)
        first = len(self._record.decisions()) + 1
        done = len(self._progress.decided_in(stage))
        choice = self._chooser.choose(
            stage,
            results_for_optimizers(self._record, spectra=stage.spectra, arm=stage.arm),
            [one.conditions for one in self._progress.tried(stage)],
            min(stage.batch, self._progress.left_to_decide(stage)),
            self._executor.compute,
            pending=self._later.pending(stage),
            first=first,
        )
        self._journal.report(_symptoms(stage, first, choice))
        if choice.suggestions:
            self._journal.decided(stage, choice.suggestions, first)
        elif choice.stage_over:
            self._journal.stage_ended(stage, choice.stage_over, done)
        elif self._record.campaign.if_optimizer_fails == "hold":
            raise NeedsPersonError(f"the optimizer failed before experiment {first}; put it right")
        else:
            self._optimizer_gave_up = True

    def _run_experiment(self, decision: Decision, calibration: LightCalibration) -> None:
        """Run, evaluate and write down one experiment; a person may skip it."""
        self._with_holds(lambda: self._require_room(1))
        try:
            with self._requests.experiment(decision.index):
                started_s, observation = self._with_holds(
                    lambda: self._observe(decision, calibration)
                )
        except ReferenceDueError:
            return  # it comes first, and the experiment after it
        except SkipRequested:
            self._executor.stop_flow()
            self._journal.skipped(decision)
            return
        profile = self._studies.evaluated_by(decision)
        found = evaluate(profile, self._wavelengths_nm, calibration, observation)
        self._journal.measured(decision, started_s, observation, *found)
        self._quality.check()
        self._journal.report(newest_symptoms(self._record), only_new_kinds=True)
        self._studies.write_fractions(decision.stage)

    def _observe(
        self, decision: Decision, calibration: LightCalibration
    ) -> tuple[float, Observation]:
        """Run an experiment; returns its start [s] and its spectra."""
        self._references.require_first(decision)
        started_s = self._journal.experiment_begun(decision)
        probe = feature_probe(self._profile, self._wavelengths_nm, calibration)
        return started_s, self._executor.run(self._studies.run(decision, probe))

    def _is_done(self, stage: Stage) -> bool:
        if self._progress.pending(stage):
            return False
        return self._progress.is_over(stage) or self._early.ends(stage)

    def _should_end(self) -> bool:
        return self._optimizer_gave_up or self._progress.reached_limit(self._journal.now_s())


def _symptoms(stage: Stage, first: int, choice: Choice) -> Iterator[Symptom]:
    """What a choice tells of its optimizer.

    Args:
        stage: the stage.
        first: number of the first experiment of the batch.
        choice: the choice.
    """
    if choice.incident:
        yield Symptom(f"optimizer-failed-{first}", choice.incident)
    if choice.settled:
        yield Symptom(f"optimizer-settled-{stage.name}", choice.settled)
