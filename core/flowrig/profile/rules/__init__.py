"""Rules between the parts of a profile.

A rule takes a whole profile and yields its findings. It has access to readable sections only, and
ends when it needs another one, so that one mistake hides no others.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from flowrig.profile import controls
from flowrig.profile.controls import loops
from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding
from flowrig.profile.rules import (
    analysis,
    campaign,
    devices,
    flow_path,
    flows,
    limits,
    numbers,
    operator,
    safe_state,
    stationary,
    steps,
    supervision,
    variables,
)

__all__ = ["check", "with_plain_sources"]

Rule = Callable[[Profile], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    *numbers.RULES,
    *devices.RULES,
    *flow_path.RULES,
    *flows.RULES,
    *loops.RULES,
    *variables.RULES,
    *limits.RULES,
    *analysis.RULES,
    *safe_state.RULES,
    *supervision.RULES,
    *operator.RULES,
    *stationary.RULES,
    *steps.RULES,
    *campaign.RULES,
)


class _SectionMissing(Exception):  # noqa: N818 - ends a rule, never leaves this module
    """A rule needs a section that could not be read."""


class _Draft:
    """The readable sections of a profile, by field name."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._sections = sections

    def __getattr__(self, name: str) -> Any:
        try:
            return self._sections[name]
        except KeyError:
            raise _SectionMissing(name) from None


def with_plain_sources(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The sections, where a variable that names a stream or heater alone has it as its source."""
    try:
        variables = controls.with_plain_sources(cast("Profile", _Draft(sections)))
    except _SectionMissing:
        return dict(sections)
    return {**sections, "variables": variables}


def check(sections: Mapping[str, Any]) -> list[Finding]:
    """Apply every rule.

    Args:
        sections: the readable sections, by field name of `Profile`, including defaults.

    Returns:
        the findings of all rules.
    """
    draft = cast("Profile", _Draft(sections))
    return [finding for rule in RULES for finding in _until_missing(rule(draft))]


def _until_missing(findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except _SectionMissing:
        return
