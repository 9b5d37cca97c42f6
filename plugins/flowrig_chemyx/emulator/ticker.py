"""Lets the motors of an emulated Fusion run on a real clock, without a request from a client."""

import threading
from typing import Final

from flowrig.emulation import Front
from flowrig_chemyx.emulator.firmware import FusionFirmware

__all__ = ["Ticker"]

SOONEST_S: Final = 0.001
"""Shortest wait [s] between two ticks, so that rounding in a wait does not keep a core busy."""


class Ticker:
    """A thread that advances the motors when a step ends, a ramp goes on, or a delay is over.

    Args:
        firmware: the firmware of the pump.
        front: the wire for text that the pump sends without a request.
    """

    def __init__(self, firmware: FusionFirmware, front: Front) -> None:
        self._firmware = firmware
        self._front = front
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._over = False
        self._firmware.on_motion = self._wake.set
        self._thread = threading.Thread(target=self._run, name="chemyx-motors", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; idempotent."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._over:
            wait_s = self._firmware.next_event_s()
            self._wake.wait(None if wait_s is None else max(wait_s, SOONEST_S))
            self._wake.clear()
            if text := self._firmware.tick():
                self._front.send(text)
