"""The threads of a rig: calls on one device are made in turn, on several devices side by side."""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from attrs import define

from flowrig.clock import SLICE_S, Alarm, Clock
from flowrig.errors import DriverHungError, SeveralDevicesError

__all__ = ["DeviceThreads"]

DEADLINE_S = 30.0
"""Longest wait [s, real time] for one call, in addition to the time that the call itself waits."""

ENDING_S = 5.0
"""Longest wait [s, real time] for all threads at the end; a busy computer takes its time."""

ROUNDING_S = 1e-6
"""Calls that end less than this [s] before a tick end with the tick: the rest is rounding."""


class _Round:
    """Calls that were made together, and the thread that waits for them.

    While that thread waits, it does not take part in virtual time. The last call that ends hands
    its own part over to it, so that time cannot move between the end of the calls and the moment
    at which the caller goes on.

    Attributes:
        over: rings when the last call has ended.
    """

    def __init__(self, clock: Clock, count: int) -> None:
        self.over = Alarm()
        self._clock = clock
        self._lock = threading.Lock()
        self._running = count
        self._awaited = False
        self._given_up = False
        self._gate = threading.Lock()  # a bare lock wakes its waiter sooner than an event does
        self._gate.acquire()
        clock.add_participants(count)

    def is_finished(self) -> bool:
        """Whether every call has ended."""
        return not self._running

    def end(self) -> None:
        """Note that one call has ended."""
        with self._lock:
            self._running -= 1
            if not self._running:  # the caller wakes before time can move on
                self._clock.ring(self.over)
            if not self._given_up and (self._running or not self._awaited):
                self._clock.leave()
            if not self._running:
                self._gate.release()

    def give_up(self) -> None:
        """Let time go on without calls that have not ended; `wait` does the same at its timeout."""
        with self._lock:
            if not (self._awaited or self._given_up):
                self._abandon()

    def wait(self, timeout_s: float, on_slice: Callable[[], object] = lambda: None) -> None:
        """Wait until every call has ended, or give up those that have not.

        Args:
            timeout_s: longest wait [s, real time].
            on_slice: called several times during a long wait.
        """
        with self._lock:
            if not self._running or self._given_up:
                return
            self._awaited = True
            self._clock.leave()
        try:
            ended = _acquired(self._gate, timeout_s, on_slice)
        except BaseException:  # Ctrl-C: the caller takes part again, and the calls go on
            with self._lock:
                if self._running:
                    self._awaited = False
                    self._clock.add_participants(1)
            raise
        if ended:
            self._gate.release()
            return
        with self._lock:
            if self._running:
                self._clock.add_participants(1)
                self._abandon()

    def _abandon(self) -> None:
        self._given_up = True
        for _ in range(self._running):
            self._clock.leave()


def _acquired(lock: threading.Lock, timeout_s: float, on_slice: Callable[[], object]) -> bool:
    """Wait for a lock in parts, see `SLICE_S`; returns whether it was acquired in time."""
    end_s, slice_s = time.monotonic() + timeout_s, _slice_s(timeout_s)
    while (left_s := end_s - time.monotonic()) > 0.0:
        if lock.acquire(timeout=min(left_s, slice_s)):
            return True
        on_slice()
    return lock.acquire(blocking=False)


def _slice_s(timeout_s: float) -> float:
    """A part [s] of a wait, several of which fit into it."""
    return min(SLICE_S, timeout_s / 4)


@define(eq=False)
class _Call:
    """A call on a device, and the round that it belongs to."""

    device: str
    function: Callable[[], Any]
    round: _Round
    end_s: float
    done: bool = False
    result: Any = None
    error: BaseException | None = None

    def make(self) -> None:
        """Make the call; `round.end` is left to the caller."""
        try:
            self.result = self.function()
        except BaseException as error:  # handed to the thread that waits
            self.error = error
        self.done = True


