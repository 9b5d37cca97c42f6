"""What must hold between the parts of a profile.

A rule is written against a whole profile and yields all that it finds. It sees only the sections
that could be read, and ends where it asks for another, so that one mistake hides no others.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding
from flowrig.profile.rules import (
    analysis,
    campaign,
    flow_path,
    flows,
    limits,
    numbers,
    operator,
    safe_state,
    stationary,
    supervision,
)

__all__ = ["check"]

Rule = Callable[[Profile], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    *numbers.RULES,
    *flow_path.RULES,
    *flows.RULES,
    *limits.RULES,
    *analysis.RULES,
    *safe_state.RULES,
    *supervision.RULES,
    *operator.RULES,
    *stationary.RULES,
    *campaign.RULES,
)


class _SectionMissing(Exception):  # noqa: N818 - ends a rule, never leaves this module
    """A rule asked for a section that could not be read."""


class _Draft:
    """The readable sections of a profile, by field name."""

    def __init__(self, sections: Mapping[str, Any]) -> None:
        self._sections = sections

    def __getattr__(self, name: str) -> Any:
        try:
            return self._sections[name]
        except KeyError:
            raise _SectionMissing(name) from None


def check(sections: Mapping[str, Any]) -> list[Finding]:
    """Apply every rule.

    Args:
        sections: those that could be read, by field name of `Profile`, defaults included.

    Returns:
        everything that was found.
    """
    draft = cast("Profile", _Draft(sections))
    return [finding for rule in RULES for finding in _until_missing(rule(draft))]


def _until_missing(findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        yield from findings
    except _SectionMissing:
        return
