"""The form of a journal's file: tables, the chain of its events, digests of its arrays."""

import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np

__all__ = [
    "FILE_NAME",
    "FORMAT",
    "LARGEST_ARRAY",
    "SCHEMA",
    "array_digest",
    "canonical_json",
    "chained",
    "finite",
    "is_digest_of",
    "packed",
    "plain_json",
    "schema_of",
]

_PLAIN = json.JSONEncoder(ensure_ascii=False)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

FORMAT = 1
"""Version of the journal's tables and events."""

FILE_NAME = "journal.sqlite"

LARGEST_ARRAY = 2**28
"""Bytes of the largest array that is written and read; the frames of an experiment are some 10^6.
"""

LARGEST_NUMBER = 10**300
"""Largest whole number; a larger one does not fit into a float."""

SCHEMA = """
CREATE TABLE event (
    sequence INTEGER PRIMARY KEY,
    time_s REAL NOT NULL,
    wall TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    chain TEXT NOT NULL
);
CREATE INDEX event_kind ON event (kind);
CREATE TABLE array (
    sequence INTEGER NOT NULL REFERENCES event (sequence),
    name TEXT NOT NULL,
    dtype TEXT NOT NULL,
    shape TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (sequence, name)
);
"""


def schema_of(statements: list[str]) -> list[str]:
    """Statements of a schema in a form in which they can be compared."""
    return sorted(" ".join(one.split()) for one in statements if one.strip())


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; numbers that are not finite become null.

    Raises:
        TypeError: a value is not plain JSON.
    """
    return _CANONICAL.encode(finite(value))


def plain_json(value: Any) -> str:
    """JSON of a value that `finite` returned, its keys in their order.

    Raises:
        TypeError: a value is not plain JSON.
    """
    return _PLAIN.encode(value)


def finite(value: Any) -> Any:
    """A value as plain JSON, whatever a driver or an optimizer has returned.

    Numbers of NumPy become plain ones, and a number that is not finite, or that no float can hold,
    becomes None. Keys and bytes become texts. An object that is no value is returned as it is, and
    has no JSON.
    """
    if isinstance(value, str):
        return _encodable(value)
    if type(value) is not dict and _is_number(value):
        return _finite_number(value)
    if isinstance(value, (dict, Mapping)):
        return {_encodable(str(key)): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return _converted(value)


def _is_number(value: Any) -> bool:
    if type(value) is float:  # nearly all are, and a check by `isinstance` takes longer
        return True
    number = isinstance(value, (int, float, np.integer, np.floating))
    return number and not isinstance(value, bool)


def _finite_number(value: Any) -> float | int | None:
    if type(value) is not float and isinstance(value, (int, np.integer)):
        return int(value) if -LARGEST_NUMBER <= value <= LARGEST_NUMBER else None
    return float(value) if math.isfinite(value) else None


def _converted(value: Any) -> Any:
    """JSON of a value that is no text, number, table or list of Python."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, Enum):
        return finite(value.value)
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("ascii", "backslashreplace")
    return value


def _encodable(text: str) -> str:
    """A text that UTF-8 can hold: half of a surrogate pair becomes an escape."""
    if type(text) is str and text.isascii():
        return text
    return str(text).encode("utf-8", "backslashreplace").decode()


def chained(before: str, head: Sequence[Any], text: str) -> str:
    """The `chain` of an event: SHA-256 of its row and of the `chain` before it.

    Args:
        before: the `chain` of the event before, "" for the first.
        head: sequence, time_s, wall and kind.
        text: data.
    """
    # as `canonical_json`, but faster: a check of a journal calls this for every event
    sequence, time_s, wall, kind = head
    texts = type(before) is str and type(wall) is str and type(kind) is str
    if texts and type(sequence) is int and type(time_s) is float and math.isfinite(time_s):
        first, third, fourth = map(_CANONICAL.encode, (before, wall, kind))
        listed = f"[{first},{sequence},{time_s!r},{third},{fourth}]"
    else:
        plain = [None if isinstance(one, float) and not math.isfinite(one) else one for one in head]
        listed = _CANONICAL.encode([before, *plain])
    return hashlib.sha256((listed + text).encode()).hexdigest()


def array_digest(content: bytes, dtype: str, shape: str) -> str:
    """SHA-256 of an array with its form, as an event holds it."""
    digest = hashlib.sha256(f"{dtype} {shape} ".encode())
    digest.update(content)
    return digest.hexdigest()


def is_digest_of(digest: str | None, content: bytes, dtype: str, shape: str) -> bool:
    """Whether a digest is that of an array with its form; or of its bytes alone, as in 0.1.0."""
    if digest == array_digest(content, dtype, shape):
        return True
    return digest == hashlib.sha256(content).hexdigest()


def packed(content: bytes) -> bytes:
    """The bytes of an array as table `array` keeps them, for `zlib.decompress`.

    They are not compressed (level 0): compressing the noise of a detector takes more time than all
    other writing, and saves only a quarter of the space.
    """
    return zlib.compress(content, 0)
