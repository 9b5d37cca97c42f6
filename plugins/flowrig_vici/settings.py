"""Settings of a VICI actuator in a profile."""

import re
from typing import Final, Literal, get_args

from attrs import Attribute, field, frozen, validators

from flowrig.interfaces import SelectableSettings
from flowrig_serial.ports import places

__all__ = ["POSITIONS_MAX", "Baud", "ViciSettings"]

Baud = Literal[9600, 4800, 19200, 38400, 57600, 115200]

POSITIONS_MAX: Final = 40
"""Most positions of an actuator (VICI, EUH/EUD/EUT manual, command `NP`)."""


def _require_known(_: object, attribute: "Attribute[str]", value: str) -> None:
    if not re.fullmatch("[0-9A-Z]?", value):
        raise ValueError(f"{attribute.name} must be one digit or capital letter, got {value!r}")


@frozen(kw_only=True)
class ViciSettings(SelectableSettings):
    """Settings of one VICI actuator.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number; or "socket://host:port" for a serial device server.
        positions: by name, the number of each position that the rig uses; on a two-position valve
            1 is A and 2 is B.
        actuator: the actuator's ID, one digit or letter; empty if it has none. Actuators on one
            port have different ones.
        baud: line speed, as set in the actuator; 9600 at the factory.
        deadline_s: longest wait [s] for one reply, beside the time that its bytes take.
    """

    actuator: str = field(default="", validator=_require_known)
    baud: Baud = field(default=9600, validator=validators.in_(get_args(Baud)))
    deadline_s: float = field(default=2.0, validator=validators.gt(0))

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The actuator with its ID."""
        return f"actuator {self.actuator}" if self.actuator else ""
