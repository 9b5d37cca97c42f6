"""Registers over Modbus TCP through pymodbus, without its automatic repeats.

By default pymodbus 3.16 sends an unanswered request three more times, which must not happen to a
write; it raises no exception of its own for a closed port or a wrong reply length; and it keeps the
connection after a failure. This module raises an error at once for each of them, sends each request
once, and closes a link that failed.
"""

import contextlib
import logging
import select
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from flowrig.interfaces import WireChannel, connect_tcp
from flowrig_watlow.host import address_of

__all__ = ["ModbusLink", "ModbusRefusedError"]

# Without a handler pymodbus writes each missing answer to standard error, over the live display.
logging.getLogger("pymodbus").addHandler(logging.NullHandler())

EXCEPTIONS = {1: "unknown function", 2: "no such register", 3: "invalid value"}
MALFORMED = (ModbusException, struct.error, IndexError, ValueError)
"""Exceptions that pymodbus 3.16 raises for a malformed reply."""


class ModbusRefusedError(Exception):
    """The controller answered with an exception code.

    Args:
        code: the code (Modbus Application Protocol Specification, V1.1b3, chapter 7).
    """

    def __init__(self, code: int) -> None:
        super().__init__(
            f"the controller refuses with Modbus exception {code}"
            + (f": {EXCEPTIONS[code]}" if code in EXCEPTIONS else "")
        )


class _RecordedClient(ModbusTcpClient):
    """A client that records its bytes and sends each request once."""

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._wire = wire
        self._deadline_s = deadline_s
        super().__init__(host, port=port, timeout=deadline_s, retries=0)

    def connect(self) -> bool:
        if self.socket is None:
            with contextlib.suppress(OSError):
                self.socket = connect_tcp(
                    self.comm_params.host, self.comm_params.port, self._deadline_s
                )
        return self.socket is not None

    def send(self, request: bytes, addr: Any = None) -> int:
        self._wire.sent(request)
        return int(super().send(request, addr))

    def recv(self, size: int | None) -> bytes:
        data = bytes(super().recv(size))
        self._wire.received(data)
        return data


class ModbusLink:
    """One Modbus connection; after a failure the next request opens a new one.

    Threads may share it: a lock holds from a request to its reply.

    Args:
        host: host name or IPv4 address.
        port: TCP port.
        deadline_s: longest wait [s] for the connection, and for one answer.
        wire: recorder of the bytes.
    """

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._host = host
        self._port = port
        self._deadline_s = deadline_s
        self._wire = wire
        self._client: Any = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Connect, unless there is a connection.

        Raises:
            OSError: the host is unknown, or no server listens at the port.
        """
        self._opened()

    def close(self) -> None:
        """Close the connection; without effect if there is none."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def read(self, address: int, count: int) -> list[int]:
        """The contents of consecutive registers.

        Args:
            address: relative address of the first register.
            count: number of registers.

        Raises:
            ModbusRefusedError: the controller has no such registers.
            TimeoutError: no answer within the deadline.
            OSError: the link is broken.
        """
        reply = self._exchange(lambda client: client.read_holding_registers(address, count=count))
        if reply.function_code != 3 or len(reply.registers) != count:
            raise self._malformed()
        return list(reply.registers)

    def write(self, address: int, words: Sequence[int]) -> None:
        """Write one register (function 6), or consecutive registers in one request (function 16).

        Args:
            address: relative address of the first register.
            words: 16-bit values.

        Raises:
            ModbusRefusedError: the controller refused the write.
            OSError: no answer, or the link is broken; the write may or may not have arrived.
        """
        if len(words) == 1:
            reply = self._exchange(lambda client: client.write_register(address, words[0]))
            expected: tuple[int, ...] = (6, address, words[0])
            got = (reply.function_code, reply.address, *reply.registers)
        else:
            reply = self._exchange(lambda client: client.write_registers(address, list(words)))
            expected = (16, address, len(words))
            got = (reply.function_code, reply.address, reply.count)
        if got != expected:
            raise self._malformed()

    def write_unanswered(self, address: int, word: int) -> None:
        """Write one register (function 6), and do not wait for the reply.

        Args:
            address: relative address of the register.
            word: 16-bit value.

        Raises:
            OSError: the link is broken; the write may or may not have arrived.
        """
        with self._lock:
            self._answer(
                lambda client: client.write_register(address, word, no_response_expected=True)
            )

    def _exchange(self, ask: Callable[[Any], ModbusPDU]) -> ModbusPDU:
        with self._lock:
            reply = self._answer(ask)
        if reply.isError():
            raise ModbusRefusedError(reply.exception_code)
        return reply

    def _answer(self, ask: Callable[[Any], ModbusPDU]) -> ModbusPDU:
        client = self._opened()
        try:
            return ask(client)
        except ConnectionException as error:
            self.close()
            raise ConnectionResetError("the instrument hung up") from error
        except MALFORMED as error:
            self.close()
            if "No response" in str(error):
                raise TimeoutError(f"no answer within {self._deadline_s:g} s") from error
            raise self._malformed() from error
        except BaseException:  # after Ctrl-C the reply still arrives; a new link discards it
            self.close()
            raise

    def _opened(self) -> Any:
        """The connected client; a new one if there is none or if input waits in the old one.

        Between two exchanges, input can only be a late reply or the end of the connection.
        """
        if self._client is not None and select.select([self._client.socket], [], [], 0.0)[0]:
            self.close()
        if self._client is None:
            address = address_of(self._host, self._deadline_s)
            client: Any = _RecordedClient(address, self._port, self._deadline_s, self._wire)
            if not client.connect():
                raise ConnectionRefusedError("no server listens there")
            self._client = client
        return self._client

    def _malformed(self) -> ConnectionError:
        self.close()
        return ConnectionError("the reply is not Modbus")
