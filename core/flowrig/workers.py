"""One thread a device: calls on one device follow each other, calls on several run side by side."""

import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from attrs import define, field

from flowrig.clock import Clock
from flowrig.errors import UnknownOutcomeError

__all__ = ["DeviceCallErrors", "Workers"]

DEADLINE_S = 30.0
"""Longest wait [s, real time] for one call, over and above what the call itself waits."""


class DeviceCallErrors(ExceptionGroup[Exception]):
    """Calls on several devices failed at once."""


@define(eq=False)
class _Call:
    function: Callable[[], Any]
    done: threading.Event = field(factory=threading.Event)
    result: Any = None
    error: BaseException | None = None
    given_up: bool = False


class _Worker:
    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"device-{name}", daemon=True)
        self._thread.start()

    def submit(self, function: Callable[[], Any]) -> _Call:
        call = _Call(function)
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
            if not call.given_up:
                self._clock.leave()


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
        self._clock.add_participants(len(calls))
        running = {name: self._worker(name).submit(call) for name, call in calls.items()}
        if tick_s is not None:
            while not all(call.done.is_set() for call in running.values()):
                self._clock.sleep(tick_s)
                on_tick()
        deadline_s = DEADLINE_S + (0.0 if self._clock.is_virtual else duration_s)
        with self._clock.step_aside():
            return {name: self._outcome(name, call, deadline_s) for name, call in running.items()}

    def call(self, calls: Mapping[str, Callable[[], Any]], **options: Any) -> dict[str, Any]:
        """As `attempt`, but raises what went wrong.

        Raises:
            Exception: what the one call that failed raised.
            DeviceCallErrors: several calls failed.
        """
        outcomes = self.attempt(calls, **options)
        errors = [outcome for outcome in outcomes.values() if isinstance(outcome, BaseException)]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise DeviceCallErrors(
                "; ".join(map(str, errors)), [e for e in errors if isinstance(e, Exception)]
            )
        return outcomes

    def _worker(self, name: str) -> _Worker:
        if name not in self._workers:
            self._workers[name] = _Worker(name, self._clock)
        return self._workers[name]

    def _outcome(self, name: str, call: _Call, deadline_s: float) -> Any:
        if call.done.wait(deadline_s):
            return call.result if call.error is None else call.error
        call.given_up = True
        self._clock.leave()
        self._workers.pop(name)
        return UnknownOutcomeError(
            f"the driver did not return within {deadline_s:g} s; its port is given up", device=name
        )
