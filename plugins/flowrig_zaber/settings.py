"""Settings of a Zaber stage in a profile."""

import math
from typing import Final, Literal, get_args

from attrs import Attribute, field, frozen, validators

from flowrig.interfaces import DeviceSettings
from flowrig_serial.ports import places

__all__ = ["Baud", "ZaberSettings"]

Baud = Literal[115200, 9600, 19200, 38400, 57600]

DEVICES: Final = range(1, 100)
AXES: Final = range(1, 10)
"""Addresses of devices and numbers of axes that the protocol knows."""


def _require_order(
    _: object, attribute: "Attribute[tuple[float, float]]", limits: tuple[float, float]
) -> None:
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        name = attribute.name.removesuffix("_mm")
        raise ValueError(f"{name} begin with the lowest place, got {low:g} mm and {high:g} mm")


@frozen(kw_only=True)
class ZaberSettings(DeviceSettings):
    """Settings of one axis of a Zaber device.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number; or "socket://host:port" for a serial device server.
        microstep_um: travel [µm] of one microstep, from the data sheet of the stage.
        limits_mm: lowest and highest place [mm] that the rig may use.
        device: the device's address on the port, 1 to 99.
        axis: number of the axis of a controller, 1 to 9.
        baud: line speed, as set in the device; 115200 at the factory.
        deadline_s: longest wait [s] for one reply, beside the time that its bytes take.
    """

    microstep_um: float = field(validator=[validators.gt(0.0), validators.lt(1e3)])
    limits_mm: tuple[float, float] = field(validator=_require_order)
    device: int = field(default=1, validator=validators.in_(DEVICES))
    axis: int = field(default=1, validator=validators.in_(AXES))
    baud: Baud = field(default=115200, validator=validators.in_(get_args(Baud)))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest place [mm]."""
        return self.limits_mm

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The axis of the device with its address."""
        return f"device {self.device}, axis {self.axis}"
