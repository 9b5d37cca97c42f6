"""Parts of a check: levels, requirements, calls with a time limit, and repeated tries."""

import threading
from collections.abc import Callable, Sequence
from enum import Enum
from functools import wraps
from typing import Any, Final, Protocol, TypeVar
from unittest import SkipTest

from attrs import frozen

from flowrig.clock import Clock
from flowrig.errors import UnsafeStateError
from flowrig.testing.punctuality import Punctuality

__all__ = [
    "TRIES",
    "Level",
    "Live",
    "MissedTime",
    "TooSlowToJudge",
    "earns",
    "finish",
    "level_of",
    "live_of",
    "require",
]

T = TypeVar("T")
Check = Callable[[Any, Any], None]

TRIES: Final = 3
"""Largest number of tries of a check that may have failed because the machine was late."""


class Level(Enum):
    """How far a plugin can be trusted; a level needs all of its checks and those of lower levels.

    Attributes:
        BRONZE: on a sound link it does what is requested, and nothing else.
        SILVER: on a silent, late or lost link it reports what is known and what is unknown.
        GOLD: the same at every byte of every command, and with two threads at once.
    """

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


@frozen
class Live:
    """The effect of a check on a real instrument.

    Attributes:
        does: effect, for the operator who is asked for consent; a clause without a subject.
        acts: whether the check moves, heats or lights something.
    """

    does: str
    acts: bool = False


class TooSlowToJudge(SkipTest):
    """A check failed on a late machine at each try: no verdict on the driver is possible."""


class MissedTime(AssertionError):  # noqa: N818 - a failed check like any other AssertionError
    """A check failed because something took too long."""


class TimedBench(Protocol):
    """A bench whose calls have deadlines in real time.

    Attributes:
        overdue: whether a call took as long as the driver's deadline, or longer.
    """

    @property
    def overdue(self) -> bool: ...

    def restart(self) -> bool:
        """Set the bench up again with longer deadlines; returns False where that is impossible."""


def earns(level: Level, live: Live | None = None) -> Callable[[Check], Check]:
    """Mark a function as a check, and make its verdict independent of the load of the machine.

    A failure counts at once if no call took as long as the driver's deadline, or if the machine was
    on time. Otherwise the check is repeated from the beginning with longer deadlines.

    Args:
        level: level that the check counts for.
        live: effect on a real instrument; None if the check needs an emulated one.
    """

    def mark(check: Check) -> Check:
        @wraps(check)
        def judge(suite: Any, bench: Any) -> None:
            if hasattr(bench, "restart"):
                _judge(lambda: check(suite, bench), bench)
            else:
                check(suite, bench)

        judge.level = level  # type: ignore[attr-defined]
        judge.live = live  # type: ignore[attr-defined]
        return judge

    return mark


def _judge(check: Callable[[], None], bench: TimedBench) -> None:
    """Make a check, and repeat it if it failed on a late machine.

    Raises:
        TooSlowToJudge: the check failed each time, and each time the machine was late.
    """
    for attempt in range(TRIES):
        machine = Punctuality()
        try:
            with machine:
                check()
        except (SkipTest, UnsafeStateError):
            raise
        except Exception as failure:
            timed = bench.overdue or isinstance(failure, MissedTime)
            if not (timed and machine.is_late):
                raise
            if attempt + 1 == TRIES or not bench.restart():
                raise TooSlowToJudge(
                    f"the machine is too slow to judge: a sleeping thread woke "
                    f"{machine.worst_s * 1000:.0f} ms late; try again when it is less busy "
                    f"(last failure: {failure})"
                ) from failure
        else:
            return


def live_of(check: Callable[..., None]) -> Live | None:
    """The effect of a check on a real instrument, or None if it needs an emulated one."""
    return getattr(check, "live", None)


def level_of(check: Callable[..., None]) -> Level | None:
    """The level that a function counts for, or None if the function is no check."""
    return getattr(check, "level", None)


def require(condition: object, advice: str, *, timed: bool = False) -> None:
    """Fail a check if a condition does not hold.

    Args:
        condition: the condition.
        advice: what the check observed, and what the author of the plugin should do.
        timed: whether a late machine can be the cause of a failure.

    Raises:
        AssertionError: the condition does not hold; `MissedTime` if `timed`.
    """
    if not condition:
        raise (MissedTime if timed else AssertionError)(advice)


def finish(clock: Clock, patience_s: float, *calls: Callable[[], T]) -> list[T | Exception]:
    """Make calls at the same time, and wait until all have returned.

    Args:
        clock: the bench's clock; virtual time advances while the calls sleep.
        patience_s: longest wait [s] of real time; a longer call counts as a hang.
        calls: functions without arguments, each called in a thread of its own.

    Returns:
        the value or the exception of each call.

    Raises:
        MissedTime: a call did not return in time.
    """
    outcomes: list[Any] = [None] * len(calls)

    def work(index: int) -> None:
        try:
            outcomes[index] = calls[index]()
        except Exception as error:
            outcomes[index] = error
        finally:
            clock.leave()

    threads = [
        threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(calls))
    ]
    clock.add_participants(len(calls))
    for thread in threads:
        thread.start()
    _join(threads, clock, patience_s)
    return outcomes


def _join(threads: Sequence[threading.Thread], clock: Clock, patience_s: float) -> None:
    """Wait for threads, while the caller does not take part in the clock.

    Raises:
        MissedTime: a thread did not end in time.
    """
    clock.leave()  # virtual time stands still until every participant sleeps
    for thread in threads:
        thread.join(patience_s)
    clock.add_participants(1)
    if any(thread.is_alive() for thread in threads):
        clock.interrupt()
        raise MissedTime(
            f"a call still waits after {patience_s:g} s; give every read, write and connect a "
            "deadline of settings.deadline_s, also where the other side hangs up or sends half of "
            "an answer"
        )
