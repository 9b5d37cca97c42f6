"""Single keys of a terminal, without Enter; only this module knows how systems differ in that."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

__all__ = ["Keys"]

LOOK_S = 0.05
"""Time [s] between two looks at a Windows console, or while another program has the terminal."""


if sys.platform == "win32":
    import msvcrt

    class Keys:
        """The keys that are pressed while the block runs. Ctrl-C keeps its meaning."""

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
        """The keys that are pressed while the block runs. Ctrl-C keeps its meaning.

        A program in the background leaves the terminal alone, as it would be stopped otherwise.
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
                with suppress(termios.error):  # the terminal may have gone away
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
