"""One motor of an emulated Fusion: settings, steps and counters over a simulated plunger."""

from collections.abc import Callable, Sequence
from math import inf, pi, sqrt
from typing import Final, TypeVar

from flowrig.emulation import PumpBody, stop_after
from flowrig.errors import OutOfRangeError
from flowrig.interfaces import PumpState
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.settings import INNER_DIAMETER_MIN_MM
from flowrig_chemyx.wire.protocol import Units

__all__ = ["Motor"]

# A Fusion with a diameter of 30 mm answered `read limit parameter` with "125.9622 0.0002 106.0288
# 0.0141" in mL/min and mL (AFRL ARES, ChemyxPumpPlugin). Divided by the bore area of 0.706858 mL/mm
# these are the top speed, the lowest speed, the stroke and the smallest move of the plunger.
SPEED_MAX_MM_MIN: Final = 178.2
SPEED_MIN_MM_MIN: Final = 0.0002 / 0.706858
STROKE_MM: Final = 150.0
MOVE_MIN_MM: Final = 0.02
RAMP_TICK_S: Final = 0.02  # a ramp is emulated as rates that change this often
DELAY_MAX: Final = 9999.0  # arbitrary: the true limit is not documented
ROUNDING: Final = 1e-12  # without it a step could end one call late, by the last bit of a float

T = TypeVar("T")

Rates = tuple[float, ...]
"""Flow rate of one step: one number, or both ends of a ramp."""


