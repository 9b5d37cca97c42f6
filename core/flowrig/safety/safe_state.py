"""The safe state: the sequence that the profile gives, each step verified, none left out."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from attrs import frozen

from flowrig.errors import FlowrigError
from flowrig.interfaces import PumpState
from flowrig.measurement.light_check import LightReferences, light_seen
from flowrig.profile import SafeStep
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.cooling import HOT_C, readings_c, require_cooling
from flowrig.safety.flush import POLL_S, Flush
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import HEATS_UNASKED, TOO_HOT, Trip

__all__ = ["SafeState", "SafeStateSequence", "StepOutcome", "reach_safe_state"]

COOLING_S = 60.0
"""How long [s] a hot heater is watched where no flush has watched it."""

INTERRUPTED = "Ctrl-C came before it was confirmed"

PAUSES_S = (1.0, 3.0)
"""Waits [s] at the end for a device that was lost: a USB device that was plugged in again takes a
moment to appear."""

STUCK = "its output may be stuck, and no reading rules that out; cut its power"

MOST_SHUTS = 2
"""How often a light is shut while a frame still shows it."""

RESTING = (PumpState.STOPPED, PumpState.PAUSED)
"""States of a pump that stands still."""


@frozen
class StepOutcome:
    """How one step of the sequence ended.

    Attributes:
        step: in words.
        reached: whether the instruments confirmed it.
        detail: what is not known, and why.
    """

    step: str
    reached: bool
    detail: str = ""


@frozen
class SafeState:
    """How the whole sequence ended, step by step."""

    steps: tuple[StepOutcome, ...]

    @property
    def reached(self) -> bool:
        """Whether every step was confirmed."""
        return all(step.reached for step in self.steps)

    def __str__(self) -> str:
        if self.reached:
            return "the rig is in its safe state: " + ", ".join(s.step for s in self.steps)
        unknown = "; ".join(f"{s.step}: {s.detail}" for s in self.steps if not s.reached)
        return f"the rig's state is NOT known, look at it now: {unknown}"


def reach_safe_state(
    rig: Rig,
    actuation: Actuation | None = None,
    *,
    hurried: Callable[[], bool] = lambda: False,
    halt: bool = False,
    on_tick: Callable[[], object] = lambda: None,
    references: LightReferences | None = None,
    trips: Iterable[Trip] = (),
) -> SafeState:
    """Bring a rig to the safe state of its profile.

    Every step is tried, even if steps before it failed. Steps that were not confirmed, other than
    the flush, are tried again if a lost device can be opened again: before the flush, from time to
    time during the flush, and at the end. A step that Ctrl-C interrupted is tried again as well;
    Ctrl-C during the flush ends the flush.

    After a light is shut, a frame shows whether it is dark; if not, the light is shut once more.
    Where nothing was flushed, hot heaters are watched for a minute to see whether they cool.

    Args:
        rig: the opened rig.
        actuation: the run's journalled actuators; nothing is journalled without them.
        hurried: asked during the flush; True ends the flush early.
        halt: stop all flow and heat first, whatever the profile's order, and flush nothing.
        on_tick: called before every step, and again and again during the flush.
        references: spectra of each spectrometer with its light on and off.
        trips: safety rules that ended the run.

    Returns:
        what was confirmed and what is not known.
    """
    actuation = actuation or Actuation(rig, lambda event: 0, SyringeLedger(rig.profile))
    steps = _halting(rig) if halt else rig.profile.safe_state
    sequence = SafeStateSequence(actuation, steps, hurried, on_tick, references or {})
    sequence.run()
    return SafeState((*sequence.outcomes, *_perhaps_stuck(rig, trips)))


class SafeStateSequence:
    """Performs the steps of a safe state, and tries again those that were not confirmed.

    Args:
        actuation: the journalled actuators of the rig.
        steps: in order.
        hurried: asked during the flush; True ends the flush early.
        on_tick: called before every step, and again and again during the flush.
        references: spectra of each spectrometer with its light on and off.
    """

    def __init__(
        self,
        actuation: Actuation,
        steps: Sequence[SafeStep],
        hurried: Callable[[], bool],
        on_tick: Callable[[], object],
        references: LightReferences,
    ) -> None:
        self._rig = actuation.rig
        self._actuation = actuation
        self._steps = steps
        self._hurried = hurried
        self._on_tick = on_tick
        self._references = references
        self._ends: list[StepOutcome] = []
        self._cooling: list[StepOutcome] = []
        self._retry_s = self._retry_after_s = 0.0

    @property
    def outcomes(self) -> tuple[StepOutcome, ...]:
        """How each step ended, in order, and whether hot heaters cool where that was watched."""
        return (*self._ends, *self._cooling)

    def run(self) -> None:
        """Perform every step."""
        for step in self._steps:
            if step.do == "flush":  # it takes long, and a pump that was lost may push meanwhile
                self._try_again()
                self._retry_s, self._retry_after_s = self._rig.clock.now_s(), POLL_S
            self._ends.append(self._attempt_step(step))
        self._try_again_at_the_end()
        ends = zip(self._steps, self._ends, strict=True)
        if not any(end.reached for step, end in ends if step.do == "flush"):
            self._watch_cooling()

    def _attempt_step(self, step: SafeStep) -> StepOutcome:
        match step.do:
            case "heater-off":
                label = f"{', '.join(step.heaters)} off"
                return self._attempt(label, lambda: self._actuation.heaters_off(step.heaters))
            case "stop":
                label = f"{', '.join(step.streams)} stopped"
                return self._attempt(label, lambda: self._stop(step.streams))
            case "light-off":
                names = step.spectrometers
                return self._attempt("light sources off", lambda: self._lights_off(names))
            case "flush":
                label = f"flushed with {', '.join(step.flow_rates_ul_min)}"
                flush = Flush(step, self._actuation, self._retry_and_ask_hurried)
                return self._attempt(label, flush.run)

    def _attempt(self, label: str, perform: Callable[[], None]) -> StepOutcome:
        self._on_tick()
        try:
            perform()
        except KeyboardInterrupt:
            return StepOutcome(label, False, INTERRUPTED)
        except BaseException as error:  # whatever a driver raises, the next step is tried
            return StepOutcome(label, False, str(error) or repr(error))
        return StepOutcome(label, True)

    def _stop(self, streams: Sequence[str]) -> None:
        self._actuation.stop(streams)
        for stream, state in self._rig.pump_states(streams).items():
            if state not in RESTING:
                raise FlowrigError(f"{stream}: the pump reports that it is {state.value}")

    def _lights_off(self, spectrometers: Sequence[str]) -> None:
        lit = [name for name in spectrometers if self._rig.spectrometer(name).controls_light]
        if not lit:
            raise FlowrigError(f"{', '.join(spectrometers)}: not under control; shut it by hand")
        for _ in range(MOST_SHUTS):
            self._actuation.set_light(lit, False)
            seen = self._light_seen(lit)
            lit = [name for name in lit if seen[name]]
            if not lit:
                return
        texts = "; ".join(f"{name}: {seen[name]}" for name in lit)
        raise FlowrigError(f"{texts}; shut it by hand")

    def _light_seen(self, spectrometers: Sequence[str]) -> dict[str, str]:
        """By spectrometer: the light that a frame shows, in words; empty where it is dark."""
        return {
            name: light_seen(
                frames.counts[-1],
                self._rig.spectrometer(name).limits.saturation_counts,
                self._references.get(name),
            )
            for name, frames in self._rig.acquire(spectrometers, 1).items()
        }

    def _unconfirmed(self) -> list[int]:
        """Positions of the steps that were not confirmed; a flush is not repeated."""
        ends = enumerate(self._ends)
        return [i for i, end in ends if not end.reached and self._steps[i].do != "flush"]

    def _try_again(self) -> None:
        """Perform unconfirmed steps again, where there is a reason that they may succeed now."""
        unconfirmed = self._unconfirmed()
        interrupted = any(self._ends[i].detail == INTERRUPTED for i in unconfirmed)
        if unconfirmed and (self._reconnected() or interrupted):
            for i in unconfirmed:
                self._ends[i] = self._attempt_step(self._steps[i])

    def _try_again_at_the_end(self) -> None:
        self._try_again()
        for pause_s in PAUSES_S:
            if self._unconfirmed() and not self._hurried():
                with suppress(KeyboardInterrupt):
                    self._rig.clock.sleep(pause_s)
                self._try_again()

    def _retry_and_ask_hurried(self) -> bool:
        """Called during the flush: try unconfirmed steps again, at intervals that double."""
        now_s = self._rig.clock.now_s()
        if self._unconfirmed() and now_s >= self._retry_s:
            self._retry_s = now_s + self._retry_after_s
            self._retry_after_s *= 2.0
            self._try_again()
        return self._ask_hurried()

    def _ask_hurried(self) -> bool:
        self._on_tick()
        return self._hurried()

    def _reconnected(self) -> bool:
        try:
            return self._rig.reconnect()
        except KeyboardInterrupt:
            return False

    def _watch_cooling(self) -> None:
        """Watch whether hot heaters that are off cool; not where a person is in a hurry."""
        before_c = {name: c for name, c in readings_c(self._rig).items() if c > HOT_C}
        end_s = self._rig.clock.now_s() + COOLING_S
        try:
            while self._rig.clock.now_s() < end_s:
                if not before_c or self._ask_hurried():
                    return
                self._rig.clock.sleep(POLL_S)
        except KeyboardInterrupt:
            return
        label = f"{', '.join(before_c)} cooling"
        outcome = self._attempt(label, lambda: require_cooling(before_c, readings_c(self._rig)))
        self._cooling.append(outcome)


def _halting(rig: Rig) -> tuple[SafeStep, ...]:
    """All heaters and pumps first, then the lights of the profile; no flush."""
    stop = SafeStep(do="stop", streams=tuple(rig.profile.streams))
    lights = (step for step in rig.profile.safe_state if step.do == "light-off")
    return (SafeStep(do="heater-off", heaters=rig.heaters), stop, *lights)


def _perhaps_stuck(rig: Rig, trips: Iterable[Trip]) -> list[StepOutcome]:
    """Heaters that were too hot and are not shown to be off by any reading.

    A heater that cannot be read shows nothing. A heater that rose while it should cool has an
    output that is stuck, and no later reading clears it.
    """
    too_hot = [trip for trip in trips if trip.rule in TOO_HOT]
    readable = readings_c(rig) if too_hot else {}
    suspects = [
        trip.device for trip in too_hot if trip.rule == HEATS_UNASKED or trip.device not in readable
    ]
    return [StepOutcome(f"{heater} off", False, STUCK) for heater in dict.fromkeys(suspects)]
