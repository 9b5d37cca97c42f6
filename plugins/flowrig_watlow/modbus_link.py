"""Registers over Modbus TCP through pymodbus, which repeats nothing by itself here.

pymodbus (3.16) sends a request that was not answered three times more unless it is told not to,
tells neither a closed port nor a wrong length of a reply by an exception of its own, and keeps the
connection after a failure. Here each of them is an error at once, and a link that failed is closed.
"""

import select
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from flowrig.interfaces import WireChannel
from flowrig_watlow.host import address_of

__all__ = ["ModbusLink", "ModbusRefusedError"]

EXCEPTIONS = {1: "it does not know the function", 2: "it has no such register", 3: "a bad value"}
MALFORMED = (ModbusException, struct.error, IndexError, ValueError)
"""What pymodbus raises about a reply that is no Modbus."""


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


class _ToldClient(ModbusTcpClient):
    """A client that tells its bytes, and repeats nothing."""

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._wire = wire
        super().__init__(host, port=port, timeout=deadline_s, retries=0)

    def send(self, request: bytes, addr: Any = None) -> int:
        self._wire.sent(request)
        return int(super().send(request, addr))

    def recv(self, size: int | None) -> bytes:
        data = bytes(super().recv(size))
        self._wire.received(data)
        return data


class ModbusLink:
    """One Modbus conversation; it reopens by itself on the next use after a failure.

    Threads that share it wait for each other, so that each gets the answer to its own question.

    Args:
        host: host name or IPv4 address.
        port: TCP port.
        deadline_s: longest wait [s] for the connection, and for one answer.
        wire: is told the bytes.
    """

    def __init__(self, host: str, port: int, deadline_s: float, wire: WireChannel) -> None:
        self._host = host
        self._port = port
        self._deadline_s = deadline_s
        self._wire = wire
        self._client: Any = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Connect anew.

        Raises:
            OSError: the host is unknown, or nobody listens there.
        """
        self._opened()

    def close(self) -> None:
        """Hang up; harmless when there is no connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def read(self, address: int, count: int) -> list[int]:
        """The words of some registers.

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
        """Set one register, or some that follow each other at once.

        Raises:
            ModbusRefusedError: the controller does not take it.
            OSError: no answer, or the link is broken; it may or may not have arrived.
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
        except BaseException:  # Ctrl-C leaves an answer under way
            self.close()
            raise

    def _opened(self) -> Any:
        """The client; connected anew where there is none, or where nothing good waits in it.

        Between two exchanges there is nothing to read but a stale answer, or the end.
        """
        if self._client is not None and select.select([self._client.socket], [], [], 0.0)[0]:
            self.close()
        if self._client is None:
            address = address_of(self._host, self._deadline_s)
            client: Any = _ToldClient(address, self._port, self._deadline_s, self._wire)
            if not client.connect():
                raise ConnectionRefusedError("nobody listens there")
            self._client = client
        return self._client

    def _malformed(self) -> ConnectionError:
        self.close()
        return ConnectionError("the reply is not Modbus")
