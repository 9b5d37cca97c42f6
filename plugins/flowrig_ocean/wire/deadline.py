"""The time limit of one read or write."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

__all__ = ["Deadline"]


@define
class Deadline:
    """The time limit of one read or write: the total of its waits, each at most as long as allowed.

    The time between two waits does not count. A thread that the operating system held up has not
    waited for the instrument, whose answer may be there already.

    Args:
        timeout_ms: limit [ms] that the caller gave; None or 0 for the default.
        default_s: default limit [s].
    """

    timeout_ms: int | None
    default_s: float
    _waited_s: float = field(default=0.0, init=False)

    @property
    def limit_s(self) -> float:
        """The limit [s]."""
        return self.timeout_ms / 1000 if self.timeout_ms else self.default_s

    @contextmanager
    def wait(self) -> Iterator[float]:
        """Yield the time left [s], and count the time that is spent in the block as waited.

        Raises:
            TimeoutError: no time is left.
        """
        left_s = self.limit_s - self._waited_s
        if left_s <= 0:
            raise TimeoutError(f"the answer was not complete within {self.limit_s:g} s")
        begin_s = time.monotonic()
        try:
            yield left_s
        finally:
            self._waited_s += min(time.monotonic() - begin_s, left_s)

    @contextmanager
    def wait_ms(self) -> Iterator[int]:
        """As `wait`, in whole milliseconds [ms]; at least 1, because 0 means no limit in libusb.

        Raises:
            TimeoutError: no time is left.
        """
        with self.wait() as left_s:
            yield max(1, math.ceil(left_s * 1000))
