"""One thread a device: calls on one device follow each other, calls on several run side by side."""

import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from attrs import define, field

from flowrig.clock import Clock
from flowrig.errors import SeveralDevicesError, UnknownOutcomeError

__all__ = ["Workers"]

DEADLINE_S = 30.0
"""Longest wait [s, real time] for one call, over and above what the call itself waits."""


class _Round:
    """Calls that were made together, and the thread that waits for them.

    While it waits, the last call to end hands its part in virtual time over to it, so that time
    never moves between the end of the calls and the moment at which the caller knows of it.
    """

    def __init__(self, clock: Clock, count: int) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = count
        self._awaited = False
        self._given_up = False
        self.finished = threading.Event()
        clock.add_participants(count)

    def end(self) -> None:
        """One call has ended."""
        with self._lock:
            self._running -= 1
            if not self._given_up and (self._running or not self._awaited):
                self._clock.leave()
            if not self._running:
                self.finished.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until every call has ended, or give up those that have not."""
        with self._lock:
            if not self._running:
                return
            self._awaited = True
            self._clock.leave()
        if self.finished.wait(timeout_s):
            return
        with self._lock:
            if self._running:
                self._given_up = True
                self._clock.add_participants(1)
                for _ in range(self._running):
                    self._clock.leave()


@define(eq=False)
class _Call:
    function: Callable[[], Any]
    round: _Round
    done: threading.Event = field(factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


class _Worker:
    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"device-{name}", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], Any], together: _Round) -> _Call:
        call = _Call(function, together)
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
            call.done.set()
            call.round.end()


class Workers:
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
        on_tick: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Make one call a device, side by side, and wait for all.

        Args:
            calls: by device name.
            duration_s: how long [s] the calls wait on the clock by themselves.
            tick_s: while they run, call `on_tick` this often [s] on the clock.
            on_tick: for instance a look at the devices that are not busy.

        Returns:
            by device name: what the call returned, or the exception that it raised.
        """
        together = _Round(self._clock, len(calls))
        running = {n: self._worker(n).submit(call, together) for n, call in calls.items()}
        deadline_s = DEADLINE_S + (0.0 if self._clock.is_virtual else duration_s)
        give_up_s = time.monotonic() + deadline_s
        while tick_s is not None and not together.finished.is_set():
            if time.monotonic() > give_up_s:
                break
            self._clock.sleep(tick_s)
            on_tick()
        together.wait(deadline_s)
        return {name: self._outcome(name, call, deadline_s) for name, call in running.items()}

    def call(self, calls: Mapping[str, Callable[[], Any]], **options: Any) -> dict[str, Any]:
        """As `attempt`, but raises what went wrong.

        Raises:
            Exception: what the one call that failed raised.
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
        if call.done.is_set():
            return call.result if call.error is None else call.error
        self._workers.pop(name)
        return UnknownOutcomeError(
            f"the driver did not return within {deadline_s:g} s; its port is given up", device=name
        )
