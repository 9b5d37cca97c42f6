"""Driver of the Watlow F4T."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces.device import Identity, Quality
from flowrig.interfaces.heater import Heater, HeaterLimits, HeaterReading
from flowrig_watlow.parameters import AlarmSetting, PidSet, ProgramStatus
from flowrig_watlow.registers import ControlMode, LoopRegister
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.set_point import SetPoint
from flowrig_watlow.settings import ALARMS, SLOTS, F4TSettings
from flowrig_watlow.stored_profile import StoredProfile
from flowrig_watlow.verified_write import VerifiedWrite, Waits

if TYPE_CHECKING:  # pymodbus is imported where an address for Modbus is given
    from flowrig_watlow.modbus.loop import ModbusLoop

__all__ = ["WatlowF4T"]

OUTPUTS = 7
PID_SETS = 5


class WatlowF4T(Heater):
    """One control loop of a Watlow F4T: by SCPI, and by Modbus if the settings name an address.

    The settings choose the effect of `off`: it sets `idle_c`, or switches the control loop off. A
    stored profile that would heat again is ended too. After any failure the connection is closed;
    the next call opens a new one.

    Args:
        name: the device's name in the rig profile.
        settings: addresses and limits of the controller, and the meaning of "off".
        clock: clock of the time stamps and of all waits.
    """

    settings: F4TSettings

    def __init__(self, name: str, settings: F4TSettings, clock: Clock | None = None) -> None:
        super().__init__(name, settings, clock)
        self._scpi = ScpiLoop(name, settings, self.wire.channel("scpi"))
        self._modbus = self._modbus_loop()
        self._limits = HeaterLimits(settings.set_point_min_c, settings.set_point_max_c)
        self._waits = Waits(self.clock, settings.settle_s, settings.patience_s)
        talk = name, self._scpi, self._modbus, self._waits
        self._set_point = SetPoint(*talk)
        self._profile = StoredProfile(*talk)

    def control_mode(self) -> ControlMode:
        """The active control mode of the loop.

        Raises:
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_open()
        return self._by_modbus("its control mode").control_mode()

    def alarm(self, number: int) -> bool:
        """Whether an alarm of the controller, counted from 1, is active.

        Raises:
            RefusedError: there is no such alarm.
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_number("alarms", number, ALARMS)
        return self._by_modbus("its alarms").alarm(number)

    def alarm_setting(self, number: int) -> AlarmSetting:
        """Type and thresholds of an alarm of the controller, counted from 1.

        Raises:
            RefusedError: there is no such alarm.
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_number("alarms", number, ALARMS)
        return self._in_proven_unit("its alarms").alarm_setting(number)

    def limit_tripped(self, slot: int) -> bool:
        """Whether the limit module in a slot, 1 to 6, has tripped or reports an error.

        Raises:
            RefusedError: the slot holds no limit module.
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_number("slots", slot, SLOTS)
        return self._by_modbus("its limit modules").limit_tripped(slot)

    def pid(self, number: int) -> PidSet:
        """One of the control loop's PID sets, 1 to 5.

        Raises:
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_number("PID sets", number, PID_SETS)
        return self._in_proven_unit("its PID sets").pid(number)

    def set_pid(self, number: int, pid: PidSet) -> None:
        """Set one of the control loop's PID sets, 1 to 5, and verify it.

        Raises:
            RefusedError: the controller kept other values; some of them may be set.
            UnknownOutcomeError: the values were sent and could not be read back; some of them may
                be set.
            UnsupportedError: the settings name no Modbus address.
        """
        self._require_number("PID sets", number, PID_SETS)
        modbus = self._in_proven_unit("its PID sets")
        modbus.pid(number)  # a read first: the connection works
        VerifiedWrite(
            device=self.name,
            what=f"PID set {number}",
            command=f"Modbus PID set {number}",
            send=lambda: modbus.write_pid(number, pid),
            read_back=lambda: modbus.pid(number),
            is_taken=pid.is_close_to,
            show=str,
            wanted=pid,
        ).carry_out(self._waits)

    def output(self, number: int) -> bool:
        """Whether an output, 1 to 7, is on; the integrator chose what is wired to it."""
        self._require_number("outputs", number, OUTPUTS)
        return self._scpi.output(number)

    def set_output(self, number: int, on: bool) -> None:
        """Switch an output, 1 to 7, and verify it.

        Raises:
            OutOfRangeError: there is no such output; nothing was sent.
            RefusedError: the output kept its state, for instance because a profile holds it.
            UnknownOutcomeError: the command was sent and the state could not be read back.
        """
        self._require_number("outputs", number, OUTPUTS)
        self._scpi.require_answer()
        command = self._scpi.output_command(number, on)
        VerifiedWrite(
            device=self.name,
            what=f"output {number}",
            command=command,
            send=lambda: self._scpi.send(command),
            read_back=lambda: self._scpi.output(number),
            is_taken=lambda kept: kept == on,
            show=lambda state: "ON" if state else "OFF",
            wanted=on,
            hint="look for a running profile that holds it",
        ).carry_out(self._waits)

    def program(self) -> ProgramStatus:
        """Name and state of the profile that is selected on the controller."""
        self._require_open()
        return self._scpi.program()

    def stop_program(self) -> None:
        """End the profile that runs on the controller; the set point stays where it is.

        Raises:
            RefusedError: the profile goes on.
            UnknownOutcomeError: the command was sent, and the state could not be read.
        """
        self._require_open()
        self._profile.stop()

    def _do_open(self) -> None:
        self._scpi.open()
        if self._modbus is not None:
            self._open_modbus(self._modbus)

    def _do_close(self) -> None:
        self._scpi.close()
        if self._modbus is not None:
            self._modbus.close()

    def _do_identify(self) -> Identity:
        return self._scpi.identity()

    def _do_limits(self) -> HeaterLimits:
        return self._limits

    def _do_set_temperature(self, temperature_c: float) -> None:
        fault = self._scpi.sensor_fault()
        if fault:
            raise self._fault(RefusedError, f"{fault}, so that no set point can be reached")
        self._profile.require_none()
        if self._modbus is None:
            self._set_point.move(temperature_c)
        elif self.settings.off == "idle":
            self._require_auto(self._modbus)
            self._set_point.move(temperature_c)
        else:
            self._set_point.move(temperature_c)
            self._switch_on(self._modbus)

    def _do_off(self) -> None:
        try:
            self._cool()
        except UnknownOutcomeError as error:
            with contextlib.suppress(DeviceError):
                if _is_silent(error):  # a running profile would heat again; nobody can say
                    self._profile.tell_to_stop()
                    self._tell_off()
                elif self._ended_profile(suspected=True):
                    self._cool()
                    return
            raise
        if self._ended_profile():
            self._cool()

    def _do_send_safe_action(self) -> None:
        steps: list[Callable[[], None]] = [
            lambda: self._set_point.tell_in_any_unit(self.settings.idle_c),
            self._profile.tell_to_stop,
            # Once more: the profile may have set another one meanwhile.
            lambda: self._set_point.tell_in_any_unit(self.settings.idle_c),
        ]
        if self._modbus is not None and self.settings.off == "control-mode":
            steps.insert(0, partial(self._modbus.tell_mode, ControlMode.OFF))
        trouble: list[ConnectionLostError] = []
        for step in steps:
            try:
                step()
            except ConnectionLostError as error:
                trouble.append(error)
        if len(trouble) == len(steps):
            raise trouble[0]

    def _cool(self) -> None:
        """Set idle or switch the control loop off, as the settings say, and verify it."""
        if self._modbus is not None and self.settings.off == "control-mode":
            self._switch_off(self._modbus)
        else:
            self._set_point.jump(self.settings.idle_c)

    def _tell_off(self) -> None:
        """As `_cool`, without verifying it."""
        if self._modbus is not None and self.settings.off == "control-mode":
            self._modbus.tell_mode(ControlMode.OFF)
        else:
            self._set_point.tell(self.settings.idle_c)

    def _do_read(self) -> HeaterReading:
        look = self._scpi.look()
        faults = [look.fault] if look.fault else []
        faults += self._warnings()
        return HeaterReading(
            time_s=self.clock.now_s(),
            quality=Quality.BAD if faults else Quality.GOOD,
            temperature_c=look.temperature_c,
            set_point_c=look.set_point_c,
            faults=tuple(faults),
            controls=self._controls(),
        )

    def _controls(self) -> bool | None:
        """Whether the control loop is in auto; SCPI has no query for it."""
        if self._modbus is None:
            return None
        return self._modbus.control_mode() is ControlMode.AUTO

    def _do_read_power_percent(self) -> float:
        return self._by_modbus("its output power").power_percent()

    def _do_set_ramp_rate(self, rate_c_min: float | None) -> None:
        self._set_point.set_ramp(rate_c_min)

    def _open_modbus(self, modbus: "ModbusLoop") -> None:
        """Connect by Modbus, and narrow the limits to the set point range of the controller."""
        look = self._scpi.look()
        known_c = {LoopRegister.SET_POINT: look.set_point_c}
        if not look.fault:
            known_c[LoopRegister.PROCESS_VALUE] = look.temperature_c
        modbus.open(known_c)
        low_c, high_c = modbus.set_point_range_c()
        self._limits = HeaterLimits(
            max(self.settings.set_point_min_c, low_c), min(self.settings.set_point_max_c, high_c)
        )
        if self.settings.off == "idle" and not low_c <= self.settings.idle_c <= high_c:
            raise self._fault(
                RefusedError,
                f"idle is {self.settings.idle_c:g} °C, and the controller accepts set points from "
                f"{low_c:g} to {high_c:g} °C; off would do nothing",
            )

    def _warnings(self) -> Iterator[str]:
        """One message for each watched alarm that is active and each limit module that tripped."""
        for number in self.settings.alarms:
            if self._by_modbus("its alarms").alarm(number):
                yield f"alarm {number} of the controller warns"
        for slot in self.settings.limit_modules:
            if self._by_modbus("its limit modules").limit_tripped(slot):
                yield f"the limit module in slot {slot} has tripped or reports an error"

    def _ended_profile(self, *, suspected: bool = False) -> bool:
        """End a running stored profile, which would heat again; returns whether one may have run.

        Args:
            suspected: end a profile of unknown state, too.
        """
        try:
            holds = self._profile.holds_set_point()
            if holds is None and suspected:
                self._profile.tell_to_stop()
                return True
            if not holds:
                return False
            self._profile.stop()
        except DeviceError as error:
            raise self._fault(
                UnknownOutcomeError,
                f"off was confirmed, but a stored profile may heat again: {error.message}",
                command=error.command,
            ) from error
        return True

    def _modbus_loop(self) -> "ModbusLoop | None":
        if not self.settings.modbus:
            return None
        from flowrig_watlow.modbus.loop import ModbusLoop

        return ModbusLoop(self.name, self.settings, self.wire.channel("modbus"))

    def _by_modbus(self, what: str) -> "ModbusLoop":
        if self._modbus is None:
            raise UnsupportedError(
                f"{self.name}: an F4T does not report {what} by SCPI; name its Modbus address: "
                f'modbus = "{self.settings.host}"'
            )
        return self._modbus

    def _in_proven_unit(self, what: str) -> "ModbusLoop":
        """The Modbus connection, after a comparison with SCPI that shows its present unit."""
        modbus = self._by_modbus(what)
        modbus.prove({LoopRegister.SET_POINT: self._scpi.set_point_c()})
        return modbus

    def _switch(self, modbus: "ModbusLoop", mode: ControlMode) -> None:
        """Command a control mode, and verify that it is the active one."""
        VerifiedWrite(
            device=self.name,
            what="the control mode",
            command=f"control mode {mode.name.lower()}",
            send=lambda: modbus.command_mode(mode),
            read_back=modbus.control_mode,
            is_taken=lambda kept: kept is mode,
            show=lambda kept: kept.name.lower(),
            wanted=mode,
            hint="look at the panel for a failed input or a limit that tripped",
        ).carry_out(self._waits)

    def _require_auto(self, modbus: "ModbusLoop") -> None:
        """Refuse a set point without effect; with off = "idle" the panel sets the mode."""
        mode = modbus.control_mode()
        if mode is not ControlMode.AUTO:
            raise self._fault(
                RefusedError,
                f"the control mode is {mode.name.lower()}, so a set point has no effect; "
                'switch the loop to auto at the panel, or set off = "control-mode"',
            )

    def _switch_on(self, modbus: "ModbusLoop") -> None:
        """Switch the control loop to auto; its set point has been set before."""
        try:
            auto = ControlMode.AUTO
            if not (modbus.commanded_mode() is auto and modbus.control_mode() is auto):
                self._switch(modbus, auto)
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError,
                f"the set point was set, and the control mode is unknown: {error.message}",
                command=error.command,
            ) from error

    def _switch_off(self, modbus: "ModbusLoop") -> None:
        """Switch the control loop off; if that fails, set the idle set point instead."""
        try:
            self._switch(modbus, ControlMode.OFF)
        except DeviceError as error:
            raise self._not_off(error) from error

    def _not_off(self, error: DeviceError) -> UnknownOutcomeError:
        """Set the idle set point after the loop could not be switched off; returns the error."""
        try:
            self._set_point.jump(self.settings.idle_c)
            rescue = f"its set point now is {self.settings.idle_c:g} °C"
        except DeviceError as second:
            rescue = f"its set point could not be set to idle either: {second.message}"
        return self._fault(
            UnknownOutcomeError,
            f"the control loop may still be on ({error.message}); {rescue}",
            command=error.command,
        )

    def _require_number(self, what: str, number: int, most: int) -> None:
        self._require_open()
        if not 1 <= number <= most:
            raise OutOfRangeError(f"{self.name}: {what} are 1 to {most}, got {number}")


def _is_silent(error: BaseException) -> bool:
    """Whether an answer that did not come is the reason for an error."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConnectionLostError):
        cause = cause.__cause__
    return cause is not None
