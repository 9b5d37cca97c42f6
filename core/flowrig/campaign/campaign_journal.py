"""The events that a campaign writes to the journal of its run."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.campaign.diagnostics import Symptom
from flowrig.campaign.order import in_order
from flowrig.interfaces import Fraction, Point, Quality, Suggestion
from flowrig.journal.events import (
    Calibrated,
    Decided,
    EventData,
    ExperimentBegun,
    Explored,
    FractionMade,
    Measured,
    Skipped,
    StageBegun,
    StageEnded,
    Steadiness,
    SteadinessLook,
    Suspended,
    SymptomFound,
)
from flowrig.journal.journal import Journal
from flowrig.measurement.evaluate import Measurement, calibration_arrays, measured_arrays
from flowrig.measurement.light_reference import LightCalibration
from flowrig.measurement.observation import Observation
from flowrig.measurement.sample import Features
from flowrig.problem.pareto import goals_of
from flowrig.problem.space import Value
from flowrig.profile import Profile, Stage
from flowrig.run_record.experiment import Decision
from flowrig.run_record.trips import tripped
from flowrig.safety_rules import Trip

__all__ = ["CampaignJournal"]


@frozen
class CampaignJournal:
    """Writes the steps of a campaign.

    Attributes:
        journal: of the run.
        profile: the rig.
        now_s: rig time [s].
    """

    journal: Journal
    profile: Profile
    now_s: Callable[[], float]

    def write(self, data: EventData) -> None:
        """Write an event, on the disk when this returns.

        Raises:
            JournalError: it cannot be written.
        """
        self.journal.append(data, self.now_s())

    def calibrated(
        self, calibration: LightCalibration, axes: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Write the light references, and their doubts as symptoms."""
        arrays = calibration_arrays(self.profile, calibration, axes)
        self.journal.append(Calibrated(), self.now_s(), arrays)
        self.report([Symptom("light-changed", doubt) for doubt in calibration.doubts])

    def stage_begun(self, stage: Stage) -> None:
        """Write that a stage begins, or goes on after a resume."""
        self.write(StageBegun(stage=stage.name, experiments=stage.experiments, arm=stage.arm))

    def explored(self, stage: Stage, r2: float, experiments: int) -> None:
        """Write that the surrogate reached `until_r2` of a stage after so many experiments."""
        assert stage.until_r2 is not None
        self.write(
            Explored(stage=stage.name, r2=r2, until_r2=stage.until_r2, experiments=experiments)
        )

    def stage_ended(self, stage: Stage, reason: str, experiments: int) -> None:
        """Write that a stage ends after so many experiments, before its last one."""
        self.write(StageEnded(stage=stage.name, experiments=experiments, reason=reason))

    def decided(self, stage: Stage, suggestions: Sequence[Suggestion], first: int) -> None:
        """Write a batch of decisions, in the order in which the stage measures them.

        Args:
            stage: the stage.
            suggestions: conditions, at least one.
            first: number of the first experiment of the batch.
        """
        newest = self.journal.last(Decided)
        before = None if newest is None else newest.data.conditions
        places = in_order(self.profile, stage, [s.conditions for s in suggestions], before)
        self._write_batch(
            [
                _decided(index, stage, suggestions[place])
                for index, place in enumerate(places, first)
            ]
        )

    def reference(
        self, stage: Stage, conditions: Mapping[str, Value], numbers: Iterable[int], why: str
    ) -> None:
        """Write that the reference condition is measured next, in some experiments."""
        one = Suggestion(conditions, reason=why)
        self._write_batch(
            [evolve(_decided(n, stage, one), arm=None, reference=True) for n in numbers]
        )

    def asked_for(self, stage: Stage, points: Sequence[Point], first: int) -> None:
        """Write the points that a study asks for.

        Args:
            stage: the stage.
            points: at least one, in the order in which they are measured.
            first: number of the first experiment.
        """
        self._write_batch([_point(n, stage.name, one) for n, one in enumerate(points, first)])

    def fraction_made(self, stage: str, one: Fraction) -> None:
        """Write a fraction of the product of a stage that is complete."""
        self.write(
            FractionMade(
                stage=stage,
                number=one.number,
                volume_ul=one.volume_ul,
                started_s=one.started_s,
                ended_s=one.ended_s,
                experiments=one.experiments,
                mean=one.mean,
                sd=one.sd,
                kept=one.kept,
                reason=one.reason,
                told=one.told,
            )
        )

    def _write_batch(self, batch: Sequence[Decided]) -> None:
        *others, last = batch
        # `note` leaves the others in memory until `append` writes the last: after a crash the
        # journal holds all of the batch or none of it.
        for decided in others:
            self.journal.note(decided, self.now_s())
        self.write(last)

    def experiment_begun(self, decision: Decision) -> float:
        """Write that an experiment begins; returns its rig time [s]."""
        started_s = self.now_s()
        self.journal.append(ExperimentBegun(index=decision.index), started_s)
        return started_s

    def skipped(self, decision: Decision) -> None:
        """Write that a person gave up an experiment."""
        self.write(Skipped(index=decision.index, conditions=decision.conditions))

    def measured(
        self,
        decision: Decision,
        started_s: float,
        observation: Observation,
        measurement: Measurement,
        features: Features,
    ) -> None:
        """Write the result of an experiment, with its frames and mean spectra.

        Args:
            decision: the experiment.
            started_s: rig time [s] at which it began.
            observation: its spectra.
            measurement: their evaluation.
            features: the features with the averaged spectra.

        Raises:
            JournalError: it cannot be written; it is kept in memory and written later if possible.
        """
        slept = self._suspends_since(started_s)
        quality = measurement.quality
        if slept and quality is Quality.GOOD:
            quality = Quality.DOUBTFUL
        measured = Measured(
            index=decision.index,
            conditions=decision.conditions,
            flow_rates_ul_min=self.profile.flow_rates_ul_min(decision.conditions),
            features=measurement.features,
            objective=measurement.objective,
            quality=quality.value,
            flags=(*measurement.flags, *slept),
            started_s=started_s,
            steadiness=_steadiness(observation),
            readings=observation.readings or None,
            to_come=observation.to_come or None,
            flowing_s=observation.flowing_s,
            interrupted=observation.interrupted or None,
            goals=goals_of(self.profile.objective, measurement.features),
        )
        # `keep`, not `append`: a full disk must not lose what the rig has measured.
        self.journal.keep(measured, self.now_s(), measured_arrays(observation, features))
        self.journal.require_written()

    def _suspends_since(self, started_s: float) -> tuple[str, ...]:
        """A flag if the computer was suspended since a rig time [s]."""
        events = self.journal.events(Suspended)
        slept_s = sum(event.data.slept_s for event in events if event.time_s >= started_s)
        if not slept_s:
            return ()
        return (f"the computer was suspended for {slept_s:.0f} s during the experiment",)

    def tripped(self, trips: Sequence[Trip]) -> None:
        """Write the interlocks that tripped."""
        for trip in trips:
            self.write(tripped(trip))

    def report(self, symptoms: Iterable[Symptom], *, only_new_kinds: bool = False) -> None:
        """Write symptoms that the operator does not know of yet.

        Args:
            symptoms: what was found.
            only_new_kinds: leave out a symptom if another text of its kind was reported before;
                otherwise it is reported again.
        """
        found = tuple(symptoms)
        if not found:  # every look at the rig asks
            return
        known = {one.data.symptom: one.data.text for one in self.journal.events(SymptomFound)}
        for symptom in found:
            if symptom.kind in known if only_new_kinds else known.get(symptom.kind) == symptom.text:
                continue
            self.write(SymptomFound(symptom=symptom.kind, text=symptom.text))


def _decided(index: int, stage: Stage, suggestion: Suggestion) -> Decided:
    return Decided(
        index=index,
        stage=stage.name,
        arm=stage.arm,
        conditions=suggestion.conditions,
        mean=suggestion.mean,
        sd=suggestion.sd,
        objective_mean=suggestion.objective_mean,
        objective_sd=suggestion.objective_sd,
        reason=suggestion.reason,
    )


def _point(index: int, stage: str, point: Point) -> Decided:
    return Decided(
        index=index,
        stage=stage,
        conditions=point.conditions,
        mean={},
        sd={},
        objective_mean=None,
        objective_sd=None,
        reason=point.reason,
        continues=point.continues or None,
        keeps_s=point.keeps_s or None,
        values=dict(point.values) or None,
        after_s=point.after_s,
        frames=point.frames,
        asks=point.asks or None,
        is_foreign=point.is_foreign or None,
        is_stored=point.is_stored or None,
    )


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
