"""Runs procedures: one small interpreter of steps, which watches the rig while it waits."""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from flowrig.errors import DeviceFaultError, NeedsPersonError
from flowrig.journal.events import (
    EventData,
    GateAsked,
    GateOpened,
    StepBegun,
    WasteLevel,
    WasteLevels,
)
from flowrig.operator.gates import Gates, sentence
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.operator.hold_wait import Holding
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.steps import (
    Acquire,
    RequireVolume,
    SetFlowRates,
    SetLight,
    SetTemperatures,
    Start,
    Step,
    Stop,
    Wait,
    WaitSteady,
)
from flowrig.profile import Gate
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.guard import Guard, require_flow_rates, require_set_points

__all__ = ["Executor", "require_flow_rates", "require_set_points"]

WATCH_S = 5.0
"""Time [s] between two looks at heaters and pumps while a procedure waits."""

THINK_S = 1200.0
"""Longest time [s] for choosing the next conditions."""

THINK_WATCH_S = 1.0
"""Time [s] between two looks at heaters and pumps meanwhile."""

R = TypeVar("R")
Noter = Callable[[EventData], object]


class Executor:
    """Performs the steps of procedures on an opened rig.

    Args:
        actuation: the journalled actuators of the rig.
        note: writes routine readings and progress to the journal.
        requests: what a person wants of the run; asked between and within waits.
        on_look: called after every look at heaters and pumps.
        gates: what a person is asked before; nothing by default.
    """

    def __init__(
        self,
        actuation: Actuation,
        note: Noter,
        requests: OperatorRequests,
        on_look: Callable[[], object] = lambda: None,
        gates: Gates | None = None,
    ) -> None:
        self._actuation = actuation
        self._rig: Rig = actuation.rig
        self._note = note
        self._requests = requests
        self._guard = Guard(actuation, note, on_look)
        self._gates = gates
        obey = partial(self._obey, may_pause=False, may_skip=False)
        self._holding = Holding(actuation, self._guard, requests, obey)
        self._may_pause = True
        self._perform: dict[type[Step], Callable[[Any], Any]] = {
            RequireVolume: self._require_volume,
            SetTemperatures: self._set_temperatures,
            WaitSteady: self._wait_steady,
            SetFlowRates: self._set_flow_rates,
            Start: self._start,
            Stop: self._stop,
            Wait: self._wait,
            SetLight: self._set_light,
            Acquire: self._acquire,
        }

    def run(self, procedure: Generator[Step, Any, R]) -> R:
        """Run a procedure to its end.

        Raises:
            StopRequested: a person asked the run to end.
            PauseRequested: a person asked the run to pause; nothing is measured yet.
            SkipRequested: a person gave up the experiment under way.
            NeedsPersonError: a syringe needs a refill, or a waste has to be emptied.
            HoldExpiredError: nobody opened a gate.
            SafetyTripError: a safety rule is broken; the caller goes safe, or halts.
            FlowrigError: an instrument failed or a limit was hit; the caller goes safe.
        """
        result: Any = None
        self._may_pause = True
        try:
            while True:
                step = procedure.send(result)
                self._obey()
                result = self._perform[type(step)](step)
        except StopIteration as end:
            finished: R = end.value
            return finished
        finally:
            procedure.close()

    def stop_flow(self) -> None:
        """Stop whatever flows; temperatures stay.

        Raises:
            NeedsPersonError: an interlock is against it; the caller goes safe.
        """
        self._holding.stop_flow()

    def hold(self, hold: Hold) -> Answer:
        """Wait until a person lets the run go on.

        Temperatures stay, reagents stop, and what the profile's [hold] names flows, unless that is
        what the person works at. The rig is watched as ever. What the person has filled and emptied
        is in the accounts afterwards, and nothing flows.

        Args:
            hold: what is waited for. In simulated time real seconds pass if a person paused the
                run, or sits beside it; else the time is over at once.

        Raises:
            HoldExpiredError: nobody came within the profile's time.
            NeedsPersonError: liquid must not stop here.
            StopRequested: a person asked the run to end.
            SafetyTripError: a safety rule is broken meanwhile.
        """
        self._tell(f"on hold: {hold.text}", self._rig.profile.hold.longest_s)
        answer = self._holding.wait(hold)
        self._obey(may_pause=False, may_skip=False)
        return answer

    def begin_stage(self, stage: str) -> None:
        """Ask a person before a stage of the campaign, where the profile wants it.

        Raises:
            HoldExpiredError: nobody answered.
        """
        if self._gates is not None:
            self._pass(self._gates.before_stage(stage))

    def _pass(self, gates: Iterable[Gate]) -> None:
        """Have every gate opened; nothing flows and no set point is sent meanwhile."""
        for gate in gates:
            asks = gate.asks or f"may it begin: {sentence(gate)}?"
            self._actuation.record(GateAsked(gate=gate.name, before=sentence(gate), asks=asks))
            by = self._opened_by(gate, asks)
            self._actuation.record(GateOpened(gate=gate.name, by=by))
            assert self._gates is not None
            self._gates.opened(gate)

    def _opened_by(self, gate: Gate, asks: str) -> str:
        assert self._gates is not None
        if gate.name in self._gates.yes_to:
            return "--yes-to"
        if self._rig.clock.is_virtual and not self._requests.attended:
            return "simulation"
        text = f"{sentence(gate)}: {asks}" if gate.asks else asks
        return self.hold(Hold(kind=HoldKind.GATE, text=text, gate=gate.name)).by

    def think(self, what: str, function: Callable[[], R], at_most_s: float | None = None) -> R:
        """Compute something that takes its time, while a heater may be hot.

        On the real clock the rig is watched meanwhile, and a wish to stop is obeyed at once.

        Args:
            what: what is computed, for people.
            function: the computation; it touches no device.
            at_most_s: how long [s, real time] it may take; `THINK_S` by default.

        Raises:
            FlowrigError: it took longer.
        """
        self._obey(may_pause=False)
        self._tell(what, None)
        if self._rig.clock.is_virtual:
            return function()
        return self._rig.alongside(
            function,
            THINK_S if at_most_s is None else at_most_s,
            tick_s=THINK_WATCH_S,
            on_tick=self._watch_and_obey,
        )

    def _obey(self, *, may_pause: bool | None = None, may_skip: bool = True) -> None:
        """Raise what a person asked for, if this is the moment."""
        for told in self._requests.news():
            self._note(told)
        self._requests.obey(
            may_pause=self._may_pause if may_pause is None else may_pause, may_skip=may_skip
        )

    def _require_volume(self, step: RequireVolume) -> None:
        ledger = self._actuation.ledger
        ledger.require_possible(step.volumes_ul)
        short, full = ledger.short_of(step.volumes_ul), ledger.waste.too_full_for(step.volumes_ul)
        wants = []
        if short:
            lines = [
                f"{stream}: {left_ul / 1000:.2f} mL left{_stays(ledger.remainder_ul(stream))}, "
                f"{step.volumes_ul[stream] / 1000:.2f} mL needed, fill up to "
                f"{ledger.full_ul(stream) / 1000:g} mL"
                for stream, left_ul in short.items()
            ]
            wants.append("refill " + "; ".join(lines))
        wants += [
            f"empty {waste}: {ledger.waste.filled_ul[waste] / 1000:.1f} mL are in it, "
            f"{more_ul / 1000:.1f} mL would come, and it may hold "
            f"{ledger.waste.mark_ul(waste) / 1000:.4g} of "
            f"{ledger.waste.capacity_ul[waste] / 1000:g} mL"
            for waste, more_ul in full.items()
        ]
        if wants:
            raise NeedsPersonError("; ".join(wants), refill=tuple(short), empty=tuple(full))

    def _set_temperatures(self, step: SetTemperatures) -> None:
        if self._gates is not None:
            self._pass(self._gates.before_heating(step.set_points_c))
        self._guard.set_temperatures(step.set_points_c)

    def _set_flow_rates(self, step: SetFlowRates) -> None:
        self._guard.set_flow_rates(step.flow_rates_ul_min)

    def _start(self, step: Start) -> None:
        if self._gates is not None:
            self._pass(self._gates.before_flow(step.streams))
        self._guard.start(step.streams)

    def _stop(self, step: Stop) -> None:
        self._guard.stop(step.streams)
        waste = self._actuation.ledger.waste
        if waste.capacity_ul:
            levels = {
                name: WasteLevel(filled_ul=waste.filled_ul[name], capacity_ul=capacity_ul)
                for name, capacity_ul in waste.capacity_ul.items()
            }
            self._note(WasteLevels(vessels=levels))

    def _set_light(self, step: SetLight) -> None:
        self._actuation.set_light(step.spectrometers, step.on)

    def _wait(self, step: Wait) -> None:
        self._tell(step.reason, step.duration_s)
        end_s = self._rig.clock.now_s() + step.duration_s
        while (left_s := end_s - self._rig.clock.now_s()) > 1e-9:
            self._rig.clock.sleep(min(left_s, WATCH_S))
            self._obey()
            self._guard.look()

    def _wait_steady(self, step: WaitSteady) -> None:
        steady = self._rig.profile.steady
        self._tell("heating or cooling to " + _degrees(step.set_points_c), None)
        clock = self._rig.clock
        begin_s = clock.now_s()
        since_s: float | None = None
        while True:
            heaters = self._guard.look()
            near = all(
                abs(heaters[name].temperature_c - set_point) <= steady.tolerance_c
                for name, set_point in step.set_points_c.items()
            )
            since_s = (since_s if since_s is not None else clock.now_s()) if near else None
            if since_s is not None and clock.now_s() - since_s >= steady.hold_s:
                return
            if clock.now_s() - begin_s > steady.timeout_s:
                now = {name: heaters[name].temperature_c for name in step.set_points_c}
                raise DeviceFaultError(
                    f"not steady at {_degrees(step.set_points_c)} after "
                    f"{steady.timeout_s / 60:.0f} min, it reads {_degrees(now)}; "
                    "check heater, sensor and the profile's [steady] table",
                    device=", ".join(step.set_points_c),
                )
            clock.sleep(steady.poll_s)
            self._obey()

    def _acquire(self, step: Acquire) -> Any:
        self._may_pause &= step.purpose in ("dark", "look")  # what is being measured is finished
        self._tell(f"{step.frames} {step.purpose} frames", step.frames * step.interval_s)
        long = step.frames * step.interval_s > WATCH_S
        return self._rig.acquire(
            step.spectrometers,
            step.frames,
            step.interval_s,
            tick_s=WATCH_S if long else None,
            on_tick=self._watch_and_obey,
        )

    def _watch_and_obey(self) -> None:
        self._obey(may_pause=False)
        self._guard.look()

    def _tell(self, what: str, duration_s: float | None) -> None:
        self._note(StepBegun(what=what, duration_s=duration_s))


def _stays(remainder_ul: float) -> str:
    return f", {remainder_ul / 1000:g} mL of it has to stay" if remainder_ul > 0.0 else ""


def _degrees(temperatures_c: Mapping[str, float]) -> str:
    return ", ".join(f"{temperature:.1f} °C" for temperature in temperatures_c.values())
