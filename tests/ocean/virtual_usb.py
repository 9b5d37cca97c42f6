"""A USB with nothing on it but emulated HDXs, behind pyusb's documented interface for backends."""

from array import array
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core

from flowrig_ocean.emulator import HdxInstrument, HdxProtocol

PACKET_BYTES = 64
ENDPOINTS = (0x01, 0x81, 0x82, 0x86)
CONFIGURATION = SimpleNamespace(
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


class VirtualDevice:
    """One HDX as the USB sees it."""

    def __init__(self, instrument: HdxInstrument, address: int) -> None:
        self.core = HdxProtocol(instrument)
        self.to_host = b""
        self.claimed_elsewhere = False
        self.descriptor = SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=0x2457,
            idProduct=0x2003,
            bcdDevice=1,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            address=address,
            bus=1,
            port_number=address,
            port_numbers=(address,),
            speed=3,
        )


class VirtualBus(usb.backend.IBackend):
    """A backend for pyusb that needs neither libusb nor an operating system's help."""

    def __init__(self, *devices: VirtualDevice) -> None:
        self.devices = devices

    def enumerate_devices(self) -> Any:
        return iter(self.devices)

    def get_device_descriptor(self, dev: VirtualDevice) -> Any:
        return dev.descriptor

    def get_configuration_descriptor(self, dev: VirtualDevice, config: int) -> Any:
        return CONFIGURATION

    def get_interface_descriptor(self, dev: VirtualDevice, intf: int, alt: int, config: int) -> Any:
        if alt:
            raise IndexError(alt)
        return SimpleNamespace(
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

    def get_endpoint_descriptor(
        self, dev: VirtualDevice, ep: int, intf: int, alt: int, config: int
    ) -> Any:
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=ENDPOINTS[ep],
            bmAttributes=2,
            wMaxPacketSize=PACKET_BYTES,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: VirtualDevice) -> VirtualDevice:
        return dev

    def close_device(self, dev_handle: VirtualDevice) -> None:
        """Nothing is held."""

    def set_configuration(self, dev_handle: VirtualDevice, config_value: int) -> None:
        if dev_handle.claimed_elsewhere:
            raise usb.core.USBError("Resource busy", errno=16)

    def get_configuration(self, dev_handle: VirtualDevice) -> int:
        return CONFIGURATION.bConfigurationValue

    def claim_interface(self, dev_handle: VirtualDevice, intf: int) -> None:
        """Free for everybody."""

    def release_interface(self, dev_handle: VirtualDevice, intf: int) -> None:
        """Free for everybody."""

    def reset_device(self, dev_handle: VirtualDevice) -> None:
        dev_handle.to_host = b""

    def is_kernel_driver_active(self, dev_handle: VirtualDevice, intf: int) -> bool:
        return False

    def bulk_write(
        self, dev_handle: VirtualDevice, ep: int, intf: int, data: array, timeout: int
    ) -> int:
        try:
            dev_handle.to_host += dev_handle.core.feed(data.tobytes())
        except ConnectionAbortedError as error:
            raise usb.core.USBError("No such device", errno=19) from error
        return len(data)

    def bulk_read(
        self, dev_handle: VirtualDevice, ep: int, intf: int, buff: array, timeout: int
    ) -> int:
        if not dev_handle.to_host:
            raise usb.core.USBTimeoutError("Operation timed out", errno=110)
        data = dev_handle.to_host[: len(buff)]
        dev_handle.to_host = dev_handle.to_host[len(data) :]
        buff[: len(data)] = array("B", data)
        return len(data)
