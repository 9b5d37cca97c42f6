"""A lock on a file that ends with the process, however it ends; the content stays readable.

The one place of this room that differs between systems: a lock on one byte, far behind the
content, because Windows lets nobody read what is locked.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["FileLock"]

BYTE: Final = 1 << 30
LONGEST: Final = 10_000
MOST_TRIES: Final = 20

if sys.platform == "win32":
    import msvcrt

    def _try_lock(number: int) -> None:
        os.lseek(number, BYTE, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        os.lseek(number, 0, os.SEEK_SET)

else:
    import fcntl

    def _try_lock(number: int) -> None:
        # A record lock, unlike flock, is not inherited by a forked process that outlives this one.
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, BYTE, os.SEEK_SET)


class FileLock:
    """A locked file.

    A process must not open the file again while it has the lock: POSIX would drop it.

    Args:
        path: the file; it is made, and deleted when the lock is released.
        content: what others can read in it.

    Attributes:
        path: the file.

    Raises:
        BlockingIOError: another process has the lock.
        OSError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self._number = _locked(path)
        with suppress(OSError):
            os.ftruncate(self._number, 0)
            os.write(self._number, content)

    def release(self) -> None:
        """Give the lock back, and delete the file."""
        if sys.platform != "win32":  # under the lock, so that nobody's new file is deleted
            with suppress(OSError):
                self.path.unlink()
        os.close(self._number)
        if sys.platform == "win32":  # a file that somebody has opened meanwhile stays
            with suppress(OSError):
                self.path.unlink()


def content_of(path: Path) -> bytes:
    """What the process that has the lock has written; empty if it cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(LONGEST)
    return b""


def _locked(path: Path) -> int:
    for _ in range(MOST_TRIES):
        number = _opened(path)
        try:
            _try_lock(number)
            if _is_still(path, number):
                return number
        except OSError as error:
            os.close(number)
            if isinstance(error, PermissionError | BlockingIOError):  # Windows, POSIX: it is locked
                raise BlockingIOError(str(error)) from error
            raise
        os.close(number)  # its owner has deleted the file between opening and locking
    raise BlockingIOError(f"{path} changes all the time")


def _opened(path: Path) -> int:
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:  # Linux refuses O_CREAT on a file of another user in a folder that all can write
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        number = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, flags)
    with suppress(OSError, AttributeError):
        os.fchmod(number, 0o666)  # every user of this computer, whatever the umask
    return number


def _is_still(path: Path, number: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(number))  # noqa: PTH116
    except OSError:
        return False
