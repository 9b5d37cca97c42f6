"""The instrument's side of the line: a protocol core, and an emulator on a serial port."""

from collections.abc import Callable, Mapping

from flowrig.emulation import Emulator, EmulatorContext, SocketFront, serial_front


class LineProtocol:
    """Answers each line with one line; it has no transport.

    Args:
        commands: function of each request, by its first word; it takes the rest of the request
            and returns the rest of the answer, or raises ValueError.
    """

    def __init__(self, commands: Mapping[str, Callable[[str], str]]) -> None:
        self._commands: dict[str, Callable[[str], str]] = {**commands, "SYNC": str}
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the answers to the completed lines."""
        *lines, self._input = (self._input + data).split(b"\n")
        return b"".join(self._answer(line.decode("ascii", "replace")) for line in lines)

    def _answer(self, line: str) -> bytes:
        word, _, rest = line.strip().partition(" ")
        try:
            answer = f"{word.rstrip('?')} {self._commands[word](rest)}"
        except (KeyError, ValueError) as error:
            answer = f"ERROR {error}"
        return f"{answer}\n".encode("ascii", "replace")


class LineEmulator(Emulator):
    """An emulated instrument on a serial port.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
        commands: see `LineProtocol`.
    """

    def __init__(
        self, context: EmulatorContext, commands: Mapping[str, Callable[[str], str]]
    ) -> None:
        super().__init__(context)
        core = context.tap(LineProtocol(commands))
        self._front = serial_front(core, context.port, direct=context.is_direct)

    def start(self) -> str:
        """Begin to answer, and return the port."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Close the port."""
        self._front.stop()
