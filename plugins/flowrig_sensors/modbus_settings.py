"""Settings of a Modbus sensor in a profile."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings, Quantity
from flowrig_serial.ports import places

__all__ = ["TCP_PORT", "Form", "ModbusRegister", "ModbusSensorSettings", "host_and_port"]

TCP_PORT: Final = 502

Form = Literal["uint16", "int16", "uint32", "int32", "float32"]
Table = Literal["holding", "input"]
WordOrder = Literal["high-first", "low-first"]
Protocol = Literal["rtu", "tcp"]
Parity = Literal["none", "even", "odd"]


@frozen(kw_only=True)
class ModbusRegister:
    """One quantity that a sensor keeps in a register, or in two.

    Attributes:
        register: number of the first register on the wire, from 0; manuals often count from 1, or
            from 40001 and 30001.
        table: "holding" for function 3, "input" for function 4.
        form: what the register holds; the forms of 32 bits take two registers.
        unit: its unit in flowrig, after `scale` and `offset`.
        scale: factor from the number in the register to the unit.
        offset: added after the factor.
    """

    register: int = field(validator=[validators.ge(0), validators.le(0xFFFE)])
    table: Table = field(default="holding", validator=validators.in_(get_args(Table)))
    form: Form = field(default="uint16", validator=validators.in_(get_args(Form)))
    unit: str = ""
    scale: float = field(default=1.0, validator=validators.not_(validators.in_((0.0,))))
    offset: float = 0.0

    @property
    def count(self) -> int:
        """Number of registers."""
        return 1 if self.form in ("uint16", "int16") else 2


@frozen(kw_only=True)
class ModbusSensorSettings(DeviceSettings):
    """Settings of an instrument that keeps its values in Modbus registers.

    Attributes:
        address: with `protocol = "rtu"` the serial port, "COM3" or "/dev/ttyUSB0", "usb:SERIAL" for
            the USB adapter with this serial number, or "socket://host:port" for a serial device
            server; with "tcp" "host" or "host:port", with default port 502.
        channels: what it reports, by the name of the quantity.
        protocol: "rtu" on a serial line, with a checksum, or "tcp".
        station: station number, 1 to 247; on a socket often 1 or 255.
        word_order: order of the two registers of a number of 32 bits.
        baud: line speed of the serial line.
        parity: parity of the serial line; the standard is even, many instruments have none.
        deadline_s: longest wait [s] for one answer.
    """

    channels: Mapping[str, ModbusRegister] = field(validator=validators.min_len(1))
    protocol: Protocol = field(default="rtu", validator=validators.in_(get_args(Protocol)))
    station: int = field(default=1, validator=[validators.ge(0), validators.le(255)])
    word_order: WordOrder = field(
        default="high-first", validator=validators.in_(get_args(WordOrder))
    )
    baud: int = field(default=9600, validator=[validators.ge(300), validators.le(921_600)])
    parity: Parity = field(default="none", validator=validators.in_(get_args(Parity)))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    @channels.validator
    def _require_names(self, _attribute: object, channels: Mapping[str, ModbusRegister]) -> None:
        for name in channels:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"channels.{name}: a name has lower-case letters, digits and underscores"
                )

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the instrument reports."""
        return [Quantity(name, channel.unit) for name, channel in self.channels.items()]

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port or the socket; with `look` also the port of a USB adapter."""
        if self.protocol == "tcp" and self.address:
            host, port = host_and_port(self.address)
            return (f"{host}:{port}",)
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The station."""
        return f"station {self.station}"


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of an address of a socket.

    Raises:
        ValueError: the port is no number.
    """
    host, _, port = address.partition(":")
    if port and not port.isdecimal():
        raise ValueError(f"{address!r}: the port must be a number")
    return host, int(port or TCP_PORT)
