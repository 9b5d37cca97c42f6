"""Heated plates, baths and reactors."""

import math
from abc import abstractmethod

from attrs import frozen

from flowrig.errors import OutOfRangeError, UnsupportedError
from flowrig.interfaces.device import Device, Reading

__all__ = ["Heater", "HeaterLimits", "HeaterPower", "HeaterReading"]


@frozen
class HeaterLimits:
    """The set points that a heater takes [°C]."""

    temperature_min_c: float
    temperature_max_c: float


@frozen(kw_only=True)
class HeaterReading(Reading):
    """One look at a heater.

    Attributes:
        temperature_c: measured temperature [°C]; `quality` is BAD on a sensor error.
        set_point_c: the set point [°C] that the controller works towards now.
        faults: what sensor, alarms and limits report, one sentence each; `quality` is not GOOD
            then.
    """

    temperature_c: float
    set_point_c: float
    faults: tuple[str, ...] = ()


@frozen(kw_only=True)
class HeaterPower(Reading):
    """What a heater puts in [% of its full power]; negative where it cools."""

    power_percent: float


class Heater(Device):
    """A closed-loop temperature controller and what it heats."""

    @property
    def limits(self) -> HeaterLimits:
        """The set points [°C] that this heater takes."""
        return self._do_limits()

    def set_temperature(self, temperature_c: float) -> None:
        """Set the set point [°C] and verify that the controller took it.

        Raises:
            OutOfRangeError: outside `limits`; nothing was sent.
            RefusedError: the controller kept another set point.
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

        Raises:
            UnknownOutcomeError: the controller did not confirm it.
        """
        self._require_open()
        self._do_off()

    def read(self) -> HeaterReading:
        """Temperature and set point [°C], asked from the controller."""
        self._require_open()
        return self._do_read()

    def set_ramp_rate(self, rate_c_min: float | None) -> None:
        """Let the set point travel to a new value at a rate [°C/min]; None lets it jump.

        Raises:
            OutOfRangeError: the rate is not a positive number; nothing was sent.
            RefusedError: the controller kept another rate.
            UnsupportedError: the controller has no ramp, or the driver does not know it.
        """
        self._require_open()
        if rate_c_min is not None and not (math.isfinite(rate_c_min) and rate_c_min > 0):
            raise OutOfRangeError(
                f"{self.name}: a ramp rate must be a positive number, got {rate_c_min:g} °C/min"
            )
        self._do_set_ramp_rate(rate_c_min)

    def output_power(self) -> HeaterPower:
        """The power [%] that goes into the heater now, asked from the controller.

        Raises:
            UnsupportedError: the controller does not tell.
        """
        self._require_open()
        power_percent = self._do_read_power_percent()
        return HeaterPower(time_s=self.clock.now_s(), power_percent=power_percent)

    @abstractmethod
    def _do_limits(self) -> HeaterLimits:
        """The set points that this heater takes [°C]."""

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
        """Set the ramp rate [°C/min] and verify it, or switch the ramp off, where there is one."""
        raise UnsupportedError(f"{self.name}: this driver sets no ramp")

    def _do_read_power_percent(self) -> float:
        """Ask the controller for its output power [%], where it tells."""
        raise UnsupportedError(f"{self.name}: this heater does not tell its power")
