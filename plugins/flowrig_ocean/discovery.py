"""Finding Ocean spectrometers on the USB, and HDXs among the hosts that the user names.

On the USB the descriptors that the operating system holds are enough: no device is opened. On the
network python-seabreeze would send a multicast query to every listener; this module asks only the
hosts that the user named.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import usb.core
from seabreeze.pyseabreeze.transport import USBTransport

from flowrig.errors import MissingDependencyError
from flowrig.interfaces import Identity, WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_ocean.connect import MODEL, connect, printable
from flowrig_ocean.settings import ETHERNET_PORT, EthernetAddress, parse_address

__all__ = ["find_hdxs", "find_others"]

DRIVER: Final = "ocean-hdx"
DRIVER_OF_OTHERS: Final = "ocean"
VENDOR: Final = "Ocean Insight"


def find_hdxs(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """List the HDXs on the USB, and query the serial number of each host that the user named.

    Args:
        ask: the hosts that the user named, and the deadline.

    Raises:
        MissingDependencyError: the libusb library is not installed.
    """
    yield from ask.each(
        ask.endpoints(ETHERNET_PORT), lambda address: [_ask(address, ask.deadline_s)]
    )
    for model, note in _on_usb(lambda model: model == MODEL):
        yield Found(driver=DRIVER, address="usb", identity=Identity(VENDOR, model), note=note)


def find_others(ask: Discovery) -> Iterator[Found]:
    """List the other spectrometers on the USB that python-seabreeze supports.

    Args:
        ask: not used: no host is queried.

    Raises:
        MissingDependencyError: the libusb library is not installed.
    """
    for model, note in _on_usb(lambda model: model != MODEL):
        yield Found(
            driver=DRIVER_OF_OTHERS,
            address="usb",
            identity=Identity(VENDOR, model),
            settings={"model": model},
            note=note,
        )


def _on_usb(wanted: Callable[[str], bool]) -> list[tuple[str, str]]:
    """Model and place on the bus of each spectrometer of the wanted models.

    Raises:
        MissingDependencyError: the libusb library is not installed.
    """
    try:
        devices = [(_model(one), one) for one in usb.core.find(find_all=True, custom_match=_model)]
    except usb.core.NoBackendError as error:
        raise MissingDependencyError(
            "to look on the USB, install the libusb library (apt install libusb-1.0-0, "
            "brew install libusb, or the libusb DLL)"
        ) from error
    numbers = Counter(model for model, _ in devices)
    return [
        (model, f"USB bus {one.bus}, device {one.address}{_choice(numbers[model])}")
        for model, one in devices
        if wanted(model)
    ]


def _model(device: Any) -> str:
    """python-seabreeze's name of the model; empty for any other USB device."""
    return str(USBTransport.vendor_product_ids.get((device.idVendor, device.idProduct), ""))


def _choice(number: int) -> str:
    return (
        f', one of {number}; take "usb:" and the serial number on its label' if number > 1 else ""
    )


def _ask(address: str, deadline_s: float) -> Found | NoAnswer:
    try:
        where = parse_address(address)
        if not isinstance(where, EthernetAddress):
            raise ValueError(f"{address!r} is not a host")
        hdx = connect(where, deadline_s, WireLog())
        try:
            who = Identity(VENDOR, MODEL, printable(hdx.serial_number))
        finally:
            hdx.close()
    except Exception as error:  # python-seabreeze does not wrap its exceptions
        return NoAnswer(driver=DRIVER, address=address, reason=str(error) or repr(error))
    return Found(driver=DRIVER, address=address, identity=who)
