"""Records traces of the instruments of a rig, without changes to their drivers."""

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
"""Name of the folder with traces in the folder of a run."""

NOT_CALLS = frozenset({"abandon"})
"""Methods by which another thread ends a call; the error of that call is in the trace."""


@frozen
class Recording:
    """Destination of traces, and of the notice that a recording ended early.

    Attributes:
        folder: folder with one file for each device; created when it is needed.
        notice: takes one sentence, in any thread; by default the sentence is logged as a warning.
    """

    folder: Path = field(converter=Path)
    notice: Callable[[str], None] = logging.getLogger(__name__).warning


@contextmanager
def recorded(
    devices: Mapping[str, Device], headers: Mapping[str, TraceHeader], recording: Recording
) -> Iterator[None]:
    """Record devices. A full disk ends the recording of all devices, and has no other effect.

    Args:
        devices: closed devices by name.
        headers: headers of the traces by device.
        recording: destination of the traces.
    """
    failure = _RecordingFailure(recording.notice)
    recorders = [
        _Recorder(device, headers[name], recording.folder, failure)
        for name, device in devices.items()
    ]
    try:
        yield
    finally:
        for recorder in recorders:
            recorder.end()


class _RecordingFailure:
    """An error that ends the recording of all devices; it is reported once.

    Attributes:
        occurred: whether there was an error.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.occurred = False
        self._notice = notice
        self._lock = threading.Lock()

    def report(self, error: Exception) -> None:
        with self._lock:
            is_known, self.occurred = self.occurred, True
        if not is_known:
            self._notice(f"the recording of traces has ended: {error}")


class _Recorder:
    """Records one device.

    Consecutive bytes in one direction are one entry. Of nested calls only the outer one is
    recorded. Errors of the recording are never raised.
    """

    def __init__(
        self, device: Device, header: TraceHeader, folder: Path, failure: _RecordingFailure
    ) -> None:
        self._device = device
        self._failure = failure
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
            device.wire.listener = self._on_bytes

    def end(self) -> None:
        """Write waiting bytes, and restore the device."""
        with self._lock:
            self._write()
            self._stop()
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

    def _on_bytes(self, direction: Direction, data: bytes, channel: str) -> None:
        with self._lock:
            last = self._bytes
            if last is not None and (last.direction, last.channel) == (direction, channel):
                self._bytes = BytesEntry(last.time_s, direction, last.data + bytes(data), channel)
            else:
                self._write()
                self._bytes = BytesEntry(self._now_s(), direction, bytes(data), channel)

    def _write(self, new_entry: Callable[[], CallEntry | EndEntry] | None = None) -> None:
        """Write waiting bytes, and then an entry."""
        waiting, self._bytes = self._bytes, None
        if self._writer is None:
            return
        if self._failure.occurred:
            self._stop()
            return
        try:
            if waiting is not None:
                self._writer.append(waiting)
            if new_entry is not None:
                self._writer.append(new_entry())
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._stop()
        self._failure.report(error)

    def _stop(self) -> None:
        self._device.wire.listener = None
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(OSError):  # a failed write was reported already
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
