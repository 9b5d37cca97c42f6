"""The answer of an HDX to the multicast query of programs that search for spectrometers.

python-seabreeze sends GET_PRODUCT_ID to the group 239.239.239.239, port 57357, and takes the
address from which an answer comes for that of the spectrometer (`pyseabreeze/transport.py`; group
and port also in libseabreeze, SeaBreezeWrapper.h). The emulator listens on loopback only: a program
finds it with `network_adapter="127.0.0.1"`.
"""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Final

from flowrig_ocean.settings import ETHERNET_PORT

__all__ = ["GROUP", "MulticastAnswer"]

GROUP: Final = "239.239.239.239"
LOOPBACK: Final = "127.0.0.1"
QUERY_BYTES_MAX: Final = 2048


class MulticastAnswer:
    """Answers multicast queries for one emulator, in a thread.

    Args:
        answer: the answer to the bytes of a query; empty for none.
        port: TCP port at which the emulator serves; answers come from the same UDP port.
    """

    def __init__(self, answer: Callable[[bytes], bytes], port: int) -> None:
        self._answer = answer
        self._port = port
        self._listener: socket.socket | None = None
        self._speaker: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> bool:
        """Begin to listen; returns False where the operating system allows no multicast."""
        try:
            self._listener = _listener()
            self._speaker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._speaker.bind((LOOPBACK, self._port))
        except OSError:
            self.stop()
            return False
        self._thread = threading.Thread(target=self._serve, name="multicast", daemon=True)
        self._thread.start()
        return True

    def stop(self) -> None:
        """End it; idempotent."""
        listener, self._listener = self._listener, None
        speaker, self._speaker = self._speaker, None
        if listener is not None and speaker is not None:
            with contextlib.suppress(OSError):
                speaker.sendto(b"", listener.getsockname())  # wakes the thread
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None
        for one in (listener, speaker):
            if one is not None:
                one.close()

    def _serve(self) -> None:
        listener, speaker = self._listener, self._speaker
        while listener is not None and speaker is not None and self._listener is listener:
            try:
                query, client = listener.recvfrom(QUERY_BYTES_MAX)
                answer = self._answer(query) if client[0] == LOOPBACK else b""
                if answer:
                    speaker.sendto(answer, client)
            except OSError:
                continue


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT") and sys.platform != "linux":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Bound to the group, or on Windows to loopback, so that no datagram of a network comes in.
        listener.bind((LOOPBACK if sys.platform == "win32" else GROUP, ETHERNET_PORT))
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(LOOPBACK))
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        listener.settimeout(1.0)
    except OSError:
        listener.close()
        raise
    return listener
