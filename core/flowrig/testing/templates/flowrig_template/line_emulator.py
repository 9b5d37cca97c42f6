"""The instrument's side of the line: requests in, answers out, no transport."""

from collections.abc import Callable, Mapping

from flowrig.emulation import Emulator, EmulatorContext, SocketFront, serial_front


class LineProtocol:
    """Answers every line with one line.

    Args:
        commands: what to do for a request, by its first word; each takes the rest of the request
            and returns the rest of the answer, or raises ValueError.
    """

    def __init__(self, commands: Mapping[str, Callable[[str], str]]) -> None:
        self._commands: dict[str, Callable[[str], str]] = {**commands, "SYNC": str}
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the answers to the lines they complete."""
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
        context: which device it plays, in which world.
        commands: see `LineProtocol`.
    """

    def __init__(
        self, context: EmulatorContext, commands: Mapping[str, Callable[[str], str]]
    ) -> None:
        super().__init__(context)
        self._front = serial_front(context.tap(LineProtocol(commands)), context.port)

    def start(self) -> str:
        """Begin to answer; returns the port."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._front.stop()
