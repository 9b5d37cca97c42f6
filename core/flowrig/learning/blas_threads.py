"""Linear algebra on one thread.

With several threads, the order of a sum depends on the number of processor cores: the last bits of
a fit differ between computers, and after a few experiments an optimizer chooses other conditions.
The matrices of a campaign are so small that more threads only cost time.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from threadpoolctl import ThreadpoolController

__all__ = ["VARIABLES", "default_to_one_blas_thread", "one_blas_thread"]

VARIABLES: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
"""Environment variables that libraries of linear algebra read when they are loaded."""


def default_to_one_blas_thread() -> None:
    """Set one thread for libraries that are loaded later; variables that are set keep their value.

    Has no effect on libraries that are loaded already: they read the environment only once.
    """
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the loaded libraries to one thread in the context, whatever the environment says."""
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries that are loaded now.

    A search takes milliseconds, so it is repeated only after an import.

    Args:
        modules: number of loaded Python modules; it is the key of the cache.
    """
    return ThreadpoolController()
