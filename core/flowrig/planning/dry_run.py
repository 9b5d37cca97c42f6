"""A dry run of a campaign: its procedures with time, temperatures and volumes, and no device."""

import copy
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, TypeVar

import numpy as np
from attrs import evolve, frozen

from flowrig.campaign.points import flow_of
from flowrig.errors import NeedsPersonError, OutOfRangeError
from flowrig.interfaces import Frames, Point
from flowrig.journal import events
from flowrig.measurement.observation import Observation
from flowrig.operator.gates import Gates, sentence
from flowrig.operator.hand_work import volumes_to_change
from flowrig.planning.known_conditions import Planned
from flowrig.problem.space import Value
from flowrig.procedure.heating_time import (
    AMBIENT_C,
    cooled_c,
    heating_time_s,
    steady_time_s,
)
from flowrig.procedure.procedures import calibrate, continue_condition, run_condition
from flowrig.procedure.refill import due_refills, refill, refill_duration_s
from flowrig.procedure.steps import (
    Acquire,
    Divert,
    Draw,
    Keep,
    LookAtRig,
    PutIn,
    RequireVolume,
    SetFlowRates,
    SetLight,
    SetTemperatures,
    Settle,
    SetValues,
    Start,
    Step,
    Stop,
    TellChanges,
    TellKept,
    TellReadings,
    TellRinse,
    TellToCome,
    Wait,
    WaitSteady,
)
from flowrig.procedure.volumes import require_volumes
from flowrig.procedure.watch import WATCH_S
from flowrig.profile import Gate, Profile, SafeStep
from flowrig.profile.controls.beyond import in_stage
from flowrig.profile.controls.studies import acquisition_s
from flowrig.run_record.scorecard.times import Share, TimeCount, TimeShares, share_of
from flowrig.safety.guard import rules_of
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import (
    FrozenReading,
    HeaterState,
    ReadingLimit,
    Snapshot,
    StreamState,
    Supervisor,
)

__all__ = ["Drawing", "DryRun", "Emptying", "Outcome", "Part", "Question", "Refill"]

READS = (ReadingLimit, FrozenReading)
"""Rules on readings of devices."""

FLUSH_LOOK_S = 5.0
"""Time [s] between two readings of the temperature while a rig flushes."""

R = TypeVar("R")


@frozen(kw_only=True)
class Drawing:
    """Syringes are filled from their reservoirs, without a person.

    Attributes:
        experiment: number of the experiment before which they are, from 1; 0 for the calibration.
        time_s: rig time [s] at its beginning.
        volumes_ul: volume [µL] that each draws, by stream.
    """

    experiment: int
    time_s: float
    volumes_ul: Mapping[str, float]


@frozen(kw_only=True)
class Refill:
    """A person has to fill a syringe, or a reservoir, before an experiment.

    Attributes:
        experiment: number of the experiment that cannot begin, from 1.
        stage: name of its stage.
        time_s: rig time [s] at which the run holds.
        streams: streams whose syringes to fill, and STREAM.reservoir for reservoirs.
    """

    experiment: int
    stage: str
    time_s: float
    streams: tuple[str, ...]


@frozen(kw_only=True)
class Emptying:
    """A waste has to be emptied before an experiment.

    Attributes:
        experiment: number of the experiment that cannot begin, from 1.
        stage: name of its stage.
        time_s: rig time [s] at which the run holds.
        wastes: names of the wastes to empty.
    """

    experiment: int
    stage: str
    time_s: float
    wastes: tuple[str, ...]


@frozen(kw_only=True)
class Question:
    """A gate is closed until a person opens it, or a person works or reads by hand.

    Attributes:
        gate: its name; empty for what is done by hand.
        before: the action that it guards, in words; empty for what is done by hand.
        asks: the question.
        time_s: rig time [s] at which the run asks.
    """

    gate: str
    before: str
    asks: str
    time_s: float


@frozen(kw_only=True)
class Part:
    """A stage of a campaign, or what comes before and after.

    Attributes:
        name: the stage, "calibration" or "safe state".
        experiments: how many.
        time_s: how long it takes [s].
        ends_s: rig time [s] at its end.
        volumes_ul: what it delivers [µL], by stream.
    """

    name: str
    experiments: int
    time_s: float
    ends_s: float
    volumes_ul: Mapping[str, float]


