"""What an emulated sensor finds at its place, as a number of the instrument."""

from typing import Final

from flowrig_kinds.bodies import SensorBody
from flowrig_sensors.modbus_settings import ModbusRegister
from flowrig_sensors.settings import ScpiChannel

__all__ = ["sensed"]

UNKNOWN_VALUE: Final = 1.0
"""Value of a quantity for which a sensor's place has none."""


def sensed(body: SensorBody, quantity: str, channel: ScpiChannel | ModbusRegister) -> float:
    """The number that stands for a quantity in the instrument.

    Args:
        body: the sensor in the simulated world.
        quantity: its name in the profile.
        channel: scale and offset from the number to the unit.
    """
    known = {
        "pressure": body.pressure_bar,
        "temperature": body.temperature_c,
        "flow": body.flow_ul_min,
        "velocity": body.velocity_mm_s,
    }
    return (known.get(quantity, UNKNOWN_VALUE) - channel.offset) / channel.scale
