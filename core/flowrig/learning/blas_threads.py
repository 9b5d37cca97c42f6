"""Linear algebra on one thread.

With several, sums are made in an order that depends on how many cores a computer has: the last bits
of a fit differ, and soon what an optimizer chooses. Matrices of a campaign are so small that more
threads only cost time.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from threadpoolctl import ThreadpoolController

__all__ = ["VARIABLES", "one_thread", "one_thread_from_now_on"]

VARIABLES: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Environment variables that libraries read when they are loaded."""


def one_thread_from_now_on() -> None:
    """One thread for what this process has yet to load, unless its environment says otherwise."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for what is loaded, as long as the block runs, whatever the environment says."""
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that are loaded now; looked for anew, which takes milliseconds, after an import.

    Args:
        modules: how many Python modules are loaded.
    """
    return ThreadpoolController()
