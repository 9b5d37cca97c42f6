"""The time limit of one read or write."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

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
    _left_s: float = field(default=0.0, init=False)
    _begin_s: float = field(default=0.0, init=False)

    @property
    def limit_s(self) -> float:
        """The limit [s]."""
        return self.timeout_ms / 1000 if self.timeout_ms else self.default_s

    def wait(self) -> Self:
        """A context that gives the time left [s], and counts the time that it takes as waited.

        Raises:
            TimeoutError: no time is left.
        """
        return self

    def __enter__(self) -> float:
        self._left_s = self.limit_s - self._waited_s
        if self._left_s <= 0:
            raise TimeoutError(f"the answer was not complete within {self.limit_s:g} s")
        self._begin_s = time.monotonic()
        return self._left_s

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._waited_s += min(time.monotonic() - self._begin_s, self._left_s)

    @contextmanager
    def wait_ms(self) -> Iterator[int]:
        """As `wait`, in whole milliseconds [ms]; at least 1, because 0 means no limit in libusb.

        Raises:
            TimeoutError: no time is left.
        """
        with self as left_s:
            yield max(1, math.ceil(left_s * 1000))
