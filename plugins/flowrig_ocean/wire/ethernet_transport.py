"""python-seabreeze's Ethernet transport, with a deadline and a close that closes.

Faults of python-seabreeze 2.11.0 (`pyseabreeze/transport.py`) that this module corrects: once the
peer has hung up, a read loops for ever at full processor load; before the first spectrum there is
no timeout at all; each spectrum adds its integration time to the timeout; a write may send only a
part of a message; and `close` leaves the socket open.
"""

import socket
from typing import Any

from seabreeze.pyseabreeze.transport import IPv4Transport, IPv4TransportHandle
from seabreeze.pyseabreeze.types import PySeaBreezeProtocol

from flowrig.interfaces import WireChannel, connect_tcp
from flowrig_ocean.settings import EthernetAddress
from flowrig_ocean.wire.deadline import Deadline
from flowrig_ocean.wire.obp_frame import MINIMUM_FRAME_BYTES
from flowrig_ocean.wire.obp_protocol import safe_protocol

__all__ = ["SafeIPv4Transport", "TimedHandle"]


class TimedHandle(IPv4TransportHandle):
    """A TCP connection that is opened within a deadline, and whose `close` closes the socket.

    Args:
        address: address of the spectrometer.
        deadline_s: longest wait [s] for the connection.
    """

    def __init__(self, address: EthernetAddress, deadline_s: float) -> None:
        super().__init__(address.host, address.port)
        self._deadline_s = deadline_s

    def open(self) -> None:
        """Connect.

        Raises:
            OSError: the connection was refused, or not accepted within the deadline.
        """
        self.socket.close()
        self.socket = connect_tcp(*self.get_address(), self._deadline_s)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()
        super().close()


class SafeIPv4Transport(IPv4Transport):
    """Reads and writes whole messages within a deadline.

    Args:
        protocol: python-seabreeze's protocol class of the model.
        deadline_s: longest wait [s] of one read, unless the caller gives a timeout.
        wire: recorder of the bytes.
    """

    def __init__(
        self, protocol: type[PySeaBreezeProtocol], deadline_s: float, wire: WireChannel
    ) -> None:
        super().__init__(safe_protocol(protocol))
        self._deadline_s = deadline_s
        self._wire = wire

    @property
    def default_timeout_ms(self) -> int:
        """The deadline [ms]; constant, where python-seabreeze lengthens it with every spectrum."""
        return round(self._deadline_s * 1000)

    def write(self, data: bytes, timeout_ms: int | None = None, **kwargs: Any) -> int:
        """Send all of a message.

        Returns:
            number of bytes sent.

        Raises:
            OSError: the connection is lost, or did not accept the bytes in time.
        """
        connection = self._socket()
        self._wire.sent(data)
        with Deadline(timeout_ms, self._deadline_s).wait() as left_s:
            connection.settimeout(left_s)
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
        deadline = Deadline(timeout_ms, self._deadline_s)
        missing, data = MINIMUM_FRAME_BYTES if size is None else size, b""
        while missing:
            with deadline.wait() as left_s:
                connection.settimeout(left_s)
                received = connection.recv(missing)
            if not received:
                raise ConnectionResetError("the spectrometer hung up")
            self._wire.received(received)
            data += received
            missing -= len(received)
        return data

    def _socket(self) -> socket.socket:
        if self._device is None:
            raise ConnectionResetError("the connection is closed")
        return self._device.socket
