"""The trace of one instrument: every byte on its wire, and every call that caused them.

A trace is a text file of JSON lines. The first says what was recorded; each further one is a call
on the driver, bytes that were sent or received, or what a call returned or raised::

    {"flowrig_trace": 1, "device": "plate", "kind": "heater", "driver": "watlow-f4t", …}
    {"time_s": 0.0, "call": 1, "method": "read", "args": []}
    {"time_s": 0.0, "sent": ":SOURCE:CLOOP1:PVALUE?\\n", "channel": "scpi"}
    {"time_s": 0.0, "received": "22.00\\n", "channel": "scpi"}
    {"time_s": 0.1, "end": 1, "returned": {"type": "HeaterReading", "temperature_c": 22.0, …}}

Bytes are text where all of them are printable ASCII, tabs or line ends, else hexadecimal, or base64
where there are many: they can always be had back exactly.
"""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import cattrs
import numpy as np
from attrs import frozen

from flowrig import interfaces
from flowrig.errors import InputError
from flowrig.interfaces.device import DeviceSettings
from flowrig.interfaces.wire_log import Direction

__all__ = [
    "FORMAT",
    "BytesEntry",
    "CallEntry",
    "EndEntry",
    "Entry",
    "Trace",
    "TraceHeader",
    "TraceWriter",
    "from_plain",
    "is_text",
    "plain",
    "read_trace",
    "readable",
    "settings_from",
    "settings_of",
]

FORMAT = 1
"""Version of the format; a file with another one is refused."""

HEX_AT_MOST = 64
"""Bytes up to which a binary message is written in hexadecimal, which a person can read."""

SHOWN_AT_MOST = 24
"""Bytes of a binary message that are shown to a person."""

PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
TIMES = frozenset({"time_s", "times_s"})
"""Fields of readings that are left out: the entry has its own time."""


@frozen(kw_only=True)
class TraceHeader:
    """What a trace is of.

    Attributes:
        device: the device's name in the rig profile.
        kind: "pump", "heater" or "spectrometer".
        driver: the name under which a plugin offers the driver.
        plugin: the distribution that brought it, with its version.
        settings: the driver's settings without the address, as plain JSON.
        simulated: whether an emulator answered.
    """

    device: str
    kind: str
    driver: str
    plugin: str
    settings: Mapping[str, Any]
    simulated: bool


@frozen
class BytesEntry:
    """Bytes that went over the wire in one direction.

    Attributes:
        time_s: rig time [s] of the first of them.
        direction: as the driver sees it.
        data: exactly those bytes.
        channel: the connection, where a device has several.
    """

    time_s: float
    direction: Direction
    data: bytes
    channel: str = ""


@frozen
class CallEntry:
    """A call on the driver begins.

    Attributes:
        time_s: rig time [s].
        number: calls are counted from 1.
        method: name of the driver's method.
        args: its arguments as plain JSON; see `from_plain`.
        kwargs: those that were named.
    """

    time_s: float
    number: int
    method: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        named = [f"{name}={_shown(value)}" for name, value in self.kwargs.items()]
        return f"{self.method}({', '.join([*map(_shown, self.args), *named])})"


@frozen
class EndEntry:
    """A call on the driver ends.

    Attributes:
        time_s: rig time [s].
        number: which call.
        returned: as plain JSON; None where it returned nothing, or raised.
        raised: name of the error's class; empty where it returned.
        message: of the error.
    """

    time_s: float
    number: int
    returned: Any = None
    raised: str = ""
    message: str = ""

    def __str__(self) -> str:
        return f"{self.raised}: {self.message}" if self.raised else _shown(self.returned)


Entry = BytesEntry | CallEntry | EndEntry


@frozen
class Trace:
    """A trace as it was read.

    Attributes:
        header: what it is of.
        entries: in the order in which they happened.
        cut: whether the last line was incomplete, and left out.
    """

    header: TraceHeader
    entries: tuple[Entry, ...]
    cut: bool = False


class TraceWriter:
    """Writes a trace, and lets go of every line at once.

    Args:
        path: the file; must not exist.
        header: what the trace is of.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, header: TraceHeader) -> None:
        self._file = path.open("x", encoding="utf-8", newline="\n")
        self._write({"flowrig_trace": FORMAT, **attrs.asdict(header)})

    def append(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            OSError: it cannot be written.
        """
        self._write(_LINES[type(entry)](entry))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()


