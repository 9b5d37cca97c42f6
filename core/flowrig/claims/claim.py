"""Claims of this process on places where instruments are connected."""

import hashlib
import json
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from attrs import define, frozen

from flowrig.claims.file_lock import FileLock, content_of
from flowrig.errors import FlowrigWarning, InUseError

__all__ = ["FOLDER_VARIABLE", "Claim", "claim"]

FOLDER_VARIABLE: Final = "FLOWRIG_CLAIMS"
"""Environment variable with another folder for the lock files, for instance in a test."""

WAIT_S: Final = 0.05
LONGEST_WORD: Final = 200


class Claim:
    """A claim on some places; several of one process share them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def release(self) -> None:
        """Give the places back, unless another claim of this process has them; idempotent."""
        with _lock:
            names, self._names = self._names, ()
            for name in names:
                _let_go(name)


@frozen
class _Holder:
    """The program that has a place, as it says itself."""

    process: int
    program: str
    run: str
    since: str

    @classmethod
    def here(cls, run: str) -> "_Holder":
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(os.getpid(), _program(), run, since)

    @classmethod
    def read(cls, path: Path) -> "_Holder | None":
        with suppress(ValueError, TypeError, LookupError, RecursionError):
            said: Any = json.loads(content_of(path).decode("utf-8", "replace"))
            process, words = said["process"], (said["program"], said["run"], said["since"])
            if isinstance(process, int):
                return cls(process, *map(_plain, words))
        return None

    def as_bytes(self) -> bytes:
        words = {"program": self.program, "run": self.run, "since": self.since}
        return json.dumps({"process": self.process, **words}).encode()

    def __str__(self) -> str:
        who = f"the run in {self.run}" if self.run else self.program
        return f"{who} (process {self.process}, since {self.since.replace('T', ' ')})"

    @property
    def advice(self) -> str:
        if self.run:
            return f"see flowrig status {self.run}; to end it: flowrig stop {self.run}"
        return "let that program end first"


@define
class _Held:
    lock: FileLock
    count: int = 1


_lock = threading.RLock()  # a claim may be collected as garbage while another is made
_held: dict[str, _Held] = {}
_process: list[int] = [os.getpid()]


def claim(
    places: Iterable[str], what: str, *, run: Path | str = "", patience_s: float = 0.0
) -> Claim:
    """Claim places for this process, until the claim is released or the process ends.

    A process can claim a place several times. Where no lock file can be made, the places are not
    claimed, and a warning says so: a full disk must not keep anybody from switching the heat off.

    Args:
        places: names as `flowrig.claims.places` makes them.
        what: the instrument with its address, for messages.
        run: folder of the run that uses the instrument; empty for another use.
        patience_s: longest wait [s, real time] for a process that is about to end.

    Raises:
        InUseError: another process has one of the places; the message names it.
    """
    until_s = time.monotonic() + patience_s
    while True:
        try:
            return _claim(tuple(places), what, str(run and Path(run).absolute()))
        except InUseError:
            if time.monotonic() >= until_s:
                raise
        time.sleep(WAIT_S)


def _claim(names: tuple[str, ...], what: str, run: str) -> Claim:
    with _lock:
        _forget_after_fork()
        taken: list[str] = []
        try:
            for name in names:
                _take(name, what, run)
                taken.append(name)
        except BaseException:
            for name in taken:
                _let_go(name)
            raise
    return Claim(taken)


def _take(name: str, what: str, run: str) -> None:
    if name in _held:
        _held[name].count += 1
        return
    path = None
    try:
        path = _folder() / _file_name(name)
        _held[name] = _Held(FileLock(path, _Holder.here(run).as_bytes()))
    except BlockingIOError as error:
        holder = None if path is None else _Holder.read(path)
        who = "another program" if holder is None else str(holder)
        advice = "let it end first" if holder is None else holder.advice
        raise InUseError(what, f"in use by {who}; {advice}") from error
    except OSError as error:
        warnings.warn(
            f"nothing keeps other programs from using {what} at the same time: {error}",
            FlowrigWarning,
            stacklevel=2,
        )


def _let_go(name: str) -> None:
    held = _held.get(name)
    if held is None:
        return
    held.count -= 1
    if not held.count:
        del _held[name]
        held.lock.release()


def _forget_after_fork() -> None:
    """The locks of a parent process are not those of its child."""
    if _process[0] != os.getpid():
        _process[0] = os.getpid()
        _held.clear()


def _folder() -> Path:
    """The folder of the lock files: one for all users and shells of this computer."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        folder = Path(chosen)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("PROGRAMDATA", tempfile.gettempdir())) / "flowrig" / "claims"
    else:
        # Not TMPDIR: two shells, or two users, must find each other.
        folder = Path("/tmp/flowrig-claims")  # noqa: S108 - O_NOFOLLOW, and a sticky folder
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            folder.chmod(0o1777)
    return folder


def _file_name(name: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:60]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"


def _program() -> str:
    """This program with its command, for people."""
    name, *words = [*sys.argv[:2], ""][:2]
    path = Path(name)
    program = path.parent.name if path.stem == "__main__" else path.name
    command = "".join(f" {word}" for word in words if word.isidentifier())
    return _plain(f"{program}{command}") or "python"


def _plain(text: Any) -> str:
    """A text of another process without control characters."""
    return "".join(one for one in str(text) if one.isprintable())[:LONGEST_WORD]
