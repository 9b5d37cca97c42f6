"""Settings of an F4T in a rig profile."""

from typing import Any, Literal

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable, ge, gt, in_

from flowrig.interfaces.device import DeviceSettings

__all__ = ["F4TSettings"]

SCPI_PORT = 5025
MODBUS_PORT = 502
"""Default TCP ports of the two servers (TestEquity, "F4T Touch Screen Controller User's Guide",
rev. 4.0, chapter 4)."""
ALARMS = 14
SLOTS = 6
"""Alarms whose registers fit before those of the control loops, and slots for modules (Espec North
America, ChamberConnectLibrary, `watlowf4t.py`)."""


def _split(address: str, default_port: int) -> tuple[str, int]:
    host, colon, port = address.partition(":")
    if not host:
        raise ValueError(f'{address!r} has no host; expected "host" or "host:port"')
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"{host!r} is not a host name") from error
    if not colon:
        return host, default_port
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} in {address!r} is not a TCP port; expected 1 to 65535")
    return host, int(port)


def _is_address(_settings: Any, _attribute: "Attribute[str]", value: str) -> None:
    _split(value, SCPI_PORT)


def _is_address_or_empty(settings: Any, attribute: "Attribute[str]", value: str) -> None:
    if value:
        _is_address(settings, attribute, value)


def _can_be_off(settings: "F4TSettings", _attribute: "Attribute[str]", value: str) -> None:
    if value == "control-mode" and not settings.modbus:
        raise ValueError(
            "'control-mode' needs Modbus, because SCPI cannot switch a control loop off; "
            f"add modbus = \"{settings.host}\", or use 'idle'"
        )


def _can_be_watched(
    settings: "F4TSettings", attribute: "Attribute[tuple[int, ...]]", value: tuple[int, ...]
) -> None:
    if value and not settings.modbus:
        raise ValueError(f'{attribute.name} are read by Modbus; add modbus = "{settings.host}"')


def _is_in_range(settings: "F4TSettings", attribute: "Attribute[float]", value: float) -> None:
    if not settings.set_point_min_c <= value <= settings.set_point_max_c:
        raise ValueError(
            f"{attribute.name} is {value:g} °C, outside the set points from "
            f"{settings.set_point_min_c:g} to {settings.set_point_max_c:g} °C"
        )


@frozen(kw_only=True)
class F4TSettings(DeviceSettings):
    """Addresses, control loop and limits of an F4T, and the meaning of "off".

    Attributes:
        address: "host" or "host:port" of the SCPI server; the port is 5025 if left out.
        loop: number of the control loop, 1 to 4.
        set_point_min_c: lowest set point [°C] that is sent.
        set_point_max_c: highest set point [°C] that is sent.
        modbus: "host" or "host:port" of the Modbus server for a second connection; the port is
            502 if left out. Empty for no Modbus. Modbus gives access to values that SCPI does not
            have: control mode, output power, alarms, limit modules, PID sets and the controller's
            own set point range.
        word_order: half of a 32-bit number that comes first in Modbus, as shown on the panel under
            network settings. `open` checks it against the temperatures that SCPI reports.
        off: meaning of "off". "idle" sets `idle_c` and leaves the control loop on; "control-mode"
            switches the control loop off, which needs `modbus`.
        idle_c: set point [°C] at which the plate is not heated, at or below room temperature.
        alarms: numbers of the controller's alarms to watch. While one of them is active, readings
            are BAD and name it, which ends a run. Needs `modbus`.
        limit_modules: slots of the limit modules to watch, with the same effect. Needs `modbus`.
        settle_s: wait [s] before a value that still reads as the old one is read again. Published
            programs wait 0.2 to 2 s after a write.
        patience_s: longest wait [s] until a value that was written is the one that reads back.
            Published programs try for up to 5 s.
        deadline_s: longest wait [s] for a connection, and for one answer.
    """

    address: str = field(validator=_is_address)
    loop: int = field(default=1, validator=in_(range(1, 5)))
    set_point_min_c: float = 0.0
    set_point_max_c: float = 200.0
    modbus: str = field(default="", validator=_is_address_or_empty)
    word_order: Literal["low-first", "high-first"] = field(
        default="low-first", validator=in_(("low-first", "high-first"))
    )
    off: Literal["idle", "control-mode"] = field(
        default="idle", validator=[in_(("idle", "control-mode")), _can_be_off]
    )
    idle_c: float = field(default=20.0, validator=_is_in_range)
    alarms: tuple[int, ...] = field(
        default=(), validator=[deep_iterable(in_(range(1, ALARMS + 1))), _can_be_watched]
    )
    limit_modules: tuple[int, ...] = field(
        default=(), validator=[deep_iterable(in_(range(1, SLOTS + 1))), _can_be_watched]
    )
    settle_s: float = field(default=0.2, validator=ge(0.0))
    patience_s: float = field(default=5.0, validator=ge(0.0))
    deadline_s: float = field(default=2.0, validator=gt(0.0))

    @property
    def host(self) -> str:
        """Host name or IPv4 address of the SCPI server."""
        return _split(self.address, SCPI_PORT)[0]

    @property
    def port(self) -> int:
        """TCP port of the SCPI server."""
        return _split(self.address, SCPI_PORT)[1]

    @property
    def modbus_host_and_port(self) -> tuple[str, int]:
        """Host and TCP port of the Modbus server; `modbus` names one."""
        return _split(self.modbus, MODBUS_PORT)

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """Host and port of each server."""
        modbus = [self.modbus_host_and_port] if self.modbus else []
        return tuple(f"{host}:{port}" for host, port in [(self.host, self.port), *modbus])

    def uses_only(self) -> str:
        """The control loop."""
        return f"loop {self.loop}"

    def describe(self) -> tuple[str, ...]:
        """Sentences for `flowrig check`: the meaning of "off", and the alarms that end a run."""
        if self.off == "control-mode":
            off = "off switches the control loop off, by Modbus"
        else:
            off = f"off sets {self.idle_c:g} °C and leaves the control loop on"
        watched = [f"alarm {number}" for number in self.alarms]
        watched += [f"the limit module in slot {slot}" for slot in self.limit_modules]
        return (off, f"a run ends when {' or '.join(watched)} warns") if watched else (off,)
