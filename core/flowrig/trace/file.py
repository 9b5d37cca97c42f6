"""The trace of one instrument: all bytes on its wire, and the driver calls that caused them.

A trace is a text file of JSON lines. The first line is the header; each further line is a call on
the driver, bytes that were sent or received, or the result of a call::

    {"flowrig_trace": 1, "device": "plate", "kind": "heater", "driver": "watlow-f4t", …}
    {"time_s": 0.0, "call": 1, "method": "read", "args": []}
    {"time_s": 0.0, "sent": ":SOURCE:CLOOP1:PVALUE?\\n", "channel": "scpi"}
    {"time_s": 0.0, "received": "22.00\\n", "channel": "scpi"}
    {"time_s": 0.1, "end": 1, "returned": {"type": "HeaterReading", "temperature_c": 22.0, …}}

Bytes are text if all of them are printable ASCII, tabs or line ends. Otherwise they are
hexadecimal, or base64 if there are many. All three forms are exact.
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
"""Version of the format; a file with another version is refused."""

HEX_AT_MOST = 64
"""Largest number of bytes that are written in hexadecimal, which is readable."""

SHOWN_AT_MOST = 24
"""Largest number of bytes of a binary message that are shown."""

PRINTABLE = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
TIMES = frozenset({"time_s", "times_s"})
"""Fields of readings that are left out: the entry has its own time."""


@frozen(kw_only=True)
class TraceHeader:
    """The device and driver of a trace.

    Attributes:
        device: name of the device in the rig profile.
        kind: "pump", "heater" or "spectrometer".
        driver: name of the driver's offer.
        plugin: distribution of the plugin, with its version.
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
        time_s: rig time [s] of the first byte.
        direction: "sent" or "received", from the view of the driver.
        data: the bytes.
        channel: name of the connection, if the device has several.
    """

    time_s: float
    direction: Direction
    data: bytes
    channel: str = ""


@frozen
class CallEntry:
    """The beginning of a call on the driver.

    Attributes:
        time_s: rig time [s].
        number: number of the call, from 1.
        method: name of the driver's method.
        args: positional arguments as plain JSON; see `from_plain`.
        kwargs: keyword arguments as plain JSON.
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
    """The end of a call on the driver.

    Attributes:
        time_s: rig time [s].
        number: number of the call.
        returned: returned value as plain JSON; None if the call returned nothing or raised.
        raised: class name of the error; empty if the call returned.
        message: message of the error.
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
    """The content of a trace.

    Attributes:
        header: device and driver.
        entries: entries in the order of their times.
        cut: whether the last line was incomplete and is left out.
    """

    header: TraceHeader
    entries: tuple[Entry, ...]
    cut: bool = False


class TraceWriter:
    """Writes a trace; every line is passed to the operating system at once.

    Args:
        path: the file, which must not exist.
        header: device and driver.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(self, path: Path, header: TraceHeader) -> None:
        self._file = path.open("x", encoding="utf-8", newline="\n")
        self._write({"flowrig_trace": FORMAT, **attrs.asdict(header)})

    def append(self, entry: Entry) -> None:
        """Write an entry.

        Raises:
            OSError: the entry cannot be written.
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
        InputError: the file cannot be read or is no trace, or a line before the last is invalid.
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
    """Whether all bytes are printable ASCII, tabs or line ends."""
    return PRINTABLE.issuperset(data)


def readable(data: bytes) -> str:
    """Bytes in readable form: as text, or their number and the first of them in hexadecimal."""
    if not data:
        return "nothing"
    if is_text(data):
        return repr(data.decode("ascii"))
    shown = data[:SHOWN_AT_MOST].hex(" ")
    return f"{len(data)} bytes {shown}{' …' if len(data) > SHOWN_AT_MOST else ''}"


def plain(value: Any) -> Any:
    """A value of the interfaces as plain JSON.

    Arrays of whole numbers become a digest, other arrays their ends and their mean. Times of
    readings are left out. A value without a JSON form becomes a text, which can be compared but not
    converted back.
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
    """A driver's settings as plain JSON, without the address, so that a trace can be published."""
    values: dict[str, Any] = _SETTINGS.unstructure(settings)
    return {name: value for name, value in values.items() if name != "address"}


def settings_from(values: Mapping[str, Any], kind: type, address: str) -> DeviceSettings:
    """A driver's settings from the result of `settings_of` and an address.

    Raises:
        ValueError: the driver has no such settings, or refuses the values.
    """
    try:
        settings: DeviceSettings = _SETTINGS.structure({**values, "address": address}, kind)
    except Exception as error:
        causes = getattr(error, "exceptions", (error,))
        raise ValueError("; ".join(map(str, causes))) from error
    return settings


def from_plain(value: Any) -> Any:
    """An argument of a call, from the result of `plain`.

    Raises:
        ValueError: the value cannot be converted back.
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
        raise ValueError(f"{_shown(value)} cannot be converted back")
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
    """Plain JSON in the form in which Python shows the original value."""
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
