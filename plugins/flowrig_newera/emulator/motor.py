"""The motor of an emulated New Era pump: it runs the steps of a program and counts volumes."""

import math
from collections.abc import Callable
from typing import Final

from attrs import define

from flowrig.emulation import PumpBody, stop_after
from flowrig_newera.emulator.variant import Variant
from flowrig_newera.wire.protocol import Alarm, RateUnit, VolumeUnit

__all__ = ["Motor", "OutOfRange", "Step"]

ROUNDING: Final = 1e-9
"""Relative rounding of a volume that has been delivered."""

NUM_STEPS: Final = 41
UNITS_CHANGE_MM: Final = 14.0
"""Largest inner diameter [mm] at which volumes are in µL unless a person sets the unit (NE-500
manual, "Quick Start")."""

COUNTER_END: Final = 10_000.0


class OutOfRange(ValueError):  # noqa: N818 - an answer of the pump
    """A value that the pump does not take."""


@define
class Step:
    """A step of the program.

    Attributes:
        function: "RAT" to pump, "STP" to end the program.
        rate: flow rate, in `unit`.
        unit: unit of the flow rate.
        volume: volume, in the unit of volumes; 0 for no end.
        direction: "INF" or "WDR".
    """

    function: str = "RAT"
    rate: float = 1.0
    unit: RateUnit = RateUnit.ML_HR
    volume: float = 0.0
    direction: str = "INF"

    @property
    def rate_ul_min(self) -> float:
        """Flow rate [µL/min]."""
        return self.rate * self.unit.rate_ul_min


