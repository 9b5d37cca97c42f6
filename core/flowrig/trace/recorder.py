"""Recording the traces of a rig's instruments, from outside of their drivers."""

import inspect
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

from attrs import field, frozen

from flowrig.interfaces import Device
from flowrig.interfaces.wire_log import Direction
from flowrig.trace.file import BytesEntry, CallEntry, EndEntry, TraceHeader, TraceWriter, plain

__all__ = ["FOLDER_NAME", "Recording", "recorded"]

FOLDER_NAME = "traces"
"""The folder of a run in which its traces are."""

NOT_CALLS = frozenset({"abandon"})
"""Methods that another thread uses on a call that is under way; its error tells of them."""


@frozen
class Recording:
    """Where traces go, and who is told if one ends early.

    Attributes:
        folder: where each device gets a file; made when it is needed.
        notice: takes one sentence, in any thread; by default it is logged as a warning.
    """

    folder: Path = field(converter=Path)
    notice: Callable[[str], None] = logging.getLogger(__name__).warning


@contextmanager
def recorded(
    devices: Mapping[str, Device], headers: Mapping[str, TraceHeader], recording: Recording
) -> Iterator[None]:
    """Record devices; a disk that is full ends the recording of all, and nothing else.

    Args:
        devices: by name, closed.
        headers: what each trace is of.
        recording: where the traces go.
    """
    trouble = _Trouble(recording.notice)
    recorders = [
        _Recorder(device, headers[name], recording.folder, trouble)
        for name, device in devices.items()
    ]
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.end()


class _Trouble:
    """What ends a recording, told once.

    Attributes:
        came: whether there was any.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.came = False
        self._notice = notice
        self._lock = threading.Lock()

    def tell(self, error: Exception) -> None:
        with self._lock:
            came, self.came = self.came, True
        if not came:
            self._notice(f"nothing more is recorded: {error}")


class _Recorder:
    """Records one device.

    Bytes that go in one direction without a pause are one entry. Of calls within a call only the
    outer one is recorded. Nothing that happens here is raised.
    """

    def __init__(
        self, device: Device, header: TraceHeader, folder: Path, trouble: _Trouble
    ) -> None:
        self._device = device
        self._trouble = trouble
        self._lock = threading.Lock()
        self._inside = threading.local()
        self._numbers = count(1)
        self._bytes: BytesEntry | None = None
        self._writer: TraceWriter | None = None
        self._wrapped: list[str] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = _new_writer(folder, header)
            self._wrap()
        except Exception as error:
            self._give_up(error)
        else:
            device.wire.listener = self._heard

    def end(self) -> None:
        """Write what is left, and leave the device as it was."""
        with self._lock:
            self._write()
            self._let_go()
        for name in self._wrapped:
            vars(self._device).pop(name, None)

    def _wrap(self) -> None:
        for name, _ in inspect.getmembers(type(self._device), inspect.isfunction):
            if not name.startswith("_") and name not in NOT_CALLS:
                setattr(self._device, name, self._wrapper(name, getattr(self._device, name)))
                self._wrapped.append(name)

    def _wrapper(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._writer is None or getattr(self._inside, "a_call", False):
                return method(*args, **kwargs)
            number = next(self._numbers)
            self._begin(number, name, args, kwargs)
            self._inside.a_call = True
            try:
                returned = method(*args, **kwargs)
            except BaseException as error:
                self._end(number, raised=type(error).__name__, message=str(error))
                raise
            finally:
                self._inside.a_call = False
            self._end(number, returned)
            return returned

        return call

    def _begin(
        self, number: int, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        with self._lock:
            self._write(lambda: CallEntry(self._now_s(), number, name, plain(args), plain(kwargs)))

    def _end(self, number: int, returned: Any = None, raised: str = "", message: str = "") -> None:
        with self._lock:
            self._write(lambda: EndEntry(self._now_s(), number, plain(returned), raised, message))

    def _heard(self, direction: Direction, data: bytes, channel: str) -> None:
        with self._lock:
            last = self._bytes
            if last is not None and (last.direction, last.channel) == (direction, channel):
                self._bytes = BytesEntry(last.time_s, direction, last.data + bytes(data), channel)
            else:
                self._write()
                self._bytes = BytesEntry(self._now_s(), direction, bytes(data), channel)

    def _write(self, new_entry: Callable[[], CallEntry | EndEntry] | None = None) -> None:
        """Write the bytes that wait, and an entry."""
        waiting, self._bytes = self._bytes, None
        if self._writer is None:
            return
        if self._trouble.came:
            self._let_go()
            return
        try:
            if waiting is not None:
                self._writer.append(waiting)
            if new_entry is not None:
                self._writer.append(new_entry())
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._let_go()
        self._trouble.tell(error)

    def _let_go(self) -> None:
        self._device.wire.listener = None
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError):  # what could not be written was told already
                writer.close()

    def _now_s(self) -> float:
        return round(self._device.clock.now_s(), 6)


def _new_writer(folder: Path, header: TraceHeader) -> TraceWriter:
    """A trace DEVICE.jsonl, or the first numbered one that does not exist yet."""
    label = re.sub(r"[^A-Za-z0-9._-]", "_", header.device)
    number, path = 1, folder / f"{label}.jsonl"
    while path.exists():
        number += 1
        path = folder / f"{label}-{number}.jsonl"
    return TraceWriter(path, header)
