"""What does not fit together in the folder of a run is wrong input, and no internal error."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowrig.errors import FlowrigError, InputError

__all__ = ["sound_folder"]

UNSOUND = (
    ArithmeticError, AssertionError, AttributeError, FileNotFoundError, IsADirectoryError,
    LookupError, NotADirectoryError, PermissionError, RecursionError, TypeError, ValueError,
    sqlite3.Error, zlib.error,
)  # fmt: skip
"""Errors of computing with values that belong to no run, such as a condition that is missing."""


@contextmanager
def sound_folder(folder: Path) -> Iterator[None]:
    """Read the folder of a run, which may come from anywhere.

    A forged journal can hold a chain that is sound, and events of the right form that contradict
    each other or the profile.

    Raises:
        InputError: something in the folder does not fit together.
    """
    try:
        yield
    except FlowrigError:
        raise
    except UNSOUND as error:
        raise InputError(
            f"{folder}: what is in this folder does not fit together ({error!r}); it was changed, "
            "or another program wrote it; restore a copy of the folder"
        ) from error
