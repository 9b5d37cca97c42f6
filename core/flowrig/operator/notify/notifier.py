"""Hands messages to observers, each by a queue and a thread of its own."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from flowrig.errors import FlowrigError, InputError
from flowrig.interfaces.observer import Message, Observer
from flowrig.journal.journal import AnyEvent
from flowrig.operator.notify.messages import Messages

__all__ = ["Notifier", "attempt"]

MOST_WAITING: Final = 50
"""Largest number of messages that wait for an observer; beyond it the oldest is dropped."""

WAITS_S: Final = (2.0, 10.0)
"""Waits [s, real time] before a message is sent again."""

CLOSE_S: Final = 15.0
"""Time [s, real time] that all observers together have at the end of a run."""


class Notifier:
    """A listener of a journal that tells people what happens in the run.

    Observers are called in threads of their own. The thread of the run only appends to their
    queues, so that a slow or broken observer can neither slow nor end a run.

    Args:
        observers: by name.
        run: name of the run's folder.
        say: tells a line to who has started the run, from any thread: what did not arrive.
        close_s: time [s, real time] for what is still waiting at the end.
    """

    def __init__(
        self,
        observers: Mapping[str, Observer],
        run: str,
        say: Callable[[str], None],
        close_s: float = CLOSE_S,
    ) -> None:
        self._messages = Messages(run)
        self._close_s = close_s
        self._lanes = [_Lane(name, observer, say) for name, observer in observers.items()]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait a short time for what was not sent yet, and tell what did not arrive."""
        for lane in self._lanes:
            lane.end()
        last_s = time.monotonic() + self._close_s
        for lane in self._lanes:
            lane.join(max(0.0, last_s - time.monotonic()))

    def __call__(self, event: AnyEvent) -> None:
        """Follow an event of the journal."""
        for message in self._messages.of(event):
            for lane in self._lanes:
                lane.put(message)


class _Lane:
    """The way to one observer."""

    def __init__(self, name: str, observer: Observer, say: Callable[[str], None]) -> None:
        self._label = f"notify.{name}"
        self._observer = observer
        self._say = say
        self._waiting = deque[Message]()
        self._changed = threading.Condition()
        self._ends = False
        self._given_up = threading.Event()
        self._put = self._sent = 0
        self._has_told = False
        self._thread = threading.Thread(target=self._work, name=self._label, daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Append a message to the queue; if it is full, drop the oldest."""
        with self._changed:
            self._put += 1
            if len(self._waiting) == MOST_WAITING:
                self._waiting.popleft()
            self._waiting.append(message)
            self._changed.notify()

    def end(self) -> None:
        """Let the thread end when the queue is empty."""
        with self._changed:
            self._ends = True
            self._changed.notify()

    def join(self, within_s: float) -> None:
        """Wait for the thread, give up what is left, and tell what did not arrive."""
        self._thread.join(within_s)
        self._given_up.set()
        lost = self._put - self._sent
        if lost:
            self._say(f"{self._label}: {lost} of {self._put} messages have not arrived")

    def _work(self) -> None:
        while (message := self._next()) is not None and not self._given_up.is_set():
            problem = self._deliver(message)
            if not problem:
                self._sent += 1
            elif not self._has_told and not self._given_up.is_set():
                self._has_told = True
                self._say(f"{self._label}: a message did not arrive: {problem}")

    def _next(self) -> Message | None:
        """The oldest message, as soon as there is one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ends)
            return self._waiting.popleft() if self._waiting else None

    def _deliver(self, message: Message) -> str:
        """Send a message, a few times if need be; returns why it did not arrive, or ""."""
        problem, again = attempt(self._observer, message)
        for wait_s in WAITS_S:
            if not again or self._given_up.wait(wait_s):
                break
            problem, again = attempt(self._observer, message)
        return problem


def attempt(observer: Observer, message: Message) -> tuple[str, bool]:
    """Send a message once.

    Returns:
        why it did not arrive, or "", and whether it may arrive if it is sent again.
    """
    try:
        observer.send(message)
    except (FlowrigError, OSError) as error:
        return str(error) or type(error).__name__, not isinstance(error, InputError)
    except (Exception, SystemExit) as error:  # its text may contain a secret
        return f"the observer fails with {type(error).__name__}", False
    return "", False
