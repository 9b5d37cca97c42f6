"""Tests that wait for an answer which never comes, on a machine that may be busy."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import pytest

from flowrig.testing.punctuality import Punctuality

__all__ = ["LONG_S", "patient", "unhurried"]

LONG_S = 20.0
"""A deadline [s] that the busiest machine keeps, for answers that do come."""

FACTORS = (1.0, 6.0, 36.0)


def patient(short_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a test a short deadline as `deadline_s`, and longer ones if the machine is late.

    A test in which some answers come and others do not needs a deadline that is short, for the
    silence, and that a busy machine keeps. A failure counts if the machine was on time meanwhile;
    else the test runs again with a longer deadline.

    Args:
        short_s: the first deadline [s].
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(*args: Any, **fixtures: Any) -> None:
            tries = [partial(test, *args, **fixtures, deadline_s=k * short_s) for k in FACTORS]
            _first_that_counts(tries)

        signature = inspect.signature(test)
        fixtures = [one for name, one in signature.parameters.items() if name != "deadline_s"]
        run = wraps(test)(run)
        run.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        return run

    return decorate


def unhurried(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test again that failed while the machine was late, where deadlines are not its own."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        _first_that_counts([partial(test, *args, **fixtures)] * len(FACTORS))

    return run


def _first_that_counts(tries: Sequence[Callable[[], None]]) -> None:
    """Make the first try, and each further one only if those before failed on a late machine."""
    for attempt in tries[:-1]:
        machine = Punctuality()
        try:
            with machine:
                return attempt()
        except (Exception, pytest.fail.Exception):
            if not machine.is_late:
                raise
    return tries[-1]()
