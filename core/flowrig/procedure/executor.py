"""Runs procedures: one small interpreter of steps, which watches the rig while it waits."""

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, TypeVar

from flowrig.errors import NeedsPersonError, SafetyTripError
from flowrig.journal.events import WasteLevel, WasteLevels
from flowrig.operator.gate_wait import GateWait
from flowrig.operator.gates import Gates
from flowrig.operator.hand_work import HandWork
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.operator.hold_wait import HoldWait
from flowrig.operator.requests import OperatorRequests
from flowrig.operator.result_wait import ResultWait
from flowrig.problem.space import Value
from flowrig.procedure.control.loops import Loops
from flowrig.procedure.refill import due_refills, refill, refill_duration_s, valves_back
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
from flowrig.procedure.watch import Watch
from flowrig.safety.actuation import Actuation
from flowrig.safety.guard import EventNoter, Guard, require_flow_rates, require_set_points
from flowrig.safety.rig_state import Flow

__all__ = ["Executor", "require_flow_rates", "require_set_points"]

R = TypeVar("R")


class Executor:
    """Performs the steps of procedures on an opened rig.

    Args:
        actuation: the journalled actuators of the rig.
        note_event: writes routine readings and progress to the journal.
        requests: what a person wants of the run; obeyed between and within waits.
        on_look: called after every reading of heaters and pumps.
        gates: steps that a person has to allow first; none by default.
    """

    def __init__(
        self,
        actuation: Actuation,
        note_event: EventNoter,
        requests: OperatorRequests,
        on_look: Callable[[], object] = lambda: None,
        gates: Gates | None = None,
    ) -> None:
        self._actuation = actuation
        self._note_event = note_event
        self._guard = Guard(actuation, note_event, on_look)
        self._back: Mapping[str, Value] = {}
        self._loops = Loops(actuation, self._guard, note_event)
        self._watch = Watch(
            actuation.rig, self._guard, requests, note_event, on_wait=self._loops.follow
        )
        obey = partial(self._watch.obey, may_pause=False, may_skip=False)
        self._hold_wait = HoldWait(actuation, self._guard, requests, obey)
        self._result_wait = ResultWait(actuation, self._guard, requests, obey)
        self._hands = HandWork(actuation, self.hold)
        self._gates = None if gates is None else GateWait(gates, actuation, requests, self.hold)
        self._perform: dict[type[Step], Callable[[Any], Any]] = {
            RequireVolume: self._require_volume,
            PutIn: lambda step: self._hands.put_in(step.volumes_ul),
            SetTemperatures: self._set_temperatures,
            WaitSteady: self._watch.wait_steady,
            SetValues: self._set_values,
            Divert: self._divert,
            Draw: self._draw,
            Settle: lambda step: self._watch.settle(step.duration_s),
            SetFlowRates: self._set_flow_rates,
            Start: self._start,
            Keep: lambda step: self._loops.begin(step.conditions, step.at),
            Stop: self._stop,
            Wait: self._watch.wait,
            SetLight: self._set_light,
            Acquire: self._watch.acquire,
            LookAtRig: lambda step: self._guard.look(settled=True),
            TellChanges: lambda step: self._guard.changes,
            TellKept: lambda step: self._loops.doubts(self._guard.sampled_readings()),
            TellRinse: lambda step: self._actuation.ledger.lines.needed_ul(step.streams),
            TellToCome: lambda step: actuation.rig.to_come(),
            TellReadings: lambda step: {
                **self._guard.sampled_readings(),
                **self._hands.readings(),
            },
        }

    def run(self, procedure: Generator[Step, Any, R]) -> R:
        """Run a procedure to its end.

        Raises:
            StopRequested: a person asked the run to end.
            PauseRequested: a person asked the run to pause; nothing is measured yet.
            SkipRequested: a person gave up the experiment under way.
            NeedsPersonError: a syringe needs a refill, or a waste has to be emptied.
            HoldExpiredError: no person opened a gate, or worked by hand, in time.
            SafetyTripError: a safety rule is broken; the caller goes safe, or halts.
            FlowrigError: an instrument failed or a limit was reached; the caller goes safe.
        """
        self._watch.may_pause = True
        self._guard.forget_changes()
        try:
            return self._run(procedure)
        except BaseException as error:
            self._loops.end(f"the experiment ended: {error}")
            raise

    def _run(self, procedure: Generator[Step, Any, R], *, may_leave: bool = True) -> R:
        """Perform the steps of a procedure; a pause or a skip leaves it only where it may."""
        result: Any = None
        try:
            while True:
                step = procedure.send(result)
                self._watch.obey(may_pause=may_leave, may_skip=may_leave)
                result = self._perform[type(step)](step)
        except StopIteration as end:
            finished: R = end.value
            return finished
        finally:
            procedure.close()

    @property
    def flows(self) -> Mapping[str, Flow]:
        """By stream, what was started and is not known to have stopped."""
        return self._actuation.ledger.rig_state.flows

    def stop_flow(self) -> None:
        """Stop all streams that flow; temperatures stay.

        Raises:
            NeedsPersonError: an interlock refuses it; the caller goes safe.
        """
        self._loops.end("the flow ended")
        self._hold_wait.stop_flow()
        self._set_back()

    def hold(self, hold: Hold) -> Answer:
        """Wait until a person lets the run go on.

        Temperatures stay, reagents stop, and the streams of the profile's [hold] flow, unless the
        person works on their flow path. The rig is watched as always. Afterwards the accounts hold
        what the person has filled and emptied, and nothing flows.

        Args:
            hold: what the run waits for. In simulated time, real seconds pass if a person paused
                the run or sits beside it; else the time is over at once.

        Raises:
            HoldExpiredError: no person came within the profile's time.
            NeedsPersonError: liquid must not stop here.
            StopRequested: a person asked the run to end.
            SafetyTripError: a safety rule is broken meanwhile.
        """
        self._loops.end("the run went on hold")
        self._set_back()
        self._watch.begin(f"on hold: {hold.text}", self._actuation.rig.profile.hold.longest_s)
        answer = self._hold_wait.wait(hold)
        self._watch.obey(may_pause=False, may_skip=False)
        return answer

    def await_results(
        self, text: str, has_come: Callable[[], bool], due_s: Callable[[], float | None], by: str
    ) -> None:
        """Wait for results of a rig that is in its safe state; see `ResultWait.wait`."""
        self._watch.begin(f"on hold: {text}", None)
        self._result_wait.wait(Hold(kind=HoldKind.RESULTS, text=text), has_come, due_s, by)

    def begin_stage(self, stage: str) -> None:
        """Ask a person before a stage of the campaign, where the profile wants it.

        Raises:
            HoldExpiredError: no person answered.
        """
        if self._gates is not None:
            self._gates.before_stage(stage)

    def compute(self, what: str, function: Callable[[], R], at_most_s: float | None = None) -> R:
        """Compute something that takes time, while a heater may be hot.

        On the real clock the rig is watched meanwhile, and a request to stop is obeyed at once.

        Args:
            what: what is computed, for people.
            function: the computation; it touches no device.
            at_most_s: longest time [s, real time]; `COMPUTE_S` by default.

        Raises:
            FlowrigError: it took longer.
        """
        return self._watch.compute(what, function, at_most_s)

    def _require_volume(self, step: RequireVolume) -> None:
        profile, ledger = self._actuation.rig.profile, self._actuation.ledger
        due = due_refills(profile, ledger, step.volumes_ul)
        if due.volumes_ul:
            ledger.require_possible(step.volumes_ul)
            self._refill(due.volumes_ul)
        require_volumes(ledger, step.volumes_ul, due.empty)

    def _refill(self, volumes_ul: Mapping[str, float]) -> None:
        """Fill syringes from their reservoirs.

        Where the run goes on hold meanwhile, nothing is left to draw and the valves lead to the
        flow path; where it goes to its safe state, that stops the pumps and turns the valves.
        """
        try:
            self._run(refill(self._actuation.rig.profile, volumes_ul), may_leave=False)
        except SafetyTripError as error:
            if error.action == "hold":
                self._end_refill(tuple(volumes_ul))
            raise
        except NeedsPersonError:
            self._end_refill(tuple(volumes_ul))
            raise

    def _end_refill(self, streams: tuple[str, ...]) -> None:
        drawing = self._actuation.ledger.rig_state.drawing
        if drawing:
            self._guard.stop(drawing)
        self._guard.set_values(valves_back(self._actuation.rig.profile, streams), ending=True)

    def _draw(self, step: Draw) -> Mapping[str, float]:
        profile, ledger = self._actuation.rig.profile, self._actuation.ledger
        before_ul = dict(ledger.left_ul)
        self._guard.draw(step.volumes_ul)
        self._watch.draw(step.volumes_ul, refill_duration_s(profile, step.volumes_ul))
        self._guard.stop(tuple(step.volumes_ul))
        return {name: ledger.left_ul[name] - before_ul[name] for name in step.volumes_ul}

    def _set_temperatures(self, step: SetTemperatures) -> None:
        if self._gates is not None:
            self._gates.before_heating(step.set_points_c)
        self._guard.set_temperatures(step.set_points_c)

    def _set_values(self, step: SetValues) -> None:
        self._hands.before(step.values)
        self._guard.set_values(step.values)

    def _divert(self, step: Divert) -> None:
        self._back = step.back
        self._set_values(SetValues(step.values))

    def _set_back(self) -> None:
        """Set back what was diverted, so that a vial takes nothing but its fraction."""
        back, self._back = self._back, {}
        if back:
            self._guard.set_values(back, ending=True)

    def _set_flow_rates(self, step: SetFlowRates) -> None:
        self._guard.set_flow_rates(step.flow_rates_ul_min)

    def _start(self, step: Start) -> None:
        if self._gates is not None:
            self._gates.before_flow(step.streams)
        self._guard.start(step.streams)

    def _stop(self, step: Stop) -> None:
        self._loops.end("the flow ended")
        self._guard.stop(step.streams)
        self._set_back()
        waste = self._actuation.ledger.waste
        if waste.capacity_ul:
            levels = {
                name: WasteLevel(filled_ul=waste.filled_ul[name], capacity_ul=capacity_ul)
                for name, capacity_ul in waste.capacity_ul.items()
            }
            self._note_event(WasteLevels(vessels=levels))

    def _set_light(self, step: SetLight) -> None:
        self._guard.set_light(step.spectrometers, step.on)
