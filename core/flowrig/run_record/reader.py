"""Reads the folder of a run: conditions, features, frames, predictions, state."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError, JournalError, OutOfRangeError
from flowrig.interfaces import Surrogate
from flowrig.journal.check import NOTHING_EXAMINED, Examined
from flowrig.journal.events import (
    Calibrated,
    Checked,
    D,
    Decided,
    Ended,
    HandDone,
    IncumbentFound,
    Measured,
    ResultEntered,
    Resumed,
    RunStarted,
    Skipped,
    SymptomFound,
    Unreadable,
)
from flowrig.journal.journal import FILE_NAME, LAST_SEQUENCE, Event, Journal
from flowrig.learning.from_campaign import surrogates_of
from flowrig.measurement.light_reference import LightReference
from flowrig.plugins.registry import Plugins
from flowrig.problem.pareto import Front
from flowrig.profile import Campaign, Profile
from flowrig.profile.model.campaign import is_known_to
from flowrig.run_record.arms import ArmResult, arms_of, best_so_far, front_of_experiments
from flowrig.run_record.batches import (
    Batch,
    FreshStock,
    batches_of,
    corrected,
    fresh_stocks,
)
from flowrig.run_record.changes import PROFILE_NAME, profile_of
from flowrig.run_record.doubts import doubts_as_json, with_doubts
from flowrig.run_record.experiment import Decision, Experiment, Incumbent, journalled_objective
from flowrig.run_record.lock import is_locked
from flowrig.run_record.off_line.fold import with_results
from flowrig.run_record.off_line.stored import stored_words
from flowrig.run_record.studies import findings_of
from flowrig.safety.syringes import COUNTED, SyringeLedger
from flowrig.safety.waste import WasteAccount

__all__ = ["LoadedRun", "RunRecord"]


Array = NDArray[np.float64]


@frozen(eq=False)
class LoadedRun:
    """The parts of a run that a process has loaded and examined already.

    A later reader of the same process starts from them: it parses no profile, and examines only
    events that were written since.

    Attributes:
        plugins: installed plugins.
        profile: the profile of the run.
        examined: events of the journal that were found to hold.
        unreadable: what of these events could not be read, by the number of the event.
    """

    plugins: Plugins
    profile: Profile
    examined: Examined = NOTHING_EXAMINED
    unreadable: Mapping[int, str] = field(factory=dict)


class RunRecord:
    """Reads the folder of a run, finished or under way in another process.

    Args:
        folder: the folder.
        plugins: installed plugins; looked up if they are not given.
        loaded: parts of this run that this process has loaded and examined before.

    Attributes:
        folder: the folder.
        plugins: installed plugins.
        journal: the journal, opened for reading.
        start: the event with which the run began: seed, versions, whether it is simulated.

    Raises:
        InputError: this is not the folder of a run, or the run was interrupted before it began.
    """

    def __init__(
        self,
        folder: Path | str,
        plugins: Plugins | None = None,
        *,
        loaded: LoadedRun | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.plugins = plugins or (loaded.plugins if loaded else Plugins.discover())
        self._loaded = loaded
        since = NOTHING_EXAMINED if loaded is None else loaded.examined
        self.journal = Journal(self.folder / FILE_NAME, read_only=True, since=since)
        self._decisions: list[Decision] = []
        self._measured: list[Experiment] = []
        self._experiments: list[Experiment] = []
        self._places: dict[int, int] = {}
        self._entries: dict[int, list[Event[ResultEntered]]] = {}
        self._checked: dict[int, list[Event[Checked]]] = {}
        self._spectra: dict[tuple[int, str], tuple[Array, Array]] = {}
        kinds = (Decided, Measured, Checked, ResultEntered)
        self._newest = {kind.KIND: 0 for kind in kinds}
        try:
            self.start = self._first_event()
            self._require_sense(since.sequence)
        except InputError:
            self.close()
            raise

    def _first_event(self) -> Event[RunStarted]:
        for event in self.journal.events(RunStarted):
            return event
        for problem in self.journal.unreadable.values():
            raise InputError(f"{problem}; without the beginning of the run nothing can be shown")
        raise InputError(
            f"the run in {self.folder} was interrupted before it began, and nothing has moved; "
            "delete the folder and run again"
        )

    def _require_sense(self, after: int) -> None:
        """Refuse a journal whose chain holds, but with events that flowrig would not write.

        Args:
            after: number of the last event that was checked before.
        """
        earlier = self.journal.events(Decided) if after else ()
        decided: set[Any] = {event.data.index for event in earlier if event.sequence <= after}
        for event in self.journal.events(after=after):
            match event.data:
                case Decided(index=index):
                    decided.add(index)
                case Unreadable(kind=Decided.KIND, extra=raw):
                    decided.add(raw.get("index"))
                case Measured(index=index) if index not in decided:
                    raise self._not_decided(event.sequence, index)
                case Unreadable(kind=Measured.KIND, extra=raw) if raw.get("index") not in decided:
                    raise self._not_decided(event.sequence, raw.get("index"))

    def _not_decided(self, sequence: int, index: Any) -> InputError:
        return InputError(
            f"{self.journal.path}: event {sequence} is a measurement of experiment {index}, which "
            "was not decided; this is no journal that flowrig wrote"
        )

    def close(self) -> None:
        """Release the file."""
        self.journal.close()

    def __enter__(self) -> "RunRecord":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def profile(self) -> Profile:
        """The rig and campaign, as the run began with them or as changes were accepted since."""
        if self._loaded is not None:
            return self._loaded.profile
        return profile_of(self.journal, self.profile_file, self.plugins)

    @property
    def profile_file(self) -> Path:
        """The copy of the profile in the folder."""
        return self.folder / PROFILE_NAME

    @property
    def loaded(self) -> LoadedRun:
        """The loaded profile and the examined events, for a later reader of the same process."""
        return LoadedRun(self.plugins, self.profile, self.journal.examined, self.unreadable_at)

    @property
    def campaign(self) -> Campaign:
        """The campaign, from the same copy.

        Raises:
            InputError: the profile has none.
        """
        campaign = self.profile.campaign
        if campaign is None:
            raise InputError(f"the profile of the run in {self.folder} has no [campaign]")
        return campaign

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.start.data.seed

    @property
    def simulated(self) -> bool:
        """Whether the instruments are emulated."""
        return self.start.data.simulated

    @property
    def state(self) -> str:
        """ "running", "finished", "stopped", "held", "failed", "unknown" or "interrupted"."""
        state = self.ended_state
        return "running" if state == "interrupted" and is_locked(self.folder) else state

    @property
    def ended_state(self) -> str:
        """As `state`, for a process that holds the lock of the folder: it does not run it yet."""
        newest = self.journal.last(Ended, RunStarted, Resumed)
        if newest is not None and isinstance(newest.data, Ended):
            return newest.data.state
        return "interrupted"

    @property
    def reason(self) -> str:
        """Why the run ended as it did, in one line."""
        newest = self.journal.last(Ended)
        return "" if newest is None else newest.data.reason

    @property
    def damage(self) -> str:
        """The damage of the journal, behind which it is not read; empty if there is none."""
        found = self.journal.damage
        return "" if found is None else f"{self.journal.path}: {found}"

    @property
    def unreadable(self) -> tuple[str, ...]:
        """What of the journal's events could not be read, one sentence each."""
        return tuple(self.unreadable_at.values())

    @property
    def unreadable_at(self) -> dict[int, str]:
        """As `unreadable`, by the number of the event."""
        before = {} if self._loaded is None else dict(self._loaded.unreadable)
        return before | self.journal.unreadable

    def _new_events(self, kind: type[D]) -> list[Event[D]]:
        """Events of a kind that were written since the last call; a journal only grows."""
        events = list(self.journal.events(kind, after=self._newest[kind.KIND]))
        if events:
            self._newest[kind.KIND] = events[-1].sequence
        return events

    def ledger(self) -> SyringeLedger:
        """The ledger of syringes and wastes, from the journal alone.

        Its rig state knows the volumes that a person has put into the path.
        """
        ledger = SyringeLedger(self.profile)
        for event in self.journal.events(*COUNTED, HandDone):
            ledger.follow(event.time_s, event.data)
        return ledger

    def decisions(self) -> list[Decision]:
        """Every decision, in order."""
        new = filter(self.has_sound_choices, self._new_events(Decided))
        self._decisions += map(_decision, new)
        return list(self._decisions)

    def experiments(self) -> list[Experiment]:
        """Every measured experiment, in order of time, with the results entered so far."""
        new, fresh = self._new_events(Measured), set[int]()  # places that change
        if new:
            decided = {decision.index: decision for decision in self.decisions()}
            wanted = (self.profile.space.names, self.profile.objective.responses)
            sound = [event for event in new if self._is_sound(event, decided, *wanted)]
            for event in sound:
                index = event.data.index
                self._places[index] = len(self._measured)
                fresh.add(len(self._measured))
                self._measured.append(_experiment(event, decided[index]))
        changed = list[int]()
        for checked in self._new_events(Checked):
            self._checked.setdefault(checked.data.index, []).append(checked)
            changed.append(checked.data.index)
        for entered in self._new_events(ResultEntered):
            self._entries.setdefault(entered.data.index, []).append(entered)
            changed.append(entered.data.index)
        fresh |= {self._places[index] for index in changed if index in self._places}
        for place in sorted(fresh):
            self._experiments[place : place + 1] = [self._as_known(self._measured[place])]
        return corrected(self.profile, self._experiments, self._fresh_stocks())

    def batches(self) -> list[Batch]:
        """The batches of the stocks by the reference condition; none without such a condition."""
        self.experiments()
        return batches_of(self.profile, self._experiments, self._fresh_stocks())

    def _fresh_stocks(self) -> list[FreshStock]:
        if self.campaign.reference is None:
            return []
        return fresh_stocks(self.profile, self.journal)

    def _as_known(
        self,
        measured: Experiment,
        before: float = math.inf,
        more: Sequence[Event[ResultEntered]] = (),
    ) -> Experiment:
        """An experiment with what was entered and doubted before the event of a number."""
        entries = [e for e in self._entries.get(measured.index, ()) if e.sequence < before]
        checked = [e for e in self._checked.get(measured.index, ()) if e.sequence < before]
        return with_results(self.profile, with_doubts(measured, checked), [*entries, *more])

    def experiments_before(self, sequence: int) -> list[Experiment]:
        """The experiments as they were before the event of a number."""
        self.experiments()
        known = [self._as_known(one, sequence) for one in self._measured if one.sequence < sequence]
        before = [one for one in self._fresh_stocks() if one.sequence < sequence]
        return corrected(self.profile, known, before)

    def experiment(self, index: int) -> Experiment:
        """A measured experiment by its number.

        Raises:
            InputError: it is not measured; the message says why.
        """
        self.experiments()
        if index not in self._places:
            raise InputError(self._not_measured(index))
        return self.experiments()[self._places[index]]

    def with_entry(self, entry: ResultEntered) -> Experiment:
        """An experiment as it will be with one more result.

        Raises:
            InputError: it is not measured.
        """
        self.experiment(entry.index)
        newest = Event(LAST_SEQUENCE, 0.0, "", entry)
        return self._as_known(self._measured[self._places[entry.index]], more=[newest])

    def _not_measured(self, index: int) -> str:
        if index in self.skipped():
            return f"experiment {index} was skipped, and left nothing to analyse"
        if index in {one.index for one in self.decisions()}:
            return f"experiment {index} is not measured yet; enter its result when it is"
        known = [one.index for one in self.experiments()]
        there = f"1 to {max(known)} are measured" if known else "none is measured yet"
        return f"there is no experiment {index}; {there}"

    @property
    def planned(self) -> int:
        """Number of experiments of all stages, and of the references among them so far."""
        return self.campaign.experiments + sum(one.reference for one in self.decisions())

    def waiting(self) -> list[Experiment]:
        """The experiments whose objective waits for results, in order of time."""
        return [one for one in self.experiments() if one.awaits]

    def sound(self) -> list[int]:
        """Numbers of the experiments that may be the best once they have an objective, in order.

        They are good, whatever results say, and in their steady state.
        """
        self.experiments()
        seen = [with_doubts(one, self._checked.get(one.index, ())) for one in self._measured]
        return [one.index for one in seen if one.quality == "good" and one.decision.settles]

    def settled(self) -> list[Experiment]:
        """The experiments in their steady state, in order of time: all but those of a study that
        looks at one liquid again and again, or before it is steady."""
        return [one for one in self.experiments() if one.decision.settles]

    def chosen(self) -> list[Experiment]:
        """The experiments whose conditions an optimizer chose, in order of time."""
        studies = self.campaign.studies
        return [
            one
            for one in self.experiments()
            if one.decision.stage not in studies and not one.decision.reference
        ]

    def _is_sound(
        self,
        event: Event[Measured],
        decided: Mapping[int, Decision],
        conditions: Sequence[str],
        responses: Sequence[str],
    ) -> bool:
        """Whether a measurement has a decision, and all conditions and responses."""
        index, problem = event.data.index, ""
        if index not in decided:
            problem = f"the decision of experiment {index} cannot be read"
        elif lacking := [name for name in conditions if name not in decided[index].conditions]:
            problem = f"experiment {index} has no condition {', '.join(lacking)}"
        elif lacking := [name for name in responses if name not in event.data.features]:
            problem = f"experiment {index} has no feature {', '.join(lacking)}"
        return not (problem and self._leave_out(event, problem))

    def has_sound_choices(self, event: Event[Decided] | Event[Skipped]) -> bool:
        """Whether each text among the conditions of an event is a choice of a category."""
        conditions = event.data.conditions
        texts = [name for name, value in conditions.items() if isinstance(value, str)]
        if not texts:
            return True
        try:
            for parameter in self.profile.space.parameters:
                if parameter.name in texts:
                    parameter.number_of(conditions[parameter.name])
        except OutOfRangeError as error:
            return not self._leave_out(event, str(error))
        return True

    def _leave_out(self, event: Event[Any], problem: str) -> bool:
        self.journal.unreadable[event.sequence] = (
            f"{self.journal.path}: event {event.sequence}, {event.kind!r}: {problem}; it is "
            "left out"
        )
        return True

    def skipped(self) -> frozenset[int]:
        """Numbers of the experiments that a person gave up."""
        return frozenset(event.data.index for event in self.journal.events(Skipped))

    def best(self) -> Experiment | None:
        """The good experiment with the highest measured objective; None without one."""
        sound = [e for e in self.experiments() if e.may_be_best]
        return max(sound, key=lambda e: e.objective, default=None)

    def front(self) -> Front | None:
        """The good experiments that no other one beats in every goal, as measured.

        None of an objective that has not several goals.
        """
        return front_of_experiments(self.profile.objective, self.experiments())

    def incumbent(self) -> Incumbent | None:
        """The incumbent, once a campaign with a surrogate is finished; the journal holds it.

        It is a less biased estimate than `best`, the largest of many noisy measurements.
        """
        event = self.journal.last(IncumbentFound)
        if event is None:
            return None
        at = [e for e in self.experiments() if e.index == event.data.index]
        if not at:  # its measurement cannot be read
            return None
        return Incumbent(
            experiment=at[0],
            objective_mean=_number(event.data.objective_mean),
            objective_sd=_number(event.data.objective_sd),
            robustness=event.data.robustness,
        )

    def arms(self) -> list[ArmResult]:
        """What each arm of the campaign came to; empty for a campaign without arms."""
        found = self.journal.last(IncumbentFound)
        return arms_of(self.campaign, self.settled(), None if found is None else found.data)

    def conditions(self) -> Array:
        """Conditions of the measured experiments, shape `n x d`, in natural units; of a category
        the number of the choice."""
        return self.profile.space.array([e.conditions for e in self.experiments()])

    def features(self, *names: str) -> Array:
        """Features of the measured experiments, shape `n x m`; the objective's by default."""
        wanted = names or self.profile.objective.responses
        rows = [[e.features[name] for name in wanted] for e in self.experiments()]
        return np.array(rows, dtype=float).reshape(len(rows), len(wanted))

    def objective(self) -> Array:
        """Measured objective of the experiments, shape `n`."""
        return np.array([e.objective for e in self.experiments()])

    def arrays(self, index: int) -> dict[str, NDArray[Any]]:
        """The arrays of an experiment, by name: raw frames, darks and mean spectra."""
        experiment = next(e for e in self.experiments() if e.index == index)
        return self.journal.arrays(experiment.sequence)

    def spectrum(self, index: int, channel: str) -> tuple[Array, Array]:
        """The averaged spectrum of a channel in one experiment.

        Args:
            index: number of the experiment.
            channel: name of the channel.

        Returns:
            places on the axis, and values there, each of shape `p`.

        Raises:
            InputError: there is no such channel.
        """
        if channel not in self.profile.analysis.channels:
            known = ", ".join(self.profile.analysis.channels)
            raise InputError(f"there is no channel {channel!r}; there are {known}")
        key = (index, channel)
        if key not in self._spectra:
            arrays = self.arrays(index)
            own = arrays.get(f"{channel}.axis")
            device = self.profile.analysis.channels[channel].device
            axis = self.axis(device) if own is None else own
            self._spectra[key] = (np.asarray(axis), np.asarray(arrays[channel]))
        return self._spectra[key]

    def frames(self, index: int, spectrometer: str) -> NDArray[np.uint16]:
        """Raw counts of one experiment, shape `n_frames x n_pixels`."""
        return self.arrays(index)[f"{spectrometer}.counts"]

    def wavelengths_nm(self, spectrometer: str) -> Array:
        """Wavelength [nm] of every pixel, shape `n_pixels`."""
        return self.reference(spectrometer)["wavelengths_nm"]

    def axis(self, detector: str) -> Array:
        """Place of every pixel on the axis of a detector, shape `n_pixels`.

        Wavelengths [nm] of a spectrometer, else in the unit of the detector.
        """
        return self.reference(detector)[self.profile.devices[detector].axis_array]

    def reference(self, spectrometer: str) -> dict[str, Array]:
        """The newest "dark" and "lamp" reference, as far as they were taken, and "wavelengths_nm",
        or "axis" of a detector that is no spectrometer, each of shape `n_pixels`.

        Raises:
            InputError: the run was not calibrated yet.
        """
        calibrated = self.journal.last(Calibrated)
        if calibrated is None:
            raise InputError(f"{self.journal.path} holds no dark and lamp reference")
        arrays = self.journal.arrays(calibrated.sequence)
        return {
            name: arrays[f"{spectrometer}.{name}"]
            for name in ("dark", "lamp", "wavelengths_nm", "axis")
            if f"{spectrometer}.{name}" in arrays
        }

    def lights(self) -> dict[str, LightReference]:
        """Dark and lamp reference of the newest calibration by spectrometer; empty without one, or
        if its arrays are damaged."""
        calibrated = self.journal.last(Calibrated)
        return {} if calibrated is None else self._lights_at(calibrated)

    def first_lights(self) -> dict[str, LightReference]:
        """Dark and lamp reference of the first intact calibration, by spectrometer."""
        every = map(self._lights_at, self.journal.events(Calibrated))
        return next(filter(None, every), {})

    def _lights_at(self, calibrated: Event[Calibrated]) -> dict[str, LightReference]:
        try:
            arrays = self.journal.arrays(calibrated.sequence)
        except JournalError:
            return {}
        return {
            name: LightReference(arrays.get(f"{name}.dark"), arrays[f"{name}.lamp"])
            for name in self.profile.devices
            if f"{name}.lamp" in arrays
        }

    def surrogates(self) -> Callable[[], Surrogate]:
        """Makes surrogates of this run; see `surrogates_of`."""
        return surrogates_of(
            self.folder, self.campaign, self.seed, self.profile.space, self.journal.examined
        )

    def model(self, arm: str | None = None) -> Surrogate:
        """The campaign's surrogate, fitted to all settled experiments but those of bad quality; its
        inputs are in the unit cube.

        Args:
            arm: fit it only to what this arm learns from.
        """
        surrogate = self.surrogates()()
        X, Y, made = self.conditions(), self.features(), self.experiments()
        usable = np.array(
            [e.is_usable and e.decision.settles and is_known_to(arm, e.decision.arm) for e in made],
            dtype=bool,
        )
        sound = np.isfinite(Y).all(axis=1) & usable
        surrogate.fit(self.profile.space.to_unit(X[sound]), Y[sound], self.profile.rsd)
        return surrogate

    def summary(self) -> dict[str, Any]:
        """The summary that `flowrig report --json` prints."""
        experiments = self.experiments()
        best, expected, front = self.best(), self.incumbent(), self.front()
        return {
            "state": self.state,
            "reason": self.reason,
            "profile": self.start.data.profile,
            "simulated": self.simulated,
            "seed": self.seed,
            "objective": journalled_objective(
                self.profile.objective, self.profile.percent_features
            ).as_json(),
            "experiments": len(experiments),
            "planned": self.planned,
            "skipped": sorted(self.skipped()),
            "waiting": sorted(one.index for one in self.waiting()),
            "results": [_summary_of_result(e) for e in self.journal.events(ResultEntered)],
            "best": None if best is None else self._summary_of(best),
            "expected_best": None if expected is None else self._expected(expected),
            "front": None if front is None else front.as_json(),
            "batches": [one.as_json() for one in self.batches()],
            "arms": {arm.name: self._summary_of_arm(arm) for arm in self.arms()},
            "studies": [one.as_json() for one in findings_of(self)],
            "quality": [one for each in experiments for one in doubts_as_json(each)],
            "health": {e.data.symptom: e.data.text for e in self.journal.events(SymptomFound)},
            "waste": self._waste(),
            "rig_time_s": experiments[-1].ended_s if experiments else 0.0,
            "digest": self.journal.digest(),
            "damage": self.damage,
            "unreadable": list(self.unreadable),
        }

    def _summary_of_arm(self, arm: ArmResult) -> dict[str, Any]:
        return {
            "experiments": len(arm.experiments),
            "planned": arm.planned,
            "best": None if arm.best is None else self._summary_of(arm.best),
            "expected_best": None if arm.incumbent is None else self._expected(arm.incumbent),
            "best_so_far": best_so_far(arm.experiments),
        }

    def _expected(self, incumbent: Incumbent) -> dict[str, Any]:
        spread = incumbent.robustness
        return {
            "objective_mean": incumbent.objective_mean,
            "objective_sd": incumbent.objective_sd,
            "robustness": None if spread is None else spread.as_json(),
            **self._summary_of(incumbent.experiment),
        }

    def _waste(self) -> dict[str, dict[str, float]]:
        """Filled and total volume [µL] of each waste whose volume the profile gives, by name."""
        capacities_ul = WasteAccount(self.profile).capacity_ul
        filled_ul = self.ledger().waste.filled_ul if capacities_ul else {}
        return {
            name: {"filled_ul": filled_ul[name], "capacity_ul": capacity_ul}
            for name, capacity_ul in capacities_ul.items()
        }

    def _summary_of(self, experiment: Experiment) -> dict[str, Any]:
        """An experiment in a summary."""
        units = {parameter.name: parameter.unit for parameter in self.profile.space.parameters}
        return {
            "objective": experiment.objective,
            "index": experiment.index,
            "stage": experiment.decision.stage,
            "conditions": {
                name: {"value": value, "unit": units[name]}
                for name, value in experiment.conditions.items()
            },
            "features": dict(experiment.features),
        }


