"""A virtual USB inside this process, with emulated spectrometers on it.

It is a backend for pyusb (`usb.backend.IBackend`) that needs neither libusb nor the operating
system. It behaves as libusb does: a short packet ends a transfer, a buffer smaller than a packet
overflows, a device has one owner, and a handle of a disconnected device stays invalid.
"""

import errno
import itertools
import threading
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Final

import usb.backend
import usb.core

from flowrig.emulation import Burst, Front, HangUp, ProtocolCore
from flowrig_ocean.wire.usb_bus import USB_BUS

__all__ = ["VIRTUAL_USB", "UsbFront", "VirtualDevice", "VirtualUsb"]

VENDOR_ID: Final = 0x2457
ENDPOINTS: Final = (0x01, 0x82, 0x86, 0x81)
"""The endpoints of a USB2000+ and its relatives, in the order of their descriptors."""
ANSWERS: Final = 0x81
"""The endpoint from which answers come, if a device does not say otherwise."""

Route = Callable[[bytes, bytes], Iterable[tuple[int, bytes]]]
"""Endpoints and transfers, from what was written and a part of its answer."""


def _to_answers(command: bytes, answer: bytes) -> Iterable[tuple[int, bytes]]:
    return [(ANSWERS, answer)]


CONFIGURATION: Final = SimpleNamespace(
    bLength=9,
    bDescriptorType=2,
    wTotalLength=46,
    bNumInterfaces=1,
    bConfigurationValue=1,
    iConfiguration=0,
    bmAttributes=0x80,
    bMaxPower=250,
    extra_descriptors=[],
)
INTERFACE: Final = SimpleNamespace(
    bLength=9,
    bDescriptorType=4,
    bInterfaceNumber=0,
    bAlternateSetting=0,
    bNumEndpoints=len(ENDPOINTS),
    bInterfaceClass=255,
    bInterfaceSubClass=0,
    bInterfaceProtocol=0,
    iInterface=0,
    extra_descriptors=[],
)


class VirtualDevice:
    """A spectrometer on the virtual USB.

    Args:
        new_core: makes the protocol core for each program that claims the device.
        product_id: USB product id of the model.
        packet_bytes: largest packet [bytes] of the endpoints; 64 at full speed, 512 at high speed.
        route: divides an answer among endpoints.

    Attributes:
        owner: handle that has claimed the device; None if it is free.
        waiting: transfers that wait to be read, by endpoint.
    """

    def __init__(
        self,
        new_core: Callable[[], ProtocolCore],
        product_id: int,
        packet_bytes: int = 64,
        route: Route = _to_answers,
    ) -> None:
        self.new_core = new_core
        self.product_id = product_id
        self.packet_bytes = packet_bytes
        self.route = route
        self.owner: _Opened | None = None
        self.waiting: defaultdict[int, deque[bytes]] = defaultdict(deque)

    @property
    def leftovers(self) -> "deque[bytes]":
        """Transfers that wait at the endpoint of answers."""
        return self.waiting[ANSWERS]


class _Opened:
    """A handle of a device that one program has opened."""

    def __init__(self, device: VirtualDevice) -> None:
        self.device = device
        self.core: ProtocolCore | None = None
        self.is_gone = False

    def require_here(self) -> None:
        if self.is_gone:
            raise usb.core.USBError("No such device", errno=errno.ENODEV)