@define(eq=False)
class _Batch:
    """Calls that were made together and that no thread has taken yet.

    Attributes:
        left: the calls.
        all_taken: is set when there are none; None where nobody waits for it.
    """

    left: deque[_Call]
    all_taken: threading.Event | None = None

    def take(self) -> _Call | None:
        """The next call; None if all are taken."""
        try:
            call = self.left.popleft()
        except IndexError:
            return None
        if self.all_taken is not None and not self.left:
            self.all_taken.set()
        return call


class _Runner:
    """A thread that makes the calls of a batch, one after the other.

    Attributes:
        call: the call under way; None if there is none.
    """

    def __init__(self, name: str, clock: Clock, crew: "_Crew") -> None:
        self.call: _Call | None = None
        self._clock = clock
        self._crew = crew
        self._batch: _Batch | None = None
        self._batches: SimpleQueue[_Batch | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"device-{name}", daemon=True)
        self._thread.start()

    def take_on(self, batch: _Batch | None) -> None:
        """Make the calls of a batch when those of the last one are made; None is the last batch."""
        self._batches.put(batch)

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout_s)

    def _work(self) -> None:
        self._clock.before_sleep(self._hand_over)
        while (batch := self._batches.get()) is not None:
            self._batch = batch
            call = batch.take()
            while call is not None:
                self.call = call
                # Virtual time wakes threads of one moment in the order of their names.
                self._thread.name = f"device-{call.device}"
                call.make()
                finished, call = call, batch.take()
                if call is None:  # before the round ends, so that its caller finds a free thread
                    self.call = self._batch = None
                    self._crew.release(self)
                finished.round.end()
            self.call = self._batch = None

    def _hand_over(self) -> None:
        """Let another thread make the calls that are left, while this one sleeps."""
        if self._batch is not None:
            self._crew.help(self._batch)


class _Crew(ABC):
    """The threads that make the calls of a rig."""

    @abstractmethod
    def begin(self, batch: _Batch) -> None:
        """Begin to make the calls of a batch."""

    @abstractmethod
    def help(self, batch: _Batch) -> None:
        """Let another thread make the calls of a batch that are left, if there are any."""

    @abstractmethod
    def release(self, runner: _Runner) -> None:
        """A thread has nothing to do."""

    @abstractmethod
    def give_up(self, call: _Call) -> None:
        """Do not wait for the thread of a call any more."""

    @abstractmethod
    def end(self) -> None:
        """End all threads."""


class _ThreadEach(_Crew):
    """One thread for each device; all calls of a batch go on side by side."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runners: dict[str, _Runner] = {}

    def begin(self, batch: _Batch) -> None:
        while (call := batch.take()) is not None:
            if call.device not in self._runners:
                self._runners[call.device] = _Runner(call.device, self._clock, self)
            self._runners[call.device].take_on(_Batch(deque([call])))

    def help(self, batch: _Batch) -> None:
        """Every call has its thread already."""

    def release(self, runner: _Runner) -> None:
        """The thread waits for the next call on its device."""

    def give_up(self, call: _Call) -> None:
        runner = self._runners.pop(call.device, None)
        if runner is not None:
            runner.take_on(None)

    def end(self) -> None:
        _end(self._runners.values())
        self._runners.clear()


class _SharedThreads(_Crew):
    """Few threads for all devices of a simulated rig; to wake one for each call takes much longer
    than the calls.

    One thread makes the calls of a batch, all at one moment of virtual time. If a call sleeps, or
    does not come back, another thread goes on with the calls that are left, so that none of them
    waits for it. Which thread makes a call has no effect on any result.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runners: list[_Runner] = []
        self._free: list[_Runner] = []

    def begin(self, batch: _Batch) -> None:
        try:
            runner = self._free.pop()
        except IndexError:
            runner = _Runner("calls", self._clock, self)
            self._runners.append(runner)
        runner.take_on(batch)

    def help(self, batch: _Batch) -> None:
        if batch.left:
            self.begin(batch)

    def release(self, runner: _Runner) -> None:
        self._free.append(runner)

    def give_up(self, call: _Call) -> None:
        hung = [runner for runner in self._runners if runner.call is call]
        for runner in hung:
            self._runners.remove(runner)
            runner.take_on(None)

    def end(self) -> None:
        _end(self._runners)
        self._runners.clear()