def _summary_of_result(event: Event[ResultEntered]) -> dict[str, Any]:
    """An entered result in a summary."""
    data = event.data
    return {
        "experiment": data.index,
        "values": {n: {"value": v, "unit": data.units.get(n, "")} for n, v in data.values.items()},
        "by": data.by,
        "entered": data.entered,
        "files": [one.as_json() for one in data.files],
        "lost": data.lost,
        "sample": stored_words(data),
    }


def _decision(event: Event[Decided]) -> Decision:
    data = event.data
    return Decision(
        index=data.index,
        stage=data.stage,
        conditions=data.conditions,
        mean=data.mean,
        sd=data.sd,
        objective_mean=data.objective_mean,
        objective_sd=data.objective_sd,
        reason=data.reason,
        continues=bool(data.continues),
        after_s=data.after_s,
        frames=data.frames,
        arm=data.arm,
        keeps_s=data.keeps_s or 0.0,
        asks=data.asks or "",
        values=data.values or {},
        reference=bool(data.reference),
        is_foreign=bool(data.is_foreign),
        is_stored=bool(data.is_stored),
    )


def _experiment(event: Event[Measured], decision: Decision) -> Experiment:
    data, steadiness = event.data, event.data.steadiness
    return Experiment(
        decision=decision,
        features={name: _number(value) for name, value in data.features.items()},
        objective=_number(data.objective),
        quality=data.quality,
        flags=data.flags,
        started_s=data.started_s,
        ended_s=event.time_s,
        sequence=event.sequence,
        stationary_after=steadiness.residence_times if steadiness and steadiness.reached else None,
        readings={name: _number(value) for name, value in (data.readings or {}).items()},
        to_come={name: _number(value) for name, value in (data.to_come or {}).items()},
        flowing_s=data.flowing_s,
        interrupted=bool(data.interrupted),
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
