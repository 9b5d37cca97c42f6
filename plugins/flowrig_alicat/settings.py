"""Settings of an Alicat controller in a profile."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from attrs import Attribute, field, frozen, validators

from flowrig.interfaces import DeviceSettings, Quantity
from flowrig_serial.ports import places

__all__ = ["BAR", "AlicatSettings", "Baud", "PressureUnit"]

Baud = Literal[19200, 2400, 9600, 38400, 57600, 115200]
PressureUnit = Literal["psia", "bara", "kPaA", "torrA"]

BAR: Final[Mapping[str, float]] = {
    "psia": 0.06894757293168361,
    "bara": 1.0,
    "kPaA": 0.01,
    "torrA": 1.01325 / 760.0,
}
"""One unit of pressure [bar]."""


def _require_letter(_: object, attribute: "Attribute[str]", value: str) -> None:
    if not re.fullmatch("[A-Z]", value):
        raise ValueError(f"{attribute.name} must be one capital letter, got {value!r}")


@frozen(kw_only=True)
class AlicatSettings(DeviceSettings):
    """Settings of one Alicat controller.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number; or "socket://host:port" for a serial device server.
        controller: the controller's unit ID, a letter; each controller on a port has its own.
        full_scale: largest flow of the controller, in `unit`.
        unit: unit of the flow, as the controller shows it; the protocol's data frame has none.
        pressure_unit: unit of the absolute pressure, as the controller shows it.
        baud: line speed, as set in the controller; 19200 at the factory.
        deadline_s: longest wait [s] for one reply, beside the time that its bytes take.
    """

    controller: str = field(default="A", validator=_require_letter)
    full_scale: float = field(validator=validators.gt(0))
    unit: str = "SLPM"
    pressure_unit: PressureUnit = field(
        default="psia", validator=validators.in_(get_args(PressureUnit))
    )
    baud: Baud = field(default=19200, validator=validators.in_(get_args(Baud)))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest flow."""
        return 0.0, self.full_scale

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the controller reports."""
        return (
            Quantity("flow", self.unit),
            Quantity("pressure", "bar"),
            Quantity("temperature", "degC"),
        )

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The controller with its unit ID."""
        return f"controller {self.controller}"
