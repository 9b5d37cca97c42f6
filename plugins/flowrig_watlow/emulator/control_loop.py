"""One control loop of an emulated F4T: set point, ramp, mode and output power."""

import math

from flowrig.clock import Clock
from flowrig.emulation import HeaterBody
from flowrig_watlow.emulator.traits import F4TTraits
from flowrig_watlow.parameters import PidSet
from flowrig_watlow.registers import ControlMode, RampAction, RampScale

__all__ = ["ControlLoop", "UnusedSensor"]

PID_SETS = 5
HEAT_BAND_C = 13.0
"""Proportional band [°C] as shipped (Watlow, "F4T Setup and Operations User's Guide",
0600-0093-0000, chapter 6)."""
NO_HEAT_C = -273.15
"""A set point [°C] at which a loop never heats."""
MOST_HEAT_C = 2000.0
"""A set point [°C] at which a loop always heats."""
SECONDS = {RampScale.MINUTES: 60.0, RampScale.HOURS: 3600.0}


class UnusedSensor:
    """The body of a loop that has no plate."""

    temperature_c = 25.0

    def control(self, set_point_c: float) -> None:
        """Do nothing."""


class ControlLoop:
    """A control loop. During a ramp its set point is brought up to date by `advance`.

    The body controls its temperature by itself. In manual mode it gets a set point far above or
    below instead: any power heats fully, none does not heat.

    Args:
        body: the heated plate.
        clock: clock of the run.
        idle_c: the idle set point [°C], which is also the first set point.
        traits: firmware and installation to emulate.

    Attributes:
        mode: the control mode.
        manual_percent: output power [%] in manual mode.
        idle_c: the idle set point [°C].
        ramp_action: occasions on which the set point follows the ramp.
        ramp_scale: time unit of the ramp rate.
        ramp_rate_c: the ramp rate [°C per minute or hour].
        ramp_time: the ramp time; stored and not used.
        pids: the PID sets; only the heat band of set 1 is used.
        profile_c: the set point [°C] that a running profile gives; None without one.
    """

    def __init__(self, body: HeaterBody, clock: Clock, idle_c: float, traits: F4TTraits) -> None:
        self.traits = traits
        self.mode = ControlMode.AUTO
        self.manual_percent = 0.0
        self.idle_c = idle_c
        self.ramp_action = RampAction.OFF
        self.ramp_scale = RampScale.MINUTES
        self.ramp_rate_c = 1.0
        self.ramp_time = 0.0
        shipped = PidSet(
            heat_band_c=HEAT_BAND_C, cool_band_c=HEAT_BAND_C, integral_s=180.0, derivative_s=0.0
        )
        self.pids = dict.fromkeys(range(1, PID_SETS + 1), shipped)
        self.profile_c: float | None = None
        self._body = body
        self._clock = clock
        self._user_set_point_c = idle_c
        self._set_point_c = idle_c
        self._late: list[tuple[float, float]] = []
        self._driven_c: float | None = None
        self._seen_c = body.temperature_c
        self._advanced_s = clock.now_s()
        self.drive()

    @property
    def process_value_c(self) -> float:
        """Temperature of the sensor [°C]; of a broken sensor, the last one before it broke."""
        shown_c = self._body.temperature_c
        if math.isfinite(shown_c):
            self._seen_c = shown_c
        return self._seen_c

    @property
    def input_error(self) -> bool:
        """Whether the temperature sensor is broken."""
        return not math.isfinite(self._body.temperature_c)

    @property
    def set_point_c(self) -> float:
        """The active set point [°C], which moves during a ramp."""
        return self._set_point_c

    @property
    def user_set_point_c(self) -> float:
        """The user set point [°C]."""
        return self._user_set_point_c

    @user_set_point_c.setter
    def user_set_point_c(self, temperature_c: float) -> None:
        self._user_set_point_c = self.accepted_c(temperature_c)

    def take_later(self, temperature_c: float) -> None:
        """Take a user set point [°C] after the time in the traits."""
        if not self.traits.takes_s:
            self.user_set_point_c = temperature_c
            return
        due_s = self._clock.now_s() + self.traits.takes_s
        self._late.append((due_s, self.accepted_c(temperature_c)))

    @property
    def power_percent(self) -> float:
        """Output power [%], in auto proportional to the control deviation in the heat band."""
        if self.mode is ControlMode.MANUAL:
            return self.manual_percent
        if self.mode is not ControlMode.AUTO or self.input_error:
            return 0.0
        share = (self._set_point_c - self.process_value_c) / max(self.pids[1].heat_band_c, 1e-3)
        return 100.0 * min(max(share, 0.0), 1.0)

    def accepted_c(self, temperature_c: float) -> float:
        """Returns a set point [°C] if the controller accepts it.

        Raises:
            ValueError: the set point lies outside the controller's range.
        """
        if not self.traits.set_point_min_c <= temperature_c <= self.traits.set_point_max_c:
            raise ValueError("outside the controller's set point range")
        return temperature_c

    def restart_ramp(self) -> None:
        """Begin at the present temperature, as after power-on with a ramp."""
        if self.ramp_action in (RampAction.STARTUP, RampAction.BOTH):
            self._set_point_c = self.process_value_c
        self.drive()

    def advance(self) -> None:
        """Move the active set point towards the user set point, by the time that has passed."""
        now_s = self._clock.now_s()
        if self._late:
            self._take_late(now_s)
        step_c = self.ramp_rate_c * (now_s - self._advanced_s) / SECONDS[self.ramp_scale]
        self._advanced_s = now_s
        if self.profile_c is not None:
            self._set_point_c = self.profile_c
        elif self.ramp_action in (RampAction.SETPOINT, RampAction.BOTH):
            low_c, high_c = self._set_point_c - step_c, self._set_point_c + step_c
            self._set_point_c = min(max(self._user_set_point_c, low_c), high_c)
        else:
            self._set_point_c = self._user_set_point_c
        self.drive()

    def _take_late(self, now_s: float) -> None:
        for late in [late for late in self._late if late[0] <= now_s]:
            self._late.remove(late)
            self._user_set_point_c = late[1]

    def drive(self) -> None:
        """Give the body its set point, if it is another one."""
        target_c = self._set_point_c
        if self.mode is ControlMode.MANUAL:
            target_c = MOST_HEAT_C if self.manual_percent > 0.0 else NO_HEAT_C
        elif self.mode is not ControlMode.AUTO:
            target_c = NO_HEAT_C
        if target_c != self._driven_c:
            self._driven_c = target_c
            self._body.control(target_c)
