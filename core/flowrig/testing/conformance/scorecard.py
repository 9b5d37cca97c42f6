"""Run a suite outside of pytest, and say which level was earned."""

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
    """What came of one check.

    Attributes:
        check: its name.
        requirement: what must be true, in one sentence.
        level: what it counts for.
        outcome: "skipped" where the interface leaves it open and the plugin has not got it;
            "unjudged" where the machine was too slow to tell a late driver from a late machine.
        advice: what was seen and what to do, if it failed or was not judged.
    """

    check: str
    requirement: str
    level: Level
    outcome: Outcome
    advice: str = ""


@frozen
class Scorecard:
    """What came of all checks of a suite.

    Attributes:
        verdicts: one a check.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def level(self) -> Level | None:
        """The highest level that is earned; None below bronze.

        A level is earned if no check of it, nor of a level below, failed or was not judged.
        """
        return self._highest_without("failed", "unjudged")

    @property
    def may_be(self) -> Level | None:
        """The highest level that no failed check rules out.

        It is above `level` where the machine was too slow to judge all checks.
        """
        return self._highest_without("failed")

    def count(self, level: Level) -> tuple[int, int]:
        """How many checks of a level neither failed nor were left unjudged; how many there are."""
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
