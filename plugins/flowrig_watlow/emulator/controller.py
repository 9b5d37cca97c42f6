"""The state of an emulated F4T, which its SCPI and Modbus servers share, and its traits."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import HeaterBody
from flowrig_watlow.parameters import AlarmSetting, PidSet
from flowrig_watlow.registers import AlarmKind, ControlMode, RampAction, RampScale, WordOrder
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["OUTPUTS", "F4TController", "F4TTraits"]

ALARMS = 4
OUTPUTS = 7
PID_SETS = 5
PROGRAMS = 40
PROGRAM_STEPS = 50
HEAT_BAND_C = 13.0
"""Proportional band [°C] as shipped (Watlow, "F4T Setup and Operations User's Guide",
0600-0093-0000, chapter 6)."""
NO_HEAT_C = -273.15
"""A set point [°C] at which a loop never heats."""
SECONDS = {RampScale.MINUTES: 60.0, RampScale.HOURS: 3600.0}


@define(kw_only=True)
class F4TTraits:
    """Properties that differ between firmware versions and installations; may change at any time.

    Attributes:
        unit: unit of every temperature in SCPI.
        knows_unit: whether the firmware has the query and the command for its unit.
        newline_on_write: whether every write is answered by a plain newline.
        tells_errors: whether a bad command is answered by `ERROR`; silence otherwise.
        modbus_unit: unit of every temperature in Modbus, which the panel sets apart from SCPI's.
        word_order: which half of a float comes first in Modbus.
        refuses_sets: whether the controller ignores every write without an error.
        set_point_min_c: lowest set point [°C]; lower ones are ignored.
        set_point_max_c: highest set point [°C]; higher ones are ignored.
        reply_piece: bytes of an answer that go out at once; 0 sends it whole.
        rejects: whether every SCPI command is answered by `ERROR`.
    """

    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    knows_unit: bool = True
    newline_on_write: bool = False
    tells_errors: bool = False
    modbus_unit: TemperatureUnit = TemperatureUnit.CELSIUS
    word_order: WordOrder = WordOrder.LOW_FIRST
    refuses_sets: bool = False
    set_point_min_c: float = -100.0
    set_point_max_c: float = 400.0
    reply_piece: int = 0
    rejects: bool = False


class F4TController:
    """One control loop with its outputs and its profile; any number of connections share it.

    During a ramp the active set point is brought up to date at each access. Profiles can be listed,
    started and stopped, but do not move the set point.

    Args:
        body: the heated plate.
        clock: clock of the run.
        loop: number of the control loop.
        idle_c: the idle set point [°C], which is also the first set point.
        traits: firmware and installation to emulate.

    Attributes:
        mode: the control mode; manual power is not emulated.
        idle_c: the idle set point [°C].
        ramp_action: occasions on which the set point follows the ramp.
        ramp_scale: time unit of the ramp rate.
        ramp_rate_c: the ramp rate [°C per minute or hour].
        ramp_time: the ramp time; stored and not used.
        display_unit: unit of the panel.
        outputs: whether each output is on.
        program: number of the selected profile.
        program_step: number of the selected step.
        program_state: `IDLE`, `RUN` or `HOLD`.
        alarms: type and thresholds of each alarm; alarms do not latch.
        limits_tripped: slots of limit modules that have tripped.
        pids: the PID sets; only the heat band of set 1 is used.
    """

    def __init__(
        self, body: HeaterBody, clock: Clock, loop: int, idle_c: float, traits: F4TTraits
    ) -> None:
        self.traits = traits
        self.loop = loop
        self.mode = ControlMode.AUTO
        self.idle_c = idle_c
        self.ramp_action = RampAction.OFF
        self.ramp_scale = RampScale.MINUTES
        self.ramp_rate_c = 1.0
        self.ramp_time = 0.0
        self.display_unit = TemperatureUnit.CELSIUS
        self.outputs = dict.fromkeys(range(1, OUTPUTS + 1), False)
        self.program = 1
        self.program_step = 1
        self.program_state = "IDLE"
        silent = AlarmSetting(kind=AlarmKind.OFF, low_c=0.0, high_c=0.0)
        self.alarms = dict.fromkeys(range(1, ALARMS + 1), silent)
        self.limits_tripped: set[int] = set()
        shipped = PidSet(
            heat_band_c=HEAT_BAND_C, cool_band_c=HEAT_BAND_C, integral_s=180.0, derivative_s=0.0
        )
        self.pids = dict.fromkeys(range(1, PID_SETS + 1), shipped)
        self._body = body
        self._clock = clock
        self._lock = threading.Lock()
        self._user_set_point_c = idle_c
        self._set_point_c = idle_c
        self._driven_c: float | None = None
        self._seen_c = body.temperature_c
        self._advanced_s = clock.now_s()
        self._drive()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Run the block at one moment of the clock, without access from other connections."""
        with self._lock:
            self._advance()
            yield
            self._advance()

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

    @property
    def power_percent(self) -> float:
        """Output power [%], proportional to the control deviation within the heat band."""
        if self.mode is not ControlMode.AUTO or self.input_error:
            return 0.0
        share = (self._set_point_c - self.process_value_c) / max(self.pids[1].heat_band_c, 1e-3)
        return 100.0 * min(max(share, 0.0), 1.0)

    def alarm_warns(self, number: int) -> bool:
        """Whether the value that an alarm compares is beyond one of its thresholds."""
        alarm = self.alarms[number]
        compared_c = self.process_value_c
        if alarm.kind is AlarmKind.DEVIATION:
            compared_c -= self._set_point_c
        return alarm.kind is not AlarmKind.OFF and not alarm.low_c <= compared_c <= alarm.high_c

    def accepted_c(self, temperature_c: float) -> float:
        """Returns a set point [°C] if the controller accepts it.

        Raises:
            ValueError: the set point lies outside the controller's range.
        """
        if not self.traits.set_point_min_c <= temperature_c <= self.traits.set_point_max_c:
            raise ValueError("outside the controller's set point range")
        return temperature_c

    def power_cycle(self) -> None:
        """Switch power off and on: settings are kept, outputs and the profile are off."""
        with self._lock:
            self._advance()
            self.outputs = dict.fromkeys(self.outputs, False)
            self.program_state = "IDLE"
            if self.ramp_action in (RampAction.STARTUP, RampAction.BOTH):
                self._set_point_c = self.process_value_c
            self._drive()

    def _advance(self) -> None:
        """Move the active set point towards the user set point, by the time that has passed."""
        now_s = self._clock.now_s()
        step_c = self.ramp_rate_c * (now_s - self._advanced_s) / SECONDS[self.ramp_scale]
        self._advanced_s = now_s
        if self.ramp_action in (RampAction.SETPOINT, RampAction.BOTH):
            low_c, high_c = self._set_point_c - step_c, self._set_point_c + step_c
            self._set_point_c = min(max(self._user_set_point_c, low_c), high_c)
        else:
            self._set_point_c = self._user_set_point_c
        self._drive()

    def _drive(self) -> None:
        target_c = self._set_point_c
        if self.mode is not ControlMode.AUTO:
            target_c = NO_HEAT_C
        if target_c != self._driven_c:
            self._driven_c = target_c
            self._body.control(target_c)
