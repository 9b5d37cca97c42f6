"""Single keys of a terminal, without Enter, on Windows and on Unix."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

__all__ = ["Keys"]

LOOK_S = 0.05
"""Interval [s] between polls of a Windows console, which has no wait with a timeout."""


if sys.platform == "win32":
    import msvcrt

    class Keys:
        """The keys that are pressed in the context. Ctrl-C keeps its meaning."""

        def __enter__(self) -> Self:
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None:
            pass

        def read(self, at_most_s: float) -> str:
            """The next key, or "" if none is pressed in time."""
            end_s = time.monotonic() + at_most_s
            while not msvcrt.kbhit():
                if time.monotonic() >= end_s:
                    return ""
                time.sleep(LOOK_S)
            return msvcrt.getwch()

else:
    import os
    import select
    import termios
    import tty

    class Keys:
        """The keys that are pressed in the context. Ctrl-C keeps its meaning.

        A process in the background does not touch the terminal: the system would stop it.
        """

        def __init__(self) -> None:
            self._own = sys.stdin.fileno()
            self._before: list[Any] | None = None

        def __enter__(self) -> Self:
            if self._in_front():
                self._before = termios.tcgetattr(self._own)
                tty.setcbreak(self._own)
            return self

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None:
            if self._before is not None and self._in_front():
                with suppress(termios.error):  # the terminal was closed
                    termios.tcsetattr(self._own, termios.TCSADRAIN, self._before)

        def read(self, at_most_s: float) -> str:
            """The next key, or "" if none is pressed in time."""
            if not self._in_front():
                time.sleep(at_most_s)
                return ""
            readable, _, _ = select.select([self._own], [], [], at_most_s)
            return os.read(self._own, 1).decode(errors="replace") if readable else ""

        def _in_front(self) -> bool:
            try:
                return os.tcgetpgrp(self._own) == os.getpgrp()
            except OSError:
                return False
