"""Deadlines for tests in which an answer never comes, on a machine that may be busy."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import pytest

from flowrig.testing.punctuality import Punctuality

__all__ = ["LONG_S", "patient", "unhurried"]

LONG_S = 20.0
"""A deadline [s] that a busy machine keeps, for answers that do come."""


FACTORS = (1.0, 6.0, 36.0)
"""Factors of the deadline from try to try."""


def patient(short_s: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a test a short deadline as `deadline_s`, and a longer one if the machine was late.

    A test in which some answers come and others do not needs a deadline that is short, because it
    waits for the silence, and long enough for a busy machine. A failure counts if the machine was
    on time; otherwise the test runs again with a longer deadline.

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
    """Run a test again if it failed on a late machine; for tests without deadlines of their own."""

    @wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        _first_that_counts([partial(test, *args, **fixtures)] * len(FACTORS))

    return run


def _first_that_counts(tries: Sequence[Callable[[], None]]) -> None:
    """Make tries until one passes, or fails on a machine that was on time."""
    for attempt in tries[:-1]:
        machine = Punctuality()
        try:
            with machine:
                return attempt()
        except (Exception, pytest.fail.Exception):
            if not machine.is_late:
                raise
    return tries[-1]()
