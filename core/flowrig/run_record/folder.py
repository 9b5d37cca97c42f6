"""The folder of a new run: makes it, and copies the profile into it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flowrig.errors import InputError
from flowrig.journal.journal import FILE_NAME
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.run_record.reader import RunRecord

__all__ = ["profile_copy", "require_new"]


def require_new(folder: Path) -> None:
    """Make the folder of a run.

    Raises:
        InputError: the folder holds a run or a profile already, or cannot be made.
    """
    if (folder / FILE_NAME).exists():
        with RunRecord(folder) as record:
            if record.state == "finished":
                raise InputError(
                    f"{folder} holds a finished run; show it with: flowrig report {folder}, "
                    "or choose another folder with --out"
                )
        raise InputError(f"{folder} holds a run already; resume it with: flowrig resume {folder}")
    if (folder / PROFILE_NAME).exists():
        raise InputError(f"{folder} holds a {PROFILE_NAME} already; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error


@contextmanager
def profile_copy(folder: Path, text: str) -> Iterator[Path]:
    """The run's own copy of its profile; it is deleted again if no journal follows."""
    path = folder / PROFILE_NAME
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield path
    finally:
        if not (folder / FILE_NAME).exists():
            with suppress(OSError):  # the folder may have been moved
                path.unlink()
