"""A fitted surrogate in a file: plain arrays, and a header in JSON.

The file is a NumPy archive (`.npz`). Its array `header` holds UTF-8 JSON: `schema`, the surrogate's
name and settings as in a profile, its seed, the plain values of its state, and notes of the caller.
All other arrays belong to the state. Nothing in it is executed.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate, SurrogateSettings, SurrogateState
from flowrig.problem.space import Space
from flowrig.profile import SurrogateChoice
from flowrig.profile.mismatch import toml_key
from flowrig.profile.quantity import format_quantity, split_suffix
from flowrig.profile.structure import OfferSource, Structurer

__all__ = [
    "SCHEMA",
    "SavedModel",
    "load_model",
    "notes_of",
    "read_notes",
    "require_space",
    "save_model",
]

SCHEMA = "flowrig-model/1"
LARGEST_MODEL = 2**28
"""Largest size of the arrays [bytes] of a model that is read."""

_HEADER = "header"
_STATE = "state."
_NO_MODEL = (
    ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, MemoryError,
    NotImplementedError, OverflowError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""Exceptions from reading a file that is not a model."""


@frozen(eq=False)
class SavedModel:
    """The content of a file.

    Attributes:
        choice: offer and settings of the surrogate.
        surrogate: the fitted surrogate.
        notes: values that the caller saved with it.
    """

    choice: SurrogateChoice
    surrogate: Surrogate
    notes: Mapping[str, Any]


def save_model(
    path: Path,
    choice: SurrogateChoice,
    surrogate: Surrogate,
    notes: Mapping[str, Any] | None = None,
) -> None:
    """Save a fitted surrogate to a file.

    Args:
        path: the file, usually `….npz`; an existing file is replaced.
        choice: the offer and the settings that the surrogate was made from.
        surrogate: the fitted surrogate.
        notes: plain JSON values to save with it, for instance names and units.

    Raises:
        NotReadyError: the surrogate is not fitted.
        UnsupportedError: the surrogate cannot be saved.
        InputError: the file cannot be written.
    """
    state = surrogate.state()
    header = {
        "schema": SCHEMA,
        "surrogate": _written(choice),
        "seed": surrogate.seed,
        "state": dict(state.values),
        "notes": dict(notes or {}),
    }
    text = json.dumps(header, allow_nan=False).encode()
    arrays: dict[str, NDArray[Any]] = {
        _HEADER: np.frombuffer(text, dtype=np.uint8),
        **{f"{_STATE}{name}": array for name, array in state.arrays.items()},
    }
    try:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def load_model(path: Path, plugins: OfferSource) -> SavedModel:
    """Load a surrogate; its predictions are those of the saved one, bit for bit.

    Args:
        path: the file.
        plugins: what is installed.

    Raises:
        InputError: the file is not a saved model, its surrogate is not installed, or this version
            does not know its settings or state.
    """
    header, arrays = _read(path)
    return _restored(path, header, arrays, plugins)


def read_notes(path: Path) -> dict[str, Any]:
    """The notes that were saved with a surrogate; the surrogate is not made.

    Args:
        path: the file.

    Raises:
        InputError: the file is not a saved model.
    """
    notes = _read(path)[0].get("notes")
    if not isinstance(notes, dict):
        raise InputError(f"{path} is not a saved model: it has no notes")
    return notes


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of a file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            _require_bounded(archive)
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
        schema = header["schema"]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except _NO_MODEL as error:
        raise InputError(f"{path} is not a saved model: {error}") from error
    if schema != SCHEMA:
        raise InputError(f"{path} is written as {schema!r}; this version reads {SCHEMA!r}")
    return header, arrays


def notes_of(space: Space) -> dict[str, Any]:
    """The conditions of a model, as notes that are saved with it."""
    return {
        "conditions": [
            [one.name, one.low, one.high, *([list(one.choices)] if one.choices else [])]
            for one in space.parameters
        ],
        "units": space.units,
    }


def require_space(saved: SavedModel, space: Space, path: Path) -> None:
    """Check that a model has the conditions of a space.

    Args:
        saved: the model.
        space: the space.
        path: the file of the model, for the message.

    Raises:
        InputError: it has others.
    """
    if saved.notes.get("conditions") != notes_of(space)["conditions"]:
        raise InputError(
            f"{path} is the twin of a rig with another search space; train one with the "
            "experiments of this rig: flowrig twin train"
        )


def _require_bounded(archive: Any) -> None:
    """Refuse a small file that would fill the memory when it is unpacked."""
    size = sum(member.file_size for member in archive.zip.infolist())
    if size > LARGEST_MODEL:
        raise ValueError(f"it holds {size} bytes; at most {LARGEST_MODEL} are read")


def _restored(
    path: Path, header: Mapping[str, Any], arrays: Mapping[str, Any], plugins: OfferSource
) -> SavedModel:
    try:
        written, seed = header["surrogate"], int(header["seed"])
        state = SurrogateState(
            header["state"], {name.removeprefix(_STATE): array for name, array in arrays.items()}
        )
        notes = dict(header["notes"])
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} is not a saved model: {error!r}") from error
    choice, wrong = Structurer(plugins).structure(written, SurrogateChoice, ())
    if wrong:
        raise InputError(f"{path}: " + "; ".join(finding.message for finding in wrong))
    assert isinstance(choice, SurrogateChoice)
    surrogate = choice.build(seed)
    try:
        surrogate.restore(state)
    except (*_NO_MODEL, IndexError, AssertionError, ArithmeticError) as error:
        raise InputError(f"{path}: the state of its surrogate is invalid: {error!r}") from error
    return SavedModel(choice, surrogate, notes)


def _written(choice: SurrogateChoice) -> dict[str, Any]:
    """A choice as in a profile."""
    return {"name": choice.offer.name, **_settings(choice.settings)}


def _settings(settings: SurrogateSettings) -> dict[str, Any]:
    written = {}
    for attribute in attrs.fields(type(settings)):
        value = getattr(settings, attribute.name)
        if attribute.init and value is not None:
            unit = split_suffix(attribute.name)[1]
            written[toml_key(attribute)] = _value(value, unit)
    return written


def _value(value: Any, unit: str) -> Any:
    if isinstance(value, SurrogateChoice):
        return _written(value)
    if isinstance(value, tuple):
        return [_value(one, unit) for one in value]
    return format_quantity(value, unit) if unit else value
