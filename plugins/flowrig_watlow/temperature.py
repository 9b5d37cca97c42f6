"""The two temperature units of an F4T, and their conversion."""

from enum import Enum

__all__ = ["NO_NUMBER", "TemperatureUnit"]

NO_NUMBER = 9.9e37
"""Magnitude from which on a number stands for none: SCPI-99, volume 1, section 7.2.1.4, has ±9.9E37
for the infinities and 9.91E37 for "not a number"."""


class TemperatureUnit(Enum):
    """Unit of every temperature on the wire, as `:UNIT:TEMPERATURE?` spells it."""

    CELSIUS = "C"
    FAHRENHEIT = "F"

    def to_celsius(self, value: float) -> float:
        """A temperature in this unit, in °C."""
        return value if self is TemperatureUnit.CELSIUS else (value - 32.0) / 1.8

    def from_celsius(self, temperature_c: float) -> float:
        """A temperature [°C] in this unit."""
        return temperature_c if self is TemperatureUnit.CELSIUS else temperature_c * 1.8 + 32.0

    @property
    def degrees_per_kelvin(self) -> float:
        """Size of a difference of 1 K in degrees of this unit."""
        return 1.0 if self is TemperatureUnit.CELSIUS else 1.8
