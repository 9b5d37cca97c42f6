"""The motor of an emulated Fusion, between its firmware's beliefs and the simulated world."""

from collections.abc import Callable, Sequence
from math import inf, pi, sqrt
from typing import Final, TypeVar

from flowrig.emulation import PumpBody
from flowrig.errors import OutOfRangeError
from flowrig.interfaces import PumpState
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.settings import INNER_DIAMETER_MAX_MM, INNER_DIAMETER_MIN_MM
from flowrig_chemyx.wire.protocol import Units

__all__ = ["Motor"]

# A Fusion with 30 mm set answered "125.9622 0.0002 106.0288 0.0141" in mL and mL/min (AFRL ARES,
# ChemyxPumpPlugin); divided by the area of the bore these are a stroke and speeds.
STROKE_MM: Final = 150.0
SPEED_MAX_MM_MIN: Final = 178.2
SPEED_MIN_MM_MIN: Final = 0.0002 / 0.706858
MOVE_MIN_MM: Final = 0.02
RAMP_TICK_S: Final = 0.02
DELAY_MAX: Final = 9999.0

T = TypeVar("T")

Rates = tuple[float, ...]
"""The flow rate of one step, or both ends of its ramp."""


class Motor:
    """One motor as the pump's firmware sees it.

    The firmware knows the diameter that it was told, not the syringe: its flow rates and volumes
    are plunger travel in disguise. A change of units or diameter clears rate and volume, and while
    a run is under way nothing but the rate of a paused one can be set, unless the variant says
    otherwise; real pumps may be more lenient. A body that cannot withdraw makes the motor report
    an error.

    The motor looks at the clock when it is asked: a step that ends, and a ramp, are followed as
    often as somebody calls.

    Args:
        body: the motor and the syringe that is really on it.
        now_s: rig time [s].
        variant: what kind of Fusion it is.
    """

    def __init__(self, body: PumpBody, now_s: Callable[[], float], variant: Variant) -> None:
        self._body = body
        self._now_s = now_s
        self._variant = variant
        self._begin_s = self._end_s = now_s()
        self.volumes: tuple[float, ...] = (0.0,)
        self.rates: tuple[Rates, ...] = ((0.0,),)
        self.delays: tuple[float, ...] = (0.0,)
        self._power_up()

    def power_cycle(self) -> None:
        """Stand still and forget all that was set."""
        self._body.push(0.0)
        self._power_up()

    def _power_up(self) -> None:
        self.units = Units.ML_MIN
        self.diameter_mm = 14.57
        self.primerate = 0.0
        self.begun_late = False
        self._clear()
        self._state = PumpState.STOPPED
        self._step = 0
        self._steps = 1.0
        self._cycles: int | None = None
        self._past_ul = self._step_ul = self._uncounted_ul = 0.0
        self._zero_ul = self._body.moved_ul
        self._delay_end_s = 0.0

    @property
    def state(self) -> PumpState:
        """What the motor does; a run that has reached its volume is over."""
        self.advance()
        return self._state

    @property
    def dispensed(self) -> float:
        """Volume of this run, or of the last, in the unit that is set; both directions count."""
        self.advance()
        return (self._past_ul + self._progress_ul() - self._uncounted_ul) / self.units.volume_ul

    @property
    def present_rate(self) -> float:
        """Rate of the step that is under way, or was last; where it begins, of a ramp."""
        return self._now(self.rates)[0] if self._step < len(self.rates) else self.rates[0][0]

    @property
    def elapsed_min(self) -> float:
        """Length of this run, or of the last [min]."""
        running = self.state in (PumpState.RUNNING, PumpState.DELAYED)
        return ((self._now_s() if running else self._end_s) - self._begin_s) / 60.0

    @property
    def times_min(self) -> tuple[float, ...]:
        """How long each step takes [min]; 0 without a rate."""
        return tuple(
            abs(volume) / _mean(rates) / self._rate_time() if _mean(rates) else 0.0
            for volume, rates in zip(self.volumes, self.rates, strict=True)
        )

    @property
    def next_event_s(self) -> float | None:
        """How long [s] it takes until `advance` has something to do; None if nothing moves."""
        if self._state is PumpState.DELAYED:
            return max(self._delay_end_s - self._now_s(), 0.0)
        if self._state is not PumpState.RUNNING:
            return None
        if len(self._now(self.rates)) > 1:
            return RAMP_TICK_S
        left_ul = self._wanted_ul() - self._progress_ul()
        return max(left_ul / self._rate_ul_min() * 60.0, 0.0)

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
            self._clear()

    def set_diameter(self, value: float) -> None:
        """Take an inner diameter [mm], or keep the old one."""
        if self._at_rest() and INNER_DIAMETER_MIN_MM <= value <= INNER_DIAMETER_MAX_MM:
            self.diameter_mm = value
            self._clear()

    def set_rates(self, steps: Sequence[Rates]) -> None:
        """Take the rate of every step, or keep the old ones."""
        if not self._variant.multistep:
            steps = [steps[0][:1]]
        is_free = self.state not in (PumpState.RUNNING, PumpState.DELAYED)
        can_set = is_free or self._variant.rate_while_running
        if can_set and all(self._is_rate(rate) for step in steps for rate in step):
            self.rates = _fit(steps, len(self.volumes))
            self._follow_rate()

    def change_rate(self, value: float) -> None:
        """Take another rate for the step that is under way, or keep the old one."""
        self.advance()
        if self._is_rate(value):
            rates = list(self.rates)
            rates[0 if self._cycles is not None else self._step] = (value,)
            self.rates = tuple(rates)
            self._follow_rate()

    def _follow_rate(self) -> None:
        if self._state is PumpState.RUNNING:
            self._push()

    def set_volumes(self, values: Sequence[float]) -> None:
        """Take the volumes of as many steps, or keep the old ones."""
        if not self._variant.multistep:
            values = values[:1]
        if self._at_rest() and all(self._is_volume(value) for value in values):
            self.volumes = tuple(values)
            self.rates = _fit(self.rates, len(values))
            self.delays = _fit(self.delays, len(values))

    def set_times(self, values: Sequence[float]) -> None:
        """Take the length of every step [min] by setting its rate, or keep the old ones."""
        times = _fit(values, len(self.volumes))
        if all(time > 0 for time in times):
            pairs = zip(self.volumes, times, strict=True)
            self.set_rates([(abs(volume) / time / self._rate_time(),) for volume, time in pairs])

    def set_delays(self, values: Sequence[float]) -> None:
        """Take the delay before every step, or keep the old ones."""
        if self._at_rest() and all(0 <= value <= DELAY_MAX for value in values):
            self.delays = _fit(values, len(self.volumes))

    def set_primerate(self, value: float) -> None:
        """Take a priming rate, or keep the old one."""
        if self._is_rate(value):
            self.primerate = value

    def start(self, *, basic: bool = False) -> None:
        """Begin a run, or go on with a paused one; without a rate or a volume nothing happens.

        Args:
            basic: run the first step only.
        """
        self._start(1 if basic else len(self.volumes))

    def start_cycle(self, phase: int) -> None:
        """Infuse and withdraw the first volume by turns, until it is stopped.

        Args:
            phase: 0 infuses first, 1 withdraws first.
        """
        self._start(inf, phase)

    def _start(self, count: float, phase: int | None = None) -> None:
        steps = 1 if phase is not None else int(count)
        is_set = all(self.volumes[:steps]) and all(map(_mean, self.rates[:steps]))
        if self.state in (PumpState.RUNNING, PumpState.DELAYED) or not is_set:
            return
        if self._state is PumpState.PAUSED:
            self._resume()
            return
        self._steps, self._step, self._cycles = count, 0, phase
        self._past_ul = self._step_ul = self._uncounted_ul = 0.0
        self._begin_s = self._now_s()
        self._begin_step()

    def pause(self) -> None:
        """Interrupt a run."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.PAUSED)

    def stop(self) -> None:
        """End a run; a stall or an error is acknowledged by it."""
        if self.state in (PumpState.RUNNING, PumpState.DELAYED):
            self._halt(PumpState.STOPPED)
        self._state = PumpState.STOPPED

    def advance(self) -> None:
        """Follow the run up to now."""
        if self._state is PumpState.DELAYED and self._now_s() >= self._delay_end_s:
            self.begun_late = True
            self._move()
        while self._state is PumpState.RUNNING:
            if self._body.stalled:
                self._halt(PumpState.STALLED)
            elif self._progress_ul() >= self._wanted_ul() * (1 - 1e-12):
                self._end_step()
            else:
                if len(self._now(self.rates)) > 1:
                    self._push()
                return

    def _clear(self) -> None:
        self.volumes, self.rates, self.delays = (0.0,), ((0.0,),), (0.0,)

    def _begin_step(self) -> None:
        delay_s = self._now(self.delays) * self._variant.delay_unit_s
        if delay_s:
            self._delay_end_s = self._now_s() + delay_s
            self._state = PumpState.DELAYED
        else:
            self._move()

    def _end_step(self) -> None:
        self._body.push(0.0)
        self._past_ul += self._wanted_ul()
        self._step_ul = 0.0
        self._zero_ul = self._body.moved_ul
        if self._step + 1 < self._steps:
            self._step += 1
            self._begin_step()
        else:
            self._end_s = self._now_s()
            self._state = PumpState.STOPPED

    def _resume(self) -> None:
        if not self._variant.counts_on_after_pause:
            self._uncounted_ul = self._past_ul + self._step_ul
            self._begin_s = self._now_s()
        self._move()

    def _move(self) -> None:
        self._zero_ul = self._body.moved_ul
        self._state = PumpState.RUNNING
        self._push()

    def _push(self) -> None:
        rate = self._rate_ul_min() * self._true_per_believed()
        try:
            self._body.push(rate if self._infuses() else -rate)
        except OutOfRangeError:
            self._halt(PumpState.FAULT)

    def _halt(self, state: PumpState) -> None:
        self._step_ul = self._progress_ul()
        self._body.push(0.0)
        self._zero_ul = self._body.moved_ul
        self._end_s = self._now_s()
        self._state = state

    def _at_rest(self) -> bool:
        return self.state in (PumpState.STOPPED, PumpState.STALLED, PumpState.FAULT)

    def _is_rate(self, value: float) -> bool:
        fastest, slowest, _, _ = self.limits()
        return slowest <= value <= fastest

    def _is_volume(self, value: float) -> bool:
        _, _, largest, smallest = self.limits()
        return smallest <= abs(value) <= largest and (value > 0 or self._variant.withdraws)

    def _now(self, values: Sequence[T]) -> T:
        """The value of the step that is under way; a cycle repeats the first."""
        return values[0 if self._cycles is not None else self._step]

    def _infuses(self) -> bool:
        if self._cycles is None:
            return self.volumes[self._step] > 0
        return (self._step + self._cycles) % 2 == 0

    def _wanted_ul(self) -> float:
        return abs(self._now(self.volumes)) * self.units.volume_ul

    def _progress_ul(self) -> float:
        """Volume of the step that is under way, as believed."""
        if self._state is not PumpState.RUNNING:
            return self._step_ul
        moved_ul = abs(self._body.moved_ul - self._zero_ul)
        return self._step_ul + moved_ul / self._true_per_believed()

    def _rate_ul_min(self) -> float:
        """Flow rate now. Linear in time means that its square is linear in the volume."""
        first, *end = self._now(self.rates)
        if not end:
            return first * self.units.rate_ul_min
        done = min(self._progress_ul() / self._wanted_ul(), 1.0)
        return sqrt(first**2 + (end[0] ** 2 - first**2) * done) * self.units.rate_ul_min

    def _rate_time(self) -> float:
        """The units of rate in one unit of volume a minute."""
        return self.units.rate_ul_min / self.units.volume_ul

    def _true_per_believed(self) -> float:
        return (self._body.inner_diameter_mm / self.diameter_mm) ** 2


def _fit(values: Sequence[T], count: int) -> tuple[T, ...]:
    """So many values: the last is repeated, further ones are cut (Chemyx, RS232 Communication)."""
    return (*values, *[values[-1]] * count)[:count]


def _mean(rates: Rates) -> float:
    return sum(rates) / len(rates)
