"""Moving the set point of a control loop, at once or along a ramp, and seeing that it moves."""

import contextlib
import math
from collections.abc import Callable
from functools import partial

from flowrig.clock import Clock
from flowrig.errors import DeviceError, OutOfRangeError, ProtocolError
from flowrig_watlow.dialogue import Dialogue
from flowrig_watlow.modbus_loop import ModbusLoop
from flowrig_watlow.registers import RampAction
from flowrig_watlow.verified import Change

__all__ = ["SetPoint"]

TOLERANCE_C = 0.05
"""Largest difference [°C] between a set point and its read-back; covers rounding to 0.1 °F."""
RAMP_TOLERANCE_C_MIN = 0.01
"""Largest difference [°C/min] between a ramp rate and its read-back; two decimals are sent."""
SLOWEST_RAMP_C_MIN = 0.1
TRAVEL_SEEN_C = 0.2
"""How far [°C] a travelling set point must have come before it is taken to be on its way."""


class SetPoint:
    """Writes the set point and its ramp.

    SCPI tells the set point that the loop works towards now, which lags behind on a ramp. There the
    one that was asked for is read by Modbus; without Modbus the set point has to be seen travelling
    towards it.

    Args:
        device: the device's name, for messages.
        scpi: what writes.
        modbus: what reads back, if there is any.
        clock: what waits go through.
        settle_s: wait [s] before a value that does not show yet is asked for again.
    """

    def __init__(
        self, device: str, scpi: Dialogue, modbus: ModbusLoop | None, clock: Clock, settle_s: float
    ) -> None:
        self._device = device
        self._scpi = scpi
        self._modbus = modbus
        self._clock = clock
        self._settle_s = settle_s
        self._ramp_c_min: float | None = None
        self._ramp_is_ours = False

    def set_ramp(self, rate_c_min: float | None) -> None:
        """Let set points travel at a rate [°C/min], or jump.

        Raises:
            OutOfRangeError: slower than can be told; nothing was sent.
            RefusedError: the controller kept another rate.
            UnknownOutcomeError: it was sent, and cannot be read back.
        """
        if rate_c_min is not None and rate_c_min < SLOWEST_RAMP_C_MIN:
            raise OutOfRangeError(
                f"{self._device}: a ramp of {rate_c_min:g} °C/min is slower than "
                f"{SLOWEST_RAMP_C_MIN:g} °C/min, the slowest that this driver sets"
            )
        self._scpi.prove()
        self._ramp_is_ours = True
        if rate_c_min is not None:
            self._set_ramp_rate(rate_c_min)
        self._switch_ramp(rate_c_min is not None)
        self._ramp_c_min = rate_c_min

    def move(self, temperature_c: float) -> None:
        """Set a set point [°C], which travels where a ramp was set.

        Raises:
            RefusedError: the controller kept another set point.
            UnknownOutcomeError: it was sent, and cannot be read back.
        """
        self._scpi.prove()
        ramp_c_min = self._ramp_c_min
        if self._ramp_is_ours:
            self._switch_ramp(ramp_c_min is not None)
        if self._modbus is not None:
            self._write(temperature_c, partial(self._user_c, self._modbus))
        elif ramp_c_min is None:
            self._write(temperature_c, self._active_c)
        else:
            self._write_on_ramp(temperature_c, ramp_c_min)

    def jump(self, temperature_c: float) -> None:
        """Set a set point [°C] at once, whatever ramp was set; the next `move` has it again.

        A ramp that cannot be switched off is no reason not to try: the set point that the loop
        works towards is read back, and shows it.

        Raises:
            RefusedError: the controller kept another set point.
            UnknownOutcomeError: it was sent, and cannot be read back.
        """
        self._scpi.prove()
        if self._ramp_is_ours:
            with contextlib.suppress(DeviceError):
                self._switch_ramp(False)
        self._write(temperature_c, self._active_c)

    def _write(self, temperature_c: float, read_back: Callable[[], float]) -> None:
        self._change(
            temperature_c, read_back, lambda kept_c: abs(kept_c - temperature_c) <= TOLERANCE_C
        )

    def _write_on_ramp(self, temperature_c: float, ramp_c_min: float) -> None:
        before_c = self._scpi.set_point_c()
        travel_c = min(abs(temperature_c - before_c), TRAVEL_SEEN_C)

        def read_back() -> float:
            self._active_c()  # the command has arrived; from now on the set point travels
            self._clock.sleep(60.0 * travel_c / ramp_c_min)
            return self._active_c()

        def is_on_its_way(kept_c: float) -> bool:
            missing_c = abs(temperature_c - kept_c)
            gone_c = (kept_c - before_c) * math.copysign(1.0, temperature_c - before_c)
            return missing_c <= TOLERANCE_C or (
                gone_c >= travel_c / 2 and missing_c < abs(temperature_c - before_c)
            )

        self._change(temperature_c, read_back, is_on_its_way)

    def _change(
        self,
        temperature_c: float,
        read_back: Callable[[], float],
        is_taken: Callable[[float], bool],
    ) -> None:
        command = self._scpi.set_point_command(temperature_c)
        Change(
            device=self._device,
            what="the set point",
            command=command,
            send=lambda: self._scpi.send(command),
            read_back=read_back,
            is_taken=is_taken,
            show=lambda value_c: f"{value_c:.2f} °C",
            wanted=temperature_c,
            hint="look for a ramp, a running profile or a narrower set point range on the "
            "controller",
        ).make(self._clock, self._settle_s)

    def _user_c(self, modbus: ModbusLoop) -> float:
        """The set point [°C] that was asked for.

        The two connections do not wait for each other: an answer by SCPI shows first that the
        command arrived.
        """
        self._active_c()
        return modbus.user_set_point_c()

    def _active_c(self) -> float:
        """The set point [°C] that the loop works towards, even where an answer to the write comes
        in the place of it.
        """
        try:
            return self._scpi.set_point_c()
        except ProtocolError:
            return self._scpi.set_point_c()  # on the new connection

    def _set_ramp_rate(self, rate_c_min: float) -> None:
        self._scpi.scale_ramp_in_minutes()
        command = self._scpi.ramp_rate_command(rate_c_min)
        Change(
            device=self._device,
            what="the ramp rate",
            command=command,
            send=lambda: self._scpi.send(command),
            read_back=self._scpi.ramp_rate_c_min,
            is_taken=lambda kept: abs(kept - rate_c_min) <= RAMP_TOLERANCE_C_MIN,
            show=lambda value: f"{value:.2f} °C/min",
            wanted=rate_c_min,
        ).make(self._clock, self._settle_s)

    def _switch_ramp(self, on: bool) -> None:
        """Let the set point travel or jump.

        Any answer afterwards shows that the command arrived. What became of it only Modbus can
        tell; SCPI has no question for it.
        """
        wanted = RampAction.SETPOINT if on else RampAction.OFF
        modbus = self._modbus

        def read_back() -> RampAction:
            self._scpi.prove()
            return wanted if modbus is None else modbus.ramp_action()

        Change(
            device=self._device,
            what="the ramp action",
            command=wanted.name,
            send=lambda: self._scpi.ramp(on),
            read_back=read_back,
            is_taken=lambda kept: kept is wanted,
            show=lambda action: action.name,
            wanted=wanted,
        ).make(self._clock, self._settle_s)
