"""The run's end of the pipe to its watchdog: a lease that every reading of the rig renews."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flowrig.errors import FlowrigError

__all__ = ["GOODBYE", "READY", "RENEW", "Lease"]

READY = b"ready\n"
RENEW = b"renew "
"""Followed by the rig time [s] and the end of the line."""
GOODBYE = b"goodbye\n"

START_S = 60.0
"""Longest time [s] for the watchdog to import the drivers of the rig."""

END_S = 10.0
"""Longest time [s] for the watchdog to end after a goodbye."""


class Lease:
    """The watchdog process of a run, as long as the run lasts.

    It brings the rig to its safe state if the pipe closes without a goodbye, or if the lease is not
    renewed in time. The thread that reads the rig renews the lease, not a thread of its own: a
    program that hangs must not renew it.

    Args:
        folder: the run's folder, with profile and journal.
        lease_s: how long [s] the run may be silent.
    """

    def __init__(self, folder: Path, lease_s: float) -> None:
        self._folder = folder
        self._lease_s = lease_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        arguments = [str(self._folder), str(os.getpid()), str(self._lease_s)]
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and a folder
            [sys.executable, "-P", "-m", "flowrig.run.watchdog", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **_apart(),
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the pipe; without a goodbye before, the watchdog takes the rig over."""
        if self._process is None:
            return
        for end in (self._process.stdin, self._process.stdout):
            if end is not None:
                with suppress(OSError):
                    end.close()

    def require_ready(self, time_s: float) -> None:
        """Wait until the watchdog is ready to take over, and begin the lease.

        Args:
            time_s: rig time [s] now.

        Raises:
            FlowrigError: it does not become ready; nothing may move without it.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        late = threading.Timer(START_S, self._process.kill)
        late.daemon = True
        late.start()
        answer = self._process.stdout.readline()
        late.cancel()
        if answer.strip() != READY.strip():
            raise FlowrigError("the watchdog of the run did not start, so nothing was moved")
        self.renew(time_s)

    def renew(self, time_s: float) -> None:
        """Report that the run is alive and reads the rig.

        Args:
            time_s: rig time [s] now.

        Raises:
            FlowrigError: the watchdog has ended.
        """
        try:
            self._send(RENEW + f"{time_s:.3f}\n".encode())
        except OSError as error:
            raise FlowrigError(
                "the watchdog of the run has ended; the run must not go on"
            ) from error

    def say_goodbye(self) -> None:
        """The rig is in its safe state: the watchdog may end."""
        assert self._process is not None
        with suppress(OSError, subprocess.TimeoutExpired):
            self._send(GOODBYE)
            self._process.wait(END_S)

    def _send(self, message: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(message)
        self._process.stdin.flush()


def _apart() -> dict[str, Any]:
    """Options of a process that neither Ctrl-C nor a closed terminal ends together with the run."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}
