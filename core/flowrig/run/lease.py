"""The run's end of the pipe to its watchdog: a lease that every look at the rig renews."""

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
"""Longest time [s] for it to end after a goodbye."""


class Lease:
    """A watchdog process of a run, as long as the run lasts.

    It brings the rig to its safe state if the pipe closes without a goodbye, or if the lease is not
    renewed in time. It is the looks at the rig that renew it, and no thread of its own, so that a
    program that hangs is noticed.

    Args:
        folder: the run's folder, with profile and journal.
        lease_s: how long [s] the run may be silent.
    """

    def __init__(self, folder: Path, lease_s: float) -> None:
        self._folder = folder
        self._lease_s = lease_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        words = [str(self._folder), str(os.getpid()), str(self._lease_s)]
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and a folder
            [sys.executable, "-P", "-m", "flowrig.run.watchdog", *words],
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
            FlowrigError: it does not get ready; nothing must be moved without it.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        late = threading.Timer(START_S, self._process.kill)
        late.daemon = True
        late.start()
        said = self._process.stdout.readline()
        late.cancel()
        if said.strip() != READY.strip():
            raise FlowrigError("the watchdog of the run did not start, so nothing was moved")
        self.renew(time_s)

    def renew(self, time_s: float) -> None:
        """Say that the run is alive and looks at the rig.

        Args:
            time_s: rig time [s] now.

        Raises:
            FlowrigError: the watchdog is gone.
        """
        try:
            self._say(RENEW + f"{time_s:.3f}\n".encode())
        except OSError as error:
            raise FlowrigError(
                "the watchdog of the run has gone; the run must not go on"
            ) from error

    def say_goodbye(self) -> None:
        """The rig is in its safe state: the watchdog may end."""
        assert self._process is not None
        with suppress(OSError, subprocess.TimeoutExpired):
            self._say(GOODBYE)
            self._process.wait(END_S)

    def _say(self, word: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(word)
        self._process.stdin.flush()


def _apart() -> dict[str, Any]:
    """So that neither Ctrl-C nor a closed terminal ends the watchdog together with the run."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}
