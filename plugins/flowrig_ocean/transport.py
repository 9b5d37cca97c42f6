"""python-seabreeze's Ethernet transport with deadlines, an end of file and a close that closes.

What python-seabreeze 2.11.0 does instead: it reads for ever, at full processor load, once the peer
has hung up; waits for ever until the first spectrum sets a timeout; lengthens that timeout by the
integration time at every spectrum; may write a part of a message; and leaves the socket open.
"""

import socket
import time
from typing import Any

from seabreeze.pyseabreeze.transport import IPv4Transport, IPv4TransportHandle, USBTransport

from flowrig.interfaces import WireChannel
from flowrig_ocean.protocol import HdxSeabreezeProtocol
from flowrig_ocean.settings import EthernetAddress

__all__ = ["SafeIPv4Transport", "TimedHandle", "tell_usb"]

MINIMUM_FRAME_BYTES = 64


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
        deadline_s: longest wait [s] for the bytes of one read, where no other is asked for.
        wire: is told the bytes.
    """

    def __init__(self, deadline_s: float, wire: WireChannel) -> None:
        super().__init__(HdxSeabreezeProtocol)
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
        connection.settimeout(timeout_ms / 1000 if timeout_ms else self._deadline_s)
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
        limit_s = timeout_ms / 1000 if timeout_ms else self._deadline_s
        end_s = time.monotonic() + limit_s
        data = bytearray(MINIMUM_FRAME_BYTES if size is None else size)
        rest = memoryview(data)
        while rest:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"the answer was not complete within {limit_s:g} s")
            connection.settimeout(left_s)
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


def tell_usb(transport: USBTransport, wire: WireChannel) -> None:
    """Have python-seabreeze's USB transport tell its bytes."""
    write, read = transport.write, transport.read

    def told_write(data: bytes, *arguments: Any, **options: Any) -> int:
        wire.sent(data)
        return int(write(data, *arguments, **options))

    def told_read(*arguments: Any, **options: Any) -> bytes:
        data = read(*arguments, **options)
        wire.received(data)
        return data

    vars(transport).update(write=told_write, read=told_read)