def read_trace(path: Path | str) -> Trace:
    """Read a trace.

    Args:
        path: the file.

    Raises:
        InputError: it is not there, is no trace, or a line before the last makes no sense.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    header = _header(path, lines[0])
    entries: list[Entry] = []
    rest = lines[1:]
    for number, line in enumerate(rest, 2):
        try:
            entries += [_entry(json.loads(line))] if line else []
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines):
                return Trace(header, tuple(entries), cut=True)
            raise InputError(f"{path}, line {number} is no entry of a trace: {error!r}") from error
    return Trace(header, tuple(entries))


def is_text(data: bytes) -> bool:
    """Whether bytes are nothing but printable ASCII, tabs and line ends."""
    return PRINTABLE.issuperset(data)


def readable(data: bytes) -> str:
    """Bytes for a person: text as it is, of others the first in hexadecimal, and how many."""
    if not data:
        return "nothing"
    if is_text(data):
        return repr(data.decode("ascii"))
    shown = data[:SHOWN_AT_MOST].hex(" ")
    return f"{len(data)} bytes {shown}{' …' if len(data) > SHOWN_AT_MOST else ''}"


def plain(value: Any) -> Any:
    """A value of the interfaces as JSON.

    Arrays are summed up: those of whole numbers by a digest, others by ends and mean. Times of
    readings are left out. What has no JSON is shown as text, and can be compared but not had back.
    """
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    for kind, convert in _PLAIN.items():
        if isinstance(value, kind):
            return convert(value)
    if attrs.has(type(value)):
        fields = {a.name: getattr(value, a.name) for a in attrs.fields(type(value))}
        return {"type": type(value).__name__} | {
            name: plain(one) for name, one in fields.items() if name not in TIMES
        }
    return {"shown": repr(value)}


def settings_of(settings: DeviceSettings) -> dict[str, Any]:
    """A driver's settings as JSON; the address is nobody's business."""
    values: dict[str, Any] = _SETTINGS.unstructure(settings)
    return {name: value for name, value in values.items() if name != "address"}


def settings_from(values: Mapping[str, Any], kind: type, address: str) -> DeviceSettings:
    """A driver's settings from what `settings_of` made of them, and an address.

    Raises:
        ValueError: the driver has no such settings, or does not take the values.
    """
    try:
        settings: DeviceSettings = _SETTINGS.structure({**values, "address": address}, kind)
    except Exception as error:
        causes = getattr(error, "exceptions", (error,))
        raise ValueError("; ".join(map(str, causes))) from error
    return settings


def from_plain(value: Any) -> Any:
    """An argument of a call, from what `plain` made of it.

    Raises:
        ValueError: it was something that cannot be had back.
    """
    if isinstance(value, list):
        return [from_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "number" in value:
        return float(value["number"])
    name = value.get("type")
    kind = getattr(interfaces, name, None) if name in interfaces.__all__ else None
    if kind is None or not attrs.has(kind):
        raise ValueError(f"{_shown(value)} cannot be made again")
    return kind(**{field: from_plain(one) for field, one in value.items() if field != "type"})


def _plain_float(value: float) -> Any:
    return float(value) if math.isfinite(value) else {"number": str(float(value))}


_SETTINGS = cattrs.Converter(forbid_extra_keys=True)
_SETTINGS.register_unstructure_hook(float, _plain_float)
_SETTINGS.register_structure_hook(float, lambda value, _: float(from_plain(value)))


def _plain_array(array: np.ndarray[Any, Any]) -> Any:
    summary = {"array": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind != "f":
        return summary | {"digest": hashlib.sha256(array.tobytes()).hexdigest()[:16]}
    if not array.size:
        return summary
    ends = {"first": _plain_float(array.flat[0]), "last": _plain_float(array.flat[-1])}
    return summary | ends | {"mean": _plain_float(float(array.mean()))}


_PLAIN: dict[Any, Callable[[Any], Any]] = {
    Enum: lambda value: plain(value.value),
    float: _plain_float,
    np.floating: _plain_float,
    np.integer: int,
    np.bool_: bool,
    np.ndarray: _plain_array,
    Mapping: lambda value: {str(key): plain(one) for key, one in value.items()},
    (list, tuple): lambda value: [plain(one) for one in value],
    (set, frozenset): lambda value: sorted((plain(one) for one in value), key=str),
}


def _shown(value: Any) -> str:
    """Plain JSON in the way in which Python would show what it came from."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if not isinstance(value, Mapping):
        return repr(value)
    if "shown" in value or "number" in value:
        return str(next(iter(value.values())))
    fields = ", ".join(f"{name}={_shown(one)}" for name, one in value.items() if name != "type")
    return f"{value.get('type', '')}({fields})"


def _bytes_line(entry: BytesEntry) -> dict[str, Any]:
    line = {"time_s": entry.time_s, entry.direction: _written(entry.data)}
    return line | ({"channel": entry.channel} if entry.channel else {})


def _call_line(entry: CallEntry) -> dict[str, Any]:
    line = {"time_s": entry.time_s, "call": entry.number, "method": entry.method}
    line |= {"args": list(entry.args)}
    return line | ({"kwargs": dict(entry.kwargs)} if entry.kwargs else {})


def _end_line(entry: EndEntry) -> dict[str, Any]:
    line = {"time_s": entry.time_s, "end": entry.number}
    if entry.raised:
        return line | {"raised": entry.raised, "message": entry.message}
    return line | {"returned": entry.returned}


_LINES: dict[type, Callable[[Any], dict[str, Any]]] = {
    BytesEntry: _bytes_line,
    CallEntry: _call_line,
    EndEntry: _end_line,
}


def _written(data: bytes) -> Any:
    if is_text(data):
        return data.decode("ascii")
    if len(data) <= HEX_AT_MOST:
        return {"hex": data.hex(" ")}
    return {"base64": base64.b64encode(data).decode("ascii")}


def _read(written: Any) -> bytes:
    if isinstance(written, str):
        return written.encode("ascii")
    if "hex" in written:
        return bytes.fromhex(written["hex"])
    return base64.b64decode(written["base64"], validate=True)


def _header(path: Path, line: bytes) -> TraceHeader:
    try:
        values = json.loads(line)
        version = values.pop("flowrig_trace")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no trace; its first line does not say so") from error
    if version != FORMAT:
        raise InputError(f"{path} has trace format {version!r}, this flowrig reads {FORMAT}")
    try:
        return TraceHeader(**values)
    except TypeError as error:
        raise InputError(f"{path}, line 1: {error}") from error


def _entry(line: Mapping[str, Any]) -> Entry:
    time_s = float(line["time_s"])
    if "call" in line:
        return CallEntry(
            time_s, int(line["call"]), line["method"], line["args"], line.get("kwargs", {})
        )
    if "end" in line:
        number, message = int(line["end"]), line.get("message", "")
        return EndEntry(time_s, number, line.get("returned"), line.get("raised", ""), message)
    direction: Direction = "sent" if "sent" in line else "received"
    return BytesEntry(time_s, direction, _read(line[direction]), line.get("channel", ""))
