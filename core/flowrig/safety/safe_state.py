"""The safe state: the sequence that the profile gives, each step verified, none left out."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from attrs import frozen

from flowrig.errors import DeviceError, FlowrigError
from flowrig.interfaces import PumpState, Quality
from flowrig.measurement.light_check import LightReferences, light_seen
from flowrig.profile import SafeStep
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import HEATS_UNASKED, TOO_HOT, Trip

__all__ = ["MOVING", "SafeState", "StepOutcome", "reach_safe_state"]

FLUSH_POLL_S = 5.0
RISE_C = 3.0
"""How much hotter [°C] a heater may read after a flush than before."""
HOT_C = 60.0
"""From this temperature [°C] on a heater is watched for a while where no flush has done so."""
COOLING_S = 60.0
"""For how long [s]."""
INTERRUPTED = "Ctrl-C came before it was confirmed"
PAUSES_S = (1.0, 3.0)
"""Waits [s] in the end for a device that was lost: a plug takes a moment to be known again."""
STUCK = "its output may be stuck, and nothing that it reads says otherwise; cut its power"
LOOKS = 3
"""How often in a row somebody may give no answer while the lines are flushed."""
SHUTS = 2
"""How often a light is shut that is seen to burn on."""
R = TypeVar("R")
MOVING = (PumpState.RUNNING, PumpState.DELAYED)
RESTING = (PumpState.STOPPED, PumpState.PAUSED)


@frozen
class StepOutcome:
    """What became of one step.

    Attributes:
        step: in words.
        reached: whether it was confirmed by the instruments.
        detail: what is not known, and why.
    """

    step: str
    reached: bool
    detail: str = ""


@frozen
class SafeState:
    """What became of the whole sequence."""

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

    Every step is tried, whatever became of the ones before. Before flushing, from time to time
    while flushing and in the end, if a device that was lost can be opened again, the steps that
    were not confirmed are tried once more, except for flushing. So is a step that Ctrl-C came in;
    Ctrl-C while flushing ends the flush.
    A light that was shut is looked for in a frame, and shut once more if it is seen. Where lines
    were not flushed and a heater is hot, it is looked at for a minute whether it cools.

    Args:
        rig: the opened rig.
        actuation: the run's journalled actuators; without a run, a way without a journal.
        hurried: asked while flushing; True ends the flush early.
        halt: stop all flow and heat first, whatever the profile's order, and flush nothing.
        on_tick: called before every step, and again and again while flushing.
        references: what spectrometers saw when their lights were known.
        trips: the rules that ended the run.

    Returns:
        what was confirmed and what is not known.
    """
    actuation = actuation or Actuation(rig, lambda event: 0, SyringeLedger(rig.profile))
    steps = _halting(rig) if halt else rig.profile.safe_state

    outcomes: list[StepOutcome] = []
    wait_s = next_s = 0.0

    def asked() -> bool:
        on_tick()
        return hurried()

    def attempt(step: SafeStep) -> StepOutcome:
        return _attempt(*_plan(step, rig, actuation, asked_while_trying, references or {}), on_tick)

    def unconfirmed() -> list[int]:
        return [i for i, end in enumerate(outcomes) if not end.reached and steps[i].do != "flush"]

    def try_again() -> None:
        open_ends = unconfirmed()
        interrupted = any(outcomes[i].detail == INTERRUPTED for i in open_ends)
        if open_ends and (_reconnected(rig) or interrupted):
            for i in open_ends:
                outcomes[i] = attempt(steps[i])

    def asked_while_trying() -> bool:
        nonlocal wait_s, next_s
        if unconfirmed() and rig.clock.now_s() >= next_s:
            next_s, wait_s = rig.clock.now_s() + wait_s, 2.0 * wait_s
            try_again()
        return asked()

    for step in steps:
        if step.do == "flush":  # it takes long, and a pump that was lost may push meanwhile
            try_again()
            wait_s, next_s = FLUSH_POLL_S, rig.clock.now_s()
        outcomes.append(attempt(step))
    try_again()
    for pause_s in PAUSES_S:
        if unconfirmed() and not hurried():
            with suppress(KeyboardInterrupt):
                rig.clock.sleep(pause_s)
            try_again()
    ends = zip(steps, outcomes, strict=True)
    if not any(end.reached for step, end in ends if step.do == "flush"):
        outcomes += _cooling(rig, asked, on_tick)
    outcomes += _perhaps_stuck(rig, trips)
    return SafeState(tuple(outcomes))


