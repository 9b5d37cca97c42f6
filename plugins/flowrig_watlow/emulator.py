"""An emulated F4T on a loopback port: its SCPI server over its controller."""

import re

from flowrig.clock import Clock
from flowrig.emulation import Emulator, EmulatorContext, SocketFront
from flowrig_watlow.controller import F4TController, F4TTraits
from flowrig_watlow.settings import F4TSettings

__all__ = ["F4TProtocol", "WatlowEmulator"]

_LINE_END = re.compile(rb"[\r\n]+")


class F4TProtocol:
    """One connection to an emulated F4T: bytes in, bytes out.

    A request ends with LF, CR or both; an answer ends with LF.

    Args:
        controller: the registers behind it.
        clock: the run's clock.
    """

    def __init__(self, controller: F4TController, clock: Clock) -> None:
        self._controller = controller
        self._clock = clock
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return what is answered to them.

        Raises:
            ConnectionAbortedError: the unit's traits say that it hangs up.
        """
        *lines, self._pending = _LINE_END.split(self._pending + data)
        return b"".join(self._answer(line.decode("latin-1")) for line in lines if line.strip())

    def _answer(self, line: str) -> bytes:
        traits = self._controller.traits
        if traits.hangs_up:
            raise ConnectionAbortedError("the emulated instrument hangs up")
        self._clock.emulate_delay(traits.reply_delay_s)
        try:
            answer = self._controller.run(line)
        except ValueError:
            answer = "ERROR" if traits.tells_errors else None
        if traits.mute:
            return b""
        if answer is None:
            return b"\n" if traits.newline_on_write and "?" not in line else b""
        return answer.encode("ascii") + b"\n"


class WatlowEmulator(Emulator):
    """An F4T on a loopback port.

    Args:
        context: which device it plays, in which world.
        traits: what kind of unit it is; a plain one unless said otherwise.
    """

    def __init__(self, context: EmulatorContext, traits: F4TTraits | None = None) -> None:
        super().__init__(context)
        settings = context.settings
        assert isinstance(settings, F4TSettings)
        self.traits = traits if traits is not None else F4TTraits()
        self._controller = F4TController(
            context.world.heater(context.device),
            context.clock,
            settings.loop,
            settings.idle_c,
            self.traits,
        )
        self._front = SocketFront(lambda: context.tap(F4TProtocol(self._controller, context.clock)))

    def start(self) -> str:
        """Begin to answer; returns "127.0.0.1:port"."""
        return self._front.start()

    def stop(self) -> None:
        """Hang up and free the port."""
        self._front.stop()
