"""The flush of the safe state: carrier flows until the reactor is cold."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TypeVar

from flowrig.errors import DeviceError, FlowrigError
from flowrig.interfaces import PumpState, Quality
from flowrig.profile import SafeStep
from flowrig.safety.actuation import Actuation
from flowrig.safety.cooling import readings_c, require_cooling

__all__ = ["MOVING", "POLL_S", "Flush"]

POLL_S = 5.0
"""Time [s] between two readings while the rig is flushed, or watched while it cools."""

MOST_FAILURES = 3
"""How often in a row devices may fail to answer before they are not asked any more."""

MOVING = (PumpState.RUNNING, PumpState.DELAYED)
"""States of a pump that delivers liquid, or is about to."""

R = TypeVar("R")


class Flush:
    """Flushes the flow path with the streams of a step, as far as their syringes last.

    Args:
        step: streams with flow rates, the temperature to reach and the longest time.
        actuation: the journalled actuators of the rig.
        hurried: whether the flush has to end early; asked at every reading.
    """

    def __init__(self, step: SafeStep, actuation: Actuation, hurried: Callable[[], bool]) -> None:
        self._step = step
        self._rig = actuation.rig
        self._actuation = actuation
        self._hurried = hurried
        self._pumps, self._heaters = _Poll(), _Poll()

    def run(self) -> None:
        """Flush until every heater is cold, or the time is over; Ctrl-C ends it early.

        Raises:
            FlowrigError: a pump did not run, or a heater that is off became hotter meanwhile.
        """
        if not self._is_hot() or self._hurried():
            return
        rates_ul_min = self._possible_rates_ul_min()
        if not rates_ul_min:
            return
        # A pump takes no new flow rate while it runs.
        running = tuple(s for s in rates_ul_min if s in self._actuation.ledger.rig_state.flows)
        if running:
            self._actuation.stop(running)
        before_c = readings_c(self._rig)
        self._actuation.set_flow_rates(rates_ul_min)
        self._actuation.start(rates_ul_min)
        stuck = self._wait(rates_ul_min)
        self._actuation.stop(rates_ul_min)
        if stuck:
            states = ", ".join(
                f"the pump of {stream} was {state.value}" for stream, state in stuck.items()
            )
            raise FlowrigError(f"{states} while it should flush; look for an empty or blocked line")
        require_cooling(before_c, readings_c(self._rig))

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
        if below_c is None:
            return True
        readings = self._heaters.ask(lambda: self._rig.read_heaters(self._rig.heaters))
        return readings is None or any(
            reading.quality is not Quality.GOOD or reading.temperature_c > below_c
            for reading in readings.values()
        )


class _Poll:
    """Asks devices again and again, until they fail to answer several times in a row.

    A device that hangs takes its whole deadline at every question.
    """

    def __init__(self) -> None:
        self._failures_left = MOST_FAILURES

    def ask(self, question: Callable[[], R]) -> R | None:
        """The answer; None if there is none."""
        if not self._failures_left:
            return None
        try:
            answer = question()
        except DeviceError:
            self._failures_left -= 1
            return None
        self._failures_left = MOST_FAILURES
        return answer
