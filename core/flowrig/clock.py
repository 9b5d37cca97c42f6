"""Time behind one interface: real, or virtual for simulated rigs.

Every wait in flowrig goes through a `Clock`. The virtual clock is a small discrete-event scheduler:
it moves on only when every thread that takes part in the run is asleep or waits for one that is,
and wakes one thread at a time, so that a simulated campaign replays bit for bit however the
operating system schedules its threads.
"""

import heapq
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

__all__ = ["Clock", "RealClock", "VirtualClock"]

_Sleeper = tuple[float, tuple[bool, str], int, threading.Lock]
"""When to wake, whom of several first, and the lock that is held until then."""


class Clock(ABC):
    """Rig time in seconds since the run began, and every way to wait for it."""

    @property
    @abstractmethod
    def is_virtual(self) -> bool:
        """Whether time is simulated."""

    @abstractmethod
    def now_s(self) -> float:
        """Rig time [s]; it never runs backwards."""

    @abstractmethod
    def sleep(self, duration_s: float) -> None:
        """Wait for a duration [s]; only threads that take part in the run may call this.

        `interrupt` ends the wait early.
        """

    @abstractmethod
    def emulate_delay(self, duration_s: float) -> None:
        """The time [s] that an emulated instrument takes before it answers.

        Really waits on the real clock. On the virtual clock it returns at once: the caller on the
        other side of the wire paces itself.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Wake every sleeper now; later sleeps return at once until `clear_interrupt`."""

    @abstractmethod
    def clear_interrupt(self) -> None:
        """Let sleeps last again."""

    def sleep_until(self, time_s: float) -> None:
        """Wait until a rig time [s]; returns at once if it has passed."""
        remaining = time_s - self.now_s()
        if remaining > 0:
            self.sleep(remaining)

    def add_participants(self, count: int) -> None:  # noqa: B027 - real time waits for nobody
        """Announce threads that are about to take part in the run; virtual time waits for them.

        Each calls `leave` when it is done.
        """

    def leave(self) -> None:  # noqa: B027
        """The calling thread no longer takes part."""


class RealClock(Clock):
    """Monotonic time; unaffected by daylight saving and by changes of the wall clock.

    Args:
        start_s: rig time [s] at construction, for a run that is resumed.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._origin_s = time.monotonic() - start_s
        self._interrupted = threading.Event()

    @property
    def is_virtual(self) -> bool:
        """False: seconds are seconds."""
        return False

    def now_s(self) -> float:
        """Rig time [s]."""
        return time.monotonic() - self._origin_s

    def sleep(self, duration_s: float) -> None:
        """Wait for a duration [s] or until `interrupt`."""
        if duration_s > 0:
            self._interrupted.wait(duration_s)

    def emulate_delay(self, duration_s: float) -> None:
        """Really wait [s]."""
        if duration_s > 0:
            time.sleep(duration_s)

    def interrupt(self) -> None:
        """Wake every sleeper."""
        self._interrupted.set()

    def clear_interrupt(self) -> None:
        """Let sleeps last again."""
        self._interrupted.clear()


class VirtualClock(Clock):
    """Time that jumps to the next moment at which a participant wants to wake.

    Of those who want to wake at one moment, the next wakes when the one before sleeps again: first
    the other threads by their names, then the one that created the clock.

    The thread that creates the clock takes part in the run from the beginning.

    Args:
        start_s: rig time [s] at construction, for a run that is resumed.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._active = 1
        self._lock = threading.Lock()
        self._owner = threading.get_ident()
        self._sleepers: list[_Sleeper] = []
        self._interrupted = False
        self._onlookers: list[Callable[[], object]] = []

    @property
    def is_virtual(self) -> bool:
        """True: hours pass in seconds."""
        return True

    def listen(self, onlooker: Callable[[], object]) -> None:
        """Call somebody whenever time has moved on, before anyone wakes.

        Args:
            onlooker: may ask `now_s`, and nothing else of the clock.
        """
        self._onlookers.append(onlooker)

    def skip(self, duration_s: float) -> None:
        """Let time jump by a duration [s] past everybody, as when a computer was suspended."""
        with self._lock:
            self._now_s += duration_s

    def now_s(self) -> float:
        """Rig time [s]."""
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        """Wait until everyone else sleeps too and virtual time has moved on by a duration [s]."""
        with self._lock:
            if self._interrupted or duration_s <= 0:
                return
            wake = threading.Lock()  # a bare lock wakes its waiter sooner than an event does
            wake.acquire()
            thread = threading.current_thread()
            rank = (thread.ident == self._owner, thread.name)
            sleeper = (self._now_s + duration_s, rank, id(wake), wake)
            heapq.heappush(self._sleepers, sleeper)
            self._active -= 1
            self._advance_if_idle()
        try:
            wake.acquire()
        except BaseException:  # Ctrl-C: nobody may wait for a sleeper that is not there
            self._forget(sleeper)
            raise

    def _forget(self, sleeper: _Sleeper) -> None:
        with self._lock:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)
                self._active += 1

    def emulate_delay(self, duration_s: float) -> None:
        """Return at once: the client's own pacing moves virtual time."""

    def interrupt(self) -> None:
        """Wake every sleeper without moving time."""
        with self._lock:
            self._interrupted = True
            self._active += len(self._sleepers)
            for *_, wake in self._sleepers:
                wake.release()
            self._sleepers.clear()

    def clear_interrupt(self) -> None:
        """Let sleeps last again."""
        with self._lock:
            self._interrupted = False

    def add_participants(self, count: int) -> None:
        """Announce threads that are about to take part; time waits for them from now on."""
        with self._lock:
            self._active += count

    def leave(self) -> None:
        """The calling thread no longer takes part."""
        with self._lock:
            self._active -= 1
            self._advance_if_idle()

    def _advance_if_idle(self) -> None:
        if self._active > 0 or not self._sleepers:
            return
        time_s, _, _, wake = heapq.heappop(self._sleepers)
        self._now_s = max(time_s, self._now_s)
        for onlooker in self._onlookers:
            onlooker()
        self._active = 1
        wake.release()
