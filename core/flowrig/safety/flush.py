"""The flush of the safe state: carrier flows until the reactor is cold."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from flowrig.clock import Clock
from flowrig.errors import (
    DeviceError,
    DriverHungError,
    FlowrigError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.interfaces import PumpState, Quality
from flowrig.profile import SafeStep
from flowrig.rig.other_devices import is_at, is_at_one_of
from flowrig.rig.rig import require_done
from flowrig.safety.actuation import Actuation
from flowrig.safety.cooling import readings_c, require_cooling

__all__ = ["HUNG_S", "MOVING", "POLL_S", "Flush", "is_hung"]

POLL_S = 5.0
"""Time [s] between two readings while the rig is flushed, or watched while it cools."""

HUNG_S = 120.0
"""Time [s] for which a device whose driver has not returned is not asked: each question takes the
whole deadline of the rig."""

MOVING = (PumpState.RUNNING, PumpState.DELAYED)
"""States of a pump that delivers liquid, or is about to."""

R = TypeVar("R")


class Flush:
    """Flushes the flow path with the streams of a step, as far as their syringes last.

    Args:
        step: streams with flow rates, the temperature to reach and the longest time.
        actuation: the journalled actuators of the rig.
        hurried: whether the flush has to end early; asked at every reading.
        on_lost_heater: called when a heater does not answer, or shows no good reading at the
            beginning: the flush does not show whether it cools.
    """

    def __init__(
        self,
        step: SafeStep,
        actuation: Actuation,
        hurried: Callable[[], bool],
        on_lost_heater: Callable[[], None] = lambda: None,
    ) -> None:
        self._step = step
        self._rig = actuation.rig
        self._actuation = actuation
        self._hurried = hurried
        clock = self._rig.clock
        self._pumps, self._heaters = _Poll(clock, lambda: None), _Poll(clock, on_lost_heater)
        self._on_lost_heater = on_lost_heater

    def run(self) -> None:
        """Flush until every heater is cold, or the time is over; Ctrl-C ends it early.

        Without a heater nothing tells whether the path is cold, and the flush takes all of its
        time. Where a pump is lost, the others flush.

        Raises:
            FlowrigError: a pump did not run, or a heater that is off became hotter meanwhile.
            DeviceError: a pump is lost.
        """
        if not self._is_hot() or self._hurried():
            return
        rates_ul_min = self._possible_rates_ul_min()
        if not rates_ul_min:
            return
        aside = self._led_aside(rates_ul_min)
        rates_ul_min = {s: q for s, q in rates_ul_min.items() if s not in aside}
        if not rates_ul_min:
            require_done(aside)
        # A pump takes no new flow rate while it runs.
        running = tuple(s for s in rates_ul_min if s in self._actuation.ledger.rig_state.flows)
        if running:
            self._actuation.stop(running)
        before_c = readings_c(self._rig)
        if before_c.keys() < set(self._rig.heaters):
            self._on_lost_heater()
        lost = {**aside, **self._set_flow_rates(rates_ul_min)}
        rates_ul_min = {s: q for s, q in rates_ul_min.items() if s not in lost}
        if not rates_ul_min:
            require_done(lost)
        self._actuation.start(rates_ul_min)
        stuck = self._wait(rates_ul_min)
        self._actuation.stop(rates_ul_min)
        if stuck:
            states = ", ".join(
                f"the pump of {stream} was {state.value}" for stream, state in stuck.items()
            )
            raise FlowrigError(f"{states} while it should flush; look for an empty or blocked line")
        require_cooling(before_c, readings_c(self._rig))
        require_done(lost)

    def _led_aside(self, streams: Iterable[str]) -> dict[str, BaseException]:
        """Streams whose valves are not known to let them flow into the path, with the reason."""
        refills, found = self._rig.profile.refills, dict[str, BaseException]()
        for name in streams:
            stream = self._rig.profile.streams[name]
            if name in refills and not is_at(self._rig[refills[name].valve], refills[name].run):
                where, valve = repr(refills[name].run), refills[name].valve
            elif stream.selector is not None and not is_at_one_of(
                self._rig[stream.selector.valve], stream.contents_at
            ):
                where, valve = "a position with a liquid", stream.selector.valve
            else:
                continue
            message = f"it is not known to be at {where}, so {name} does not flush"
            found[name] = UnknownOutcomeError(message, device=valve)
        return found

    def _set_flow_rates(self, rates_ul_min: Mapping[str, float]) -> dict[str, BaseException]:
        """Set flow rates [µL/min]; returns streams whose pumps are lost: the others flush."""
        lost = dict[str, BaseException]()
        try:
            self._actuation.set_flow_rates(rates_ul_min)
        except DeviceError:
            for stream, rate in rates_ul_min.items():
                try:
                    self._actuation.set_flow_rates({stream: rate})
                except DeviceError as error:
                    lost[stream] = error
        return lost

    def _possible_rates_ul_min(self) -> dict[str, float]:
        """Flow rates [µL/min] of the streams whose syringes last for the longest time."""
        left_ul, minutes = self._actuation.ledger.left_ul, self._step.at_most_s / 60
        rates_ul_min = self._step.flow_rates_ul_min.items()
        return {stream: q for stream, q in rates_ul_min if left_ul[stream] > q * minutes}

    def _wait(self, streams: Mapping[str, float]) -> dict[str, PumpState]:
        """Wait for the end of the flush; returns pumps that did not run, with their states."""
        clock, stuck = self._rig.clock, dict[str, PumpState]()
        end_s = clock.now_s() + self._step.at_most_s
        with suppress(KeyboardInterrupt):
            while clock.now_s() < end_s and self._is_hot() and not self._hurried():
                clock.sleep(POLL_S)
                stuck |= self._not_moving(streams.keys() - stuck.keys())
                if len(stuck) == len(streams):
                    break
        return stuck

    def _not_moving(self, streams: Collection[str]) -> dict[str, PumpState]:
        """Pumps that should run and do not; one that does not answer may run."""
        states = self._pumps.ask(lambda: self._rig.pump_states(streams)) or {}
        return {stream: state for stream, state in states.items() if state not in MOVING}

    def _is_hot(self) -> bool:
        """Whether a heater is above the step's temperature, or is not known to be below it."""
        below_c = self._step.until_below_c
        if below_c is None or not self._rig.heaters:
            return True
        readings = self._heaters.ask(lambda: self._rig.read_heaters(self._rig.heaters))
        return readings is None or any(
            reading.quality is not Quality.GOOD or reading.temperature_c > below_c
            for reading in readings.values()
        )


def is_hung(error: BaseException) -> bool:
    """Whether the driver of a device has not returned."""
    errors = error.errors.values() if isinstance(error, SeveralDevicesError) else (error,)
    return any(isinstance(one, DriverHungError) for one in errors)


class _Poll:
    """Asks devices again and again, also after they did not answer: they may come back.

    Args:
        clock: the rig's clock.
        on_lost: called when there is no answer.
    """

    def __init__(self, clock: Clock, on_lost: Callable[[], None]) -> None:
        self._clock = clock
        self._on_lost = on_lost
        self._not_before_s = clock.now_s()

    def ask(self, question: Callable[[], R]) -> R | None:
        """The answer; None if there is none."""
        if self._clock.now_s() < self._not_before_s:
            return None
        try:
            return question()
        except DeviceError as error:
            if is_hung(error):
                self._not_before_s = self._clock.now_s() + HUNG_S
            self._on_lost()
            return None
