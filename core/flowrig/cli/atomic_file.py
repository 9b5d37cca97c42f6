"""Files that are complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowrig.errors import InputError

__all__ = ["atomic_file"]


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write a temporary file, which replaces `path` only when it is complete on the disk.

    An older file at `path` stays until then, so that a full disk does not leave half a file.

    Yields:
        path of the temporary file.

    Raises:
        InputError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())  # a rename can reach the disk before the content
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
