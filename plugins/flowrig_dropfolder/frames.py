"""Files with frames and wavelengths: read whole, or not at all."""

import contextlib
import math
import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from flowrig_dropfolder.layout import OF_NUMBERS, BadRow, Taken, plain, taken_of
from flowrig_dropfolder.settings import COUNTS_MAX

__all__ = ["frames_of", "head_of", "table_of", "wavelengths_of"]

LINE_ENDS: Final = b"\r\n \t"


def head_of(data: bytes) -> Taken | None:
    """The first row of a file with frames; None while it is not written to its end.

    Raises:
        BadRow: it is wrong.
    """
    line, end, _ = data.partition(b"\n")
    return taken_of(plain(line + end).strip(b"\n")) if end else None


def frames_of(data: bytes, frames: int, pixels: int) -> NDArray[np.uint16] | None:
    """The frames of a file, shape `frames x pixels`; None while it is not written to its end.

    Args:
        data: contents of the file: a first row that is about the take, then one row for each pixel
            with one number for each frame.
        frames: number of frames that were asked for.
        pixels: number of pixels.

    Raises:
        BadRow: it is complete, and is not that; the message says why.
    """
    text = plain(data)
    rows = text.count(b"\n") - 1
    if not text.endswith(b"\n") or rows < pixels:
        return None
    if rows > pixels:
        raise BadRow(f"{rows} rows of pixels where {pixels} are expected")
    body = text[text.index(b"\n") + 1 : -1]
    wrong = [n for n, row in enumerate(body.split(b"\n"), 2) if row.count(b",") != frames - 1]
    if wrong:
        raise BadRow(f"row {wrong[0]} has not one number for each of {frames} frames")
    values = _numbers(body.replace(b"\n", b","), frames * pixels)
    if not np.isfinite(values).all():
        row, frame = np.argwhere(~np.isfinite(values.reshape(pixels, frames)))[0]
        raise BadRow(f"pixel {row + 1} of frame {frame + 1} is not a number")
    if values.min() < -0.5 or values.max() > COUNTS_MAX + 0.5:
        raise BadRow(
            f"counts from {values.min():g} to {values.max():g}; expected raw counts, 0 to "
            f"{COUNTS_MAX}, from which no dark is subtracted"
        )
    return np.rint(values).astype(np.uint16).reshape(pixels, frames).T.copy()


def wavelengths_of(data: bytes) -> NDArray[np.float64] | None:
    """The wavelengths [nm] of all pixels, in one row or in one column; None if it is half-written.

    Raises:
        BadRow: they are no rising numbers.
    """
    if not data.endswith(b"\n"):
        return None
    lines = plain(data).strip(b"\n")
    values = _numbers(lines.replace(b"\n", b","), lines.count(b",") + lines.count(b"\n") + 1)
    if values.size < 2 or not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        raise BadRow("expected wavelengths [nm] that rise from pixel to pixel")
    return values


def _numbers(text: bytes, count: int) -> NDArray[np.float64]:
    """Numbers between commas; not a number where a word is empty."""
    if text.translate(None, OF_NUMBERS + LINE_ENDS):
        raise BadRow("it has characters that belong to no number")
    with warnings.catch_warnings():  # numpy warns where it stops before the end
        warnings.simplefilter("ignore", DeprecationWarning)
        with contextlib.suppress(ValueError):
            values = np.fromstring(text, np.float64, sep=",")
            if values.size == count:
                return values
    try:
        return np.array([float(word) if word.strip() else math.nan for word in text.split(b",")])
    except ValueError:
        raise BadRow("it has a word that is no number") from None


def table_of(data: bytes) -> NDArray[np.float64]:
    """All numbers of a file, by row and column; not a number where a word is empty.

    Raises:
        BadRow: its rows are of different lengths, or a word is no number.
    """
    rows = plain(data).strip(b"\n").split(b"\n")
    columns = {row.count(b",") + 1 for row in rows}
    if len(columns) > 1:
        raise BadRow("its rows are of different lengths")
    count = len(rows) * max(columns)
    return _numbers(b",".join(rows), count).reshape(len(rows), -1)
