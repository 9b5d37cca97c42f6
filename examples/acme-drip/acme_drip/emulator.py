"""An emulated ACME Drip: the protocol of `acme_drip.pump`, from the pump's side."""

import math
from collections.abc import Callable

from acme_drip.settings import DripSettings
from flowrig.emulation import Emulator, EmulatorContext, PumpBody, SocketFront, serial_front

BORES_MM = (1.0, 40.0)
SLOWEST_UL_MIN = 0.1
FASTEST_MM_MIN = 45.0


class DripProtocol:
    """The pump's firmware: bytes in, bytes out.

    It knows the bore that it was told, not the syringe: its rates are plunger speeds in disguise.

    Args:
        body: the motor and the syringe that is really on it.
        model: what it says it is.
    """

    def __init__(self, body: PumpBody, model: str) -> None:
        self.mute = False
        self._body = body
        self._input = b""
        self._bore_mm = 10.0
        self._rate_ul_min = 0.0
        self._state = "STOPPED"
        self._zero_ul = body.moved_ul
        self._answers: dict[str, Callable[[], str]] = {
            "ACME": lambda: f"{model} 0042",
            "BORE": lambda: f"{self._bore_mm:.3f}",
            "SLOWEST": lambda: f"{SLOWEST_UL_MIN:.3f}",
            "FASTEST": lambda: f"{self._fastest_ul_min():.3f}",
            "RATE": lambda: f"{self._rate_ul_min:.3f}",
            "STATE": self._look,
            "VOLUME": self._volume,
        }

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the answers to the lines they complete."""
        *lines, self._input = (self._input + data).split(b"\n")
        answers = [self._answer(line.decode("ascii", "replace").strip()) for line in lines]
        return b"" if self.mute else "".join(f"{one}\n" for one in answers).encode("ascii")

    def _answer(self, line: str) -> str:
        word, _, number = line.partition(" ")
        if word.endswith("?") and word[:-1] in self._answers:
            return f"{word[:-1]} {self._answers[word[:-1]]()}"
        try:
            obeyed = self._obey(word, number)
        except ValueError:
            obeyed = False
        return "OK" if obeyed else f"ERR {line} is not possible while {self._state}"

    def _obey(self, word: str, number: str) -> bool:
        running = self._look() == "RUNNING"
        if word == "BORE" and not running and BORES_MM[0] <= float(number) <= BORES_MM[1]:
            self._bore_mm = float(number)
        elif word == "RATE" and SLOWEST_UL_MIN <= float(number) <= self._fastest_ul_min():
            self._rate_ul_min = float(number)
            if running:
                self._push(self._rate_ul_min)
        elif word == "GO" and not running:
            self._zero_ul, self._state = self._body.moved_ul, "RUNNING"
            self._push(self._rate_ul_min)
        elif word == "HALT":
            self._state = "STOPPED"
            self._push(0.0)
        else:
            return False
        return True

    def _look(self) -> str:
        if self._state == "RUNNING" and self._body.stalled:
            self._state = "STALLED"
            self._push(0.0)
        return self._state

    def _push(self, rate_ul_min: float) -> None:
        self._body.push(rate_ul_min * self._true_per_told())

    def _volume(self) -> str:
        return f"{(self._body.moved_ul - self._zero_ul) / self._true_per_told():.3f}"

    def _true_per_told(self) -> float:
        return (self._body.inner_diameter_mm / self._bore_mm) ** 2

    def _fastest_ul_min(self) -> float:
        return FASTEST_MM_MIN * math.pi / 4 * self._bore_mm**2


class DripEmulator(Emulator):
    """An emulated Drip on a serial port.

    Args:
        context: which device it plays, in which world.
    """

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        assert isinstance(context.settings, DripSettings)
        self.core = DripProtocol(context.world.pump(context.device), context.settings.model)
        self._front = serial_front(context.tap(self.core), context.port, direct=context.is_direct)

    def start(self) -> str:
        """Begin to answer; returns the port."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._front.stop()
