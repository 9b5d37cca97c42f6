"""The motor of an emulated Fusion, between its firmware's beliefs and the simulated world."""

from collections.abc import Callable
from math import pi
from typing import Final

from flowrig.emulation import PumpBody
from flowrig.interfaces import PumpState
from flowrig_chemyx.protocol import Units
from flowrig_chemyx.settings import INNER_DIAMETER_MAX_MM, INNER_DIAMETER_MIN_MM

__all__ = ["Drive"]

# A Fusion with 30 mm set answered "125.9622 0.0002 106.0288 0.0141" in mL and mL/min (AFRL ARES,
# ChemyxPumpPlugin); divided by the area of the bore these are a stroke and speeds.
STROKE_MM: Final = 150.0
SPEED_MAX_MM_MIN: Final = 178.2
SPEED_MIN_MM_MIN: Final = 0.0002 / 0.706858
MOVE_MIN_MM: Final = 0.02


class Drive:
    """One motor as the pump's firmware sees it.

    The firmware knows the diameter that it was told, not the syringe: its flow rates and volumes
    are plunger travel in disguise. A change of units or diameter clears rate and volume, and while
    a run is under way nothing but the rate of a paused one can be set; real pumps may be more
    lenient. The drive infuses only and begins without delay.

    Args:
        body: the motor and the syringe that is really on it.
        now_s: rig time [s].
        counts_on_after_pause: see `Dialect`.
    """

    def __init__(
        self, body: PumpBody, now_s: Callable[[], float], *, counts_on_after_pause: bool = True
    ) -> None:
        self.units = Units.ML_MIN
        self.diameter_mm = 14.57
        self.rate = 0.0
        self.volume = 0.0
        self._body = body
        self._now_s = now_s
        self._counts_on = counts_on_after_pause
        self._state = PumpState.STOPPED
        self._zero_ul = body.moved_ul
        self._counted_ul = 0.0
        self._begin_s = self._end_s = now_s()

    @property
    def state(self) -> PumpState:
        """What the drive does; a run that has reached its volume is over."""
        if self._state is PumpState.RUNNING:
            if self._body.stalled:
                self._halt(PumpState.STALLED)
            elif self._count_ul() >= self.volume * self.units.volume_ul:
                self._halt(PumpState.STOPPED)
        return self._state

    @property
    def dispensed(self) -> float:
        """Volume of this run, or of the last, in the unit that is set."""
        running = self.state is PumpState.RUNNING
        return (self._count_ul() if running else self._counted_ul) / self.units.volume_ul

    @property
    def elapsed_min(self) -> float:
        """Length of this run, or of the last [min]."""
        running = self.state is PumpState.RUNNING
        return ((self._now_s() if running else self._end_s) - self._begin_s) / 60.0

    def limits(self) -> tuple[float, float, float, float]:
        """Fastest and slowest rate, largest and smallest volume, as printed."""
        area_ul_mm = pi / 4 * self.diameter_mm**2
        rate, volume = area_ul_mm / self.units.rate_ul_min, area_ul_mm / self.units.volume_ul
        return (
            round(SPEED_MAX_MM_MIN * rate, 4),
            round(SPEED_MIN_MM_MIN * rate, 4),
            round(STROKE_MM * volume, 4),
            round(MOVE_MIN_MM * volume, 4),
        )

    def set_units(self, value: float) -> None:
        """Take a unit code, or keep the old one."""
        if self._at_rest() and value in [unit.value for unit in Units]:
            self.units = Units(int(value))
            self.rate = self.volume = 0.0

    def set_diameter(self, value: float) -> None:
        """Take an inner diameter [mm], or keep the old one."""
        if self._at_rest() and INNER_DIAMETER_MIN_MM <= value <= INNER_DIAMETER_MAX_MM:
            self.diameter_mm = value
            self.rate = self.volume = 0.0

    def set_rate(self, value: float) -> None:
        """Take a rate, or keep the old one."""
        fastest, slowest, _, _ = self.limits()
        if self.state is not PumpState.RUNNING and slowest <= value <= fastest:
            self.rate = value

    def set_volume(self, value: float) -> None:
        """Take a volume, or keep the old one."""
        _, _, largest, smallest = self.limits()
        if self._at_rest() and smallest <= value <= largest:
            self.volume = value

    def start(self) -> None:
        """Begin a run, or go on with a paused one; without a rate or a volume nothing happens."""
        state = self.state
        if state is PumpState.RUNNING or not (self.rate and self.volume):
            return
        if state is not PumpState.PAUSED or not self._counts_on:
            self._counted_ul = 0.0
            self._begin_s = self._now_s()
        self._zero_ul = self._body.moved_ul
        self._state = PumpState.RUNNING
        self._body.push(self.rate * self.units.rate_ul_min * self._true_per_believed())

    def pause(self) -> None:
        """Interrupt a run."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.PAUSED)

    def stop(self) -> None:
        """End a run; a stall is acknowledged by it."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.STOPPED)
        self._state = PumpState.STOPPED

    def _halt(self, state: PumpState) -> None:
        self._counted_ul = self._count_ul()
        self._body.push(0.0)
        self._end_s = self._now_s()
        self._state = state

    def _at_rest(self) -> bool:
        return self.state in (PumpState.STOPPED, PumpState.STALLED)

    def _count_ul(self) -> float:
        moved_ul = self._body.moved_ul - self._zero_ul
        return self._counted_ul + moved_ul / self._true_per_believed()

    def _true_per_believed(self) -> float:
        return (self._body.inner_diameter_mm / self.diameter_mm) ** 2
