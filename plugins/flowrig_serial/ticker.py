"""Lets the motors of emulated pumps run on a real clock, without a request from a client."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from flowrig.emulation import Front

__all__ = ["Motors", "Ticker"]

SOONEST_S: Final = 0.001
"""Shortest wait [s] between two ticks, so that rounding in a wait does not keep a core busy."""


class Motors(Protocol):
    """The firmware of an emulated pump, as far as its motors run by themselves.

    Attributes:
        on_motion: called when a request has changed when something happens next.
    """

    on_motion: Callable[[], None]

    def next_event_s(self) -> float | None:
        """Time [s] until something happens without a request; None if nothing does."""

    def tick(self) -> bytes:
        """Advance the motors; returns what the pump sends without a request."""


class Ticker:
    """A thread that advances motors when a step ends, a ramp goes on, or a delay is over.

    Args:
        pumps: the pumps on one wire.
        front: the wire, for what a pump sends without a request.
    """

    def __init__(self, pumps: Sequence[Motors], front: Front) -> None:
        self._pumps = pumps
        self._front = front
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._over = False
        for pump in self._pumps:
            pump.on_motion = self._wake.set
        self._thread = threading.Thread(target=self._run, name="pump-motors", daemon=True)
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
            waits = [pump.next_event_s() for pump in self._pumps]
            wait_s = min((wait for wait in waits if wait is not None), default=None)
            self._wake.wait(None if wait_s is None else max(wait_s, SOONEST_S))
            self._wake.clear()
            if text := b"".join(pump.tick() for pump in self._pumps):
                self._front.send(text)