@frozen(kw_only=True)
class Outcome:
    """Time and volumes of a dry run.

    Attributes:
        parts: calibration, stages and safe state, in order.
        time: where the time goes, in all and by experiment; people and computers take none.
        volumes_ul: what each stream delivered [µL].
        refills: holds for a refill.
        drawings: syringes that are filled from reservoirs.
        emptyings: holds for a full waste.
        questions: questions at gates, and for what is done by hand.
        problems: steps that cannot be done, in sentences.
    """

    parts: tuple[Part, ...]
    time: TimeShares
    volumes_ul: Mapping[str, float]
    refills: tuple[Refill, ...]
    drawings: tuple[Drawing, ...]
    emptyings: tuple[Emptying, ...]
    questions: tuple[Question, ...]
    problems: tuple[str, ...]

    @property
    def time_s(self) -> float:
        """From the start to the safe state [s]."""
        return self.parts[-1].ends_s


class DryRun:
    """One dry run of a campaign, from its start.

    Args:
        profile: the rig, with a campaign.
        drifting: whether features that the profile waits for drift until the longest time; else
            they are stationary at the first look.
    """

    def __init__(self, profile: Profile, *, drifting: bool = False) -> None:
        self._drifting = drifting
        self._looks = 0
        self._profile = profile
        self._ledger = SyringeLedger(profile)
        # Nothing is read in a dry run, so that rules on readings say nothing.
        rules = (rule for rule in rules_of(profile) if not isinstance(rule, READS))
        self._supervisor = Supervisor(rules)
        self._now_s = 0.0
        self._times = TimeCount()
        self._rates_ul_min = dict.fromkeys(profile.streams, 0.0)
        self._volumes_ul = dict.fromkeys(profile.streams, 0.0)
        self._temperatures_c = {
            name: AMBIENT_C
            for name, device in profile.devices.items()
            if device.offer.kind == "heater"
        }
        self._set_points_c = dict(self._temperatures_c)
        self._parts: list[Part] = []
        self._refills: list[Refill] = []
        self._drawings: list[Drawing] = []
        self._experiment_under_way = 0
        self._emptyings: list[Emptying] = []
        self._gates = Gates(profile)
        self._questions: list[Question] = []
        self._by_hand: dict[str, Value] = {}
        self._inside_ul: dict[str, float] = {}
        self._problems: list[str] = []
        self._perform: dict[type[Step], Callable[[Any], Any]] = {
            RequireVolume: self._require_volume,
            PutIn: self._put_in,
            SetTemperatures: self._set_temperatures,
            WaitSteady: self._wait_steady,
            Draw: self._draw,
            Settle: self._settle,
            SetFlowRates: self._set_flow_rates,
            Start: self._start,
            Stop: self._stop,
            Wait: self._wait,
            Acquire: self._acquire,
            **dict.fromkeys((SetLight, Keep, LookAtRig), lambda _step: None),
            TellChanges: lambda _step: (),
            SetValues: self._set_values,
            Divert: self._divert,
            TellRinse: self._tell_rinse,
            TellKept: lambda _step: (),
            TellReadings: self._tell_readings,
            TellToCome: lambda _step: {},
        }

    def perform(self, stages: Mapping[str, Sequence[Planned]]) -> None:
        """Perform stages of the campaign; before the first of them the calibration.

        Args:
            stages: the conditions of every experiment, or the points of a study, by name of the
                stage, in order.
        """
        if self._profile.calibration is not None and not self._parts:
            with self._part("calibration", 0):
                self._run(calibrate(self._profile))
        for name, conditions in stages.items():
            with self._part(name, len(conditions)):
                if conditions:
                    self._ask(self._gates.before_stage(name))
                for place, one in enumerate(conditions, 1):
                    self._experiment_under_way += 1
                    if not self._is_over(self._experiment_under_way):
                        self._experiment(name, one, conditions[place:])

    def forked(self) -> "DryRun":
        """Another dry run that has come as far as this one, and goes on by itself."""
        return copy.deepcopy(self, {id(self._profile): self._profile})

    def end(self) -> Outcome:
        """Seek the safe state, and tell what the dry run took."""
        with self._part("safe state", 0):
            self._safe_state()
        return Outcome(
            parts=tuple(self._parts),
            time=self._times.result(),
            volumes_ul=self._volumes_ul,
            refills=tuple(self._refills),
            drawings=tuple(self._drawings),
            emptyings=tuple(self._emptyings),
            questions=tuple(self._questions),
            problems=tuple(self._problems),
        )

    @contextmanager
    def _part(self, name: str, experiments: int) -> Iterator[None]:
        begin_s, before = self._now_s, dict(self._volumes_ul)
        try:
            yield
        except (OutOfRangeError, NeedsPersonError) as error:
            self._give_up(name, error)
        self._parts.append(
            Part(
                name=name,
                experiments=experiments,
                time_s=self._now_s - begin_s,
                ends_s=self._now_s,
                volumes_ul={s: ul - before[s] for s, ul in self._volumes_ul.items()},
            )
        )

    def _is_over(self, number: int) -> bool:
        assert self._profile.campaign is not None
        at_most_s = self._profile.campaign.stop.at_most_s
        if at_most_s is None or self._now_s < at_most_s:
            return False
        text = f"the campaign's time of {at_most_s / 3600:.3g} h is over before experiment "
        if not any(problem.startswith(text) for problem in self._problems):
            self._problems.append(f"{text}{number}")
        return True

    def _experiment(self, stage: str, planned: Planned, after: Sequence[Planned]) -> None:
        """One experiment; if a syringe is low, or a waste full, it is done after a hold.

        Args:
            stage: name of its stage.
            planned: its conditions, or the point of a study.
            after: what is planned after it in the same stage.
        """
        number = self._experiment_under_way
        self._times.begin(number)
        try:
            try:
                self._run(self._procedure(stage, planned, after))
            except NeedsPersonError as need:
                self._serve(need, number, stage)
                self._run(self._procedure(stage, planned, after))
        except (OutOfRangeError, NeedsPersonError) as error:
            self._give_up(f"experiment {number}", error)
        self._times.end()

    def _procedure(
        self, stage: str, planned: Planned, after: Sequence[Planned]
    ) -> Generator[Step, Any, Observation]:
        profile = in_stage(self._profile, stage)
        if not isinstance(planned, Point):
            return run_condition(profile, planned, self._probe)
        points = [one for one in after if isinstance(one, Point)]
        following = list(takewhile(lambda one: one.continues, points))
        if not following:  # what is asked for next is known here: its flow ends
            planned = evolve(planned, keeps_s=0.0)
        flow = flow_of(profile, planned, following)
        if not planned.continues:
            return run_condition(profile, planned.conditions, self._probe, flow)
        before_s = acquisition_s(profile, planned.frames or profile.analysis.frames)
        wait_s = (planned.after_s or 0.0) - before_s
        return continue_condition(profile, planned.conditions, flow, lambda: wait_s)

    def _serve(self, need: NeedsPersonError, number: int, stage: str) -> None:
        """Refill and empty at once what the run holds for."""
        now_s = self._now_s
        if need.refill:
            self._refills.append(
                Refill(experiment=number, stage=stage, time_s=now_s, streams=need.refill)
            )
        if need.empty:
            self._emptyings.append(
                Emptying(experiment=number, stage=stage, time_s=now_s, wastes=need.empty)
            )
        for name in need.refill:
            self._ledger.refilled(name)
        for waste in need.empty:
            self._ledger.waste.emptied(waste)

    def _ask(self, gates: Sequence[Gate]) -> None:
        for gate in gates:
            self._questions.append(
                Question(gate=gate.name, before=sentence(gate), asks=gate.asks, time_s=self._now_s)
            )
            self._gates.opened(gate)

    def _set_values(self, step: SetValues) -> None:
        devices = self._profile.devices
        by_hand = {name: one for name, one in step.values.items() if devices[name].by_hand}
        if not by_hand.items() <= self._by_hand.items():
            self._by_hand |= by_hand
            self._ask_by_hand("work", by_hand)
        at = {name: one for name, one in step.values.items() if isinstance(one, str)}
        self._ledger.follow(self._now_s, events.Intent(command="set-values", positions=at))
        done = events.Outcome(intent=0, command="set-values", outcome="done")
        self._ledger.follow(self._now_s, done)

    def _divert(self, step: Divert) -> None:
        self._set_values(SetValues(step.values))

    def _settle(self, step: Settle) -> None:
        self._pass("refill", step.duration_s)

    def _tell_rinse(self, step: TellRinse) -> Mapping[str, float]:
        return self._ledger.lines.needed_ul(step.streams)

    def _put_in(self, step: PutIn) -> None:
        news = volumes_to_change(step.volumes_ul, self._inside_ul)
        if news:
            self._inside_ul |= news
            self._ask_by_hand("put in", (f"{name} {ul:.4g} µL" for name, ul in news.items()))

    def _tell_readings(self, _step: TellReadings) -> dict[str, float]:
        if self._profile.readings_by_hand:
            self._ask_by_hand("read", self._profile.readings_by_hand)
        return {}

    def _ask_by_hand(self, what: str, names: Iterable[str]) -> None:
        asks = f"{what} {', '.join(names)}"
        self._questions.append(Question(gate="", before="", asks=asks, time_s=self._now_s))

    def _give_up(self, what: str, error: Exception) -> None:
        self._problems.append(f"{what}: {error}")
        self._rest(tuple(self._ledger.rig_state.flows))

    def _run(self, procedure: Generator[Step, Any, R]) -> R:
        result: Any = None
        try:
            while True:
                step = procedure.send(result)
                result = self._perform[type(step)](step)
        except StopIteration as end:
            finished: R = end.value
            return finished
        finally:
            procedure.close()

    def _require_volume(self, step: RequireVolume) -> None:
        self._ledger.require_possible(step.volumes_ul)
        due = due_refills(self._profile, self._ledger, step.volumes_ul)
        if due.volumes_ul:
            self._run(refill(self._profile, due.volumes_ul))
        require_volumes(self._ledger, step.volumes_ul, due.empty)

    def _draw(self, step: Draw) -> Mapping[str, float]:
        """Let the pumps draw all of their volumes."""
        drawing = Drawing(
            experiment=self._experiment_under_way,
            time_s=self._now_s,
            volumes_ul=dict(step.volumes_ul),
        )
        self._drawings.append(drawing)
        self._pass("refill", refill_duration_s(self._profile, step.volumes_ul))
        stopped = events.Outcome(
            intent=0,
            command="stop",
            dispensed_ul={},
            drawn_ul=step.volumes_ul,
            taken_ul=step.volumes_ul,
            outcome="done",
        )
        self._ledger.follow(self._now_s, stopped)
        return step.volumes_ul

    def _set_temperatures(self, step: SetTemperatures) -> None:
        self._ask(self._gates.before_heating(step.set_points_c))
        self._permit(lambda now: now.with_set_points(step.set_points_c))
        self._set_points_c.update(step.set_points_c)

    def _wait_steady(self, step: WaitSteady) -> None:
        steady = self._profile.steady
        for heater, set_point_c in step.set_points_c.items():
            if set_point_c < AMBIENT_C - steady.tolerance_c:
                raise OutOfRangeError(
                    f"{heater}: {set_point_c:g} °C cannot be reached, it is below room temperature"
                )
        times_s = {
            heater: self._heating_s(heater, set_point_c, step.within_c)
            for heater, set_point_c in step.set_points_c.items()
        }
        for heater, time_s in times_s.items():
            if time_s > steady.timeout_s:
                raise OutOfRangeError(
                    f"{heater}: {step.set_points_c[heater]:g} °C takes {time_s / 60:.0f} min, "
                    f"longer than [steady] timeout, {steady.timeout_s / 60:.0f} min"
                )
        self._pass("heating", max(times_s.values(), default=0.0))
        for heater, set_point_c in step.set_points_c.items():
            within_c = step.within_c or 0.0
            away_c = self._temperatures_c[heater] - set_point_c
            self._temperatures_c[heater] = set_point_c + min(max(away_c, -within_c), within_c)

    def _heating_s(self, heater: str, set_point_c: float, within_c: float | None) -> float:
        """Time [s] until a heater is stable at a set point, or within a distance [°C] of it."""
        steady, now_c = self._profile.steady, self._temperatures_c[heater]
        if within_c is None:
            return steady_time_s(steady, now_c, set_point_c)
        near_s = heating_time_s(steady, now_c, set_point_c, within_c)
        return math.ceil(near_s / steady.poll_s) * steady.poll_s

    def _set_flow_rates(self, step: SetFlowRates) -> None:
        self._permit(lambda now: now.with_rates(step.flow_rates_ul_min))
        self._rates_ul_min.update(step.flow_rates_ul_min)

    def _start(self, step: Start) -> None:
        self._ask(self._gates.before_flow(step.streams))
        self._permit(lambda now: now.with_flow(step.streams, running=True))
        self._flow(step.streams)

    def _stop(self, step: Stop) -> None:
        self._permit(lambda now: now.with_flow(step.streams, running=False))
        self._rest(step.streams)

    def _flow(self, streams: Sequence[str]) -> None:
        rates = {s: self._rates_ul_min[s] for s in streams}
        self._ledger.follow(self._now_s, events.Intent(command="start", flow_rates_ul_min=rates))
        confirmed = events.Outcome(intent=0, command="start", outcome="done")
        self._ledger.follow(self._now_s, confirmed)

    def _rest(self, streams: Sequence[str]) -> None:
        charge = self._ledger.charge_of(self._now_s, dict.fromkeys(streams))
        stopped = events.Outcome(
            intent=0,
            command="stop",
            dispensed_ul=charge.volumes_ul,
            estimated=(),  # nothing is left in doubt here
            outcome="done",
        )
        self._ledger.follow(self._now_s, stopped)
        for stream, ul in charge.volumes_ul.items():
            self._volumes_ul[stream] += ul

    def _permit(self, change: Callable[[Snapshot], Snapshot]) -> None:
        """Ask the rules of the rig, as a run does before every command."""
        now = self._snapshot()
        refused = self._supervisor.refuse(now, change(now))
        if refused:
            raise OutOfRangeError(str(refused[0]))

    def _snapshot(self) -> Snapshot:
        left_ul = self._ledger.left_at_ul(self._now_s)
        flows = self._ledger.rig_state.flows
        return Snapshot(
            self._now_s,
            {n: HeaterState(c, self._set_points_c[n]) for n, c in self._temperatures_c.items()},
            {
                name: StreamState(
                    pump=stream.pump,
                    state="running" if name in flows else "stopped",
                    rate_ul_min=self._rates_ul_min[name],
                    left_ul=left_ul[name],
                    wanted=name in flows,
                )
                for name, stream in self._profile.streams.items()
            },
        )

    def _wait(self, step: Wait) -> bool | None:
        self._pass(share_of(step.reason), step.duration_s)
        steady, is_steady = self._profile.steady, True
        for heater, set_point_c in step.steady_at_c.items():
            away_c = self._temperatures_c[heater] - set_point_c
            near_s = heating_time_s(steady, away_c, 0.0, steady.tolerance_c)
            looks = max(math.ceil(near_s / WATCH_S), 1) + math.ceil(steady.hold_s / WATCH_S)
            is_steady &= looks <= step.duration_s // WATCH_S
            left = math.exp(-step.duration_s / steady.settling_s)
            self._temperatures_c[heater] = set_point_c + away_c * left
        return is_steady if step.steady_at_c else None

    def _pass(self, share: Share, duration_s: float) -> None:
        """Let time pass that is spent on something."""
        self._now_s += duration_s
        self._times.share = share
        self._times.pass_to(self._now_s)

    def _acquire(self, step: Acquire) -> dict[str, Frames]:
        """Let the time of the frames pass; their counts are zero."""
        plan = {n: step.own.get(n, (step.frames, step.interval_s)) for n in step.spectrometers}
        duration_s = max(
            frames * max(interval_s, self._profile.devices[name].integration_time_us * 1e-6)
            for name, (frames, interval_s) in plan.items()
        )
        is_of_liquid = step.purpose in ("look", "sample")
        self._pass("frames" if is_of_liquid else "references", duration_s)
        return {name: self._empty_frames(name, frames) for name, (frames, _) in plan.items()}

    def _probe(self, look: Observation) -> dict[str, float]:
        """Features that are stationary, or double with every look."""
        self._looks += 1
        wanted = self._profile.residence_time.stationary
        value = float(2**self._looks) if self._drifting else 1.0
        return {} if wanted is None else dict.fromkeys(wanted.features, value)

    def _empty_frames(self, spectrometer: str, frames: int) -> Frames:
        return Frames(
            time_s=self._now_s,
            counts=np.zeros((frames, 1), np.uint16),
            times_s=np.zeros(frames),
            integration_time_us=int(self._profile.devices[spectrometer].integration_time_us),
            saturated=np.zeros(frames, bool),
        )

    def _safe_state(self) -> None:
        for step in self._profile.safe_state:
            if step.do == "flush":
                self._flush(step)
            elif step.do == "stop":
                self._rest(step.streams)

    def _flush(self, step: SafeStep) -> None:
        """Let the streams flow that have enough left, until the heaters are cool."""
        duration_s = min(self._cooling_time_s(step.until_below_c), step.at_most_s)
        left_ul = self._ledger.left_ul
        rates = {
            s: q for s, q in step.flow_rates_ul_min.items() if left_ul[s] > q * step.at_most_s / 60
        }
        if not rates or not duration_s:
            return
        self._rates_ul_min.update(rates)
        self._flow(tuple(rates))
        self._pass("flush", duration_s)
        self._rest(tuple(rates))
        for heater, temperature_c in self._temperatures_c.items():
            self._temperatures_c[heater] = cooled_c(self._profile.steady, temperature_c, duration_s)

    def _cooling_time_s(self, below_c: float | None) -> float:
        if below_c is None or not self._temperatures_c:
            return float("inf")
        hottest_c = max(self._temperatures_c.values())
        if hottest_c <= below_c:
            return 0.0
        if below_c <= AMBIENT_C:
            return float("inf")
        cooling_s = heating_time_s(
            self._profile.steady, hottest_c, AMBIENT_C, within_c=below_c - AMBIENT_C
        )
        return (cooling_s // FLUSH_LOOK_S + 1) * FLUSH_LOOK_S