class Motor:
    """A motor with its program; the settings survive a power failure.

    Args:
        body: the plunger.
        now_s: rig time [s].
        variant: the options of this pump.

    Attributes:
        steps: the steps of the program, by number from 1.
        selected: number of the step that requests refer to.
        state: "run", "purge", "pause" or "stop".
        alarm: the alarm that nobody has been told.
        diameter_mm: inner diameter [mm] that is set.
        unit: unit of volumes.
    """

    def __init__(self, body: PumpBody, now_s: Callable[[], float], variant: Variant) -> None:
        self._body = body
        self._now_s = now_s
        self._variant = variant
        self.steps: dict[int, Step] = {}
        self.selected = 1
        self.diameter_mm = UNITS_CHANGE_MM
        self.unit = VolumeUnit.UL
        self._passing_rate: float | None = None
        self.power_up()

    def power_up(self) -> None:
        """Come up after the power has failed."""
        self.state = "stop"
        self.alarm: Alarm | None = Alarm.RESET
        if self._passing_rate is not None and not self._variant.stores_rate:
            self.step(1).rate = self._passing_rate
        self._passing_rate = None
        self._present = 1
        self._done_ul = 0.0
        self._totals_ul = {"INF": 0.0, "WDR": 0.0}
        self._push(0.0)

    @property
    def is_running(self) -> bool:
        """Whether the plunger is driven."""
        return self.state in ("run", "purge")

    @property
    def prompt(self) -> str:
        """The letter of the state."""
        if self.state == "run":
            return "I" if self.running_step.direction == "INF" else "W"
        return {"purge": "X", "pause": "P", "stop": "S"}[self.state]

    @property
    def running_step(self) -> Step:
        """The step that runs, or the first one."""
        return self.step(self._present)

    def step(self, number: int) -> Step:
        """A step of the program; steps without a function pump."""
        return self.steps.setdefault(number, Step())

    @property
    def next_event_s(self) -> float | None:
        """Time [s] until the step that runs is over; None if none is."""
        step = self.running_step
        if self.state != "run" or not step.volume:
            return None
        left_ul = step.volume * self.unit.volume_ul - self._done_ul - self._moved_ul()
        return max(left_ul, 0.0) / step.rate_ul_min * 60.0

    def limits(self) -> tuple[float, float]:
        """Slowest and fastest flow rate [µL/min] with the diameter that is set."""
        area_mm2 = math.pi / 4 * self.diameter_mm**2
        variant = self._variant
        return area_mm2 * variant.speed_min_mm_min, area_mm2 * variant.speed_max_mm_min

    def set_diameter(self, diameter_mm: float) -> None:
        """Set the diameter [mm]; it clears the counters, and chooses the unit of volumes."""
        if not 0.1 <= diameter_mm <= self._variant.diameter_max_mm:
            raise OutOfRange
        self.diameter_mm = diameter_mm
        self.unit = VolumeUnit.UL if diameter_mm <= UNITS_CHANGE_MM else VolumeUnit.ML
        self._totals_ul = {"INF": 0.0, "WDR": 0.0}

    def set_rate(self, rate: float, unit: RateUnit) -> None:
        """Set the flow rate of the selected step, or of the one that runs."""
        slowest, fastest = self.limits()
        if not slowest * (1 - ROUNDING) <= rate * unit.rate_ul_min <= fastest * (1 + ROUNDING):
            raise OutOfRange
        step = self.running_step if self.is_running else self.step(self.selected)
        if self.is_running and self._passing_rate is None:
            self._passing_rate = step.rate
        elif not self.is_running:
            self._passing_rate = None
        self._account()
        step.rate, step.unit = rate, unit
        if self.state == "run":
            self._drive()

    def set_direction(self, direction: str) -> None:
        """Set the direction of the selected step, or of the one that runs."""
        self._account()
        step = self.running_step if self.is_running else self.step(self.selected)
        step.direction = direction
        if self.state == "run":
            self._drive()

    def run(self, number: int = 1) -> None:
        """Start at a step, or continue after a pause."""
        if self.state == "stop":
            self._present, self._done_ul = number, 0.0
            if self._variant.run_clears:
                self._totals_ul = {"INF": 0.0, "WDR": 0.0}
        self.state = "run"
        self._drive()
        self.advance()

    def purge(self) -> None:
        """Run at full speed until a stop."""
        self.state = "purge"
        self._drive()

    def stop(self) -> None:
        """Pause, or end a program that is paused."""
        if self.state == "run":
            self._halt("pause")
        else:
            self._halt("stop")

    def time_out(self) -> None:
        """Stop, because no request has come for too long."""
        self.alarm = Alarm.TIME_OUT
        if self.is_running:
            self._halt("pause")

    def volume(self, direction: str) -> float:
        """Volume in a direction since it was cleared, in the unit of volumes."""
        self._account()
        return self._totals_ul[direction] / self.unit.volume_ul % COUNTER_END

    def clear(self, direction: str) -> None:
        """Clear the volume in a direction."""
        self._account()
        self._totals_ul[direction] = 0.0

    def advance(self) -> None:
        """Catch up with the clock: end steps that are over, and notice a stall."""
        while self.is_running:
            step = self.running_step
            if step.function == "STP" and self.state == "run":
                self._halt("stop")
                return
            self._account()
            if self._body.stalled:
                self.alarm = Alarm.STALL
                self._halt("pause" if self._variant.stall_pauses else "stop")
                return
            wanted_ul = step.volume * self.unit.volume_ul
            if self.state == "purge" or not wanted_ul or self._done_ul < wanted_ul * (1 - ROUNDING):
                return
            self._present, self._done_ul = self._present + 1, 0.0
            if self._present > NUM_STEPS or not self._variant.has_program:
                self._halt("stop")
            else:
                self._drive()

    def _halt(self, state: str) -> None:
        self._account()
        self._push(0.0)
        self.state = state
        if state == "stop":
            self._present, self._done_ul = 1, 0.0

    def _drive(self) -> None:
        step = self.running_step
        rate_ul_min = self.limits()[1] if self.state == "purge" else step.rate_ul_min
        if step.function != "STP":
            self._push(rate_ul_min if step.direction == "INF" else -rate_ul_min)
            if self.state == "run" and step.volume:
                left_ul = max(step.volume * self.unit.volume_ul - self._done_ul, 0.0)
                stop_after(self._body, left_ul * self._bore_ratio())

    def _push(self, rate_ul_min: float) -> None:
        self._origin_ul = self._body.moved_ul
        self._body.push(rate_ul_min * self._bore_ratio())

    def _moved_ul(self) -> float:
        """Volume [µL] since it was counted last, for the diameter that is set."""
        return abs(self._body.moved_ul - self._origin_ul) / self._bore_ratio()

    def _account(self) -> None:
        if self.is_running:
            moved_ul = self._moved_ul()
            self._totals_ul[self.running_step.direction] += moved_ul
            self._done_ul += moved_ul
        self._origin_ul = self._body.moved_ul

    def _bore_ratio(self) -> float:
        """Bore area of the mounted syringe over that of the diameter that is set."""
        return (self._body.inner_diameter_mm / self.diameter_mm) ** 2
