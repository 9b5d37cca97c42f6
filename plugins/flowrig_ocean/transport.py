"""python-seabreeze's transports with deadlines, an end of file and a close that closes.

What python-seabreeze 2.11.0 does instead over Ethernet: it reads for ever, at full processor load,
once the peer has hung up; waits for ever until the first spectrum sets a timeout; lengthens that
timeout by the integration time at every spectrum; may write a part of a message; and leaves the
socket open.

And over USB: it waits for pyusb's own second, whatever deadline was asked for; takes a part of an
answer for the whole; asks for fewer bytes than a packet may hold, which libusb calls an overflow
and leaves undefined (libusb, "Packets and overflows"; python-seabreeze, issue 190); begins with
what an earlier program left unread; and resets, when its handles are collected, devices that
somebody else has open.
"""

import contextlib
import math
import socket
import time
from collections.abc import Iterator
from typing import Any

import usb.core
import usb.util
from seabreeze.pyseabreeze.protocol import OBPProtocol
from seabreeze.pyseabreeze.transport import (
    IPv4Transport,
    IPv4TransportHandle,
    USBTransport,
    USBTransportHandle,
)
from seabreeze.pyseabreeze.types import PySeaBreezeProtocol

from flowrig.interfaces import WireChannel
from flowrig_ocean.obp import MINIMUM_FRAME_BYTES
from flowrig_ocean.protocol import safe_protocol
from flowrig_ocean.settings import EthernetAddress

__all__ = ["SafeIPv4Transport", "SafeUSBTransport", "TimedHandle", "UnobtrusiveHandle"]

LEFTOVERS_MS = 10
"""How long an endpoint must be silent to count as empty."""


class _Deadline:
    """The end of one read or write.

    Args:
        timeout_ms: how long it may take [ms], if anybody asked.
        default_s: how long otherwise [s].
    """

    def __init__(self, timeout_ms: int | None, default_s: float) -> None:
        self._limit_s = timeout_ms / 1000 if timeout_ms else default_s
        self._end_s = time.monotonic() + self._limit_s

    def left_s(self) -> float:
        """How long is left [s].

        Raises:
            TimeoutError: nothing.
        """
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"the answer was not complete within {self._limit_s:g} s")
        return left_s

    def left_ms(self) -> int:
        """The same in whole milliseconds [ms], at least 1, because 0 is for ever in libusb."""
        return max(1, math.ceil(self.left_s() * 1000))


class TimedHandle(IPv4TransportHandle):
    """A TCP connection that is made within a deadline, and closed when it is told to.

    Args:
        address: where the spectrometer is.
        deadline_s: longest wait [s] for the connection.
    """

    def __init__(self, address: EthernetAddress, deadline_s: float) -> None:
        super().__init__(address.host, address.port)
        self._deadline_s = deadline_s

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: nobody listens, or nobody answers within the deadline.
        """
        self.socket.close()
        self.socket = socket.create_connection(self.get_address(), timeout=self._deadline_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
        super().close()


class SafeIPv4Transport(IPv4Transport):
    """Reads and writes whole messages within a deadline.

    Args:
        protocol: what is spoken.
        deadline_s: longest wait [s] for the bytes of one read, where no other is asked for.
        wire: is told the bytes.
    """

    def __init__(
        self, protocol: type[PySeaBreezeProtocol], deadline_s: float, wire: WireChannel
    ) -> None:
        super().__init__(safe_protocol(protocol))
        self._deadline_s = deadline_s
        self._wire = wire

    @property
    def default_timeout_ms(self) -> int:
        """The deadline [ms]; the same after any number of spectra."""
        return round(self._deadline_s * 1000)

    def write(self, data: bytes, timeout_ms: int | None = None, **kwargs: Any) -> int:
        """Send all of a message.

        Returns:
            how many bytes were sent.

        Raises:
            OSError: the connection is gone, or did not take the bytes in time.
        """
        connection = self._socket()
        connection.settimeout(_Deadline(timeout_ms, self._deadline_s).left_s())
        self._wire.sent(data)
        connection.sendall(data)
        return len(data)

    def read(
        self,
        size: int | None = None,
        timeout_ms: int | None = None,
        mode: str | None = None,
        **kwargs: Any,
    ) -> bytes:
        """Receive exactly `size` bytes, by default those of a frame without payload.

        Raises:
            ConnectionResetError: the peer hung up.
            TimeoutError: the bytes did not arrive in time.
        """
        connection = self._socket()
        deadline = _Deadline(timeout_ms, self._deadline_s)
        data = bytearray(MINIMUM_FRAME_BYTES if size is None else size)
        rest = memoryview(data)
        while rest:
            connection.settimeout(deadline.left_s())
            received = connection.recv_into(rest)
            if received == 0:
                raise ConnectionResetError("the spectrometer hung up")
            self._wire.received(bytes(rest[:received]))
            rest = rest[received:]
        return bytes(data)

    def _socket(self) -> socket.socket:
        if self._device is None:
            raise ConnectionResetError("the connection is closed")
        return self._device.socket


class UnobtrusiveHandle(USBTransportHandle):
    """A spectrometer on the USB, left alone by who only looked at it.

    python-seabreeze's own handle resets its device when it is closed or collected, also where the
    device could not be opened because somebody else works with it.
    """

    is_ours = False

    def close(self) -> None:
        """Let go of the device; reset it if it is ours."""
        if self.is_ours:
            self.is_ours = False
            super().close()
        else:
            with contextlib.suppress(usb.core.USBError):
                usb.util.dispose_resources(self.pyusb_device)


class SafeUSBTransport(USBTransport):
    """Reads and writes whole messages within a deadline.

    Of protocols other than OBP the length of an answer is not known beforehand; what comes in one
    transfer is taken for the whole, as python-seabreeze does.

    Args:
        plain: python-seabreeze's own transport, made for the model.
        deadline_s: longest wait [s] for the bytes of one read, where no other is asked for.
        wire: is told the bytes.
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
        """Claim the spectrometer, and drop what an earlier program left unread.

        Raises:
            USBTransportDeviceInUse: another program works with it.
            USBTransportError: it cannot be opened.
            OSError: it does not take its configuration.
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
            how many bytes were sent.

        Raises:
            OSError: the device is gone, or did not take the bytes in time.
        """
        device = self._pyusb_device()
        deadline = _Deadline(timeout_ms, self._deadline_s)
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
            OSError: the device is gone, or the bytes did not arrive in time.
        """
        device = self._pyusb_device()
        if not self._lengths_known:
            data: bytes = super().read(size, timeout_ms, mode)
            self._wire.received(data)
            return data
        wanted = MINIMUM_FRAME_BYTES if size is None else size
        deadline = _Deadline(timeout_ms, self._deadline_s)
        endpoint = self._endpoint_map.lowspeed_in or 0
        packet_bytes = self._packet_bytes.get(endpoint, MINIMUM_FRAME_BYTES)
        while len(self._pending) < wanted:
            packets = math.ceil((wanted - len(self._pending)) / packet_bytes)
            came = device.read(endpoint, packets * packet_bytes, timeout=deadline.left_ms())
            self._wire.received(came.tobytes())
            self._pending += came.tobytes()
        answer = bytes(self._pending[:wanted])
        del self._pending[:wanted]
        return answer

    def _drop_leftovers(self) -> None:
        self._pending.clear()
        deadline = _Deadline(None, self._deadline_s)
        with contextlib.suppress(usb.core.USBTimeoutError):
            while deadline.left_s():
                with contextlib.suppress(TimeoutError):  # late before it asked: it knows nothing
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
