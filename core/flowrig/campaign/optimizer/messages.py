"""Messages between a run and its optimizer: one JSON object a line.

First the run sends `{"path": […], "seed": 1, "memory_gb": 8.0}`. Then it sends a request for each
decision, `{"stage": "improve", "rows": […], "count": 1, "anew": false}`, with the experiments that
are new since the last request, or with all of them where `anew` is true, and gets
`{"suggestions": […]}`, `{"nothing_left": "…"}` or `{"error": "…"}`. Numbers keep their last bit;
those that are not finite are written `NaN` and `Infinity`.
"""

import json
from collections.abc import Mapping
from typing import Any

from flowrig.interfaces import Suggestion
from flowrig.problem.space import Value

__all__ = ["decoded", "encoded", "plain", "suggestion"]


def encoded(message: Mapping[str, Any]) -> str:
    """A message as one line.

    Raises:
        TypeError: a value is no text, number, list or table.
    """
    return json.dumps(message) + "\n"


def decoded(line: str) -> dict[str, Any]:
    """The message of a line.

    Raises:
        ValueError: the line is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"expected a JSON object, got {line[:80]!r}")
    return message


def plain(suggestion: Suggestion) -> dict[str, Any]:
    """A suggestion as a JSON object."""
    return {
        "conditions": _values(suggestion.conditions),
        "mean": _numbers(suggestion.mean),
        "sd": _numbers(suggestion.sd),
        "objective_mean": _number(suggestion.objective_mean),
        "objective_sd": _number(suggestion.objective_sd),
        "reason": str(suggestion.reason),
    }


def suggestion(message: Mapping[str, Any]) -> Suggestion:
    """The suggestion of a JSON object.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the object is no suggestion.
    """
    return Suggestion(
        conditions=_values(message["conditions"]),
        mean=_numbers(message["mean"]),
        sd=_numbers(message["sd"]),
        objective_mean=_number(message["objective_mean"]),
        objective_sd=_number(message["objective_sd"]),
        reason=str(message["reason"]),
    )


def _values(values: Mapping[str, Any]) -> dict[str, Value]:
    """Conditions: numbers, and names of choices."""
    return {
        str(name): value if isinstance(value, str) else float(value)
        for name, value in values.items()
    }


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in values.items()}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