class VirtualUsb(usb.backend.IBackend):  # type: ignore[misc]
    """A backend for pyusb.

    Attributes:
        devices: connected devices, by address.
    """

    def __init__(self) -> None:
        self.devices: dict[int, VirtualDevice] = {}
        self._addresses = itertools.count(1)
        self._lock = threading.RLock()

    def plug_in(self, device: VirtualDevice) -> int:
        """Connect a device; returns its address on the bus."""
        with self._lock:
            address = next(self._addresses)
            self.devices[address] = device
            USB_BUS.backend = self
        return address

    def pull(self, address: int) -> None:
        """Pull the plug of the device at an address; without effect where there is none."""
        with self._lock:
            device = self.devices.pop(address, None)
            if device is not None:
                _disconnect(device)
            if not self.devices:
                USB_BUS.backend = None

    def enumerate_devices(self) -> Any:
        """The addresses of all devices."""
        return iter(list(self.devices))

    def get_device_descriptor(self, dev: int) -> Any:
        """The device descriptor."""
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=VENDOR_ID,
            idProduct=self._device(dev).product_id,
            bcdDevice=1,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            address=dev,
            bus=1,
            port_number=dev,
            port_numbers=(dev,),
            speed=3,
        )

    def get_configuration_descriptor(self, dev: int, config: int) -> Any:
        """The only configuration."""
        return CONFIGURATION

    def get_interface_descriptor(self, dev: int, intf: int, alt: int, config: int) -> Any:
        """The only interface."""
        if alt:
            raise IndexError(alt)
        return INTERFACE

    def get_endpoint_descriptor(self, dev: int, ep: int, intf: int, alt: int, config: int) -> Any:
        """A bulk endpoint."""
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=ENDPOINTS[ep],
            bmAttributes=2,
            wMaxPacketSize=self._device(dev).packet_bytes,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: int) -> _Opened:
        """Open a device without claiming it."""
        return _Opened(self._device(dev))

    def close_device(self, dev_handle: _Opened) -> None:
        """Release a device."""
        self.release_interface(dev_handle, 0)

    def set_configuration(self, dev_handle: _Opened, config_value: int) -> None:
        """Accept the configuration, unless another handle has claimed the device."""
        self._require_free(dev_handle)

    def get_configuration(self, dev_handle: _Opened) -> int:
        """The only configuration."""
        return int(CONFIGURATION.bConfigurationValue)

    def claim_interface(self, dev_handle: _Opened, intf: int) -> None:
        """Claim a device that no other handle has claimed."""
        with self._lock:
            self._require_free(dev_handle)
            dev_handle.device.owner = dev_handle
            dev_handle.core = dev_handle.core or dev_handle.device.new_core()

    def release_interface(self, dev_handle: _Opened, intf: int) -> None:
        """Release a claimed device."""
        with self._lock:
            if dev_handle.device.owner is dev_handle:
                dev_handle.device.owner = None

    def reset_device(self, dev_handle: _Opened) -> None:
        """Drop all unread transfers, also those of another program."""
        dev_handle.device.waiting.clear()

    def is_kernel_driver_active(self, dev_handle: _Opened, intf: int) -> bool:
        """Always False: there is no kernel."""
        return False

    def bulk_write(
        self, dev_handle: _Opened, ep: int, intf: int, data: "array[int]", timeout: int
    ) -> int:
        """Pass bytes to the emulated instrument; its answer waits to be read."""
        dev_handle.require_here()
        assert dev_handle.core is not None
        try:
            answer = dev_handle.core.feed(data.tobytes())
        except ConnectionAbortedError as end:
            answer = end.answer if isinstance(end, HangUp) else b""
            dev_handle.is_gone = True
            if not answer:
                dev_handle.require_here()
        device = dev_handle.device
        for part in answer.parts if isinstance(answer, Burst) else (answer,):
            for endpoint, transfer in device.route(data.tobytes(), part):
                if transfer:
                    device.waiting[endpoint].append(transfer)
        return len(data)

    def bulk_read(
        self, dev_handle: _Opened, ep: int, intf: int, buff: "array[int]", timeout: int
    ) -> int:
        """Read from the waiting transfer; without one, raise the timeout error at once."""
        waiting = dev_handle.device.waiting[ep]
        if not waiting:
            dev_handle.require_here()
            raise usb.core.USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT)
        packet_bytes = dev_handle.device.packet_bytes
        if len(waiting[0]) > len(buff) and len(buff) % packet_bytes:
            waiting.popleft()
            raise usb.core.USBError("Overflow", errno=errno.EOVERFLOW)
        data = waiting[0][: len(buff)]
        waiting[0] = waiting[0][len(data) :]
        if not waiting[0]:
            waiting.popleft()
        buff[: len(data)] = array("B", data)
        return len(data)

    def _device(self, address: int) -> VirtualDevice:
        try:
            return self.devices[address]
        except KeyError:
            raise usb.core.USBError("No such device", errno=errno.ENODEV) from None

    def _require_free(self, handle: _Opened) -> None:
        handle.require_here()
        owner = handle.device.owner
        if owner not in (None, handle) and not owner.is_gone:
            raise usb.core.USBError("Resource busy", errno=errno.EBUSY)


def _disconnect(device: VirtualDevice) -> None:
    if device.owner is not None:
        device.owner.is_gone = True
    device.owner = None
    device.waiting.clear()


VIRTUAL_USB: Final = VirtualUsb()
"""The virtual USB of this process; while a device is on it, the driver looks at no other USB."""


class UsbFront(Front):
    """Plugs an emulated spectrometer into the virtual USB.

    Args:
        device: the device to plug in.
        serial_number: serial number that the instrument reports.
        bus: the virtual USB.
    """

    def __init__(
        self, device: VirtualDevice, serial_number: str, bus: VirtualUsb = VIRTUAL_USB
    ) -> None:
        self._device = device
        self._serial_number = serial_number
        self._bus = bus
        self._address: int | None = None

    def start(self) -> str:
        """Plug it in; returns "usb:SERIAL"."""
        self._address = self._bus.plug_in(self._device)
        return f"usb:{self._serial_number}"

    def stop(self) -> None:
        """Pull the plug."""
        if self._address is not None:
            self._bus.pull(self._address)
            self._address = None

    def send(self, data: bytes) -> None:
        """Put an unrequested transfer into the endpoint."""
        self._device.leftovers.append(data)
