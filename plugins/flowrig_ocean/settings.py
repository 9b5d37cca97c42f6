"""Settings of the two drivers, and the forms of an address."""

from ipaddress import AddressValueError, IPv4Address
from typing import Any, Literal

from attrs import Attribute, field, frozen, validators

from flowrig.interfaces.device import DeviceSettings

__all__ = [
    "COUNTS_MAX",
    "INTEGRATION_TIME_MAX_US",
    "INTEGRATION_TIME_MIN_US",
    "WAVELENGTH_MAX_NM",
    "WAVELENGTH_MIN_NM",
    "EthernetAddress",
    "HdxSettings",
    "OceanSettings",
    "UsbAddress",
    "parse_address",
]

INTEGRATION_TIME_MIN_US = 6_000
INTEGRATION_TIME_MAX_US = 9_999_999
"""Longest integration time [µs]; python-seabreeze refuses exactly 10 s."""

COUNTS_MAX = 65_535
"""Top of a converter of 16 bit [counts]."""
WAVELENGTH_MIN_NM, WAVELENGTH_MAX_NM = 185.0, 1150.0
"""Wavelengths [nm] between which every grating of the HDX series lies (Ocean Insight, "Ocean HDX",
200 to 1100 nm at most), with some room; the instrument reports those of its own."""

ETHERNET_PORT = 57357
"""TCP port of an HDX (python-seabreeze, pull request 243)."""


@frozen
class EthernetAddress:
    """An HDX on the network.

    Attributes:
        host: IPv4 address in dotted form.
        port: TCP port.
    """

    host: str
    port: int = ETHERNET_PORT


@frozen
class UsbAddress:
    """An HDX on the USB.

    Attributes:
        serial_number: serial number; empty for the first HDX that is free.
    """

    serial_number: str = ""


def parse_address(address: str) -> EthernetAddress | UsbAddress:
    """Read "192.168.254.254:57357", "192.168.254.254", "usb" or "usb:SERIAL".

    Raises:
        ValueError: the address has none of these forms.
    """
    head, colon, tail = address.partition(":")
    if head == "usb" and bool(colon) == bool(tail):
        return UsbAddress(tail)
    try:
        host = str(IPv4Address(head))
        port = int(tail) if colon else ETHERNET_PORT
    except (AddressValueError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise ValueError(
            f"expected an address such as '192.168.254.254:{ETHERNET_PORT}', 'usb' or "
            f"'usb:SERIAL', got {address!r}"
        )
    return EthernetAddress(host, port)


def _check_address(settings: "_LampSettings", attribute: "Attribute[str]", value: str) -> None:
    parse_address(value)


def _whole_us(value: Any) -> int:
    return round(float(value))


@frozen(kw_only=True)
class _LampSettings(DeviceSettings):
    address: str = field(validator=_check_address)
    light_source: Literal["lamp-enable", "none"] = field(
        default="none", validator=validators.in_(("lamp-enable", "none"))
    )
    saturation_counts: int | None = field(
        default=None,
        validator=validators.optional([validators.ge(1), validators.le(COUNTS_MAX)]),
    )

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """Host and port, or the serial number; without one, the first of its model on the USB."""
        where = parse_address(self.address)
        if isinstance(where, EthernetAddress):
            return (f"{where.host}:{where.port}",)
        return (f"usb:{where.serial_number or f'the first {self._model_name}'}",)

    @property
    def _model_name(self) -> str:
        return str(getattr(self, "model", ""))


@frozen(kw_only=True)
class HdxSettings(_LampSettings):
    """Settings of an Ocean Insight HDX.

    Attributes:
        address: "192.168.254.254:57357" for Ethernet; "usb:SERIAL", or "usb" for the only one, for
            USB. On Linux and macOS USB is known to time out (python-seabreeze, issue 133).
        deadline_s: longest wait [s] for one answer, on top of the integration time.
        integration_time_us: integration time [µs] that `open` sets, 6000 to 9 999 999.
        light_source: "lamp-enable" if the lamp-enable line of the spectrometer drives the shutter
            of the lamp or the driver of the LED; "none" if it controls no light.
            The message for that line is part of the OBP protocol (libseabreeze,
            OBPMessageTypes.h, 0x00110410), but python-seabreeze does not offer it for the HDX and
            it was not tried on a real HDX: check once that the light follows.
        saturation_counts: counts from which on a pixel is saturated, where a detector saturates
            below the top of its converter; by default the top, 65 535. `auto_expose` finds it.
    """

    integration_time_us: int = field(
        default=8_000,
        converter=_whole_us,
        validator=[validators.ge(INTEGRATION_TIME_MIN_US), validators.le(INTEGRATION_TIME_MAX_US)],
    )

    @property
    def model(self) -> str:
        """python-seabreeze's name of the model."""
        return "HDX"


@frozen(kw_only=True)
class OceanSettings(_LampSettings):
    """Settings of any other Ocean spectrometer that python-seabreeze supports.

    Attributes:
        address: "usb:SERIAL", or "usb" for the only one of its model.
        deadline_s: longest wait [s] for one answer, on top of the integration time.
        model: python-seabreeze's name of the model, for instance "STS", "USB2000PLUS" (which
            stands for the Flame-S as well) or "SR4"; empty for any model but the HDX.
        integration_time_us: integration time [µs] that `open` sets; the model has its own limits.
        light_source: as for the HDX; models without OBP and OOI have no such line.
        saturation_counts: as for the HDX; by default the top of the model's converter.
    """

    model: str = ""
    integration_time_us: int = field(
        default=10_000, converter=_whole_us, validator=validators.ge(1)
    )
