"""Writing the set point of a control loop, with or without a ramp, and verifying it."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from flowrig.errors import OutOfRangeError, ProtocolError
from flowrig_watlow.registers import LoopRegister, RampAction
from flowrig_watlow.scpi.loop import ScpiLoop
from flowrig_watlow.temperature import TemperatureUnit
from flowrig_watlow.verified_write import VerifiedWrite, Waits

if TYPE_CHECKING:
    from flowrig_watlow.modbus.loop import ModbusLoop

__all__ = ["SetPoint"]

TOLERANCE_C = 0.05
"""Largest difference [°C] between a set point and its read-back; covers rounding to 0.1 °F."""
RAMP_TOLERANCE_C_MIN = 0.01
"""Largest difference [°C/min] between a ramp rate and its read-back; two decimals are sent."""
SLOWEST_RAMP_C_MIN = 0.1
"""Slowest ramp [°C/min]; rates are sent with two decimals, so slower ones would lose digits."""
TRAVEL_SEEN_C = 0.2
"""Distance [°C] that the active set point should cover on a ramp before it is read back."""


class SetPoint:
    """Writes the set point and its ramp.

    SCPI reads the active set point, which lags behind the user set point during a ramp. With Modbus
    the user set point is read back instead; without it, the driver verifies that the active set
    point moves towards the target.

    Args:
        device: the device's name, for messages.
        scpi: connection that writes.
        modbus: connection that reads back, if there is one.
        waits: how long to wait for a value that was written.
    """

    def __init__(
        self, device: str, scpi: ScpiLoop, modbus: "ModbusLoop | None", waits: Waits
    ) -> None:
        self._device = device
        self._scpi = scpi
        self._modbus = modbus
        self._waits = waits
        self._ramp_c_min: float | None = None
        self._ramp_is_ours = False
        self._is_pending = False

    def set_ramp(self, rate_c_min: float | None) -> None:
        """Set the ramp rate [°C/min] of all later set points; None for no ramp.

        Raises:
            OutOfRangeError: slower than 0.1 °C/min; nothing was sent.
            RefusedError: the controller kept another rate.
            UnknownOutcomeError: the rate was sent and could not be read back.
        """
        if rate_c_min is not None and rate_c_min < SLOWEST_RAMP_C_MIN:
            raise OutOfRangeError(
                f"{self._device}: a ramp of {rate_c_min:g} °C/min is slower than "
                f"{SLOWEST_RAMP_C_MIN:g} °C/min, the slowest that this driver sets"
            )
        self._scpi.require_answer()
        self._ramp_is_ours = True
        if rate_c_min is not None:
            self._set_ramp_rate(rate_c_min)
        self._switch_ramp(rate_c_min is not None)
        self._ramp_c_min = rate_c_min

    def move(self, temperature_c: float) -> None:
        """Write a set point [°C], with the ramp that was set.

        Raises:
            UnknownOutcomeError: the set point was sent, and the controller does not show it.
        """
        self._scpi.require_answer()
        ramp_c_min = self._ramp_c_min
        if self._ramp_is_ours:
            self._switch_ramp(ramp_c_min is not None)
        self._is_pending = True
        self._move(temperature_c, ramp_c_min)
        self._is_pending = False

    def _move(self, temperature_c: float, ramp_c_min: float | None) -> None:
        if self._modbus is not None:
            self._write(temperature_c, partial(self._user_c, self._modbus))
        elif ramp_c_min is None:
            self._write(temperature_c, self._active_c)
        else:
            self._write_on_ramp(temperature_c, ramp_c_min)

    def tell(self, temperature_c: float) -> None:
        """Send a set point [°C] without a ramp, and without an exchange before or after it.

        It is sent in the unit that was reported last.

        Raises:
            ConnectionLostError: the link is broken; the set point may or may not have arrived.
        """
        if self._ramp_is_ours:
            self._scpi.ramp(False, reconnect=True)
        self._scpi.send(self._scpi.set_point_command(temperature_c), reconnect=True)

    def tell_in_any_unit(self, idle_c: float) -> None:
        """Send a set point [°C] that never heats, whichever unit the controller has by now.

        The number of a °C is sent: as a number of °F it is colder, above -40. A controller that
        used °F when it was asked last may refuse a set point that cold, and gets its own first.
        A ramp is switched off.

        Raises:
            ConnectionLostError: the link is broken; the set point may or may not have arrived.
        """
        units: tuple[TemperatureUnit, ...] = (TemperatureUnit.CELSIUS,)
        if self._scpi.known_unit is TemperatureUnit.FAHRENHEIT:
            units = (TemperatureUnit.FAHRENHEIT, TemperatureUnit.CELSIUS)
        for unit in units:
            self._scpi.send(self._scpi.set_point_command(idle_c, unit), reconnect=True)
        self._scpi.ramp(False, reconnect=True)

    def jump(self, temperature_c: float) -> None:
        """Send a set point [°C] without a ramp, and verify it; the next `move` uses the ramp again.

        It is sent before anything is read: a controller that answers late is told at once. If an
        earlier set point was not confirmed, it may still be taken, so the active one is read again
        after a while.

        Raises:
            UnknownOutcomeError: the set point was sent, and the controller does not show it.
        """
        self._jump(temperature_c)
        if self._is_pending:
            self._waits.clock.sleep(self._waits.patience_s)
            self._jump(temperature_c)
            self._is_pending = False

    def _jump(self, temperature_c: float) -> None:
        self._change(
            temperature_c,
            self._active_c,
            lambda kept_c: abs(kept_c - temperature_c) <= TOLERANCE_C,
            send=lambda: self.tell(temperature_c),
        )

    def _write(self, temperature_c: float, read_back: Callable[[], float]) -> None:
        self._change(
            temperature_c, read_back, lambda kept_c: abs(kept_c - temperature_c) <= TOLERANCE_C
        )

    def _write_on_ramp(self, temperature_c: float, ramp_c_min: float) -> None:
        before_c = self._scpi.set_point_c()
        travel_c = min(abs(temperature_c - before_c), TRAVEL_SEEN_C)

        def read_back() -> float:
            self._active_c()  # any answer shows that the command arrived and the ramp has begun
            self._waits.clock.sleep(60.0 * travel_c / ramp_c_min)
            return self._active_c()

        def is_on_its_way(kept_c: float) -> bool:
            missing_c = abs(temperature_c - kept_c)
            gone_c = (kept_c - before_c) * math.copysign(1.0, temperature_c - before_c)
            return missing_c <= TOLERANCE_C or (
                gone_c >= travel_c / 2 and missing_c < abs(temperature_c - before_c)
            )

        # Every read-back waits for the ramp.
        self._change(
            temperature_c,
            read_back,
            is_on_its_way,
            waits=evolve(self._waits, patience_s=self._waits.settle_s),
        )

    def _change(
        self,
        temperature_c: float,
        read_back: Callable[[], float],
        is_taken: Callable[[float], bool],
        *,
        send: Callable[[], None] | None = None,
        waits: Waits | None = None,
    ) -> None:
        unit = self._scpi.unit

        def send_in_present_unit() -> None:
            nonlocal unit
            unit = self._scpi.unit
            if send is not None:
                send()
            else:
                self._scpi.send(self._scpi.set_point_command(temperature_c))

        VerifiedWrite(
            device=self._device,
            what="the set point",
            command=self._scpi.set_point_command(temperature_c),
            send=send_in_present_unit,
            read_back=read_back,
            is_taken=is_taken,
            show=lambda value_c: f"{value_c:.2f} °C",
            wanted=temperature_c,
            hint="look for a ramp, a running profile or a narrower set point range on the "
            "controller",
            is_outdated=lambda: self._scpi.unit is not unit,
            may_come_later=True,
        ).carry_out(self._waits if waits is None else waits)

    def _user_c(self, modbus: "ModbusLoop") -> float:
        """The user set point [°C], read by Modbus.

        The two connections are not synchronized, so one query by SCPI comes first: its answer shows
        that the command, which went by SCPI, has arrived. It also proves the unit of Modbus.
        """
        modbus.prove({LoopRegister.SET_POINT: self._active_c()})
        return modbus.user_set_point_c()

    def _active_c(self) -> float:
        """The active set point [°C].

        A late answer to the write may arrive in place of the answer to this query. The first query
        then fails and closes the connection, and the second goes over a new one.
        """
        try:
            return self._scpi.set_point_c()
        except ProtocolError:
            return self._scpi.set_point_c()

    def _set_ramp_rate(self, rate_c_min: float) -> None:
        self._scpi.scale_ramp_in_minutes()
        unit = self._scpi.unit

        def send_in_present_unit() -> None:
            nonlocal unit
            unit = self._scpi.unit
            self._scpi.send(self._scpi.ramp_rate_command(rate_c_min))

        VerifiedWrite(
            device=self._device,
            what="the ramp rate",
            command=self._scpi.ramp_rate_command(rate_c_min),
            send=send_in_present_unit,
            read_back=self._scpi.ramp_rate_c_min,
            is_taken=lambda kept: abs(kept - rate_c_min) <= RAMP_TOLERANCE_C_MIN,
            show=lambda value: f"{value:.2f} °C/min",
            wanted=rate_c_min,
            is_outdated=lambda: self._scpi.unit is not unit,
        ).carry_out(self._waits)

    def _switch_ramp(self, on: bool) -> None:
        """Switch the ramp of the set point on or off.

        SCPI has no query for the ramp action: without Modbus any later answer shows that the
        command arrived, and nothing shows whether the controller accepted it.
        """
        wanted = RampAction.SETPOINT if on else RampAction.OFF
        modbus = self._modbus

        def read_back() -> RampAction:
            self._scpi.require_answer()
            return wanted if modbus is None else modbus.ramp_action()

        VerifiedWrite(
            device=self._device,
            what="the ramp action",
            command=wanted.name,
            send=lambda: self._scpi.ramp(on),
            read_back=read_back,
            is_taken=lambda kept: kept is wanted,
            show=lambda action: action.name,
            wanted=wanted,
        ).carry_out(self._waits)
