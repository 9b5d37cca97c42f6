"""The safe state: the sequence that the profile gives, each step verified, none left out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from attrs import evolve, frozen

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    FlowrigError,
    NotReadyError,
    ProtocolError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.interfaces import PumpState
from flowrig.interfaces.capabilities import Value
from flowrig.measurement.light_check import LightReferences, light_seen
from flowrig.profile import SafeStep
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.cooling import HOT_C, readings_c, require_cooling
from flowrig.safety.flush import HUNG_S, POLL_S, Flush, is_hung
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import HEATS_UNASKED, TOO_HOT, Trip

__all__ = [
    "SafeState",
    "SafeStateSequence",
    "StepOutcome",
    "perhaps_stuck",
    "reach_safe_state",
]

COOLING_S = 60.0
"""How long [s] a hot heater is watched where no flush has watched it."""

STALE_S = 10.0
"""Duration [s] of the sequence from which on its steps are confirmed once more at the end."""

INTERRUPTED = "Ctrl-C came before it was confirmed"

PAUSES_S = (1.0, *[3.0] * 9)
"""Waits [s] at the end, each followed by a try of all steps that were not confirmed: a device that
was lost takes a moment to appear again, and one that is silent may answer again."""

STUCK = "its output may be stuck, and no reading rules that out; cut its power"

MOST_SHUTS = 2
"""How often a light is shut while a frame still shows it."""

RESTING = (PumpState.STOPPED, PumpState.PAUSED)
"""States of a pump that stands still."""

SILENCED = "it stopped answering after it was switched off"

LOST = (ConnectionLostError, NotReadyError, ProtocolError, UnknownOutcomeError)
"""Errors of a device that may do later what it did not do now."""

URGENCY = {"heater-off": 0, "stop": 1, "safe": 2, "light-off": 3, "flush": 4}
"""Order in which steps that were not confirmed are tried again: heat first."""


class _NeedsHandError(FlowrigError):
    """No further try can confirm a step; a person has to do it."""


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
    """How the whole sequence ended, step by step.

    Attributes:
        steps: how each ended.
        is_flushed: whether the flow path was flushed, or need not be.
    """

    steps: tuple[StepOutcome, ...]
    is_flushed: bool = True

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

    Every step is tried, even if steps before it failed. Steps that were not confirmed, for
    whatever reason, are tried again, heat first: before the flush, every few seconds during the
    flush, and for half a minute at the end. A heater that stops answering during the flush counts
    as not confirmed, and is switched off again. A flush that failed because a pump was lost is
    done once every stream is known to stand still. Ctrl-C during the flush ends the flush.

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
    sequence = SafeStateSequence(actuation, steps, hurried, on_tick, references)
    sequence.run()
    stuck = perhaps_stuck(rig, ((trip.rule, trip.device) for trip in trips))
    return SafeState((*sequence.outcomes, *stuck), sequence.has_flushed)


class SafeStateSequence:
    """Performs the steps of a safe state, and tries again those that were not confirmed.

    Args:
        actuation: the journalled actuators of the rig.
        steps: in order.
        hurried: asked during the flush; True ends the flush early.
        on_tick: called before every step, and again and again during the flush.
        references: spectra of each spectrometer with its light on and off.
        is_flushed: whether the flow path was flushed before, so that no flush is needed.
    """

    def __init__(
        self,
        actuation: Actuation,
        steps: Sequence[SafeStep],
        hurried: Callable[[], bool] = lambda: False,
        on_tick: Callable[[], object] = lambda: None,
        references: LightReferences | None = None,
        *,
        is_flushed: bool = False,
    ) -> None:
        self._rig = actuation.rig
        self._actuation = actuation
        self._steps = [step for step in steps if not (is_flushed and step.do == "flush")]
        self._hurried = hurried
        self._on_tick = on_tick
        self._references = references or {}
        self._ends: dict[int, StepOutcome] = {}
        self._needs_hand: set[int] = set()
        self._hung_until_s: dict[int, float] = {}
        self._failed: dict[int, set[str]] = {}
        self._cooling: list[StepOutcome] = []
        self._was_heater_lost = False

    @property
    def outcomes(self) -> tuple[StepOutcome, ...]:
        """How each step ended, in order, and whether hot heaters cool where that was watched."""
        return (*(self._ends[number] for number in sorted(self._ends)), *self._cooling)

    @property
    def has_flushed(self) -> bool:
        """Whether a flush was confirmed, or none belongs to the safe state."""
        return all(
            number in self._ends and self._ends[number].reached
            for number, step in enumerate(self._steps)
            if step.do == "flush"
        )

    @property
    def left(self) -> tuple[StepOutcome, ...]:
        """Steps that were not confirmed and that a further try may confirm."""
        return tuple(self._ends[number] for number in sorted(self._ends) if self._is_left(number))

    def run(self) -> None:
        """Perform every step, and try again for half a minute those that were not confirmed.

        A flush takes minutes, in which another program or a person at the device can undo what was
        confirmed before; each step is then confirmed once more, and tried for up to a minute.
        """
        began_s = self._rig.clock.now_s()
        for number, step in enumerate(self._steps):
            if step.do == "flush":  # it takes long, and a pump that was lost may push meanwhile
                self._repeat()
            self._perform(number)
        self._try_again_at_the_end(PAUSES_S)
        self.watch_cooling()
        if self._rig.clock.now_s() - began_s > STALE_S:
            self._confirm_again()

    def _confirm_again(self) -> None:
        confirmed = [n for n, s in enumerate(self._steps) if s.do != "flush" and self._reached(n)]
        for number in confirmed:
            self._perform(number)
        # What was confirmed and is silent now has no flush left in which to recover.
        is_news = not all(map(self._reached, confirmed))
        self._try_again_at_the_end((*PAUSES_S, *PAUSES_S) if is_news else PAUSES_S)

    def _reached(self, number: int) -> bool:
        return self._ends[number].reached

    def try_again(self) -> None:
        """Perform once more each step that was not confirmed and that a try may confirm."""
        self._repeat()
        self._flush_again()

    def watch_cooling(self) -> None:
        """Watch for a minute whether hot heaters that are off cool, where no flush has shown it.

        Not where a person is in a hurry.
        """
        self._cooling.clear()
        flushes = [number for number, step in enumerate(self._steps) if step.do == "flush"]
        has_flushed = any(number in self._ends and self._ends[number].reached for number in flushes)
        if has_flushed and not self._was_heater_lost:
            return
        self._was_heater_lost = False
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
        self._on_tick()
        outcome, _ = _attempt(label, lambda: require_cooling(before_c, readings_c(self._rig)))
        self._cooling.append(outcome)

    def _perform(self, number: int) -> None:
        """Perform a step, and note how it ended."""
        step = self._steps[number]
        label, action = self._action(step)
        self._on_tick()
        self._ends[number], error = _attempt(label, action)
        self._needs_hand.discard(number)
        if error is not None and not _may_succeed_later(step, error):
            self._needs_hand.add(number)
        self._failed[number] = set() if error is None else _devices_named(error)
        if error is not None and is_hung(error):
            self._hung_until_s[number] = self._rig.clock.now_s() + HUNG_S

    def _action(self, step: SafeStep) -> tuple[str, Callable[[], None]]:
        """A step in words, and what performs it."""
        match step.do:
            case "heater-off":
                label = f"{', '.join(step.heaters)} off"
                return label, lambda: self._actuation.heaters_off(step.heaters)
            case "stop":
                return f"{', '.join(step.streams)} stopped", lambda: self._stop(step.streams)
            case "safe":
                values = self._safe_values(step.devices)
                label = ", ".join(f"{name} at {shown}" for name, (_, shown) in values.items())
                told = {name: value for name, (value, _) in values.items()}
                return label, lambda: self._set_safe(told)
            case "light-off":
                return "light sources off", lambda: self._lights_off(step.spectrometers)
            case "flush":
                label = f"flushed with {', '.join(step.flow_rates_ul_min)}"
                flush = Flush(
                    step, self._actuation, self._repeat_and_ask_hurried, self._doubt_heaters
                )
                return label, flush.run

    def _safe_values(self, devices: Sequence[str]) -> dict[str, tuple[Value, str]]:
        """By device: its safe value, and the same in words."""
        found: dict[str, tuple[Value, str]] = {}
        for name in devices:
            entry = self._rig.profile.devices[name]
            assert entry.safe is not None
            is_word = isinstance(entry.safe, str)
            shown = repr(entry.safe) if is_word else f"{entry.safe:g} {entry.abilities.unit}"
            found[name] = entry.safe, shown.rstrip()
        return found

    def _set_safe(self, told: Mapping[str, Value]) -> None:
        """Bring devices to their safe values; a valve only where no pump may draw through it.

        A pump that draws ends by itself, with clean liquid from its reservoir. Would its valve turn
        meanwhile, it would draw what is in the flow path.
        """
        state, refills = self._actuation.ledger.rig_state, self._rig.profile.refills
        waits = {refills[one].valve: one for one in state.drawing if one in refills}
        now = {name: value for name, value in told.items() if name not in waits}
        if now or not told:
            self._actuation.set_values(now)
        for valve in told:
            if valve in waits:
                raise FlowrigError(
                    f"{valve} does not turn while the pump of {waits[valve]} may still draw"
                )

    def _stop(self, streams: Sequence[str]) -> None:
        self._actuation.stop(streams)
        for stream, state in self._rig.pump_states(streams).items():
            if state not in RESTING:
                raise FlowrigError(f"{stream}: the pump reports that it is {state.value}")

    def _lights_off(self, spectrometers: Sequence[str]) -> None:
        lit = [name for name in spectrometers if self._rig.spectrometer(name).controls_light]
        if not lit:
            names = ", ".join(spectrometers)
            raise _NeedsHandError(f"{names}: not under control; shut it by hand")
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

    def _is_left(self, number: int) -> bool:
        return not self._ends[number].reached and number not in self._needs_hand

    def _due(self) -> list[int]:
        """Steps to try again now, heat first; not the flush, nor soon one whose driver hung."""
        now_s = self._rig.clock.now_s()
        numbers = [
            number
            for number in self._ends
            if self._is_left(number)
            and self._steps[number].do != "flush"
            and now_s >= self._hung_until_s.get(number, now_s)
        ]
        return sorted(numbers, key=lambda number: (URGENCY[self._steps[number].do], number))

    def _repeat(self) -> None:
        """Perform unconfirmed steps again; open their devices again where that is not enough."""
        for number in self._due():
            self._perform(number)
        due = self._due()
        if due and self._reopened(due):
            for number in due:
                self._perform(number)

    def _reopened(self, numbers: Sequence[int]) -> bool:
        """Open the lost devices of steps again; returns whether one that failed answers now."""
        self._on_tick()
        names = {name for number in numbers for name in self._failed_in(number)}
        try:
            return self._rig.reconnect(sorted(names))
        except KeyboardInterrupt:
            return False

    def _failed_in(self, number: int) -> set[str]:
        """Devices that failed in a step; all devices of the step where its error names none."""
        step = self._steps[number]
        pumps = {self._rig.profile.streams[stream].pump for stream in step.streams}
        every = {*step.heaters, *step.spectrometers, *step.devices, *pumps}
        return self._failed[number] & every or every

    def _flush_again(self) -> None:
        """Do a flush that failed because a pump was lost, once all streams stand still."""
        stops = [n for n in self._ends if self._steps[n].do == "stop"]
        if self._hurried() or not all(self._ends[n].reached for n in stops):
            return
        for first in [n for n in self._ends if self._is_left(n) and self._steps[n].do == "flush"]:
            with suppress(FlowrigError):  # a pump that was off has forgotten its syringe
                self._rig.prepare()
            for number in range(first, len(self._steps)):
                self._perform(number)

    def _try_again_at_the_end(self, pauses_s: Sequence[float]) -> None:
        for pause_s in (0.0, *pauses_s):
            if not self.left or (pause_s and self._hurried()):
                return
            with suppress(KeyboardInterrupt):
                self._rig.clock.sleep(pause_s)
            self.try_again()

    def _repeat_and_ask_hurried(self) -> bool:
        """Called every few seconds of the flush."""
        self._repeat()
        return self._ask_hurried()

    def _doubt_heaters(self) -> None:
        """A heater that stops answering is not known to be off: it may have started again."""
        self._was_heater_lost = True
        for number, step in enumerate(self._steps):
            if step.do == "heater-off" and number in self._ends and self._ends[number].reached:
                self._ends[number] = evolve(self._ends[number], reached=False, detail=SILENCED)

    def _ask_hurried(self) -> bool:
        self._on_tick()
        return self._hurried()


def _attempt(label: str, perform: Callable[[], None]) -> tuple[StepOutcome, BaseException | None]:
    try:
        perform()
    except KeyboardInterrupt as error:
        return StepOutcome(label, False, INTERRUPTED), error
    except BaseException as error:  # whatever a driver raises, the next step is tried
        return StepOutcome(label, False, str(error) or repr(error)), error
    return StepOutcome(label, True), None


def _devices_named(error: BaseException) -> set[str]:
    errors = error.errors.values() if isinstance(error, SeveralDevicesError) else (error,)
    return {one.device for one in errors if isinstance(one, DeviceError)}


def _may_succeed_later(step: SafeStep, error: BaseException) -> bool:
    """Whether a further try of a step may succeed; a flush into a blocked line is not repeated."""
    if step.do != "flush":
        return not isinstance(error, _NeedsHandError)
    errors = error.errors.values() if isinstance(error, SeveralDevicesError) else (error,)
    return all(isinstance(one, LOST) for one in errors)


def _halting(rig: Rig) -> tuple[SafeStep, ...]:
    """All heaters and pumps first, then other devices and lights of the profile; no flush."""
    off = [SafeStep(do="heater-off", heaters=rig.heaters)] if rig.heaters else []
    stop = SafeStep(do="stop", streams=tuple(rig.profile.streams))
    others = (step for step in rig.profile.safe_state if step.do in ("safe", "light-off"))
    return (*off, stop, *others)


def perhaps_stuck(rig: Rig, trips: Iterable[tuple[str, str]]) -> tuple[StepOutcome, ...]:
    """Heaters that were too hot and are not shown to be off by any reading.

    A heater that cannot be read shows nothing. A heater that rose while it should cool has an
    output that is stuck, and no later reading clears it.

    Args:
        rig: the opened rig.
        trips: rule and device of each trip of a safety rule.
    """
    too_hot = [(rule, device) for rule, device in trips if rule in TOO_HOT]
    readable = readings_c(rig) if too_hot else {}
    suspects = dict.fromkeys(
        device for rule, device in too_hot if rule == HEATS_UNASKED or device not in readable
    )
    return tuple(StepOutcome(f"{heater} off", False, STUCK) for heater in suspects)
