"""The closed loop: ask the optimizer, run the condition, tell it what was measured."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.campaign.diagnostics import Symptom, many_failed, same_again
from flowrig.campaign.incumbent import find_incumbent
from flowrig.campaign.model_check import check_model, model_r2, model_symptoms
from flowrig.campaign.optimizer import ConditionChooser
from flowrig.errors import (
    HoldExpiredError,
    NeedsPersonError,
    PauseRequested,
    SafetyTripError,
    SkipRequested,
)
from flowrig.interfaces import Suggestion
from flowrig.journal.events import (
    Calibrated,
    Decided,
    ExpectedBestFound,
    ExperimentBegun,
    Explored,
    Measured,
    ModelChecked,
    Skipped,
    StageBegun,
    Steadiness,
    SteadinessLook,
    SymptomFound,
)
from flowrig.journal.journal import Journal
from flowrig.measurement.evaluate import evaluate, feature_probe, measured_arrays
from flowrig.measurement.features import LIGHT_LEFT
from flowrig.measurement.light_check import LightReference, share_of_light
from flowrig.measurement.observation import CalibrationReference, Observation
from flowrig.operator.hold import Hold, HoldKind
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.executor import Executor
from flowrig.procedure.procedures import calibrate, run_condition
from flowrig.procedure.steps import RequireVolume
from flowrig.profile import Profile, Stage
from flowrig.run_record.experiment import Decision, Experiment
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.trips import tripped
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import SyringeNotEmpty

__all__ = ["CampaignLoop"]

Array = NDArray[np.float64]
R = TypeVar("R")

LEAST_LIGHT_COUNTS = 100.0
"""Light [counts] from which on a later one can be compared with it."""


class CampaignLoop:
    """Runs the stages of a campaign. Its whole memory is the journal.

    Args:
        record: reads the journal.
        journal: writes it.
        executor: runs procedures.
        wavelengths_nm: by spectrometer, each of shape `n_pixels`.
        now_s: rig time [s].
        chooser: chooses conditions.
        requests: what a person wants of the run.
        require_room: holds the run if so many experiments do not fit on the disk.
    """

    def __init__(
        self,
        record: RunRecord,
        journal: Journal,
        executor: Executor,
        wavelengths_nm: Mapping[str, Array],
        now_s: Callable[[], float],
        *,
        chooser: ConditionChooser,
        requests: OperatorRequests,
        require_room: Callable[[int], None] = lambda experiments: None,
    ) -> None:
        self._record = record
        self._profile: Profile = record.profile
        self._journal = journal
        self._executor = executor
        self._wavelengths_nm = wavelengths_nm
        self._now_s = now_s
        self._chooser = chooser
        self._requests = requests
        self._require_room = require_room
        self._given_up = False

    def run(self) -> None:
        """Calibrate, then do every experiment that the journal does not hold yet."""
        stages = self._record.campaign.stages
        if self._should_end() or all(self._is_over(stage) for stage in stages):
            return
        missing = self._record.campaign.experiments - len(self._record.experiments())
        self._through_holds(lambda: self._require_room(missing))
        reference = self._calibrate()
        for stage in stages:
            if self._should_end():
                break
            self._run_stage(stage, reference)

    def _calibrate(self) -> CalibrationReference:
        reference = self._through_holds(lambda: self._executor.run(calibrate(self._profile)))
        arrays: dict[str, NDArray[Any]] = {}
        for name, wavelengths in self._wavelengths_nm.items():
            arrays[f"{name}.dark"] = reference.dark[name]
            arrays[f"{name}.lamp"] = reference.lamp[name]
            arrays[f"{name}.wavelengths_nm"] = wavelengths
        doubts = self._changes_of_light(reference)
        self._journal.append(Calibrated(), self._now_s(), arrays)
        self._tell([Symptom("light-changed", doubt) for doubt in doubts])
        return evolve(reference, doubts=doubts)

    def _changes_of_light(self, reference: CalibrationReference) -> tuple[str, ...]:
        """What is to be said of an excitation that is not what it was when the run began.

        Photoluminescence goes by the counts themselves; an absorbance is a share of its reference.
        """
        name = self._profile.analysis.photoluminescence.spectrometer
        first = self._record.first_lights().get(name)
        now = LightReference(reference.dark[name], reference.lamp[name])
        share = None if first is None else share_of_light(first, now, LEAST_LIGHT_COUNTS)
        if share is None or LIGHT_LEFT[0] <= share <= LIGHT_LEFT[1]:
            return ()
        return (
            f"{name}: the light gives {share:.0%} of what it gave when the run began, so that "
            "photoluminescence cannot be compared; put it back as it was, or start a new run",
        )

    def _run_stage(self, stage: Stage, reference: CalibrationReference) -> None:
        begun = StageBegun(stage=stage.name, experiments=stage.experiments)
        self._journal.append(begun, self._now_s())
        asked = False
        while not self._should_end():
            pending = self._pending(stage)
            if not pending and (self._is_over(stage) or self._explains_enough(stage)):
                return
            if not asked:
                self._executor.begin_stage(stage.name)
                asked = True
            if pending:
                self._run_experiment(pending[0], reference)
            else:
                self._through_holds(lambda: self._decide(stage))

    def _decided_in(self, stage: Stage) -> list[Decision]:
        return [d for d in self._record.decisions() if d.stage == stage.name]

    def _pending(self, stage: Stage) -> list[Decision]:
        """What was decided in a stage, and neither measured nor skipped."""
        over = {e.index for e in self._record.experiments()} | self._record.skipped()
        return [decision for decision in self._decided_in(stage) if decision.index not in over]

    def _is_over(self, stage: Stage) -> bool:
        """Whether everything was done in a stage that there is to do, as the journal says."""
        explored = {event.data.stage for event in self._journal.events(Explored)}
        enough = len(self._decided_in(stage)) >= stage.experiments or stage.name in explored
        return enough and not self._pending(stage)

    def _explains_enough(self, stage: Stage) -> bool:
        """Whether the surrogate explains as much as a stage was to find out; written down if so."""
        compute = None if stage.until_r2 is None else model_r2(self._record)
        if stage.until_r2 is None or compute is None:
            return False
        r2 = self._executor.compute("seeing how much the model explains", compute)
        if r2 < stage.until_r2:
            return False
        count = len(self._decided_in(stage))
        explored = Explored(stage=stage.name, r2=r2, until_r2=stage.until_r2, experiments=count)
        self._journal.append(explored, self._now_s())
        return True

    def _row(self, experiment: Experiment) -> dict[str, Any]:
        return {
            **experiment.conditions,
            **experiment.features,
            self._profile.objective.name: experiment.objective,
        }

    def _decide(self, stage: Stage) -> None:
        tried, experiments = self._record.decisions(), self._record.experiments()
        wanted = stage.experiments - len(self._decided_in(stage))
        choice = self._chooser.choose(
            stage,
            [self._row(experiment) for experiment in experiments],
            [decision.conditions for decision in tried],
            min(stage.batch, wanted),
            self._executor.compute,
        )
        first = len(tried) + 1
        if choice.incident:
            self._tell([Symptom(f"optimizer-failed-{first}", choice.incident)])
        if choice.suggestions:
            self._write_down(stage, choice.suggestions, first)
        elif self._record.campaign.if_optimizer_fails == "hold":
            raise NeedsPersonError(f"the optimizer failed before experiment {first}; put it right")
        else:
            self._given_up = True

    def _write_down(self, stage: Stage, suggestions: Sequence[Suggestion], first: int) -> None:
        if stage.order_by is not None:
            variable = stage.order_by
            suggestions = sorted(suggestions, key=lambda s: s.conditions[variable])
        *others, last = [
            _decided(index, stage.name, suggestion)
            for index, suggestion in enumerate(suggestions, first)
        ]
        for decided in others:  # on the disk together with the last: a batch is decided as a whole
            self._journal.note(decided, self._now_s())
        self._journal.append(last, self._now_s())

    def _run_experiment(self, decision: Decision, reference: CalibrationReference) -> None:
        self._through_holds(lambda: self._require_room(1))
        try:
            with self._requests.experiment(decision.index):
                started_s, observation = self._through_holds(
                    lambda: self._observe(decision, reference)
                )
        except SkipRequested:
            self._executor.stop_flow()
            skipped = Skipped(index=decision.index, conditions=decision.conditions)
            self._journal.append(skipped, self._now_s())
            return
        measurement, features = evaluate(
            self._profile, self._wavelengths_nm, reference, observation
        )
        self._journal.keep(
            Measured(
                index=decision.index,
                conditions=decision.conditions,
                flow_rates_ul_min=self._profile.flow_rates_ul_min(decision.conditions),
                features=measurement.features,
                objective=measurement.objective,
                quality=measurement.quality.value,
                flags=measurement.flags,
                started_s=started_s,
                steadiness=_steadiness(observation),
            ),
            self._now_s(),
            measured_arrays(observation, features),
        )
        self._journal.require_written()
        self._tell([symptom for symptom in self._symptoms() if symptom.kind not in self._told()])

    def _observe(
        self, decision: Decision, reference: CalibrationReference
    ) -> tuple[float, Observation]:
        """When an experiment began, and what it gave."""
        started_s = self._now_s()
        self._journal.append(ExperimentBegun(index=decision.index), started_s)
        conditions = decision.conditions
        probe = feature_probe(self._profile, self._wavelengths_nm, reference)
        return started_s, self._executor.run(run_condition(self._profile, conditions, probe))

    def _through_holds(self, attempt: Callable[[], R]) -> R:
        """Do something from its beginning after every time that the run waited for a person."""
        while True:
            try:
                return attempt()
            except PauseRequested:
                hold = Hold(kind=HoldKind.PAUSE, text="a person paused the run")
            except HoldExpiredError:
                raise
            except NeedsPersonError as error:
                text = f"{error}{self._outlook(error.refill)}"
                need = HoldKind.NEED
                hold = Hold(kind=need, text=text, refill=error.refill, empty=error.empty)
            except SafetyTripError as error:
                if error.action != "hold":
                    raise
                hold = self._hold_of(error)
            self._executor.hold(hold)

    def _outlook(self, streams: Sequence[str]) -> str:
        """For how many of the experiments to come full syringes are enough, in words."""
        over = {e.index for e in self._record.experiments()} | self._record.skipped()
        left = self._record.campaign.experiments - len(over)
        decisions = self._record.decisions()
        to_come = [d for d in decisions if d.index not in over] or decisions
        if not streams or not to_come or left < 1:
            return ""
        needs = [_volumes_ul(self._profile, decision.conditions) for decision in to_come]
        ledger, told = SyringeLedger(self._profile), []
        for stream in streams:
            each_ul = sum(need[stream] for need in needs) / len(needs)
            told.append(f"{stream} for {min(ledger.lasts(stream, each_ul), left)}")
        return f", enough of {', of '.join(told)} of the {left} experiments to come"

    def _hold_of(self, error: SafetyTripError) -> Hold:
        """The hold that an interlock asks for."""
        for trip in error.trips:
            self._journal.append(tripped(trip), self._now_s())
        pumps = {trip.device for trip in error.trips if trip.rule == SyringeNotEmpty.name}
        streams = self._profile.streams.items()
        empty = tuple(name for name, stream in streams if stream.pump in pumps)
        return Hold(kind=HoldKind.NEED, text=str(error), refill=empty)

    def _should_end(self) -> bool:
        if self._given_up:
            return True
        stop = self._record.campaign.stop
        best = self._record.best()
        if (
            stop.objective_above is not None
            and best is not None
            and best.objective >= stop.objective_above
        ):
            return True
        return stop.at_most_s is not None and self._now_s() >= stop.at_most_s

    def check_model(self) -> None:
        """Write down what the surrogate expects most of, and how well it predicts.

        Once, and for a rig at rest, as it takes time.
        """
        if self._journal.last(ExpectedBestFound) is None:
            best = find_incumbent(self._record)
            if best is not None:
                self._journal.append(best, self._now_s())
        if self._journal.last(ModelChecked) is None:
            checks = check_model(self._record)
            if checks:
                self._journal.append(ModelChecked(predictions=checks), self._now_s())
                self._tell(model_symptoms(self._record, checks))
        self._tell(self._symptoms())

    def _symptoms(self) -> list[Symptom]:
        """What can be said without a model."""
        experiments = self._record.experiments()
        space = self._profile.space
        X = space.to_unit(space.array([e.conditions for e in experiments]))
        found = (
            same_again(X, [e.index for e in experiments]),
            many_failed([e.quality != "bad" for e in experiments]),
        )
        return [symptom for symptom in found if symptom is not None]

    def _told(self) -> set[str]:
        """Kinds of symptoms that the operator knows of."""
        return {event.data.symptom for event in self._journal.events(SymptomFound)}

    def _tell(self, symptoms: Sequence[Symptom]) -> None:
        """Write down what is new, or has changed since it was told."""
        told = {one.data.symptom: one.data.text for one in self._journal.events(SymptomFound)}
        for symptom in symptoms:
            if told.get(symptom.kind) != symptom.text:
                found = SymptomFound(symptom=symptom.kind, text=symptom.text)
                self._journal.append(found, self._now_s())


def _volumes_ul(profile: Profile, conditions: Mapping[str, float]) -> Mapping[str, float]:
    """What an experiment draws [µL], by stream; its procedure asks for that first."""
    first = next(run_condition(profile, conditions))
    assert isinstance(first, RequireVolume)
    return first.volumes_ul


def _steadiness(observation: Observation) -> Steadiness | None:
    found = observation.steadiness
    if found is None:
        return None
    return Steadiness(
        reached=found.reached,
        residence_times=found.residence_times,
        drifts=found.drifts,
        looks=tuple(
            SteadinessLook(residence_times=look.residence_times, values=look.values)
            for look in found.looks
        ),
    )


def _decided(index: int, stage: str, suggestion: Suggestion) -> Decided:
    return Decided(
        index=index,
        stage=stage,
        conditions=suggestion.conditions,
        mean=suggestion.mean,
        sd=suggestion.sd,
        objective_mean=suggestion.objective_mean,
        objective_sd=suggestion.objective_sd,
        reason=suggestion.reason,
    )
