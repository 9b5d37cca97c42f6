"""Shorter ways to write a profile: entries of a list by name, and what a profile leaves out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from flowrig.profile.model import NO_LIMIT, Limits, Stream
from flowrig.profile.problems import Finding

__all__ = ["BY_NAME", "as_list", "at_its_name", "with_total_flow"]

BY_NAME: Mapping[str, bool] = {"space": True, "gates": True, "interlocks": False}
"""Lists whose entries may be written as `[KEY.NAME]`, and whether an entry has a key `name` too.

A profile that extends another one can change an entry that has a name; an array it replaces."""


def as_list(key: str, value: Any, streams: Mapping[str, Stream]) -> Any:
    """The entries of a list as they are written out.

    Args:
        key: key of the list in the profile.
        value: its content: an array of tables, or a table of them by name.
        streams: the streams of the rig, as far as they could be read.
    """
    if isinstance(value, dict):
        own = BY_NAME[key]
        value = [
            {**({"name": name} if own else {}), **one} if isinstance(one, dict) else one
            for name, one in value.items()
        ]
    if key == "interlocks" and isinstance(value, list):
        ends = [name for name, one in streams.items() if math.isfinite(one.capacity_ul)]
        value = [_with_streams(one, ends) for one in value]
    return value


def _with_streams(interlock: Any, streams: Sequence[str]) -> Any:
    """An interlock on syringes without `streams` is for all that can be empty."""
    if not isinstance(interlock, dict) or interlock.get("kind") != "syringe-not-empty":
        return interlock
    return {"streams": streams, **interlock}


def at_its_name(finding: Finding, content: Mapping[str, Any]) -> Finding:
    """A finding whose path has the name of an entry, not its number, where it is written so."""
    key, *rest = finding.path or ("",)
    table = content.get(str(key))
    if key not in BY_NAME or not isinstance(table, dict) or not rest:
        return finding
    name = list(table)[rest[0]] if isinstance(rest[0], int) else rest[0]
    return evolve(finding, path=(key, name, *rest[1:]))


def with_total_flow(limits: Limits, streams: Mapping[str, Stream]) -> Limits:
    """Limits whose total flow rate, where the profile has none, is all that the streams deliver."""
    if limits.total_flow_ul_min != NO_LIMIT:
        return limits
    highest = sum(one.flow_rate_ul_min[1] for one in streams.values())
    return evolve(limits, total_flow_ul_min=(0.0, highest))
