"""Heated plates, baths and reactors."""

import math
from abc import abstractmethod

from attrs import frozen

from flowrig.errors import OutOfRangeError, UnsupportedError
from flowrig.interfaces import returned
from flowrig.interfaces.device import Device, Reading

__all__ = ["Heater", "HeaterLimits", "HeaterPower", "HeaterReading"]


@frozen
class HeaterLimits:
    """Range of set points of a heater.

    Attributes:
        temperature_min_c: lowest set point [°C].
        temperature_max_c: highest set point [°C].
    """

    temperature_min_c: float
    temperature_max_c: float


@frozen(kw_only=True)
class HeaterReading(Reading):
    """Temperature and state of a heater at one moment.

    Attributes:
        temperature_c: measured temperature [°C]; `quality` is BAD on a sensor error.
        set_point_c: current set point [°C] of the controller. Between commands it stays, or moves
            on a ramp towards the commanded one; a run takes any other movement for a change by
            somebody else.
        faults: reports of sensor, alarms and limits, one sentence each; with any of them `quality`
            is not GOOD.
        controls: whether the control loop is on, so that it heats to the set point; None where the
            controller does not report it.
    """

    temperature_c: float
    set_point_c: float
    faults: tuple[str, ...] = ()
    controls: bool | None = None


@frozen(kw_only=True)
class HeaterPower(Reading):
    """Output of a heater.

    Attributes:
        power_percent: output [% of full power]; negative while it cools actively.
    """

    power_percent: float


class Heater(Device):
    """A closed-loop temperature controller, with the plate, bath or reactor that it heats."""

    @property
    def limits(self) -> HeaterLimits:
        """Range of set points of this heater."""
        return returned.heater_limits(self, self._do_limits())

    def set_temperature(self, temperature_c: float) -> None:
        """Set the set point [°C] and verify that the controller accepted it.

        Raises:
            OutOfRangeError: outside `limits`; nothing was sent.
            RefusedError: the controller does not take it, for instance because its sensor is
                broken; no set point was changed.
            UnknownOutcomeError: it was sent, and the controller does not show it in time.
        """
        self._require_open()
        limits = self.limits
        if not (
            math.isfinite(temperature_c)
            and limits.temperature_min_c <= temperature_c <= limits.temperature_max_c
        ):
            raise OutOfRangeError(
                f"{self.name}: {temperature_c:g} °C is outside the heater's "
                f"{limits.temperature_min_c:g} to {limits.temperature_max_c:g} °C"
            )
        self._do_set_temperature(temperature_c)

    def off(self) -> None:
        """Stop heating, in the way that the driver documents; idempotent.

        A driver sends off before it waits for any answer, and verifies it afterwards.

        Raises:
            UnknownOutcomeError: the controller did not confirm that it stopped.
        """
        self._require_open()
        self._do_off()

    def read(self) -> HeaterReading:
        """Read temperature and set point [°C] from the controller."""
        self._require_open()
        return returned.heater_reading(self, self._do_read())

    def set_ramp_rate(self, rate_c_min: float | None) -> None:
        """Set the rate [°C/min] at which the set point ramps to a new value; None for no ramp.

        Raises:
            OutOfRangeError: the rate is not a positive number; nothing was sent.
            RefusedError: the controller reports another rate afterwards.
            UnsupportedError: the controller has no ramp, or the driver does not support it.
        """
        self._require_open()
        if rate_c_min is not None and not (math.isfinite(rate_c_min) and rate_c_min > 0):
            raise OutOfRangeError(
                f"{self.name}: a ramp rate must be a positive number, got {rate_c_min:g} °C/min"
            )
        self._do_set_ramp_rate(rate_c_min)

    def output_power(self) -> HeaterPower:
        """Read the current output power [%] from the controller.

        Raises:
            UnsupportedError: the controller does not report its output power.
        """
        self._require_open()
        method, expected = "_do_read_power_percent", "the output power [%]"
        power_percent = returned.number(self, method, self._do_read_power_percent(), expected)
        return HeaterPower(time_s=self.clock.now_s(), power_percent=power_percent)

    @abstractmethod
    def _do_limits(self) -> HeaterLimits:
        """Range of set points of this heater."""

    @abstractmethod
    def _do_set_temperature(self, temperature_c: float) -> None:
        """Set the set point [°C] and verify it."""

    @abstractmethod
    def _do_off(self) -> None:
        """Stop heating and verify it."""

    @abstractmethod
    def _do_read(self) -> HeaterReading:
        """Ask the controller for temperature and set point [°C]."""

    def _do_set_ramp_rate(self, rate_c_min: float | None) -> None:
        """Set the ramp rate [°C/min] and verify it, or switch the ramp off; optional."""
        raise UnsupportedError(f"{self.name}: this driver sets no ramp")

    def _do_read_power_percent(self) -> float:
        """Ask the controller for its output power [%]; optional."""
        raise UnsupportedError(f"{self.name}: this heater does not report its output power")
