"""Lateness of the machine, which makes a driver miss deadlines that it would keep elsewhere."""

import threading
import time
from types import TracebackType
from typing import Final, Self

__all__ = ["LATE_S", "Punctuality"]

LATE_S: Final = 0.01
"""Lateness [s] from which on a missed deadline may be the machine's fault."""

PERIOD_S: Final = 0.005
"""How long [s] the measuring thread sleeps at a time."""


class Punctuality:
    """Measures the lateness of the machine while it is entered; a context manager.

    A thread sleeps for short times and notes how much later it wakes. The CPU time that this
    process used meanwhile is subtracted: a driver that computes for long is not excused, a core
    that other programs occupy is.

    Attributes:
        worst_s: longest lateness [s] that was seen.
    """

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="punctuality", daemon=True)

    @property
    def is_late(self) -> bool:
        """Whether the machine was so late that deadlines may have been missed for it."""
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
