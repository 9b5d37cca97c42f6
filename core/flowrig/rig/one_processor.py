"""The threads of a simulated rig stay on one processor, because they take turns."""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["OneProcessor"]

EACH = 64
"""Calls of `hold` from one check to the next."""

LEAST_SHARE = 0.75
"""Least share of real time in which the process computes while it has a processor for itself."""


class OneProcessor:
    """Keeps threads that never run at the same time on one processor, on Linux.

    To wake a thread on a processor that sleeps takes up to 0.1 ms of processor time, on the
    processor in use 0.01 ms. If other programs use that one too, the threads are let go for a
    while, and then kept where the system has moved them.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._callers: set[threading.Thread] = set()
        self._since = 0.0, 0.0
        self._kept = False
        self._all: set[int] = set()
        self._used: list[set[int]] = []
        self._here = _processor_in_use()

    def hold(self, threads: Callable[[], Iterable[threading.Thread]]) -> None:
        """Keep threads on one processor; called before each of their turns.

        Args:
            threads: gives the threads, besides those that call this.
        """
        self._calls += 1
        if self._here is None or self._calls % EACH != 1:
            return
        self._callers.add(threading.current_thread())
        if sys.platform == "linux":
            real_s, computed_s = time.monotonic(), time.process_time()
            shared = computed_s - self._since[1] < LEAST_SHARE * (real_s - self._since[0])
            self._since = real_s, computed_s
            self._all = self._all or os.sched_getaffinity(0)
            if len(self._all) == 1:  # somebody else has kept them there
                self._here = None
                return
            self._kept = not (self._kept and shared)
            processors = {self._here()} if self._kept else self._all
            if processors not in self._used:
                self._used.append(processors)
            # Of those that live: the system gives identities to other programs later.
            alive = [one for one in (*self._callers, *threads()) if one.is_alive()]
            _keep([one.native_id for one in alive if one.native_id], processors)

    def end(self) -> None:
        """Let the threads run on all processors again."""
        if sys.platform == "linux" and self._used:
            # Threads that they have begun were kept on the processor too.
            every = [int(one.name) for one in Path("/proc/self/task").iterdir()]
            _keep([one for one in every if _processors_of(one) in self._used], self._all)


def _keep(threads: Iterable[int], processors: set[int]) -> None:
    if sys.platform == "linux":
        for thread in threads:
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(thread, processors)


def _processors_of(thread: int) -> set[int]:
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended
            return os.sched_getaffinity(thread)
    return set()


def _processor_in_use() -> Callable[[], int] | None:
    """Tells on which processor the calling thread runs; None where the system does not."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            tell: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
            return tell
    return None
