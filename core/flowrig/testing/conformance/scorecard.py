"""Run a suite outside of pytest, and say which level was earned."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal
from unittest import SkipTest

from attrs import frozen

from flowrig.errors import UnsafeStateError
from flowrig.testing.conformance.checks import Level, level_of

__all__ = ["Scorecard", "Verdict", "checks_of", "requirement_of", "score", "verdict"]


@frozen
class Verdict:
    """What came of one check.

    Attributes:
        check: its name.
        requirement: what must be true, in one sentence.
        level: what it counts for.
        outcome: "skipped" where the interface leaves it open and the plugin has not got it.
        advice: what was seen and what to do, if it failed.
    """

    check: str
    requirement: str
    level: Level
    outcome: Literal["passed", "failed", "skipped"]
    advice: str = ""


@frozen
class Scorecard:
    """What came of all checks of a suite."""

    verdicts: tuple[Verdict, ...]

    @property
    def level(self) -> Level | None:
        """The highest level of which, as of those below, no check failed; None below bronze."""
        earned = None
        for level in Level:
            if any(one.outcome == "failed" for one in self.verdicts if one.level is level):
                break
            earned = level
        return earned

    def count(self, level: Level) -> tuple[int, int]:
        """How many checks of a level did not fail, and how many there are."""
        outcomes = [one.outcome for one in self.verdicts if one.level is level]
        return len(outcomes) - outcomes.count("failed"), len(outcomes)


def score(suite: type, new_bench: Callable[[], AbstractContextManager[Any]]) -> Scorecard:
    """Run every check of a suite, each on a bench of its own.

    Args:
        suite: one of the conformance classes, or one that inherits from it.
        new_bench: makes a bench.
    """
    return Scorecard(tuple(verdict(suite, name, new_bench) for name, _ in checks_of(suite)))


def verdict(
    suite: type, name: str, new_bench: Callable[[], AbstractContextManager[Any]]
) -> Verdict:
    """Run one check of a suite on a bench of its own.

    Raises:
        UnsafeStateError: the bench could not bring its instrument to rest.
    """
    check = getattr(suite(), name)
    outcome, advice = _outcome(check, new_bench)
    return Verdict(name, requirement_of(check), level_of(check) or Level.GOLD, outcome, advice)


def requirement_of(check: Callable[..., None]) -> str:
    """What a check asks for, in one sentence."""
    return " ".join((inspect.getdoc(check) or check.__name__).split())


def checks_of(suite: type) -> Iterator[tuple[str, Level]]:
    """The names and levels of a suite's checks, those that all devices share first."""
    seen = set()
    for cls in reversed(suite.__mro__):
        for name in vars(cls):
            level = level_of(getattr(suite, name))
            if level is not None and name not in seen:
                seen.add(name)
                yield name, level


def _outcome(
    check: Callable[[Any], None], new_bench: Callable[[], AbstractContextManager[Any]]
) -> tuple[Literal["passed", "failed", "skipped"], str]:
    try:
        with new_bench() as bench:
            check(bench)
    except UnsafeStateError:
        raise
    except SkipTest as reason:
        return "skipped", str(reason)
    except AssertionError as advice:
        return "failed", str(advice)
    except Exception as error:
        return "failed", f"on a sound wire it raised {type(error).__name__}: {error}"
    return "passed", ""
