"""Which HDXs are on the USB, and which of the hosts that a person names is one.

On the USB it is enough to look at what the operating system knows of a device: nothing is opened.
On the network python-seabreeze would send a question to all who listen for it (multicast), whoever
they are; here only those are asked who were named.
"""

from collections.abc import Iterator
from typing import Final

import usb.core

from flowrig.discovery import Discovery, Found, NoAnswer
from flowrig.errors import MissingDependencyError
from flowrig.interfaces import Identity, WireLog
from flowrig_ocean.connect import MODEL, connect
from flowrig_ocean.settings import ETHERNET_PORT, EthernetAddress, parse_address

__all__ = ["find_hdxs"]

DRIVER: Final = "ocean-hdx"
VENDOR: Final = "Ocean Insight"
VENDOR_ID: Final = 0x2457
PRODUCT_ID: Final = 0x2003
"""How an HDX presents itself on the USB (python-seabreeze, `devices.py`)."""


def find_hdxs(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """List the HDXs on the USB, and ask the hosts that were named for their serial number.

    Args:
        ask: what a person allows.

    Raises:
        MissingDependencyError: the libusb library is not installed.
    """
    yield from ask.each(
        ask.endpoints(ETHERNET_PORT), lambda address: [_ask(address, ask.deadline_s)]
    )
    yield from _on_usb()


def _on_usb() -> Iterator[Found]:
    """The HDXs that the operating system knows.

    Raises:
        MissingDependencyError: the libusb library is not installed.
    """
    try:
        devices = list(usb.core.find(find_all=True, idVendor=VENDOR_ID, idProduct=PRODUCT_ID))
    except usb.core.NoBackendError as error:
        raise MissingDependencyError(
            "to look on the USB, install the libusb library (apt install libusb-1.0-0, "
            "brew install libusb, or the libusb DLL)"
        ) from error
    several = f'one of {len(devices)}; take "usb:" and the serial number on its label'
    for device in devices:
        place = f"USB bus {device.bus}, device {device.address}"
        yield Found(
            driver=DRIVER,
            address="usb",
            identity=Identity(VENDOR, MODEL),
            note=f"{place}, {several}" if len(devices) > 1 else place,
        )


def _ask(address: str, deadline_s: float) -> Found | NoAnswer:
    try:
        where = parse_address(address)
        if not isinstance(where, EthernetAddress):
            raise ValueError(f"{address!r} is no host")
        hdx = connect(where, deadline_s, WireLog())
        try:
            who = Identity(VENDOR, MODEL, hdx.serial_number)
        finally:
            hdx.close()
    except Exception as error:  # python-seabreeze lets through whatever it stumbles over
        return NoAnswer(driver=DRIVER, address=address, reason=str(error) or repr(error))
    return Found(driver=DRIVER, address=address, identity=who)
