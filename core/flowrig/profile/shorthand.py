"""Shorter ways to write a profile: entries of a list by name, and what a profile leaves out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from flowrig.profile.model import NO_LIMIT, Limits, Stream
from flowrig.profile.problems import Finding
from flowrig.profile.source import BY_NAME, value_at

__all__ = ["as_lists", "at_its_name", "with_total_flow"]


def as_lists(key: str, value: Any, streams: Mapping[str, Stream]) -> Any:
    """A value of the profile with its lists as they are written out.

    Args:
        key: key of the value in the profile.
        value: its content, in which a list may be a table of its entries by name.
        streams: the streams of the rig, as far as they could be read.
    """
    if (key,) in BY_NAME:
        value = _as_list(value, own=BY_NAME[key,])
    elif isinstance(value, dict):
        for (top, *below), own in BY_NAME.items():
            if top == key and below[0] in value:
                value = {**value, below[0]: _as_list(value[below[0]], own=own)}
    if key == "interlocks" and isinstance(value, list):
        ends = [name for name, one in streams.items() if math.isfinite(one.capacity_ul)]
        value = [_with_streams(one, ends) for one in value]
    return value


def _as_list(value: Any, *, own: bool) -> Any:
    """The entries of a table by name, each with its name if it has a key for it; else the value."""
    if not isinstance(value, dict):
        return value
    return [
        {**({"name": name} if own else {}), **one} if isinstance(one, dict) else one
        for name, one in value.items()
    ]


def _with_streams(interlock: Any, streams: Sequence[str]) -> Any:
    """An interlock on syringes without `streams` is for all that can be empty."""
    if not isinstance(interlock, dict) or interlock.get("kind") != "syringe-not-empty":
        return interlock
    return {"streams": streams, **interlock}


def at_its_name(finding: Finding, content: Mapping[str, Any]) -> Finding:
    """A finding whose path has the name of an entry, not its number, where it is written so."""
    for path in BY_NAME:
        table, depth = value_at(content, path), len(path)
        if finding.path[:depth] == path and len(finding.path) > depth and isinstance(table, dict):
            index = finding.path[depth]
            name = list(table)[index] if isinstance(index, int) else index
            return evolve(finding, path=(*path, name, *finding.path[depth + 1 :]))
    return finding


def with_total_flow(limits: Limits, streams: Mapping[str, Stream]) -> Limits:
    """Limits whose total flow rate, where the profile has none, is all that the streams deliver."""
    if limits.total_flow_ul_min != NO_LIMIT:
        return limits
    highest = sum(one.flow_rate_ul_min[1] for one in streams.values())
    return evolve(limits, total_flow_ul_min=(0.0, highest))
