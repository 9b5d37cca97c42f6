"""python-seabreeze's USB transport, with a deadline and reads of whole packets.

Faults of python-seabreeze 2.11.0 (`pyseabreeze/transport.py`) that this module corrects: every
transfer waits for pyusb's default of one second, whatever deadline the caller gave; a part of an
answer passes for the whole answer; a read asks for fewer bytes than one packet may hold, which
libusb calls an overflow and leaves undefined (libusb, "Packets and overflows"; python-seabreeze,
issue 190); the first answer may be one that an earlier program left unread; and a handle that is
garbage collected resets its device, even when another program has opened that device.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import usb.core
import usb.util
from seabreeze.pyseabreeze.protocol import OBPProtocol
from seabreeze.pyseabreeze.transport import USBTransport, USBTransportHandle

from flowrig.interfaces import WireChannel
from flowrig_ocean.wire.deadline import Deadline
from flowrig_ocean.wire.obp_frame import MINIMUM_FRAME_BYTES
from flowrig_ocean.wire.obp_protocol import safe_protocol

__all__ = ["SafeUSBTransport", "UnobtrusiveHandle"]

LEFTOVERS_MS = 10
"""An endpoint that stays silent for this time [ms] counts as empty."""


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
    """

    def __init__(self, plain: USBTransport, deadline_s: float, wire: WireChannel) -> None:
        super().__init__(
            plain._vendor_id,
            plain._product_id,
            plain._endpoint_map,
            safe_protocol(plain._protocol_cls),
        )
        self._deadline_s = deadline_s
        self._wire = wire
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
        super().open_device(device)
        if isinstance(device, UnobtrusiveHandle):
            device.is_ours = True
        self._packet_bytes = dict(_packet_sizes(device.pyusb_device))
        if self._lengths_known:
            self._drop_leftovers()

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
            sent += device.write(self._endpoint_map.ep_out, data[sent:], timeout=deadline.left_ms())
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
        device = self._pyusb_device()
        if not self._lengths_known:
            data: bytes = super().read(size, timeout_ms, mode)
            self._wire.received(data)
            return data
        wanted = MINIMUM_FRAME_BYTES if size is None else size
        deadline = Deadline(timeout_ms, self._deadline_s)
        endpoint = self._endpoint_map.lowspeed_in or 0
        packet_bytes = self._packet_bytes.get(endpoint, MINIMUM_FRAME_BYTES)
        while len(self._pending) < wanted:
            # Whole packets only: libusb leaves a packet that overflows its buffer undefined.
            packets = math.ceil((wanted - len(self._pending)) / packet_bytes)
            came = device.read(endpoint, packets * packet_bytes, timeout=deadline.left_ms())
            self._wire.received(came.tobytes())
            self._pending += came.tobytes()
        answer = bytes(self._pending[:wanted])
        del self._pending[:wanted]
        return answer

    def _drop_leftovers(self) -> None:
        self._pending.clear()
        deadline = Deadline(None, self._deadline_s)
        with contextlib.suppress(usb.core.USBTimeoutError):
            while deadline.left_s():
                # A thread that was held up past the wait has not asked the endpoint: it asks again.
                with contextlib.suppress(TimeoutError):
                    self.read(1, timeout_ms=LEFTOVERS_MS)
                self._pending.clear()

    def _pyusb_device(self) -> usb.core.Device:
        if self._device is None:
            raise ConnectionResetError("the connection is closed")
        return self._device.pyusb_device


def _packet_sizes(device: usb.core.Device) -> Iterator[tuple[int, int]]:
    """Address and largest packet [bytes] of every endpoint."""
    for interface in device.get_active_configuration():
        for endpoint in interface.endpoints():
            yield endpoint.bEndpointAddress, endpoint.wMaxPacketSize
