"""The state of an emulated F4T, which its SCPI and Modbus servers share."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from attrs import evolve

from flowrig.clock import Clock
from flowrig.emulation import HeaterBody
from flowrig_watlow.emulator.control_loop import NO_HEAT_C, ControlLoop, UnusedSensor
from flowrig_watlow.emulator.programs import PROGRAMS, RunningProgram
from flowrig_watlow.emulator.traits import F4TTraits
from flowrig_watlow.parameters import AlarmSetting
from flowrig_watlow.registers import AlarmKind
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["KEYS", "NO_HEAT_C", "OUTPUTS", "F4TController", "F4TTraits"]

ALARMS = 6
OUTPUTS = 7
KEYS = 4
PROGRAM_STEPS = 50


class _Moment:
    """A lock, with a state that is up to date before and after the block."""

    def __init__(self, lock: AbstractContextManager[object], advance: Callable[[], None]) -> None:
        self._lock = lock
        self._advance = advance

    def __enter__(self) -> None:
        self._lock.__enter__()
        try:
            self._advance()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._advance()
        finally:
            self._lock.__exit__(None, None, None)


class F4TController(ControlLoop):
    """The control loop with the plate, and all that the controller has besides its loops.

    Any number of connections share it. At each access it is brought up to date.

    Args:
        body: the heated plate.
        clock: clock of the run.
        loop: number of the control loop with the plate.
        idle_c: the idle set point [°C], which is also the first set point.
        traits: firmware and installation to emulate.

    Attributes:
        loop: number of the control loop with the plate.
        serial_number: serial number that it reports.
        loops: all control loops by number.
        display_unit: unit of the panel.
        outputs: whether each output is on.
        keys: whether each soft key is on.
        program: number of the selected profile.
        program_step: number of the selected step.
        program_state: `IDLE`, `RUN` or `HOLD`.
        program_end: how the last profile ended: `NOT STARTED`, `COMPLETE` or `TERMINATED`.
        running: the profile that was started, also while it pauses; None without one.
        alarms: type and thresholds of each alarm; alarms do not latch.
        limits_tripped: slots of limit modules that have tripped.
        clock_offset_s: difference [s] between the controller's clock and that of this computer.
    """

    def __init__(
        self, body: HeaterBody, clock: Clock, loop: int, idle_c: float, traits: F4TTraits
    ) -> None:
        self.loop = loop
        self.serial_number = "0000000001"
        self.display_unit = TemperatureUnit.CELSIUS
        self.outputs = dict.fromkeys(range(1, OUTPUTS + 1), False)
        self.keys = dict.fromkeys(range(1, KEYS + 1), False)
        self.program = 1
        self.program_step = 1
        self.program_state = "IDLE"
        self.program_end = "NOT STARTED"
        self.running: RunningProgram | None = None
        silent = AlarmSetting(kind=AlarmKind.OFF, low_c=0.0, high_c=0.0)
        self.alarms = dict.fromkeys(range(1, ALARMS + 1), silent)
        self.limits_tripped: set[int] = set()
        self.clock_offset_s = 0.0
        self._lock = threading.RLock()
        self._program_s = clock.now_s()
        super().__init__(body, clock, idle_c, traits)
        numbers = [
            n for n in range(1, max(traits.loops, loop) + 1) if traits.loops > 1 or n == loop
        ]
        self.loops: dict[int, ControlLoop] = {
            number: self
            if number == loop
            else ControlLoop(UnusedSensor(), clock, UnusedSensor.temperature_c, traits)
            for number in numbers
        }

    def moment(self) -> "_Moment":
        """Run a block at one moment of the clock, without access from other connections."""
        return _Moment(self._lock, self._advance)

    def alarm_warns(self, number: int) -> bool:
        """Whether the value that an alarm compares is beyond one of its thresholds."""
        alarm = self.alarms[number]
        compared_c = self.process_value_c
        if alarm.kind is AlarmKind.DEVIATION:
            compared_c -= self.set_point_c
        return alarm.kind is not AlarmKind.OFF and not alarm.low_c <= compared_c <= alarm.high_c

    def change_alarm(self, number: int, **values: Any) -> None:
        """Change thresholds [°C, K] or the kind of an alarm."""
        self.alarms[number] = evolve(self.alarms[number], **values)

    def start_program(self, number: int, step: int) -> None:
        """Start a profile at a step.

        Raises:
            ValueError: there is no such profile or step.
        """
        program = PROGRAMS.get(number)
        if program is None or not 1 <= step <= len(program.steps):
            raise ValueError("the selected profile or step does not exist")
        self._program_s = self._clock.now_s()
        self.running = RunningProgram(program, step, self.set_point_c)
        self.program, self.program_state = number, "RUN"

    def pause_program(self) -> None:
        """Pause the selected profile.

        Raises:
            ValueError: there is no such profile.
        """
        self._require_program()
        self.program_state = "HOLD"

    def resume_program(self) -> None:
        """Go on with the selected profile.

        Raises:
            ValueError: there is no such profile.
        """
        self._require_program()
        self._program_s = self._clock.now_s()
        self.program_state = "RUN"

    def stop_program(self, how: str = "TERMINATED") -> None:
        """End the profile, if one runs or pauses; its set point stays."""
        if self.program_state != "IDLE":
            self.program_end = how
        if self.running is not None:
            self._user_set_point_c = self.running.set_point_c
        self.program_state, self.running, self.profile_c = "IDLE", None, None

    def _require_program(self) -> None:
        if self.program not in PROGRAMS:
            raise ValueError("the selected profile does not exist")

    def power_cycle(self) -> None:
        """Switch power off and on: settings are kept, outputs, keys and the profile are off."""
        with self._lock:
            self._advance()
            self.outputs.update(dict.fromkeys(self.outputs, False))
            self.keys.update(dict.fromkeys(self.keys, False))
            self.stop_program()
            for loop in self.loops.values():
                loop.restart_ramp()

    def _advance(self) -> None:
        if self.running is not None:
            now_s = self._clock.now_s()
            if self.program_state == "RUN":
                self.running.pass_time(now_s - self._program_s)
            self._program_s = now_s
            self.profile_c = self.running.set_point_c
            if self.running.is_over:
                self.stop_program("COMPLETE")
        for loop in self.loops.values():
            loop.advance()
