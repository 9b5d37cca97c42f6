"""What emulators of serial instruments have in common."""

from collections.abc import Callable

from flowrig.emulation import Emulator, Front, ProtocolCore, SocketFront, serial_front

__all__ = ["NewFront", "SerialEmulator"]

NewFront = Callable[[ProtocolCore], Front]
"""Puts a protocol core on a wire."""


class SerialEmulator(Emulator):
    """An emulated instrument on a serial port; its class puts a core on the wire."""

    _front: Front

    def put_on_wire(self, core: ProtocolCore, new_front: NewFront | None = None) -> None:
        """Put the core of the instrument on its wire.

        Args:
            core: the core.
            new_front: puts it on a wire; by default as the context says: on a pseudo-terminal, on a
                TCP port, or on a direct wire.
        """
        context, tapped = self.context, self.context.tap(core)
        self._front = (
            new_front(tapped)
            if new_front
            else serial_front(tapped, context.port, direct=context.is_direct)
        )

    def start(self) -> str:
        """Start to answer; returns a port path or URL for pyserial."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Stop to answer, and close the wire."""
        self._front.stop()