def _halting(rig: Rig) -> tuple[SafeStep, ...]:
    """All pumps and heaters at once, then what else the profile asks for, but no flush."""
    stop = SafeStep(do="stop", streams=tuple(rig.profile.streams))
    lights = (step for step in rig.profile.safe_state if step.do == "light-off")
    return (SafeStep(do="heater-off", heaters=rig.heaters), stop, *lights)


def _attempt(label: str, perform: Callable[[], None], on_tick: Callable[[], object]) -> StepOutcome:
    on_tick()
    try:
        perform()
    except KeyboardInterrupt:
        return StepOutcome(label, False, INTERRUPTED)
    except BaseException as error:  # whatever a driver raises, the next step is tried
        return StepOutcome(label, False, str(error) or repr(error))
    return StepOutcome(label, True)


def _reconnected(rig: Rig) -> bool:
    try:
        return rig.reconnect()
    except KeyboardInterrupt:
        return False


def _plan(
    step: SafeStep,
    rig: Rig,
    actuation: Actuation,
    hurried: Callable[[], bool],
    references: LightReferences,
) -> tuple[str, Callable[[], None]]:
    if step.do == "heater-off":
        return f"{', '.join(step.heaters)} off", lambda: _heaters_off(step, rig, actuation)
    if step.do == "stop":
        return f"{', '.join(step.streams)} stopped", lambda: _stop(step, rig, actuation)
    if step.do == "light-off":
        switched = [n for n in step.spectrometers if rig.spectrometer(n).controls_light]
        return "light sources off", lambda: _lights_off(switched, rig, actuation, references)
    return (
        f"flushed with {', '.join(step.flow_rates_ul_min)}",
        lambda: _flush(step, rig, actuation, hurried),
    )


def _heaters_off(step: SafeStep, rig: Rig, actuation: Actuation) -> None:
    actuation.heaters_off(step.heaters)


def _stop(step: SafeStep, rig: Rig, actuation: Actuation) -> None:
    actuation.stop(step.streams)
    for stream, state in rig.pump_states(step.streams).items():
        if state not in RESTING:
            raise FlowrigError(f"{stream}: the pump says that it is {state.value}")


def _lights_off(
    spectrometers: Sequence[str], rig: Rig, actuation: Actuation, references: LightReferences
) -> None:
    burning: Sequence[str] = spectrometers
    for _ in range(SHUTS if spectrometers else 0):
        actuation.set_light(burning, False)
        seen = {
            name: light_seen(
                frames.counts[-1],
                rig.spectrometer(name).limits.saturation_counts,
                references.get(name),
            )
            for name, frames in rig.acquire(burning, 1).items()
        }
        burning = [name for name in burning if seen[name]]
        if not burning:
            return
    told = "; ".join(f"{name}: {seen[name]}" for name in burning)
    raise FlowrigError(f"{told}; shut it by hand")


class _Look:
    """Asks again and again; who gives no answer several times in a row is not waited for again."""

    def __init__(self) -> None:
        self._left = LOOKS

    def at(self, ask: Callable[[], R]) -> R | None:
        """The answer; None if there is none."""
        if not self._left:
            return None
        try:
            answer = ask()
        except DeviceError:
            self._left -= 1
            return None
        self._left = LOOKS
        return answer


