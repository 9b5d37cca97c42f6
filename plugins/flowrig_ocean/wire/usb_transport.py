"""python-seabreeze's USB transport, with a deadline and reads of whole packets.

Faults of python-seabreeze 2.11.0 (`pyseabreeze/transport.py`) that this module corrects: every
transfer waits for pyusb's default of one second, whatever deadline the caller gave; a part of an
answer passes for the whole answer; a read asks for fewer bytes than one packet may hold, which
libusb calls an overflow and leaves undefined (libusb, "Packets and overflows"; python-seabreeze,
issue 190); the first answer may be one that an earlier program left unread, at any endpoint; and a
handle that is garbage collected resets its device, even when another program has opened that
device.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import usb.core
import usb.util
from seabreeze.pyseabreeze.protocol import OBPProtocol
from seabreeze.pyseabreeze.transport import USBTransport, USBTransportHandle
from seabreeze.pyseabreeze.types import PySeaBreezeProtocol

from flowrig.interfaces import WireChannel
from flowrig_ocean.wire.deadline import Deadline
from flowrig_ocean.wire.obp_frame import MINIMUM_FRAME_BYTES
from flowrig_ocean.wire.obp_protocol import safe_protocol

__all__ = ["SafeUSBTransport", "UnobtrusiveHandle"]

LEFTOVERS_MS = 10
"""An endpoint that stays silent for this time [ms] counts as empty."""
LEFTOVERS_BYTES = 4096
"""Bytes that are asked for at once from an endpoint that may hold leftovers."""


class UnobtrusiveHandle(USBTransportHandle):
    """A handle of a spectrometer on the USB that resets the device only if it has opened it.

    The handle of python-seabreeze resets its device when it is closed or garbage collected, even if
    the device could not be opened because another program uses it.

    Attributes:
        is_ours: whether this handle has claimed the device.
    """

    is_ours = False

    def close(self) -> None:
        """Release the device; reset it if this handle has claimed it."""
        if self.is_ours:
            self.is_ours = False
            super().close()
        else:
            with contextlib.suppress(usb.core.USBError):
                usb.util.dispose_resources(self.pyusb_device)


class SafeUSBTransport(USBTransport):
    """Reads and writes whole messages within a deadline.

    In protocols other than OBP the length of an answer is not known beforehand; one transfer counts
    as the whole answer, as in python-seabreeze.

    Args:
        plain: python-seabreeze's own transport, made for the model.
        deadline_s: longest wait [s] of one read, unless the caller gives a timeout.
        wire: recorder of the bytes.
        pause: waits for a time [s].

    Attributes:
        pause: as above; the protocol waits with it.
    """

    def __init__(
        self,
        plain: USBTransport,
        deadline_s: float,
        wire: WireChannel,
        pause: Callable[[float], object],
    ) -> None:
        super().__init__(
            plain._vendor_id,
            plain._product_id,
            plain._endpoint_map,
            safe_protocol(plain._protocol_cls),
        )
        self._deadline_s = deadline_s
        self._wire = wire
        self.pause = pause
        self._lengths_known = issubclass(plain._protocol_cls, OBPProtocol)
        self._packet_bytes: dict[int, int] = {}
        self._pending = bytearray()

    @property
    def default_timeout_ms(self) -> int:
        """The deadline [ms]."""
        return round(self._deadline_s * 1000)

    def open_device(self, device: USBTransportHandle) -> None:
        """Claim the spectrometer, and drop bytes that an earlier program left unread.

        Raises:
            USBTransportDeviceInUse: another program uses the device.
            USBTransportError: the device cannot be opened.
            OSError: the device does not accept its configuration.
        """
        device.pyusb_device.default_timeout = self.default_timeout_ms
        self._device = device
        self._claim(device)
        self._packet_bytes = dict(_packet_sizes(device.pyusb_device))
        self._drop_leftovers()
        self._protocol = self._protocol_cls(self)

    def _claim(self, device: USBTransportHandle) -> None:
        """Let python-seabreeze configure the device, without the first bytes of its protocol."""
        protocol, nothing = self._protocol_cls, cast("type[PySeaBreezeProtocol]", _no_protocol)
        self._protocol_cls = nothing
        try:
            super().open_device(device)
        finally:
            self._protocol_cls = protocol
        if isinstance(device, UnobtrusiveHandle):
            device.is_ours = True

    def write(self, data: bytes, timeout_ms: int | None = None, **kwargs: Any) -> int:
        """Send all of a message.

        Returns:
            number of bytes sent.

        Raises:
            OSError: the device is disconnected, or did not accept the bytes in time.
        """
        device = self._pyusb_device()
        deadline = Deadline(timeout_ms, self._deadline_s)
        self._pending.clear()
        self._wire.sent(data)
        sent = 0
        while sent < len(data):
            with deadline.wait_ms() as left_ms:
                sent += device.write(self._endpoint_map.ep_out, data[sent:], timeout=left_ms)
        return sent

    def read(
        self,
        size: int | None = None,
        timeout_ms: int | None = None,
        mode: str | None = None,
        **kwargs: Any,
    ) -> bytes:
        """Receive exactly `size` bytes, by default those of a frame without payload.

        Raises:
            OSError: the device is disconnected, or the bytes did not arrive in time.
        """
        if not self._lengths_known:
            return self._read_transfer(size, timeout_ms, mode)
        device = self._pyusb_device()
        wanted = MINIMUM_FRAME_BYTES if size is None else size
        deadline = Deadline(timeout_ms, self._deadline_s)
        endpoint = self._endpoint_map.lowspeed_in or 0
        while len(self._pending) < wanted:
            length = self._whole_packets(endpoint, wanted - len(self._pending))
            with deadline.wait_ms() as left_ms:
                came = device.read(endpoint, length, timeout=left_ms)
            self._wire.received(came.tobytes())
            self._pending += came.tobytes()
        answer = bytes(self._pending[:wanted])
        del self._pending[:wanted]
        return answer

    def _read_transfer(self, size: int | None, timeout_ms: int | None, mode: str | None) -> bytes:
        """Receive one transfer, of any length up to `size` in whole packets."""
        mode = mode or self._default_read_endpoint
        endpoint = getattr(self._endpoint_map, self._read_endpoints[mode])
        length = self._whole_packets(endpoint, size or self._default_read_size[mode])
        with Deadline(timeout_ms, self._deadline_s).wait_ms() as left_ms:
            data: bytes = self._pyusb_device().read(endpoint, length, timeout=left_ms).tobytes()
        self._wire.received(data)
        return data

    def _whole_packets(self, endpoint: int, length: int) -> int:
        """A length [bytes] in whole packets: libusb leaves a packet that overflows undefined."""
        packet_bytes = self._packet_bytes.get(endpoint, MINIMUM_FRAME_BYTES)
        return math.ceil(length / packet_bytes) * packet_bytes

    def _drop_leftovers(self) -> None:
        """Read every endpoint of the protocol until it is silent.

        Raises:
            TimeoutError: the device sends without end.
        """
        self._pending.clear()
        endpoints = {self._endpoint_map.lowspeed_in}
        if not self._lengths_known:
            endpoints |= {self._endpoint_map.highspeed_in, self._endpoint_map.highspeed_in2}
        deadline = Deadline(None, self._deadline_s)
        for endpoint in sorted(one for one in self._packet_bytes if one in endpoints):
            length = self._whole_packets(endpoint, LEFTOVERS_BYTES)
            with contextlib.suppress(usb.core.USBTimeoutError):
                while True:
                    with deadline.wait():
                        came = self._pyusb_device().read(endpoint, length, timeout=LEFTOVERS_MS)
                    self._wire.received(came.tobytes())

    def _pyusb_device(self) -> usb.core.Device:
        if self._device is None:
            raise ConnectionResetError("the connection is closed")
        return self._device.pyusb_device


def _no_protocol(transport: Any) -> None:
    """Stands for a protocol while the device is claimed."""


def _packet_sizes(device: usb.core.Device) -> Iterator[tuple[int, int]]:
    """Address and largest packet [bytes] of every endpoint."""
    for interface in device.get_active_configuration():
        for endpoint in interface.endpoints():
            yield endpoint.bEndpointAddress, endpoint.wMaxPacketSize
