"""An emulated droplet generator: the protocol of `acme_droplets.driver`, from the other side."""

from acme_droplets.kind import DropletBody
from flowrig.emulation import Emulator, EmulatorContext, SocketFront, serial_front


class DropletProtocol:
    """Answers each line with one line."""

    def __init__(self, body: DropletBody) -> None:
        self._body = body
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the answers to the lines they complete."""
        *lines, self._input = (self._input + data).split(b"\n")
        return b"".join(self._answer(line.decode("ascii", "replace").strip()) for line in lines)

    def _answer(self, line: str) -> bytes:
        word, _, rest = line.partition(" ")
        try:
            answer = f"{word.rstrip('?')} {self._obey(word, rest)}"
        except ValueError:
            answer = "ERROR"
        return f"{answer}\n".encode("ascii", "replace")

    def _obey(self, word: str, rest: str) -> str:
        if word == "RATE":
            self._body.tell(float(rest))
            return rest
        answers = {
            "SYNC": rest,
            "WHO?": "DROPLET-2 0042",
            "RATE?": f"{self._body.told_hz:.3f}",
            "SEEN?": f"{self._body.frequency_hz:.3f} {self._body.droplets}",
        }
        if word not in answers:
            raise ValueError(word)
        return answers[word]


class DropletEmulator(Emulator):
    """A generator on a serial port."""

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        core = context.tap(DropletProtocol(context.world.body(context.device)))
        self._front = serial_front(core, context.port, direct=context.is_direct)

    def start(self) -> str:
        """Begin to answer; returns the port."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._front.stop()
