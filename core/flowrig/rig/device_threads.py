"""One thread for each device: calls on one device are made in turn, on several side by side."""

import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from attrs import define

from flowrig.clock import SLICE_S, Alarm, Clock
from flowrig.errors import DriverHungError, SeveralDevicesError

__all__ = ["DeviceThreads"]

DEADLINE_S = 30.0
"""Longest wait [s, real time] for one call, in addition to the time that the call itself waits."""

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

    def wait(self, timeout_s: float) -> None:
        """Wait until every call has ended, or give up those that have not."""
        with self._lock:
            if not self._running or self._given_up:
                return
            self._awaited = True
            self._clock.leave()
        try:
            ended = _acquired(self._gate, timeout_s)
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


def _acquired(lock: threading.Lock, timeout_s: float) -> bool:
    """Wait for a lock in parts, see `SLICE_S`; returns whether it was acquired in time."""
    end_s = time.monotonic() + timeout_s
    while (left_s := end_s - time.monotonic()) > 0.0:
        if lock.acquire(timeout=min(left_s, SLICE_S)):
            return True
    return lock.acquire(blocking=False)


@define(eq=False)
class _Call:
    function: Callable[[], Any]
    round: _Round
    end_s: float
    done: bool = False
    result: Any = None
    error: BaseException | None = None


class _Worker:
    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._newest: _Call | None = None
        self._thread = threading.Thread(target=self._work, name=f"device-{name}", daemon=True)
        self._thread.start()

    def settle(self) -> bool:
        """Wait for a call that is still under way, if there is one; returns whether it ended."""
        left = self._newest
        if left is None or left.done:
            return True
        left.round.wait(max(left.end_s - time.monotonic(), 0.0) + DEADLINE_S)
        return left.done

    def submit(self, function: Callable[[], Any], together: _Round, end_s: float) -> _Call:
        self._newest = call = _Call(function, together, end_s)
        self._calls.put(call)
        return call

    def stop(self) -> None:
        self._calls.put(None)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call.result = call.function()
            except BaseException as error:  # handed to the caller's thread
                call.error = error
            call.done = True
            call.round.end()


class DeviceThreads:
    """The threads of a rig.

    Args:
        clock: the run's clock; virtual time waits for calls that are under way.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._workers: dict[str, _Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.stop()
        for worker in self._workers.values():
            worker.join(1.0)
        self._workers.clear()

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
            if not self._worker(name).settle():
                self._workers.pop(name).stop()
        deadline_s, end_s = DEADLINE_S + duration_s, time.monotonic() + duration_s
        together = _Round(self._clock, len(calls))
        running = {n: self._worker(n).submit(call, together, end_s) for n, call in calls.items()}
        if tick_s is not None:
            self._tick(together, deadline_s, tick_s, on_tick)
        together.wait(deadline_s)
        return {name: self._outcome(name, call, deadline_s) for name, call in running.items()}

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

    def _worker(self, name: str) -> _Worker:
        if name not in self._workers:
            self._workers[name] = _Worker(name)
        return self._workers[name]

    def _outcome(self, name: str, call: _Call, deadline_s: float) -> Any:
        if call.done:
            return call.result if call.error is None else call.error
        self._workers.pop(name).stop()
        return DriverHungError(
            f"the driver did not return within {deadline_s:g} s; its port is given up", device=name
        )
