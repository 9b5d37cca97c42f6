"""What the data of events must look like for a run to be read; a forged journal is refused."""

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["MOST_EXPERIMENTS", "misfit"]

MOST_EXPERIMENTS: Final = 10**9

Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_EXPERIMENTS


def _seed(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _perhaps(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _table(fits: Fits = lambda value: True) -> Fits:
    return lambda value: isinstance(value, Mapping) and all(map(fits, value.values()))


def _array(fits: Fits) -> Fits:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _one_of(*texts: str) -> Fits:
    return lambda value: value in texts


def _keys(**forms: Fits) -> Fits:
    return lambda value: (
        isinstance(value, Mapping)
        and all(key in value and fits(value[key]) for key, fits in forms.items())
    )


_OBJECTIVE: Final = _keys(name=_text, unit=_text)
_CAUSE: Final = {"kind": _text, "text": _text}

_FORMS: Final[Mapping[str, Mapping[str, Fits]]] = {
    "run-started": {
        "profile": _text,
        "campaign": _text,
        "experiments": _count,
        "objective": _OBJECTIVE,
        "units": _table(_text),
        "seed": _seed,
        "simulated": _truth,
        "versions": _table(_text),
    },
    "resumed": {"refilled": _array(_text)},
    "opened": {"devices": _table(_table(_text))},
    "stage": {"stage": _text},
    "explored": {"stage": _text},
    "decided": {
        "index": _count,
        "stage": _text,
        "conditions": _table(_number),
        "mean": _table(_perhaps(_number)),
        "sd": _table(_perhaps(_number)),
        "objective_mean": _perhaps(_number),
        "objective_sd": _perhaps(_number),
        "reason": _text,
    },
    "experiment": {"index": _count},
    "skipped": {"index": _count},
    "measured": {
        "index": _count,
        "conditions": _table(_number),
        "features": _table(_perhaps(_number)),
        "objective": _perhaps(_number),
        "quality": _one_of("good", "doubtful", "bad"),
        "flags": _array(_text),
        "started_s": _number,
    },
    "intent": {"command": _text},
    "outcome": {"command": _text, "outcome": _text},
    "reading": {"heaters": _table(_table(_perhaps(_number))), "pumps": _table(_text)},
    "step": {"what": _text, "duration_s": _perhaps(_number)},
    "health": _CAUSE,
    "notice": {"text": _text},
    "operator": {"wish": _text, "by": _text, "refused": _text},
    "safe-state": {"reached": _truth, "text": _text},
    "expected-best": {
        "index": _count,
        "objective_mean": _perhaps(_number),
        "objective_sd": _perhaps(_number),
    },
    "model-checked": {"predictions": _array(_keys(index=_count))},
    "ended": {"state": _text, "reason": _text},
}
"""What every version since 0.1.0 writes of each kind; there may be more."""


def misfit(kind: str, data: Mapping[str, Any]) -> str:
    """What of an event's data no flowrig would write; "" if all is well.

    Args:
        kind: of the event; of kinds that are not known here anything is taken.
        data: of the event.
    """
    for key, fits in _FORMS.get(kind, {}).items():
        if key not in data:
            return f"a {kind!r} without {key!r}"
        if not fits(data[key]):
            return f"a {kind!r} whose {key!r} makes no sense"
    return ""
