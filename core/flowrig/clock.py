"""Clocks with one interface: real time, and virtual time for simulated rigs.

Every wait in flowrig uses a `Clock`. The virtual clock is a small discrete-event scheduler: its
time moves on only when every participating thread sleeps or waits for a sleeping one, and it
wakes one thread at a time. A simulated campaign therefore replays bit for bit, however the
operating system schedules its threads.
"""

import ctypes
import heapq
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

__all__ = ["SLICE_S", "Alarm", "Clock", "RealClock", "VirtualClock", "pace"]

SLICE_S = 0.2
"""Longest part [s] of a real wait. Python on Windows takes notice of Ctrl-C between two parts only,
as its waits for locks cannot be interrupted there (python/cpython, issue 80116)."""


def _nothing() -> None:
    """What most threads do before they sleep."""


_Sleeper = tuple[float, tuple[bool, str], int, threading.Lock]
"""Time [s] to wake, rank at equal times, identity, and the lock that is held until then."""


class Alarm:
    """Ends a sleep early: a thread sleeps with it, another gives it to `Clock.ring`.

    Attributes:
        rung: whether it was rung; every later sleep with it returns at once.
    """

    def __init__(self) -> None:
        self.rung = False
        self._sleeper: _Sleeper | None = None


class Clock(ABC):
    """Rig time in seconds since the run began, and all ways to wait."""

    @property
    @abstractmethod
    def is_virtual(self) -> bool:
        """Whether time is simulated."""

    @abstractmethod
    def now_s(self) -> float:
        """Rig time [s]; it never runs backwards."""

    @abstractmethod
    def sleep(self, duration_s: float, alarm: Alarm | None = None) -> None:
        """Wait for a duration [s]; only participating threads may call this.

        `interrupt` ends the wait early, and so does `ring` with the same alarm.
        """

    @abstractmethod
    def ring(self, alarm: Alarm) -> None:
        """Wake the thread that sleeps with an alarm; time stays."""

    @abstractmethod
    def emulate_delay(self, duration_s: float) -> None:
        """Wait for the time [s] that an emulated instrument takes before it answers.

        The virtual clock returns at once, because the driver at the other end of the wire waits by
        itself.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Wake every sleeping thread; later sleeps return at once until `clear_interrupt`."""

    @abstractmethod
    def clear_interrupt(self) -> None:
        """Let sleeps last again."""

    @abstractmethod
    def slept_s(self) -> float:
        """Time [s] for which the computer was suspended since this clock was made.

        Rig time counts it, because the instruments go on meanwhile.
        """

    def sleep_until(self, time_s: float, alarm: Alarm | None = None) -> None:
        """Wait until a rig time [s]; returns at once if it has passed."""
        remaining = time_s - self.now_s()
        if remaining > 0:
            self.sleep(remaining, alarm)

    def add_participants(self, count: int) -> None:  # noqa: B027 - real time needs no participants
        """Announce threads that will take part in the run; virtual time waits for them.

        Each thread calls `leave` when it is done.
        """

    def leave(self) -> None:  # noqa: B027
        """The calling thread no longer takes part."""

    def before_sleep(self, function: Callable[[], object]) -> None:  # noqa: B027 - as above
        """Call a function whenever the calling thread is about to sleep in virtual time."""

    def plan(self, times_s: Sequence[float]) -> None:  # noqa: B027 - as above
        """Tell at which rig times [s] the calling thread is going to wake, as far as it knows.

        An emulator that answers in this thread may compute several answers at once. A plan that is
        not kept costs time, and changes no result; an empty one ends it.
        """

    def planned_s(self) -> Sequence[float]:
        """The plan of the calling thread; empty in real time, where no wake is punctual."""
        return ()


