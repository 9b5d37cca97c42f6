"""The status of a run, kept up to date from the events of its journal."""

import threading
from collections.abc import Mapping
from functools import singledispatchmethod
from typing import Any, Self

from flowrig.journal.events import (
    Checked,
    Decided,
    Ended,
    EventData,
    ExperimentBegun,
    HandAsked,
    HandDone,
    HeaterValues,
    HoldBegun,
    Intent,
    Measured,
    Objective,
    OperatorAsked,
    Outcome,
    Reading,
    ResultEntered,
    Resumed,
    RunStarted,
    SafeStateSought,
    Skipped,
    StageBegun,
    StepBegun,
    WasteLevel,
    WasteLevels,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.problem.pareto import Front, front_of
from flowrig.problem.space import Value
from flowrig.profile import Profile
from flowrig.profile.model.devices import units_of_readings
from flowrig.safety.rig_state import RigState

__all__ = ["RunStatus"]


class RunStatus:
    """Follows a run as a listener of its journal. Any thread may read it.

    Args:
        device_units: unit of the number that a device keeps, by device, and of what devices report,
            by DEVICE.QUANTITY.

    Attributes:
        device_units: as above.
        by_hand: devices that a person was asked to work.
        read_by_hand: what a person has read last, by DEVICE.QUANTITY.
        profile: name of the rig.
        campaign: its title.
        simulated: whether the rig is emulated.
        objective: name and unit of the figure of merit.
        units: by condition.
        planned: how many experiments the campaign has.
        done: how many experiments were measured.
        skipped: how many experiments a person gave up.
        stage: name of the stage; "" before the first.
        index: number of the experiment under way, or of the last; None before the first.
        conditions: of every experiment that was decided in this process, by number.
        step: the step under way, in words.
        until_s: rig time [s] at which the step ends; None where that is not known.
        hold: what a run on hold waits for; None while it goes on.
        waste: level of each waste whose volume the profile gives, by name.
        ending: whether the rig goes to its safe state, or has reached it.
        best: highest figure of merit so far, of sound experiments.
        front: of an objective with several goals, the sound experiments that no other one beats in
            every goal; None without one.
        waiting: numbers of the experiments whose figure of merit waits for results.
        rig_state: what streams and heaters were commanded, and what they report.
        time_s: rig time [s] of the newest event.
    """

    def __init__(self, device_units: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self.device_units = dict(device_units or {})
        self.by_hand: frozenset[str] = frozenset()
        self.read_by_hand: Mapping[str, float | None] = {}
        self.profile = ""
        self.campaign = ""
        self.simulated = False
        self.objective = Objective(name="", unit="")
        self.units: Mapping[str, str] = {}
        self.planned = 0
        self.done = 0
        self.skipped = 0
        self.stage = ""
        self.index: int | None = None
        self.conditions: dict[int, Mapping[str, Value]] = {}
        self.step = "opening the rig"
        self.until_s: float | None = None
        self.hold: HoldBegun | None = None
        self.waste: Mapping[str, WasteLevel] = {}
        self.ending = False
        self.best: float | None = None
        self.front: Front | None = None
        self.waiting: set[int] = set()
        self.rig_state = RigState()
        self.time_s = 0.0
        self._unsettled: set[int] = set()
        self._sound: set[int] = set()
        self._merits: dict[int, float] = {}
        self._goals: dict[int, Mapping[str, float]] = {}

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """The status of a run on a rig."""
        entries = profile.devices.items()
        units = {n: one.abilities.unit for n, one in entries if one.abilities.is_settable}
        return cls({**units, **units_of_readings(profile.devices)})

    def __call__(self, event: AnyEvent) -> None:
        """Follow an event of the journal."""
        with self._lock:
            self.time_s = event.time_s
            self._take(event.data)

    @property
    def heaters(self) -> Mapping[str, HeaterValues]:
        """Temperature and set point in the newest reading, by heater."""
        heaters = self.rig_state.heaters.items()
        return {name: heater.reads for name, heater in heaters if heater.reads is not None}

    def as_json(self) -> dict[str, Any]:
        """The status of a run that is under way, as `flowrig status --json` prints it."""
        with self._lock:
            return {
                "state": self._state(),
                "profile": self.profile,
                "campaign": self.campaign,
                "simulated": self.simulated,
                "stage": self.stage,
                "experiment": self.index,
                "conditions": dict(self.conditions.get(self.index or 0, {})),
                "units": dict(self.units),
                "step": self.step,
                "step_ends_s": self.until_s,
                "planned": self.planned,
                "done": self.done,
                "skipped": self.skipped,
                "objective": self.objective.as_json(),
                "best": self.best,
                "front": None if self.front is None else self.front.as_json(),
                "waiting": sorted(self.waiting),
                "heaters": {name: reads.as_json() for name, reads in self.heaters.items()},
                "readings": dict(self.rig_state.readings),
                "devices": {
                    name: one.reads
                    for name, one in self.rig_state.devices.items()
                    if one.reads is not None
                },
                "by_hand": {
                    "devices": {name: self.rig_state.device(name).told for name in self._worked},
                    "readings": dict(self.read_by_hand),
                },
                "device_units": dict(self.device_units),
                "pumps": {n: one.pump for n, one in self.rig_state.streams.items() if one.pump},
                "flow_rates_ul_min": dict(self.rig_state.commanded_rates_ul_min),
                "waste": {name: level.as_json() for name, level in self.waste.items()},
                "hold": None if self.hold is None else self.hold.as_json(),
                "rig_time_s": self.time_s,
            }

    @property
    def _worked(self) -> list[str]:
        """Devices by hand at which a person has confirmed a value."""
        return [n for n in sorted(self.by_hand) if self.rig_state.device(n).told is not None]

    def _state(self) -> str:
        if self.ending:
            return "ending"
        if self.hold is None:
            return "running"
        return "paused" if self.hold.why == "pause" else "on hold"

    @singledispatchmethod
    def _take(self, data: EventData) -> None:
        """Update the status by the data of an event; other kinds of events do not change it."""

    @_take.register
    def _run_started(self, data: RunStarted) -> None:
        self.profile, self.campaign = data.profile, data.campaign
        self.planned, self.objective = data.experiments, data.objective
        self.units, self.simulated = data.units, data.simulated

    @_take.register
    def _resumed(self, data: Resumed) -> None:
        self.planned, self.done, self.best = data.planned, data.done, data.best
        self.objective, self.units = data.objective, data.units
        self.profile, self.simulated = data.profile, data.simulated
        self.skipped = data.skipped
        self.waiting = set(data.waiting)
        self._unsettled = {*data.unsettled}
        self._merits = {int(one): merit for one, merit in data.merits.items() if one.isdecimal()}
        older = {*data.waiting, *self._merits}
        self._sound = older if data.sound is None else {*data.sound}
        self._goals = {int(n): one for n, one in (data.goals or {}).items() if n.isdecimal()}
        self.front = front_of(self._goals) if self._goals else None
        if not self._merits and data.best is not None:  # an older journal
            self._merits = {0: data.best}

    @_take.register
    def _stage_begun(self, data: StageBegun) -> None:
        self.stage = data.stage

    @_take.register
    def _step_begun(self, data: StepBegun) -> None:
        self.step = data.what
        self.until_s = self.time_s + data.duration_s if data.duration_s else None

    @_take.register
    def _rig_state(self, data: Intent | Outcome | Reading) -> None:
        self.rig_state.follow(self.time_s, data)

    @_take.register
    def _hand_asked(self, data: HandAsked) -> None:
        self.by_hand |= {*data.devices}

    @_take.register
    def _hand_done(self, data: HandDone) -> None:
        self.read_by_hand = {**self.read_by_hand, **data.readings}

    @_take.register
    def _decided(self, data: Decided) -> None:
        self.conditions[data.index] = data.conditions
        self.planned += bool(data.reference)
        if not data.settles:
            self._unsettled.add(data.index)

    @_take.register
    def _experiment_begun(self, data: ExperimentBegun) -> None:
        self.index = data.index

    @_take.register
    def _measured(self, data: Measured) -> None:
        self.done += 1
        value = data.objective
        if value is None and data.quality != "bad":
            self.waiting.add(data.index)
        if data.quality == "good":
            self._sound.add(data.index)
            self._merit(data.index, value, data.goals)

    @_take.register
    def _checked(self, data: Checked) -> None:
        if not data.flags:
            return
        if any(one.quality == "bad" for one in data.flags):  # nothing waits for its result
            self.waiting.discard(data.index)
        self._sound.discard(data.index)
        self._merit(data.index, None)

    @_take.register
    def _result(self, data: ResultEntered) -> None:
        if data.objective is not None or data.lost:
            self.waiting.discard(data.index)
        if data.index in self._sound:
            self._merit(data.index, data.objective, data.goals)

    def _merit(
        self, index: int, value: float | None, goals: Mapping[str, float] | None = None
    ) -> None:
        """Take the figure of merit of a sound experiment, and those of its goals; None where a
        result is withdrawn."""
        if index in self._unsettled:
            return
        if self._goals.pop(index, None) or goals:
            self._goals |= {index: goals} if goals else {}
            self.front = front_of(self._goals)
        before = self._merits.pop(index, None)
        if value is not None:
            self._merits[index] = value
        if before is not None:
            self.best = max(self._merits.values(), default=None)
        elif value is not None and (self.best is None or value > self.best):
            self.best = value

    @_take.register
    def _skipped(self, data: Skipped) -> None:
        self.skipped += 1

    @_take.register
    def _hold_begun(self, data: HoldBegun) -> None:
        self.hold = data
        self.until_s = None if data.why == "results" else data.until_s

    @_take.register
    def _went_on(self, data: WentOn) -> None:
        self.hold = None

    @_take.register
    def _waste_levels(self, data: WasteLevels) -> None:
        self.waste = data.vessels

    @_take.register
    def _operator_asked(self, data: OperatorAsked) -> None:
        self.ending = self.ending or data.request in ("stop", "halt")

    @_take.register
    def _safe_state_sought(self, data: SafeStateSought) -> None:
        self.hold = None
        self.rig_state.follow(self.time_s, data)

    @_take.register
    def _ended(self, data: Ended) -> None:
        self.ending = True
