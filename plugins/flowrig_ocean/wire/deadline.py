"""The time limit of one read or write."""

import math
import time

__all__ = ["Deadline"]


class Deadline:
    """The time limit of one read or write, from now on.

    Args:
        timeout_ms: limit [ms] that the caller gave; None or 0 for the default.
        default_s: default limit [s].
    """

    def __init__(self, timeout_ms: int | None, default_s: float) -> None:
        self._limit_s = timeout_ms / 1000 if timeout_ms else default_s
        self._end_s = time.monotonic() + self._limit_s

    def left_s(self) -> float:
        """Time left [s].

        Raises:
            TimeoutError: no time is left.
        """
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError(f"the answer was not complete within {self._limit_s:g} s")
        return left_s

    def left_ms(self) -> int:
        """Time left in whole milliseconds [ms]; at least 1, because 0 means no limit in libusb."""
        return max(1, math.ceil(self.left_s() * 1000))
