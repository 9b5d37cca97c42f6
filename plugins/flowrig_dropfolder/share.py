"""A shared folder: whole files are written, and read while another program writes them."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

__all__ = ["POLL_S", "Served", "Share", "serve_here"]

POLL_S: Final = 0.01
"""Interval [s, real time] between two looks into the folder."""

R = TypeVar("R")


class Served(Protocol):
    """A program that is emulated in this process, behind a folder."""

    def wrote(self, name: str, device: str) -> None:
        """The driver of a device has written a file."""
        ...

    def look(self, *, reopened: bool = False) -> None:
        """Do what is due at this time.

        Args:
            reopened: whether a driver connects anew, so that a share that broke once is back.
        """
        ...


_served: dict[str, Served] = {}


def serve_here(folder: str, program: Served) -> Callable[[], None]:
    """Let a program that is emulated in this process look whenever a driver here waits for it.

    A folder has no wire on which the program could be woken, and a thread that polls would make a
    simulation depend on real time.

    Args:
        folder: its folder.
        program: the program.

    Returns:
        a function that ends it.
    """
    _served[folder] = program

    def end() -> None:
        if _served.get(folder) is program:
            del _served[folder]

    return end


class Share:
    """One folder that two programs share.

    Windows refuses to open or to replace a file that another program has open at this moment (a
    sharing violation, which Python raises as PermissionError); that is tried again.

    Args:
        folder: its path.
        patience_s: longest wait [s, real time] for a file that another program has open, and for a
            folder that is gone.
    """

    def __init__(self, folder: str, patience_s: float) -> None:
        self._name = folder
        self._folder = Path(folder)
        self._patience_s = patience_s

    def connect(self) -> None:
        """Wait until the folder is there.

        Raises:
            FileNotFoundError: it is not.
        """
        end_s = time.monotonic() + self._patience_s
        while True:
            self._look(reopened=True)
            if self._folder.is_dir():
                return
            if time.monotonic() >= end_s:
                self.require()
            time.sleep(POLL_S)

    def require(self) -> None:
        """Check that the folder is there.

        Raises:
            FileNotFoundError: it is not.
        """
        if not self._folder.is_dir():
            raise FileNotFoundError(
                f"the folder {self._name} is not there: is the share connected, and the other "
                "computer on?"
            )

    def write(self, name: str, data: bytes, device: str = "") -> None:
        """Put a whole file into the folder in one step, in the place of an older one.

        Args:
            name: of the file.
            data: its contents.
            device: whose driver writes it, by its name in the profile.

        Raises:
            OSError: it cannot be written; the older one is unchanged.
        """
        self.require()
        fresh = self._folder / f"{name}.{os.getpid()}.new"
        try:
            self._patiently(lambda: fresh.write_bytes(data))
            self._patiently(lambda: fresh.replace(self._folder / name))
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        program = _served.get(self._name)
        if program is not None:
            program.wrote(name, device)

    def read(self, name: str) -> bytes | None:
        """The contents of a file as they are now; None if there is none.

        Raises:
            OSError: it cannot be read, or the folder is gone.
        """
        try:
            return self._patiently((self._folder / name).read_bytes)
        except FileNotFoundError:
            self.require()
            return None

    def remove(self, name: str) -> None:
        """Remove a file, if that is possible."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()

    def names(self) -> list[str]:
        """Names of all files.

        Raises:
            OSError: the folder is gone.
        """
        self.require()
        return sorted(one.name for one in self._folder.iterdir())

    def look(self) -> None:
        """Let an emulated program of this process look; real ones look by themselves."""
        self._look()

    def _look(self, *, reopened: bool = False) -> None:
        program = _served.get(self._name)
        if program is not None:
            program.look(reopened=reopened)

    def _patiently(self, act: Callable[[], R]) -> R:
        end_s = time.monotonic() + self._patience_s
        while True:
            try:
                return act()
            except PermissionError:
                if time.monotonic() >= end_s:
                    raise
                time.sleep(POLL_S)
