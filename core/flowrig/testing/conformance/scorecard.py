"""Run a suite without pytest, and find out which level is earned."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal
from unittest import SkipTest

from attrs import frozen

from flowrig.errors import UnsafeStateError
from flowrig.testing.conformance.checks import Level, TooSlowToJudge, level_of

__all__ = ["Outcome", "Scorecard", "Verdict", "checks_of", "requirement_of", "score", "verdict"]

Outcome = Literal["passed", "failed", "skipped", "unjudged"]


@frozen
class Verdict:
    """The result of one check.

    Attributes:
        check: name of the check.
        requirement: the requirement that it checks, in one sentence.
        level: level that the check counts for.
        outcome: "skipped" if the plugin lacks an optional feature; "unjudged" if the machine was
            too slow to distinguish a late driver from a late machine.
        advice: the observation and the advice of a check that did not pass.
    """

    check: str
    requirement: str
    level: Level
    outcome: Outcome
    advice: str = ""


@frozen
class Scorecard:
    """The results of all checks of a suite.

    Attributes:
        verdicts: one for each check.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def level(self) -> Level | None:
        """The highest level that is earned; None below bronze.

        A level is earned if no check of it, nor of a level below, failed or was not judged.
        """
        return self._highest_without("failed", "unjudged")

    @property
    def possible_level(self) -> Level | None:
        """The highest level that no failed check rules out.

        It is above `level` if the machine was too slow to judge all checks.
        """
        return self._highest_without("failed")

    def count(self, level: Level) -> tuple[int, int]:
        """Number of checks of a level that passed or were skipped, and number of all its checks."""
        outcomes = [one.outcome for one in self.verdicts if one.level is level]
        return sum(one in ("passed", "skipped") for one in outcomes), len(outcomes)

    def _highest_without(self, *outcomes: Outcome) -> Level | None:
        earned = None
        for level in Level:
            if any(one.outcome in outcomes for one in self.verdicts if one.level is level):
                break
            earned = level
        return earned


def score(suite: type, new_bench: Callable[[], AbstractContextManager[Any]]) -> Scorecard:
    """Run every check of a suite, each on a bench of its own.

    Args:
        suite: one of the conformance classes, or a subclass.
        new_bench: makes a bench.
    """
    return Scorecard(tuple(verdict(suite, name, new_bench) for name, _ in checks_of(suite)))


def verdict(
    suite: type, name: str, new_bench: Callable[[], AbstractContextManager[Any]]
) -> Verdict:
    """Run one check of a suite on a bench of its own.

    Raises:
        UnsafeStateError: the bench did not bring its instrument to rest.
    """
    check = getattr(suite(), name)
    outcome, advice = _outcome(check, new_bench)
    return Verdict(name, requirement_of(check), level_of(check) or Level.GOLD, outcome, advice)


def requirement_of(check: Callable[..., None]) -> str:
    """The requirement of a check, in one sentence: its docstring."""
    return " ".join((inspect.getdoc(check) or check.__name__).split())


def checks_of(suite: type) -> Iterator[tuple[str, Level]]:
    """Names and levels of the checks of a suite; those of base classes come first."""
    seen = set()
    for cls in reversed(suite.__mro__):
        for name in vars(cls):
            level = level_of(getattr(suite, name))
            if level is not None and name not in seen:
                seen.add(name)
                yield name, level


def _outcome(
    check: Callable[[Any], None], new_bench: Callable[[], AbstractContextManager[Any]]
) -> tuple[Outcome, str]:
    try:
        with new_bench() as bench:
            check(bench)
    except UnsafeStateError:
        raise
    except TooSlowToJudge as reason:
        return "unjudged", str(reason)
    except SkipTest as reason:
        return "skipped", str(reason)
    except AssertionError as advice:
        return "failed", str(advice)
    except Exception as error:
        return "failed", f"on a sound wire it raised {type(error).__name__}: {error}"
    return "passed", ""
