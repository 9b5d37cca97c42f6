"""The closed loop: ask the optimizer, run the condition, tell it what was measured."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from attrs import asdict, evolve
from numpy.typing import NDArray

from flowrig.executor import Executor
from flowrig.expected_best import expected_best
from flowrig.health import Symptom, many_failed, same_again
from flowrig.interfaces import Optimizer, Problem, Suggestion, Surrogate
from flowrig.journal import Journal
from flowrig.measurement import evaluate, measured_arrays
from flowrig.model_check import check_model, model_symptoms
from flowrig.procedures import Reference, calibrate, run_condition
from flowrig.profile import Profile, Stage
from flowrig.record import Decision, Experiment, RunRecord

__all__ = ["CampaignLoop", "new_optimizer"]

Array = NDArray[np.float64]


class CampaignLoop:
    """Runs the stages of a campaign. Its whole memory is the journal.

    Args:
        record: reads the journal.
        journal: writes it.
        executor: runs procedures.
        wavelengths_nm: by spectrometer, each of shape `n_pixels`.
        now_s: rig time [s].
    """

    def __init__(
        self,
        record: RunRecord,
        journal: Journal,
        executor: Executor,
        wavelengths_nm: Mapping[str, Array],
        now_s: Callable[[], float],
    ) -> None:
        self._record = record
        self._profile: Profile = record.profile
        self._journal = journal
        self._executor = executor
        self._wavelengths_nm = wavelengths_nm
        self._now_s = now_s

    def run(self) -> None:
        """Calibrate, then do every experiment that the journal does not hold yet."""
        done = len(self._record.experiments()) >= self._record.campaign.experiments
        if done or self._should_end():
            return
        reference = self._calibrate()
        for stage in self._record.campaign.stages:
            if self._should_end():
                break
            self._run_stage(stage, reference)

    def _calibrate(self) -> Reference:
        reference = self._executor.run(calibrate(self._profile))
        arrays: dict[str, NDArray[Any]] = {}
        for name, wavelengths in self._wavelengths_nm.items():
            arrays[f"{name}.dark"] = reference.dark[name]
            arrays[f"{name}.lamp"] = reference.lamp[name]
            arrays[f"{name}.wavelengths_nm"] = wavelengths
        self._journal.append("calibrated", self._now_s(), arrays=arrays)
        return reference

    def _run_stage(self, stage: Stage, reference: Reference) -> None:
        self._journal.append(
            "stage", self._now_s(), {"stage": stage.name, "experiments": stage.experiments}
        )
        optimizer: Optimizer | None = None
        known = 0
        while not self._should_end():
            experiments = self._record.experiments()
            measured = {experiment.index for experiment in experiments}
            decided = [d for d in self._record.decisions() if d.stage == stage.name]
            pending = [decision for decision in decided if decision.index not in measured]
            if pending:
                self._run_experiment(pending[0], reference)
                continue
            if len(decided) >= stage.experiments:
                return
            if optimizer is None:
                optimizer = self._new_optimizer(stage)
            optimizer.ingest([self._row(experiment) for experiment in experiments[known:]])
            known = len(experiments)
            self._decide(stage, optimizer, stage.experiments - len(decided))

    def _new_optimizer(self, stage: Stage) -> Optimizer:
        surrogates = self._record.surrogates()
        return new_optimizer(self._profile, stage, self._record.seed, surrogates)

    def _row(self, experiment: Experiment) -> dict[str, Any]:
        return {
            **experiment.conditions,
            **experiment.features,
            self._profile.objective.name: experiment.objective,
        }

    def _decide(self, stage: Stage, optimizer: Optimizer, wanted: int) -> None:
        count = min(stage.batch, wanted)
        suggestions = self._executor.think(
            "choosing conditions", lambda: optimizer.suggest_explained(count)
        )
        if stage.order_by is not None:
            variable = stage.order_by
            suggestions = sorted(suggestions, key=lambda s: s.conditions[variable])
        first = len(self._record.decisions()) + 1
        *others, last = [
            _decided(index, stage.name, suggestion)
            for index, suggestion in enumerate(suggestions, first)
        ]
        for decided in others:  # on the disk together with the last: a batch is decided as a whole
            self._journal.note("decided", self._now_s(), decided)
        self._journal.append("decided", self._now_s(), last)

    def _run_experiment(self, decision: Decision, reference: Reference) -> None:
        started_s = self._now_s()
        self._journal.append("experiment", started_s, {"index": decision.index})
        observation = self._executor.run(run_condition(self._profile, decision.conditions))
        measurement, features = evaluate(
            self._profile, self._wavelengths_nm, reference, observation
        )
        self._journal.append(
            "measured",
            self._now_s(),
            {
                "index": decision.index,
                "conditions": decision.conditions,
                "flow_rates_ul_min": self._profile.flow_rates_ul_min(decision.conditions),
                "features": measurement.features,
                "objective": measurement.objective,
                "quality": measurement.quality.value,
                "flags": measurement.flags,
                "started_s": started_s,
            },
            measured_arrays(observation, features),
        )
        self._tell([symptom for symptom in self._symptoms() if symptom.kind not in self._told()])

    def _should_end(self) -> bool:
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
        if self._journal.last("expected-best") is None:
            best = expected_best(self._record)
            if best is not None:
                self._journal.append("expected-best", self._now_s(), best)
        if self._journal.last("model-checked") is None:
            checks = check_model(self._record)
            if checks:
                self._journal.append("model-checked", self._now_s(), {"predictions": checks})
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
        return {event.data["kind"] for event in self._journal.events("health")}

    def _tell(self, symptoms: Sequence[Symptom]) -> None:
        """Write down what is new, or has changed since it was told."""
        told = {event.data["kind"]: event.data["text"] for event in self._journal.events("health")}
        for symptom in symptoms:
            if told.get(symptom.kind) != symptom.text:
                self._journal.append("health", self._now_s(), asdict(symptom))


def new_optimizer(
    profile: Profile, stage: Stage, seed: int, surrogate: Callable[[], Surrogate]
) -> Optimizer:
    """The optimizer of a stage, as a run with a seed has it.

    Args:
        profile: the rig, with its campaign.
        stage: whose optimizer.
        seed: of the run.
        surrogate: makes a fresh surrogate model.
    """
    own_seed = int.from_bytes(sha256(f"{seed}/{stage.name}".encode()).digest()[:4])
    problem = Problem(profile.space, profile.objective, own_seed, surrogate)
    optimizer: Optimizer = stage.offer.load()(problem, stage.settings)
    return optimizer


def _decided(index: int, stage: str, suggestion: Suggestion) -> dict[str, Any]:
    decision = Decision(index=index, stage=stage, **asdict(suggestion, recurse=False))
    return asdict(evolve(decision, conditions=dict(decision.conditions)), recurse=False)