def _running_s() -> float:
    """Monotonic time [s] that goes on while the computer is suspended, where the system has one.

    `time.monotonic` goes on meanwhile on Windows, and rests on Linux and on macOS.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    elif sys.platform == "darwin":  # noqa: RET505 - mypy counts what follows a return as unreachable
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    else:
        return time.monotonic()


def _suspended_s() -> float:
    """Time [s] for which the computer was suspended, from a beginning that does not matter.

    From clocks that go on meanwhile and clocks that rest: `clock_gettime(2)` of Linux and of macOS,
    `GetTickCount64` and `QueryUnbiasedInterruptTime` of Windows. Elsewhere the wall clock goes on,
    so that a wall clock that is set forward counts as a suspend.
    """
    if sys.platform == "linux":
        return _running_s() - time.clock_gettime(time.CLOCK_MONOTONIC)
    elif sys.platform == "darwin":  # noqa: RET505 - as above
        return _running_s() - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    elif sys.platform == "win32":
        kernel, rests = ctypes.windll.kernel32, ctypes.c_ulonglong()
        kernel.GetTickCount64.restype = ctypes.c_ulonglong
        kernel.QueryUnbiasedInterruptTime(ctypes.byref(rests))
        return float(kernel.GetTickCount64()) * 1e-3 - rests.value * 1e-7
    else:
        return time.time() - time.monotonic()


class RealClock(Clock):
    """Monotonic time; unaffected by daylight saving and by changes of the wall clock.

    Rig time goes on while the computer is suspended; a `sleep` lasts that much longer.

    Args:
        start_s: rig time [s] at construction, for a run that is resumed.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._origin_s = _running_s() - start_s
        self._suspended_s, self._slept_s = _suspended_s(), 0.0
        self._interrupted = False
        self._changed = threading.Condition()

    @property
    def is_virtual(self) -> bool:
        """Always false."""
        return False

    def now_s(self) -> float:
        """Rig time [s]."""
        return _running_s() - self._origin_s

    def slept_s(self) -> float:
        """Time [s] for which the computer was suspended since this clock was made."""
        self._slept_s = max(self._slept_s, _suspended_s() - self._suspended_s)
        return self._slept_s

    def sleep(self, duration_s: float, alarm: Alarm | None = None) -> None:
        """Wait for a duration [s], or until `interrupt`, or until the alarm rings."""
        end_s = time.monotonic() + duration_s
        with self._changed:
            while not (self._interrupted or (alarm is not None and alarm.rung)):
                left_s = end_s - time.monotonic()
                if left_s <= 0.0:
                    return
                self._changed.wait(min(left_s, SLICE_S))

    def ring(self, alarm: Alarm) -> None:
        """Wake the thread that sleeps with an alarm."""
        with self._changed:
            alarm.rung = True
            self._changed.notify_all()

    def emulate_delay(self, duration_s: float) -> None:
        """Wait for a duration [s]."""
        if duration_s > 0:
            time.sleep(duration_s)

    def interrupt(self) -> None:
        """Wake every sleeping thread."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def clear_interrupt(self) -> None:
        """Let sleeps last again."""
        with self._changed:
            self._interrupted = False


class VirtualClock(Clock):
    """Virtual time that jumps to the next time at which a participating thread wakes.

    Threads with the same time wake one after the other, each when the one before sleeps again:
    first the other threads by their names, then the thread that created the clock, which takes part
    in the run from the beginning.

    Args:
        start_s: rig time [s] at construction, for a run that is resumed.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        self._slept_s = 0.0
        self._active = 1
        self._lock = threading.Lock()
        self._owner = threading.get_ident()
        self._sleepers: list[_Sleeper] = []
        self._interrupted = False
        self._listeners: list[Callable[[], object]] = []
        self._of_thread = threading.local()

    @property
    def is_virtual(self) -> bool:
        """Always true."""
        return True

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a function whenever time has moved on, before a thread wakes.

        Args:
            listener: may call `now_s`, and no other method of the clock.
        """
        self._listeners.append(listener)

    def skip(self, duration_s: float) -> None:
        """Let time jump by a duration [s] without waking a thread, like a suspended computer."""
        with self._lock:
            self._now_s += duration_s
            self._slept_s += duration_s

    def now_s(self) -> float:
        """Rig time [s]."""
        return self._now_s

    def slept_s(self) -> float:
        """Time [s] that `skip` has skipped."""
        return self._slept_s

    def sleep(self, duration_s: float, alarm: Alarm | None = None) -> None:
        """Wait until all other threads sleep and virtual time has moved on by a duration [s]."""
        getattr(self._of_thread, "before_sleep", _nothing)()
        with self._lock:
            if self._interrupted or duration_s <= 0 or (alarm is not None and alarm.rung):
                return
            end_s = self._now_s + duration_s
            if self._active == 1 and not (self._sleepers and self._sleepers[0][0] <= end_s):
                self._move_to(end_s)  # no other thread wakes before
                return
            wake = threading.Lock()  # a bare lock wakes its waiter sooner than an event does
            wake.acquire()
            thread = threading.current_thread()
            rank = (thread.ident == self._owner, thread.name)
            sleeper = (end_s, rank, id(wake), wake)
            heapq.heappush(self._sleepers, sleeper)
            if alarm is not None:
                alarm._sleeper = sleeper
            self._active -= 1
            self._advance_if_idle()
        try:
            wake.acquire()
        except BaseException:  # Ctrl-C: time must not wait for a thread that has left
            with self._lock:
                self._take_out(sleeper)
            raise

    def before_sleep(self, function: Callable[[], object]) -> None:
        """Call a function whenever the calling thread is about to sleep."""
        self._of_thread.before_sleep = function

    def plan(self, times_s: Sequence[float]) -> None:
        """Tell at which rig times [s] the calling thread is going to wake."""
        self._of_thread.plan = times_s

    def planned_s(self) -> Sequence[float]:
        """The plan of the calling thread; empty without one."""
        planned: Sequence[float] = getattr(self._of_thread, "plan", ())
        return planned

    def ring(self, alarm: Alarm) -> None:
        """Wake the thread that sleeps with an alarm, while the calling thread goes on."""
        with self._lock:
            alarm.rung = True
            if alarm._sleeper is not None and self._take_out(alarm._sleeper):
                alarm._sleeper[-1].release()

    def _take_out(self, sleeper: _Sleeper) -> bool:
        """Let a sleeping thread take part again; returns whether it was asleep."""
        if sleeper not in self._sleepers:
            return False
        self._sleepers.remove(sleeper)
        heapq.heapify(self._sleepers)
        self._active += 1
        return True

    def emulate_delay(self, duration_s: float) -> None:
        """Return at once: the waits of the driver move virtual time."""

    def interrupt(self) -> None:
        """Wake every sleeping thread; time stays."""
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
        """Announce threads that will take part; time waits for them from now on."""
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
        self._move_to(max(time_s, self._now_s))
        self._active = 1
        wake.release()

    def _move_to(self, time_s: float) -> None:
        self._now_s = time_s
        for listener in self._listeners:
            listener()


def pace(clock: VirtualClock, speed: float) -> None:
    """Let virtual time pass no faster than real time, times a factor, for people who look on.

    What happens in virtual time stays the same. Where computing takes longer, that is not made up
    for.

    Args:
        clock: the clock.
        speed: seconds of virtual time in a second of real time.
    """
    virtual_s, due_s = clock.now_s(), time.monotonic()

    def wait() -> None:
        nonlocal virtual_s, due_s
        now_s = clock.now_s()
        due_s = max(due_s + (now_s - virtual_s) / speed, time.monotonic())
        virtual_s = now_s
        time.sleep(max(due_s - time.monotonic(), 0.0))

    clock.listen(wait)