def _end(runners: Collection[_Runner]) -> None:
    for runner in runners:
        runner.take_on(None)
    until_s = time.monotonic() + ENDING_S
    for runner in runners:
        runner.join(max(until_s - time.monotonic(), 0.0))


class DeviceThreads:
    """The threads of a rig: one for each device in real time, few for all in virtual time.

    Args:
        clock: the run's clock; virtual time waits for calls that are under way.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._crew: _Crew = _SharedThreads(clock) if clock.is_virtual else _ThreadEach(clock)
        self._newest: dict[str, _Call] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._crew.end()

    def attempt(
        self,
        calls: Mapping[str, Callable[[], Any]],
        *,
        duration_s: float = 0.0,
        tick_s: float | None = None,
        on_tick: Callable[[], object] = lambda: None,
    ) -> dict[str, Any]:
        """Make one call on each device, side by side, and wait for all.

        Args:
            calls: by device name.
            duration_s: time [s] for which the calls themselves wait on the clock.
            tick_s: while they run, call `on_tick` this often [s] on the clock, and at once when the
                clock is interrupted.
            on_tick: for instance a reading of devices that are not busy. If it raises, the calls go
                on, and later calls on the same devices wait for them.

        Returns:
            by device name: the result of the call, or the exception that it raised.
        """
        for name in calls:
            self._settle(name)
        deadline_s, end_s = DEADLINE_S + duration_s, time.monotonic() + duration_s
        together = _Round(self._clock, len(calls))
        running = {n: _Call(n, call, together, end_s) for n, call in calls.items()}
        self._newest |= running
        all_taken = None if tick_s is None else threading.Event()
        batch = _Batch(deque(running.values()), all_taken)
        if running:
            self._crew.begin(batch)
        if tick_s is not None and all_taken is not None:
            while batch.left and not all_taken.wait(_slice_s(deadline_s)):
                self._crew.help(batch)
            self._tick(together, deadline_s, tick_s, on_tick)
        together.wait(deadline_s, lambda: self._crew.help(batch))
        return {name: self._outcome(call, deadline_s) for name, call in running.items()}

    def _settle(self, name: str) -> None:
        """Wait for a call on a device that is still under way, if there is one, or give it up."""
        left = self._newest.get(name)
        if left is None or left.done:
            return
        left.round.wait(max(left.end_s - time.monotonic(), 0.0) + DEADLINE_S)
        if not left.done:
            self._crew.give_up(left)

    def _tick(
        self, together: _Round, deadline_s: float, tick_s: float, on_tick: Callable[[], object]
    ) -> None:
        # Virtual time stands still while a driver hangs, so that only real time can end the wait.
        give_up = threading.Timer(deadline_s, together.give_up)
        give_up.daemon = True
        give_up.start()
        end_s = time.monotonic() + deadline_s
        while not together.is_finished() and time.monotonic() < end_s:
            due_s = self._clock.now_s() + tick_s
            self._clock.sleep(tick_s, together.over)
            if together.is_finished() and self._clock.now_s() < due_s - ROUNDING_S:
                break
            on_tick()
        give_up.cancel()

    def call(self, calls: Mapping[str, Callable[[], Any]], **options: Any) -> dict[str, Any]:
        """As `attempt`, but raises the error of a call.

        Raises:
            Exception: the error of the one call that failed.
            SeveralDevicesError: several calls failed.
        """
        outcomes = self.attempt(calls, **options)
        errors = {n: o for n, o in outcomes.items() if isinstance(o, BaseException)}
        if len(errors) == 1:
            raise next(iter(errors.values()))
        if errors:
            raise SeveralDevicesError(errors)
        return outcomes

    def _outcome(self, call: _Call, deadline_s: float) -> Any:
        if call.done:
            return call.result if call.error is None else call.error
        self._crew.give_up(call)
        return DriverHungError(
            f"the driver did not return within {deadline_s:g} s; its port is given up",
            device=call.device,
        )
