"""How to get an open python-seabreeze device for an HDX, over Ethernet or USB.

python-seabreeze's own way in, `list_devices`, scans the USB and waits a second for multicast
answers, whatever is looked for, and needs libusb for a spectrometer on the network. Its parts are
put together here without that.
"""

from collections.abc import Iterator

from seabreeze.pyseabreeze.devices import SeaBreezeDevice
from seabreeze.pyseabreeze.transport import (
    IPv4Transport,
    USBTransport,
    USBTransportDeviceInUse,
    USBTransportHandle,
)

from flowrig.errors import MissingDependencyError
from flowrig.interfaces import WireChannel
from flowrig_ocean.protocol import HdxSeabreezeProtocol
from flowrig_ocean.settings import EthernetAddress, UsbAddress
from flowrig_ocean.transport import SafeIPv4Transport, TimedHandle, tell_usb

__all__ = ["MODEL", "connect"]

MODEL = "HDX"


def connect(
    address: EthernetAddress | UsbAddress, deadline_s: float, wire: WireChannel
) -> SeaBreezeDevice:
    """Open the HDX at an address.

    Args:
        address: where it is.
        deadline_s: longest wait [s] for one answer over Ethernet.
        wire: is told the bytes.

    Raises:
        MissingDependencyError: a USB address, and libusb is not installed.
        LookupError: no HDX with this serial number is on the USB and free.
        OSError: nobody answers.
        HdxProtocolError: somebody answers who is no HDX.
    """
    if isinstance(address, EthernetAddress):
        return _connect_ethernet(address, deadline_s, wire)
    return _connect_usb(address, wire)


def _connect_ethernet(
    address: EthernetAddress, deadline_s: float, wire: WireChannel
) -> SeaBreezeDevice:
    handle = TimedHandle(address, deadline_s)
    IPv4Transport.devices_ip_port.setdefault(handle.get_address(), MODEL)
    device = SeaBreezeDevice(handle)
    device._transport = SafeIPv4Transport(deadline_s, wire)
    return _opened(device)


def _connect_usb(address: UsbAddress, wire: WireChannel) -> SeaBreezeDevice:
    for handle in _usb_handles():
        device = SeaBreezeDevice(handle)
        assert isinstance(device._transport, USBTransport)
        device._transport._protocol_cls = HdxSeabreezeProtocol
        tell_usb(device._transport, wire)
        try:
            _opened(device)
        except USBTransportDeviceInUse:
            continue
        if address.serial_number in ("", device.serial_number):
            return device
        device.close()
    wanted = f" with serial number {address.serial_number!r}" if address.serial_number else ""
    raise LookupError(f"no free {MODEL}{wanted} is on the USB")


def _usb_handles() -> Iterator[USBTransportHandle]:
    try:
        for handle in USBTransport.list_devices():
            if USBTransport.supported_model(handle) == MODEL:
                yield handle
    except RuntimeError as error:
        raise MissingDependencyError(
            "an HDX on USB needs the libusb library: install it (apt install libusb-1.0-0, "
            "brew install libusb, or the libusb DLL), or connect the HDX by Ethernet"
        ) from error


def _opened(device: SeaBreezeDevice) -> SeaBreezeDevice:
    try:
        device.open()
    except BaseException:
        device.close()
        raise
    return device
