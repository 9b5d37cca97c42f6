"""Runs code of a plugin so that nothing it does at import ends, hangs or bends the program.

An import can raise anything (SystemExit too), never return, end the process, close or fill the
streams, or change process-wide settings. The code runs in a thread of its own: a signal handler
cannot be set there, threads that it starts do not hold up the end of the program, and Ctrl-C
reaches the waiting main thread alone.
"""

import contextlib
import ctypes
import io
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from flowrig.errors import FlowrigError, PluginError

__all__ = ["IMPORT_LIMIT_S", "contained", "left_threads", "one_line"]

T = TypeVar("T")

IMPORT_LIMIT_S: Final = 60.0
"""Longest time [s, real time] for the import of a plugin and its hooks; an import of PyTorch takes
20 s on a busy machine."""

INTERRUPT_S: Final = 0.1
"""Longest wait [s] for a thread that loops to take an exception."""

_one_at_a_time = threading.Lock()
_inside = threading.local()
_left: list[threading.Thread] = []

LONGEST_TEXT: Final = 300
"""Length of the longest text of a foreign error that is shown."""

_ENDINGS: Final = ("_exit", "abort", "execv", "execve")
"""Functions of `os` after which the program does not go on."""


def contained(work: Callable[[], T], limit_s: float | None = None) -> T:
    """Run code of a plugin.

    Args:
        work: the code.
        limit_s: longest wait [s, real time]; by default `IMPORT_LIMIT_S`.

    Returns:
        what the code returns.

    Raises:
        PluginError: it did not return in time, or raised an error; the message has the reason.
    """
    limit_s = IMPORT_LIMIT_S if limit_s is None else limit_s
    result: list[T] = []
    trouble: list[BaseException] = []

    def run() -> None:
        _inside.yes = True
        try:
            result.append(work())
        except BaseException as error:  # SystemExit of a plugin must not end the program
            trouble.append(error)

    if getattr(_inside, "yes", False):  # a plugin that looks for plugins
        run()
        late = False
    else:
        late = not _returns(run, limit_s)
    if result:
        return result[0]
    if late:
        raise PluginError(f"it does not return within {limit_s:g} s")
    error = trouble[0]
    if isinstance(error, FlowrigError):
        raise error
    raise PluginError(_reason(error)) from error


def _returns(run: Callable[[], None], limit_s: float) -> bool:
    """Run in a thread; returns whether it ended in time."""
    thread = threading.Thread(target=run, name="plugin", daemon=True)
    with _one_at_a_time, _kept():
        before = set(threading.enumerate())
        thread.start()
        thread.join(limit_s)
        _left.extend(one for one in threading.enumerate() if one not in before)
        if thread.is_alive():
            _interrupt(thread)
            return False
    return True


def left_threads() -> list[threading.Thread]:
    """Threads that foreign code has started and that have not ended.

    Python waits for some of them at the end of the program, perhaps for ever.
    """
    return [thread for thread in _left if thread.is_alive()]


def one_line(text: object) -> str:
    """A foreign text as one line of printable characters, of limited length."""
    try:
        shown = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    except BaseException:  # a foreign __str__ can raise anything
        return f"<{type(text).__name__}>"
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + " …"


def _reason(error: BaseException) -> str:
    text = one_line(error)
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return f"it tries to end the program ({type(error).__name__}{f': {text}' if text else ''})"
    if isinstance(error, ImportError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Taken(BaseException):
    """Raised in the thread that takes back an exception of another one."""


def _interrupt(thread: threading.Thread) -> None:
    """End a thread that loops in Python code and slows all others; one that sleeps stays.

    A thread that sleeps does not take the exception, so it is taken back: Python 3.11 loops for
    ever in every function that a debugger traces while one is pending. For the same reason nothing
    is done while this thread is traced.
    """
    if thread.ident is None or not hasattr(ctypes, "pythonapi") or sys.gettrace() is not None:
        return
    _raise_in(thread.ident, ctypes.py_object(SystemExit))
    thread.join(INTERRUPT_S)
    if thread.is_alive():
        _raise_in(thread.ident, ctypes.py_object())
        # Python notes "an exception is pending" for the whole process, and forgets it only when a
        # thread takes one.
        with contextlib.suppress(_Taken):
            _raise_in(threading.get_ident(), ctypes.py_object(_Taken))
            while True:
                pass


def _raise_in(ident: int, error: Any) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), error)


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Undo what foreign code may do to the whole process meanwhile."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_kept_folder())
        stack.enter_context(_kept_streams())
        stack.enter_context(_kept_endings())
        stack.enter_context(warnings.catch_warnings())
        stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
        yield


@contextlib.contextmanager
def _kept_folder() -> Iterator[None]:
    try:
        before = os.getcwd()  # noqa: PTH109 - a text, also where the folder is gone
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


@contextlib.contextmanager
def _kept_streams() -> Iterator[None]:
    """Lead what foreign code prints to the standard error, and undo what it does to the streams.

    Standard output is for the answer of a command or for messages to another process.
    """
    streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    copies = {number: copy for number in (1, 2) if (copy := _copy_of(number)) is not None}
    if 1 in copies and 2 in copies:
        os.dup2(2, 1)
    sys.stdin = io.TextIOWrapper(io.BytesIO())
    to_error = io.BufferedWriter(_StandardError())
    sys.stdout = io.TextIOWrapper(to_error, "utf-8", "replace", write_through=True)
    try:
        yield
    finally:
        for number, copy in copies.items():
            os.dup2(copy, number)
            os.close(copy)
        for name, stream in streams.items():
            setattr(sys, name, stream)
            if getattr(stream, "closed", False):
                again = _opened(name)
                setattr(sys, name, again)
                setattr(sys, f"__{name}__", again)


def _copy_of(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


class _StandardError(io.RawIOBase):
    """Writes to the standard error, and closes nothing: foreign code may keep or close it."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with contextlib.suppress(OSError):
            os.write(2, data)
        return len(data)


def _opened(name: str) -> io.TextIOWrapper | None:
    """A standard stream again that foreign code has closed."""
    numbers = {"stdin": 0, "stdout": 1, "stderr": 2}
    with contextlib.suppress(OSError):
        raw = open(numbers[name], "rb" if name == "stdin" else "wb", closefd=False)  # noqa: SIM115
        return io.TextIOWrapper(raw, errors="replace", line_buffering=True)
    return None


@contextlib.contextmanager
def _kept_endings() -> Iterator[None]:
    """Replace the functions that end the process: in foreign code they raise instead."""
    system = sys.modules["nt" if sys.platform == "win32" else "posix"]
    places = [(module, name) for module in (os, system) for name in _ENDINGS]
    before = [(module, name, getattr(module, name)) for module, name in places]
    for module, name, original in before:
        setattr(module, name, _refusing(name, original))
    try:
        yield
    finally:
        for module, name, original in before:
            setattr(module, name, original)


def _refusing(name: str, original: Callable[..., Any]) -> Any:
    own = threading.get_ident()

    def refuse(*arguments: Any) -> Any:
        if threading.get_ident() == own:
            return original(*arguments)
        raise PluginError(f"it tries to end the program (os.{name})")

    return refuse
