"""A limit on the memory of a process."""

import os
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["limit_memory"]

LOOK_S = 0.5
"""Time [s] between two checks if the operating system has no limit of its own."""

EXIT_CODE = 75
"""Exit code of a process that took too much memory."""


def limit_memory(limit_gb: float) -> None:
    """Limit the memory that this process may take.

    Linux refuses more than that (`RLIMIT_DATA`, which counts private writable memory since 4.7);
    elsewhere the process checks its memory twice a second and ends if it is above the limit.

    Args:
        limit_gb: the limit, in 10⁹ bytes.
    """
    limit = int(limit_gb * 1e9)
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - not on every system

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    else:
        import psutil  # noqa: PLC0415

        used = psutil.Process().memory_info
        watch = threading.Thread(target=watch_memory, args=(limit, lambda: used().rss), daemon=True)
        watch.start()


def watch_memory(
    limit: int, used: Callable[[], int], end: Callable[[int], object] = os._exit
) -> None:
    """End this process as soon as it has taken more memory than a limit.

    Args:
        limit: in bytes.
        used: gives the memory of the process, in bytes.
        end: ends the process; called with the exit code.
    """
    while used() <= limit:
        time.sleep(LOOK_S)
    print(f"more memory than {limit / 1e9:g} GB", file=sys.stderr, flush=True)
    end(EXIT_CODE)
