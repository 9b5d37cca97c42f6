"""Motors of an emulated Fusion that go on while nobody asks."""

import threading
from typing import Final

from flowrig.emulation import Front
from flowrig_chemyx.emulator.firmware import FusionFirmware

__all__ = ["Ticker"]

SOONEST_S: Final = 0.001


class Ticker:
    """A thread that is there when a step ends, a ramp goes on, or a delay is over.

    Args:
        firmware: the pump.
        front: the wire on which the pump says something unasked.
    """

    def __init__(self, firmware: FusionFirmware, front: Front) -> None:
        self._firmware = firmware
        self._front = front
        self._moved = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._over = False
        self._firmware.on_motion = self._moved.set
        self._thread = threading.Thread(target=self._follow, name="chemyx-motors", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; idempotent."""
        self._over = True
        self._moved.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _follow(self) -> None:
        while not self._over:
            wait_s = self._firmware.next_event_s()
            self._moved.wait(None if wait_s is None else max(wait_s, SOONEST_S))
            self._moved.clear()
            if news := self._firmware.tick():
                self._front.send(news)
