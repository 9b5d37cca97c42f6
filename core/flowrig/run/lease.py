"""The run's end of the pipe to its watchdog: a lease that every reading of the rig renews."""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flowrig.errors import FlowrigError

__all__ = ["ANSWER", "FLUSHED", "GOODBYE", "NOTE_NAME", "READY", "RENEW", "UNSAFE", "Lease"]

READY = b"ready\n"
RENEW = b"renew "
"""Followed by the rig time [s] and the end of the line; the watchdog answers each."""
ANSWER = b"."
GOODBYE = b"goodbye\n"
UNSAFE = b"unsafe\n"
"""The safe state was not confirmed: the watchdog goes on trying."""
FLUSHED = b"unsafe flushed\n"
"""As `UNSAFE`, and the flow path was flushed."""

NOTE_NAME = "safe-state.txt"
"""File in the run's folder in which the watchdog reports its actions."""

START_S = 60.0
"""Longest time [s] for the watchdog to import the drivers of the rig."""

END_S = 10.0
"""Longest time [s] for the watchdog to end after a goodbye."""

LATE_S = 5.0
"""A watchdog that has left a renewal without an answer for this time [s] may be stopped."""

GRACE_S = 3.0
"""How much longer [s] a late watchdog is waited for: the run itself may have been stopped, and then
the answers are there and not read yet."""

CHUNK = 4096


class Lease:
    """The watchdog process of a run, as long as the run lasts.

    It brings the rig to its safe state if the pipe closes without a goodbye, or if the lease is not
    renewed in time. The thread that reads the rig renews the lease, not a thread of its own: a
    program that hangs must not renew it. The watchdog answers every renewal, so that the run
    notices a watchdog that is stopped.

    Args:
        folder: the run's folder, with profile and journal.
        lease_s: how long [s] the run may be silent.
    """

    def __init__(self, folder: Path, lease_s: float) -> None:
        self._folder = folder
        self._lease_s = lease_s
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = _Answers()
        self._grace_s = GRACE_S

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipe; without a goodbye before, the watchdog takes the rig over."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    @property
    def process_id(self) -> int:
        """Process number of the watchdog."""
        assert self._process is not None
        return self._process.pid

    def require_ready(self, time_s: float) -> None:
        """Wait until the watchdog is ready to take over, and begin the lease.

        Args:
            time_s: rig time [s] now.

        Raises:
            FlowrigError: it does not become ready; the run must not begin without it.
        """
        if not self._answers.wait_ready(START_S):
            assert self._process is not None
            self._process.kill()
            raise FlowrigError("the watchdog of the run did not start; nothing moves without it")
        self.renew(time_s)

    def renew(self, time_s: float) -> None:
        """Report that the run is alive and reads the rig.

        Args:
            time_s: rig time [s] now.

        Raises:
            FlowrigError: the watchdog has ended, or is stopped.
        """
        if self._answers.late_s() > LATE_S and not self._answers.wait_all(self._grace_s):
            self._grace_s = 0.0  # the way to the safe state waits for no watchdog
            late_s = self._answers.late_s()
            raise FlowrigError(
                f"the watchdog of the run (process {self.process_id}) has not answered for "
                f"{late_s:.0f} s: it is stopped or hangs; the run must not go on"
            )
        try:
            self._answers.expect()
            self._send(RENEW + f"{time_s:.3f}\n".encode())
        except OSError as error:
            raise FlowrigError(
                "the watchdog of the run has ended; the run must not go on"
            ) from error

    def say_goodbye(self) -> None:
        """The rig is in its safe state: the watchdog may end; one that is stopped is ended."""
        assert self._process is not None
        try:
            self._send(GOODBYE)
            self._process.wait(END_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()

    def hand_over(self, *, is_flushed: bool) -> None:
        """The safe state was not confirmed: the watchdog goes on trying when this program ends.

        A watchdog that has ended or is stopped is replaced by a new one.

        Args:
            is_flushed: whether the flow path was flushed.

        Raises:
            OSError: no watchdog can be started.
        """
        message = FLUSHED if is_flushed else UNSAFE
        assert self._process is not None
        if self._process.poll() is None and self._answers.late_s() <= LATE_S:
            with suppress(OSError):
                return self._send(message)
        self._process.kill()
        self._answers = _Answers()
        self._start()
        return self._send(message)

    def _start(self) -> None:
        arguments = [str(self._folder), str(os.getpid()), str(self._lease_s)]
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and a folder
            [sys.executable, "-P", "-m", "flowrig.run.watchdog", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **_apart(),
        )
        assert self._process.stdout is not None
        self._answers.listen(self._process.stdout.detach())  # type: ignore[attr-defined]

    def _send(self, message: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(message)
        self._process.stdin.flush()


class _Answers:
    """What the watchdog sends: that it is ready, then one byte for each renewal."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heard = b""
        self._ready_s: float | None = None  # real time at which it was heard
        self._has_ended = False
        self._expected_s: deque[float] = deque()

    def listen(self, pipe: Any) -> None:
        """Listen in a thread until the watchdog ends; it closes the pipe."""
        threading.Thread(target=self._listen, args=(pipe,), name="watchdog", daemon=True).start()

    def expect(self) -> None:
        """A renewal is about to be sent."""
        with self._changed:
            self._expected_s.append(time.monotonic())

    def late_s(self) -> float:
        """For how long [s] a renewal has waited for its answer, once the watchdog is ready."""
        with self._changed:
            if self._ready_s is None or not self._expected_s:
                return 0.0
            return time.monotonic() - max(self._ready_s, self._expected_s[0])

    def wait_ready(self, at_most_s: float) -> bool:
        """Wait until the watchdog is ready; returns whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready_s is not None or self._has_ended, at_most_s)
            return self._ready_s is not None

    def wait_all(self, at_most_s: float) -> bool:
        """Wait until every renewal is answered; returns whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: not self._expected_s or self._has_ended, at_most_s)
            return not self._expected_s

    def _listen(self, pipe: Any) -> None:
        with pipe, suppress(OSError):  # raw reads: they hold no lock when the program ends
            while heard := pipe.read(CHUNK):
                self._take(heard)
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def _take(self, heard: bytes) -> None:
        with self._changed:
            self._heard += heard
            if self._ready_s is None and READY in self._heard:
                _, _, self._heard = self._heard.partition(READY)
                self._ready_s = time.monotonic()
            if self._ready_s is not None:
                for _ in range(min(self._heard.count(ANSWER), len(self._expected_s))):
                    self._expected_s.popleft()
                self._heard = b""
            self._changed.notify_all()


def _apart() -> dict[str, Any]:
    """Options of a process that neither Ctrl-C nor a closed terminal ends together with the run."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}
