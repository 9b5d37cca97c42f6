"""Supervision of heaters: does the temperature follow the set point?"""

import math
from collections.abc import Iterator

from flowrig.safety_rules.snapshot import HeaterState, Snapshot, Trip
from flowrig.safety_rules.thermal import Thresholds

__all__ = ["HEATS_UNASKED", "TOO_HOT", "HeaterWatch"]

HEATS_UNASKED = "heats-unasked"
TOO_HOT = ("over-temperature", "runaway", HEATS_UNASKED)

LOOK_AT_HEATER = "look at the heater and its sensor, and keep the power off meanwhile"
LOOK_AT_SENSOR = "check the sensor, its seat and its wires"


class HeaterWatch:
    """Compares the readings of one heater with its set point and with each other.

    Args:
        heater: the device.
        thresholds: limits beyond which the heater counts as broken.
    """

    name = "heater"

    def __init__(self, heater: str, thresholds: Thresholds) -> None:
        self._heater = heater
        self._at = thresholds
        self._last: tuple[float, HeaterState] | None = None
        self._lowest_c = math.inf
        self._still_s = 0.0
        self._progress = Progress()

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """Everything that is wrong with the heater in this reading."""
        state, now_s = snapshot.heaters[self._heater], snapshot.time_s
        untrusted = self._untrusted(state)
        if untrusted is not None:
            yield untrusted
            return
        yield from self._jumps(state, now_s)
        yield from self._runs_away(state)
        yield from self._lags(state, now_s)
        yield from self._stands_still(state, now_s)
        self._last = (now_s, state)

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """A set point that leaves no time to notice a broken sensor."""
        wanted_c = after.heaters[self._heater].set_point_c
        highest_c = self._at.highest_set_point_c()
        if wanted_c != before.heaters[self._heater].set_point_c and wanted_c >= highest_c:
            yield self._trip(
                "heating-margin",
                f"at {wanted_c:g} °C a broken sensor would be noticed after "
                f"{self._at.detection_s:.0f} s, up to {self._at.margin_c:.0f} °C too late for the "
                f"{self._at.never_above_c:g} °C that must never be reached",
                f"stay below {highest_c:.0f} °C",
            )

    def _trip(self, rule: str, cause: str, remedy: str) -> Trip:
        return Trip(rule, self._heater, cause, remedy)

    def _untrusted(self, state: HeaterState) -> Trip | None:
        reads_c = state.temperature_c
        if state.faults:
            faults = "; ".join(state.faults)
            return self._trip("heater-fault", faults, "clear it at the controller")
        if not (state.sound and math.isfinite(reads_c)):
            cause = "the temperature sensor reports an error"
            return self._trip("sensor-open", cause, LOOK_AT_SENSOR)
        if reads_c < self._at.below_c:
            cause = f"{reads_c:g} °C is no temperature of it"
            return self._trip("sensor-out-of-range", cause, LOOK_AT_SENSOR)
        if reads_c > self._at.above_c:
            cause = f"{reads_c:g} °C is above the limit of {self._at.above_c:g} °C"
            return self._trip("over-temperature", cause, LOOK_AT_HEATER)
        return None

    def _jumps(self, state: HeaterState, now_s: float) -> Iterator[Trip]:
        if self._last is None:
            return
        then_s, before = self._last
        step_c = state.temperature_c - before.temperature_c
        explained_c = (now_s - then_s) * self._at.heating_c_min / 60.0
        if abs(step_c) > self._at.jump_c + explained_c:
            cause = f"the reading went from {before.temperature_c:.1f} °C to "
            cause += f"{state.temperature_c:.1f} °C within {now_s - then_s:.0f} s"
            yield self._trip("sensor-jump", cause, LOOK_AT_SENSOR)

    def _runs_away(self, state: HeaterState) -> Iterator[Trip]:
        if self._last is None or state.wanted_c < self._last[1].wanted_c:
            self._lowest_c = state.temperature_c
        self._lowest_c = min(self._lowest_c, state.temperature_c)
        base_c, reads_c = max(state.wanted_c, self._lowest_c), state.temperature_c
        if reads_c <= base_c + self._at.runaway_c:
            return
        if base_c == state.wanted_c:
            cause = f"{reads_c:.1f} °C is {reads_c - base_c:.0f} °C above its set point"
            yield self._trip("runaway", cause, LOOK_AT_HEATER)
        else:
            cause = f"it rose from {base_c:.1f} °C to {reads_c:.1f} °C while it should not heat"
            yield self._trip(HEATS_UNASKED, cause, "cut its power: its output may be stuck")

    def _lags(self, state: HeaterState, now_s: float) -> Iterator[Trip]:
        at, reads_c = self._at, state.temperature_c
        direction = 0
        if state.heating and reads_c < state.wanted_c - at.near_c:
            direction = 1
        elif reads_c > max(state.wanted_c + at.near_c, at.warm_c):
            direction = -1
        waited_s = self._progress.waited_s(direction, reads_c, now_s, at.progress_c)
        if waited_s <= (at.rise_s if direction > 0 else at.fall_s):
            return
        what = "rise" if direction > 0 else "fall"
        cause = f"the reading did not {what} by {at.progress_c:g} °C in {waited_s:.0f} s, it is "
        remedy = f"{LOOK_AT_HEATER}; if it is only slow, commission it"
        yield self._trip(f"no-{what}", f"{cause}{reads_c:.1f} °C", remedy)

    def _stands_still(self, state: HeaterState, now_s: float) -> Iterator[Trip]:
        far = bool(state.heating) and state.temperature_c < state.wanted_c - self._at.near_c
        if self._last is None or self._moved(state, self._last[1], far):
            self._still_s = 0.0
        else:  # at the set point a long gap between two looks is no sign of the sensor
            gap_s = now_s - self._last[0]
            self._still_s += gap_s if far else min(gap_s, 2.0 * self._at.look_s)
        longest_s = self._at.frozen_s if far else self._at.still_s
        if state.heating and longest_s is not None and self._still_s > longest_s:
            cause = f"the reading has stood still at {state.temperature_c:g} °C for "
            cause += f"{self._still_s:.0f} s"
            yield self._trip("frozen-reading", f"{cause} while it heats", LOOK_AT_SENSOR)

    def _moved(self, state: HeaterState, before: HeaterState, far: bool) -> bool:
        """Whether the reading has changed, or a change can be expected only from now on."""
        was_far = bool(before.heating) and (
            before.temperature_c < before.wanted_c - self._at.near_c
        )
        return state.temperature_c != before.temperature_c or (far and not was_far)


class Progress:
    """The time for which the temperature has made no progress in a direction."""

    def __init__(self) -> None:
        self._direction = 0
        self._from_c = 0.0
        self._since_s = 0.0

    def waited_s(self, direction: int, reads_c: float, now_s: float, step_c: float) -> float:
        """Time [s] since the last progress.

        Args:
            direction: 1 where it should rise, -1 where it should fall, 0 where it may stay.
            reads_c: temperature [°C].
            now_s: rig time [s].
            step_c: change [°C] that counts as progress.
        """
        has_progress = (reads_c - self._from_c) * direction >= step_c
        if direction == 0 or direction != self._direction or has_progress:
            self._direction, self._from_c, self._since_s = direction, reads_c, now_s
        return now_s - self._since_s
