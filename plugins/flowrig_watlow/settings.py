"""What a rig profile says about an F4T."""

from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import ge, gt, in_

from flowrig.interfaces.device import DeviceSettings

__all__ = ["DEFAULT_PORT", "F4TSettings"]

DEFAULT_PORT = 5025
"""TCP port of the SCPI server (TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0,
chapter 4)."""


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.partition(":")
    if not host:
        raise ValueError(f'{address!r} has no host; expected "host" or "host:port"')
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"{host!r} is no host name") from error
    if not colon:
        return host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} in {address!r} is no TCP port; expected 1 to 65535")
    return host, int(port)


def _is_address(_settings: Any, _attribute: "Attribute[str]", value: str) -> None:
    _split(value)


def _is_in_range(settings: "F4TSettings", attribute: "Attribute[float]", value: float) -> None:
    if not settings.set_point_min_c <= value <= settings.set_point_max_c:
        raise ValueError(
            f"{attribute.name} is {value:g} °C, outside the set points from "
            f"{settings.set_point_min_c:g} to {settings.set_point_max_c:g} °C"
        )


@frozen(kw_only=True)
class F4TSettings(DeviceSettings):
    """Where an F4T is and how far it may heat.

    Attributes:
        address: "host" or "host:port"; the port is 5025 unless said otherwise.
        loop: number of the control loop, 1 to 4.
        set_point_min_c: lowest set point [°C] that is sent.
        set_point_max_c: highest set point [°C] that is sent.
        idle_c: set point [°C] that stands for "off". SCPI has no command that switches a control
            loop off, so that a heater at rest is one whose set point lies at or below the room's
            temperature.
        settle_s: wait [s] before a set point that does not show yet is asked for again; users of
            the F4T report some 0.2 s.
    """

    address: str = field(validator=_is_address)
    loop: int = field(default=1, validator=in_(range(1, 5)))
    set_point_min_c: float = 0.0
    set_point_max_c: float = 200.0
    idle_c: float = field(default=20.0, validator=_is_in_range)
    settle_s: float = field(default=0.2, validator=ge(0.0))
    deadline_s: float = field(default=2.0, validator=gt(0.0))

    @property
    def host(self) -> str:
        """Host name or IPv4 address."""
        return _split(self.address)[0]

    @property
    def port(self) -> int:
        """TCP port."""
        return _split(self.address)[1]