def _flush(step: SafeStep, rig: Rig, actuation: Actuation, hurried: Callable[[], bool]) -> None:
    pumps, heaters = _Look(), _Look()
    if not _hot(step, rig, heaters) or hurried():
        return
    minutes = step.at_most_s / 60
    left = actuation.ledger.left_ul
    rates = {s: q for s, q in step.flow_rates_ul_min.items() if left[s] > q * minutes}
    if not rates:
        return
    running = tuple(stream for stream in rates if stream in actuation.ledger.running)
    if running:
        actuation.stop(running)
    before_c = _readings_c(rig)
    actuation.set_flow_rates(rates)
    actuation.start(rates)
    end_s, stuck = rig.clock.now_s() + step.at_most_s, dict[str, PumpState]()
    with suppress(KeyboardInterrupt):
        while rig.clock.now_s() < end_s and _hot(step, rig, heaters) and not hurried():
            rig.clock.sleep(FLUSH_POLL_S)
            stuck |= _not_moving(rig, rates.keys() - stuck.keys(), pumps)
            if len(stuck) == len(rates):
                break
    actuation.stop(rates)
    if stuck:
        told = ", ".join(
            f"the pump of {stream} was {state.value}" for stream, state in stuck.items()
        )
        raise FlowrigError(f"{told} while it should flush; look for an empty or blocked line")
    _require_cooling(before_c, _readings_c(rig))


def _cooling(
    rig: Rig, hurried: Callable[[], bool], on_tick: Callable[[], object]
) -> list[StepOutcome]:
    """Whether hot heaters cool that are off; nothing where all are cold, or nobody has the time."""
    before_c = {name: reads_c for name, reads_c in _readings_c(rig).items() if reads_c > HOT_C}
    end_s = rig.clock.now_s() + COOLING_S
    try:
        while rig.clock.now_s() < end_s:
            if not before_c or hurried():
                return []
            rig.clock.sleep(FLUSH_POLL_S)
    except KeyboardInterrupt:
        return []
    label = f"{', '.join(before_c)} cooling"
    return [_attempt(label, lambda: _require_cooling(before_c, _readings_c(rig)), on_tick)]


def _perhaps_stuck(rig: Rig, trips: Iterable[Trip]) -> list[StepOutcome]:
    """Heaters that were too hot, and of which nothing says that they are off.

    One that cannot be read says nothing; nor does one that rose unasked, whatever it reads.
    """
    too_hot = [trip for trip in trips if trip.rule in TOO_HOT]
    readable = _readings_c(rig) if too_hot else {}
    suspects = [
        trip.device for trip in too_hot if trip.rule == HEATS_UNASKED or trip.device not in readable
    ]
    return [StepOutcome(f"{heater} off", False, STUCK) for heater in dict.fromkeys(suspects)]


def _readings_c(rig: Rig) -> dict[str, float]:
    """What heaters read [°C], as far as they can be asked and trusted."""
    try:
        readings = rig.read_heaters(rig.heaters)
    except DeviceError:
        return {}
    return {n: r.temperature_c for n, r in readings.items() if r.quality is Quality.GOOD}


def _require_cooling(before_c: Mapping[str, float], after_c: Mapping[str, float]) -> None:
    """Find heaters that are off and get hotter.

    Raises:
        FlowrigError: there is one; its set point says nothing of its power.
    """
    rising = [
        f"{name} went from {before_c[name]:.0f} to {reads_c:.0f} °C although it is off"
        for name, reads_c in after_c.items()
        if reads_c > before_c.get(name, math.inf) + RISE_C
    ]
    if rising:
        raise FlowrigError("; ".join(rising) + "; cut its power: its output may be stuck")


def _not_moving(rig: Rig, streams: Iterable[str], look: _Look) -> dict[str, PumpState]:
    """Those pumps that should run and do not; one that cannot be asked may run."""
    states = look.at(lambda: rig.pump_states(streams)) or {}
    return {stream: state for stream, state in states.items() if state not in MOVING}


def _hot(step: SafeStep, rig: Rig, look: _Look) -> bool:
    """Whether a heater is above the flush limit, or cannot say that it is below."""
    below_c = step.until_below_c
    readings = None if below_c is None else look.at(lambda: rig.read_heaters(rig.heaters))
    if below_c is None or readings is None:
        return True
    return any(
        reading.quality is not Quality.GOOD or reading.temperature_c > below_c
        for reading in readings.values()
    )