class Motor:
    """One motor with the settings that the firmware keeps for it.

    The firmware knows the diameter that a client has set, not the syringe: it turns flow rates and
    volumes into plunger travel with this diameter, so with a wrong one the true flow differs.

    A change of units or diameter clears flow rate and volume, and leaves one step; its delay stays.
    During a run only the rate can be
    set, and only while the run is paused, unless the variant allows it at any time; real pumps may
    be more lenient. If the plunger cannot withdraw, the motor reports an error.

    The motor has no thread. It catches up with the clock when a method is called, so a step ends,
    and a ramp goes on, at the next call.

    Args:
        body: the plunger, with the syringe that is mounted.
        now_s: rig time [s].
        variant: the options of this Fusion.
    """

    def __init__(self, body: PumpBody, now_s: Callable[[], float], variant: Variant) -> None:
        self._body = body
        self._now_s = now_s
        self._variant = variant
        self._begin_s = self._end_s = now_s()
        self._step = 0
        self._cycle_phase: int | None = None
        self.volumes: tuple[float, ...] = (0.0,)
        self.rates: tuple[Rates, ...] = ((0.0,),)
        self.delays: tuple[float, ...] = (0.0,)
        self._power_up()

    def power_cycle(self) -> None:
        """Stop, and restore the settings at power-on."""
        self._body.push(0.0)
        self._power_up()

    def _power_up(self) -> None:
        # Settings at power-on are not documented; no client may rely on these.
        self.units = Units.ML_MIN
        self.diameter_mm = 14.57
        self.primerate = 0.0
        self.delays = (0.0,)
        self.begun_late = False
        self._clear()
        self._state = PumpState.STOPPED
        self._step_count = 1.0
        # Of this run: finished steps, the present step up to the last halt, and what the counter
        # of `dispensed volume` leaves out because it restarted after a pause.
        self._done_ul = self._step_ul = self._uncounted_ul = 0.0
        self._origin_ul = self._body.moved_ul
        self._delay_end_s = 0.0

    @property
    def state(self) -> PumpState:
        """State of the motor now."""
        self.advance()
        return self._state

    @property
    def dispensed(self) -> float:
        """Volume of this run, or of the last, in the unit that is set; withdrawals count too."""
        self.advance()
        return (self._done_ul + self._progress_ul() - self._uncounted_ul) / self.units.volume_ul

    @property
    def present_rate(self) -> float:
        """Flow rate of the present or last step; of a ramp, the rate at its beginning."""
        return self._present(self.rates)[0]

    @property
    def elapsed_min(self) -> float:
        """Duration [min] of this run, or of the last one."""
        running = self.state in (PumpState.RUNNING, PumpState.DELAYED)
        return ((self._now_s() if running else self._end_s) - self._begin_s) / 60.0

    @property
    def times_min(self) -> tuple[float, ...]:
        """Duration [min] of each step; 0 for a step without a flow rate."""
        return tuple(
            abs(volume) / _mean(rates) / self._rate_time() if _mean(rates) else 0.0
            for volume, rates in zip(self.volumes, self.rates, strict=True)
        )

    @property
    def next_event_s(self) -> float | None:
        """Time [s] until `advance` has something to do; None while the motor is at rest."""
        if self._state is PumpState.DELAYED:
            return max(self._delay_end_s - self._now_s(), 0.0)
        if self._state is not PumpState.RUNNING:
            return None
        if len(self._present(self.rates)) > 1:
            return RAMP_TICK_S
        left_ul = self._wanted_ul() - self._progress_ul()
        return max(left_ul / self._rate_ul_min() * 60.0, 0.0)

    def limits(self) -> tuple[float, float, float, float]:
        """Limits in the units that are set: rate max, rate min, volume max, volume min."""
        area_ul_mm = pi / 4 * self.diameter_mm**2
        rate, volume = area_ul_mm / self.units.rate_ul_min, area_ul_mm / self.units.volume_ul
        return (
            round(SPEED_MAX_MM_MIN * rate, 4),
            round(SPEED_MIN_MM_MIN * rate, 4),
            round(STROKE_MM * volume, 4),
            round(MOVE_MIN_MM * volume, 4),
        )

    def set_units(self, value: float) -> None:
        """Set the units by their code; an unknown code changes nothing."""
        if self._is_at_rest() and value in [unit.value for unit in Units]:
            self.units = Units(int(value))
            self._clear()

    def set_diameter(self, value: float) -> None:
        """Set the inner diameter [mm]; one out of range changes nothing."""
        largest_mm = self._variant.diameter_max_mm
        if self._is_at_rest() and INNER_DIAMETER_MIN_MM <= value <= largest_mm:
            self.diameter_mm = value
            self._clear()

    def set_rates(self, steps: Sequence[Rates]) -> None:
        """Set the flow rate of every step; a rate out of range changes nothing."""
        if not self._variant.multistep:
            steps = [steps[0][:1]]
        is_free = self.state not in (PumpState.RUNNING, PumpState.DELAYED)
        can_set = is_free or self._variant.rate_while_running
        if can_set and all(self._is_rate(rate) for step in steps for rate in step):
            self.rates = _fit(steps, len(self.volumes))
            self._apply_rate()

    def change_rate(self, value: float) -> None:
        """Set the flow rate of the present step during a run; one out of range changes nothing."""
        self.advance()
        if self._is_rate(value):
            rates = list(self.rates)
            rates[0 if self._cycle_phase is not None else self._step] = (value,)
            self.rates = tuple(rates)
            self._apply_rate()

    def _apply_rate(self) -> None:
        if self._state is PumpState.RUNNING:
            self._push()

    def set_volumes(self, values: Sequence[float]) -> None:
        """Set the number of steps and their volumes; one out of range changes nothing."""
        if not self._variant.multistep:
            values = values[:1]
        if self._is_at_rest() and all(self._is_volume(value) for value in values):
            self._step = 0  # the step at which the last run ended may no longer exist
            self.volumes = tuple(values)
            self.rates = _fit(self.rates, len(values))
            self.delays = _fit(self.delays, len(values))

    def set_times(self, values: Sequence[float]) -> None:
        """Set the flow rate of every step by the step's duration [min]."""
        times = _fit(values, len(self.volumes))
        if all(time > 0 for time in times):
            pairs = zip(self.volumes, times, strict=True)
            self.set_rates([(abs(volume) / time / self._rate_time(),) for volume, time in pairs])

    def set_delays(self, values: Sequence[float]) -> None:
        """Set the delay before every step; one out of range changes nothing."""
        if self._is_at_rest() and all(0 <= value <= DELAY_MAX for value in values):
            self.delays = _fit(values, len(self.volumes))

    def set_primerate(self, value: float) -> None:
        """Set the priming rate; one out of range changes nothing."""
        if self._is_rate(value):
            self.primerate = value

    def set_mode(self, value: float) -> None:
        """Let all volumes infuse (0) or withdraw (1)."""
        if value in (0, 1):
            self.set_volumes([-abs(one) if value else abs(one) for one in self.volumes])

    def start(self, *, basic: bool = False) -> None:
        """Start a run, or resume a paused one; does nothing if a rate or a volume is not set.

        Args:
            basic: run the first step only.
        """
        self._start(1 if basic else len(self.volumes))

    def start_cycle(self, phase: int) -> None:
        """Infuse and withdraw the volume of the first step in turns, until `stop`.

        Args:
            phase: 0 to infuse first, 1 to withdraw first.
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
        self._step_count, self._step, self._cycle_phase = count, 0, phase
        self._done_ul = self._step_ul = self._uncounted_ul = 0.0
        self._begin_s = self._now_s()
        self._begin_step()

    def pause(self) -> None:
        """Pause a run."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.STOPPED if self._variant.pause_stops else PumpState.PAUSED)

    def stop(self) -> None:
        """End a run; this also clears a stall or an error."""
        if self.state in (PumpState.RUNNING, PumpState.DELAYED):
            self._halt(PumpState.STOPPED)
        self._state = PumpState.STOPPED

    def advance(self) -> None:
        """Catch up with the clock: end delays and steps that are over, and update ramps."""
        if self._state is PumpState.DELAYED and self._now_s() >= self._delay_end_s:
            self.begun_late = True
            self._move()
        while self._state is PumpState.RUNNING:
            if self._body.stalled:
                self._halt(PumpState.STALLED)
            elif self._progress_ul() >= self._wanted_ul() * (1 - ROUNDING):
                self._end_step()
            else:
                if len(self._present(self.rates)) > 1:
                    self._push()
                return

    def _clear(self) -> None:
        self.volumes, self.rates, self.delays = (0.0,), ((0.0,),), self.delays[:1]
        self._step, self._cycle_phase = 0, None

    def _begin_step(self) -> None:
        delay_s = self._present(self.delays) * self._variant.delay_unit_s
        if delay_s:
            self._delay_end_s = self._now_s() + delay_s
            self._state = PumpState.DELAYED
        else:
            self._move()

    def _end_step(self) -> None:
        self._body.push(0.0)
        self._done_ul += self._wanted_ul()
        self._step_ul = 0.0
        self._origin_ul = self._body.moved_ul
        if self._step + 1 < self._step_count:
            self._step += 1
            self._begin_step()
        else:
            self._end_s = self._now_s()
            self._state = PumpState.STOPPED

    def _resume(self) -> None:
        if not self._variant.counts_on_after_pause:
            self._uncounted_ul = self._done_ul + self._step_ul
            self._begin_s = self._now_s()
        self._move()

    def _move(self) -> None:
        self._origin_ul = self._body.moved_ul
        self._state = PumpState.RUNNING
        self._push()

    def _push(self) -> None:
        rate = self._rate_ul_min() * self._bore_ratio()
        try:
            self._body.push(rate if self._infuses() else -rate)
            left_ul = (self._wanted_ul() - self._progress_ul()) * self._bore_ratio()
            stop_after(self._body, max(left_ul, 0.0))
        except OutOfRangeError:
            self._halt(PumpState.FAULT)

    def _halt(self, state: PumpState) -> None:
        self._step_ul = self._progress_ul()
        self._body.push(0.0)
        self._origin_ul = self._body.moved_ul
        self._end_s = self._now_s()
        self._state = state

    def _is_at_rest(self) -> bool:
        return self.state in (PumpState.STOPPED, PumpState.STALLED, PumpState.FAULT)

    def _is_rate(self, value: float) -> bool:
        fastest, slowest, _, _ = self.limits()
        return (
            value > 0 and slowest <= value <= fastest
        )  # slowest is rounded, for a small bore to 0

    def _is_volume(self, value: float) -> bool:
        _, _, largest, smallest = self.limits()
        return smallest <= abs(value) <= largest and (value > 0 or self._variant.withdraws)

    def _present(self, values: Sequence[T]) -> T:
        """The value for the present step; a cycle repeats the first step."""
        return values[0 if self._cycle_phase is not None else self._step]

    def _infuses(self) -> bool:
        if self._cycle_phase is None:
            return self.volumes[self._step] > 0
        return (self._step + self._cycle_phase) % 2 == 0

    def _wanted_ul(self) -> float:
        return abs(self._present(self.volumes)) * self.units.volume_ul

    def _progress_ul(self) -> float:
        """Volume of the present step so far [µL], for the diameter that is set."""
        if self._state is not PumpState.RUNNING:
            return self._step_ul
        moved_ul = abs(self._body.moved_ul - self._origin_ul)
        return self._step_ul + moved_ul / self._bore_ratio()

    def _rate_ul_min(self) -> float:
        """Flow rate now [µL/min].

        Along a ramp the rate is linear in time, so its square is linear in the volume delivered,
        which the plunger reports.
        """
        first, *end = self._present(self.rates)
        if not end:
            return first * self.units.rate_ul_min
        done = min(self._progress_ul() / self._wanted_ul(), 1.0)
        return sqrt(first**2 + (end[0] ** 2 - first**2) * done) * self.units.rate_ul_min

    def _rate_time(self) -> float:
        """One unit of flow rate, in units of volume per minute."""
        return self.units.rate_ul_min / self.units.volume_ul

    def _bore_ratio(self) -> float:
        """Bore area of the mounted syringe over that of the diameter that is set."""
        return (self._body.inner_diameter_mm / self.diameter_mm) ** 2


def _fit(values: Sequence[T], count: int) -> tuple[T, ...]:
    """The values of `count` steps: the last is repeated, extra ones are cut.

    Source: Chemyx knowledge base, "RS232 Communication".
    """
    return (*values, *[values[-1]] * count)[:count]


def _mean(rates: Rates) -> float:
    return sum(rates) / len(rates)
