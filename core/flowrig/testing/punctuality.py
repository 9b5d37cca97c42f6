"""Lateness of the machine: a busy machine makes a driver miss deadlines that it would keep."""

import threading
import time
from types import TracebackType
from typing import Final, Self

__all__ = ["LATE_S", "Punctuality"]

LATE_S: Final = 0.01
"""Lateness [s] from which on the machine may be the cause of a missed deadline."""

PERIOD_S: Final = 0.005
"""Time [s] for which the measuring thread sleeps at a time."""


class Punctuality:
    """Measures the lateness of the machine while it is entered; a context manager.

    A thread sleeps for short times and measures how much too late it wakes. The CPU time that this
    process used meanwhile is subtracted: a core that other programs occupy excuses a late driver, a
    long computation of the driver does not.

    Attributes:
        worst_s: longest lateness [s] so far.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="punctuality", daemon=True)

    @property
    def is_late(self) -> bool:
        """Whether the machine was late enough to be the cause of a missed deadline."""
        return self.worst_s >= LATE_S

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _measure(self) -> None:
        while not self._over.is_set():
            began_s, used_s = time.monotonic(), time.process_time()
            time.sleep(PERIOD_S)
            took_s, own_s = time.monotonic() - began_s, time.process_time() - used_s
            self.worst_s = max(self.worst_s, took_s - own_s - PERIOD_S)
