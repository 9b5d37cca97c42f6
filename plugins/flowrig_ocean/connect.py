"""Opening a spectrometer over Ethernet or USB as a python-seabreeze device.

`list_devices` of python-seabreeze scans the USB and waits one second for multicast answers at each
call, and needs libusb even for a spectrometer on the network. This module puts the parts of
python-seabreeze together without these steps.
"""

import time
from collections.abc import Callable, Iterator

import usb.core
from seabreeze.pyseabreeze.devices import SeaBreezeDevice
from seabreeze.pyseabreeze.transport import (
    IPv4Transport,
    USBTransport,
    USBTransportDeviceInUse,
    USBTransportError,
)

from flowrig.errors import InputError, MissingDependencyError
from flowrig.interfaces import WireChannel
from flowrig_ocean.settings import EthernetAddress, UsbAddress
from flowrig_ocean.wire.ethernet_transport import SafeIPv4Transport, TimedHandle
from flowrig_ocean.wire.usb_bus import USB_BUS
from flowrig_ocean.wire.usb_transport import SafeUSBTransport, UnobtrusiveHandle

__all__ = ["MODEL", "connect", "printable", "reach"]

MODEL = "HDX"

RELATIVES = {"FLAMES": "USB2000PLUS"}
"""Models that python-seabreeze tells from another one only when they are open."""


def connect(
    address: EthernetAddress | UsbAddress,
    deadline_s: float,
    wire: WireChannel,
    model: str = MODEL,
    pause: Callable[[float], object] = time.sleep,
) -> SeaBreezeDevice:
    """Open the spectrometer at an address.

    Args:
        address: address of the spectrometer.
        deadline_s: longest wait [s] for one answer.
        wire: recorder of the bytes.
        model: python-seabreeze's name of the model; empty for any model but the HDX.
        pause: waits for a time [s].

    Raises:
        MissingDependencyError: a USB address, and libusb is not installed.
        InputError: python-seabreeze does not support the model, or not over Ethernet.
        LookupError: no free spectrometer with this model and serial number is on the USB.
        OSError: no answer.
        ObpProtocolError: the host that answers is not a spectrometer.
    """
    if isinstance(address, EthernetAddress):
        return _connect_ethernet(address, deadline_s, wire, model)
    return _connect_usb(
        address,
        model,
        lambda plain: SafeUSBTransport(plain, deadline_s, wire, pause),
    )


def reach(
    address: EthernetAddress | UsbAddress,
    deadline_s: float,
    wire: WireChannel,
    model: str = MODEL,
    pause: Callable[[float], object] = time.sleep,
) -> SafeIPv4Transport | SafeUSBTransport:
    """Connect to a spectrometer without a query, for one that does not answer.

    On the USB a spectrometer tells its serial number only when it is asked. If several of the model
    are free, none is taken.

    Args:
        address: see `connect`.
        deadline_s: see `connect`.
        wire: see `connect`.
        model: see `connect`.
        pause: see `connect`.

    Returns:
        the open transport; its `close_device` ends the connection.

    Raises:
        LookupError: no free spectrometer of the model is on the USB, or several are.
        OSError: the host does not accept the connection.
    """
    if isinstance(address, EthernetAddress):
        device, handle = _on_ethernet(address, deadline_s, wire, model)
        device._transport.open_device(handle)
        assert isinstance(device._transport, SafeIPv4Transport)
        return device._transport
    reached = []
    for one in _usb_handles(model):
        plain = SeaBreezeDevice(one)._transport
        assert isinstance(plain, USBTransport)
        transport = SafeUSBTransport(plain, deadline_s, wire, pause)
        try:
            transport.open_device(one)
        except (USBTransportDeviceInUse, USBTransportError, OSError):
            continue
        reached.append(transport)
    if len(reached) == 1:
        return reached[0]
    for transport in reached:
        transport.close_device()
    what = model or "spectrometer of Ocean"
    raise LookupError(f"of {what}, {len(reached)} are free on the USB, and none is asked which")


def _connect_ethernet(
    address: EthernetAddress, deadline_s: float, wire: WireChannel, model: str
) -> SeaBreezeDevice:
    device, _ = _on_ethernet(address, deadline_s, wire, model)
    return _opened(device)


def _on_ethernet(
    address: EthernetAddress, deadline_s: float, wire: WireChannel, model: str
) -> tuple[SeaBreezeDevice, TimedHandle]:
    handle = TimedHandle(address, deadline_s)
    IPv4Transport.devices_ip_port[handle.get_address()] = model
    try:
        device = SeaBreezeDevice(handle)
    except (TypeError, KeyError) as error:
        raise InputError(f"python-seabreeze supports no {model!r} on Ethernet; use USB") from error
    assert isinstance(device._transport, IPv4Transport)
    # Private attribute: python-seabreeze has no way to pass a transport; its version is pinned.
    device._transport = SafeIPv4Transport(device._transport._protocol_cls, deadline_s, wire)
    return device, handle


def _connect_usb(
    address: UsbAddress, model: str, transport: Callable[[USBTransport], SafeUSBTransport]
) -> SeaBreezeDevice:
    obstacle: Exception | None = None
    for handle in _usb_handles(model):
        device = SeaBreezeDevice(handle)
        assert isinstance(device._transport, USBTransport)
        device._transport = transport(device._transport)
        try:
            _opened(device)
        except (USBTransportDeviceInUse, USBTransportError, OSError) as error:
            obstacle = error
            continue
        if address.serial_number in ("", printable(device.serial_number)):
            return device
        device.close()
    wanted = f" with serial number {address.serial_number!r}" if address.serial_number else ""
    reason = f"; one that is connected does not open: {obstacle}" if obstacle else ""
    what = model or "spectrometer of Ocean"
    raise LookupError(f"no free {what}{wanted} is on the USB{reason}") from obstacle


def _usb_handles(model: str) -> Iterator[UnobtrusiveHandle]:
    """Handles of all spectrometers of a model on the USB in use."""
    known = USBTransport.vendor_product_ids
    model = RELATIVES.get(model, model)
    wanted = [ids for ids, name in known.items() if name == model or (not model and name != MODEL)]
    if not wanted:
        models = ", ".join(sorted(known.values()))
        raise InputError(f"python-seabreeze supports no {model!r} on USB; it supports {models}")
    what = model or "a spectrometer"
    try:
        devices = usb.core.find(
            find_all=True,
            backend=USB_BUS.backend,
            custom_match=lambda device: (device.idVendor, device.idProduct) in wanted,
        )
        yield from map(UnobtrusiveHandle, devices)
    except usb.core.NoBackendError as error:
        raise MissingDependencyError(
            f"{what} on USB needs the libusb library: install it (apt install libusb-1.0-0, "
            "brew install libusb, or the libusb DLL), or connect by Ethernet"
        ) from error


def printable(serial_number: str) -> str:
    """A serial number without the zero bytes and blanks that some firmware pads it with."""
    return "".join(one for one in serial_number if one.isprintable()).strip()


def _opened(device: SeaBreezeDevice) -> SeaBreezeDevice:
    try:
        device.open()
    except BaseException:
        device.close()
        raise
    return device
