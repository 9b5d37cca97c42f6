"""Parts of a check: levels, requirements, calls that must come to an end, and repeated tries."""

import threading
from collections.abc import Callable
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
    "TooSlowToJudge",
    "Untimely",
    "earns",
    "finish",
    "level_of",
    "live_of",
    "require",
]

T = TypeVar("T")
Check = Callable[[Any, Any], None]

TRIES: Final = 3
"""How often a check is made that may have failed because the machine was late."""


class Level(Enum):
    """How far a plugin can be trusted; a level is earned by all of its checks and those before.

    Attributes:
        BRONZE: in health it does what it is told, and nothing else.
        SILVER: when the link is silent, late or gone, it says what is known and what is not.
        GOLD: the same at every byte of every command, and with two threads at once.
    """

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


@frozen
class Live:
    """What a check does to a real instrument.

    Attributes:
        does: for the person who is asked for consent: a clause without a subject.
        acts: whether it moves, heats or lights something.
    """

    does: str
    acts: bool = False


class TooSlowToJudge(SkipTest):
    """The machine was late each time that a check failed, so that the failure proves nothing."""


class Untimely(AssertionError):  # noqa: N818 - a failed check like any other AssertionError
    """A check failed on the time that something took."""


class TimedBench(Protocol):
    """A bench whose calls have deadlines in real time.

    Attributes:
        overdue: whether a call took as long as the driver's deadline, or longer.
    """

    @property
    def overdue(self) -> bool: ...

    def begin_anew(self) -> bool:
        """Start over with longer deadlines; returns False where that is not possible."""


def earns(level: Level, live: Live | None = None) -> Callable[[Check], Check]:
    """Mark a check, and make it independent of how busy the machine is.

    A failure counts at once if no call took as long as the driver's deadline, or if the machine was
    on time. Otherwise the check is made again, from the beginning and with longer deadlines.

    Args:
        level: what it counts for.
        live: what it does to a real instrument; None if it needs an emulated one.
    """

    def mark(check: Check) -> Check:
        @wraps(check)
        def judge(suite: Any, bench: Any) -> None:
            if hasattr(bench, "begin_anew"):
                _judge(lambda: check(suite, bench), bench)
            else:
                check(suite, bench)

        judge.level = level  # type: ignore[attr-defined]
        judge.live = live  # type: ignore[attr-defined]
        return judge

    return mark


def _judge(check: Callable[[], None], bench: TimedBench) -> None:
    """Make a check, several times if the machine is late.

    Raises:
        TooSlowToJudge: it failed each time, and each time the machine was late.
    """
    for attempt in range(TRIES):
        machine = Punctuality()
        try:
            with machine:
                check()
        except (SkipTest, UnsafeStateError):
            raise
        except Exception as failure:
            timed = bench.overdue or isinstance(failure, Untimely)
            if not (timed and machine.is_late):
                raise
            if attempt + 1 == TRIES or not bench.begin_anew():
                raise TooSlowToJudge(
                    f"the machine is too slow to judge: a thread that sleeps woke "
                    f"{machine.worst_s * 1000:.0f} ms late; try again when it is less busy "
                    f"(what was seen: {failure})"
                ) from failure
        else:
            return


def live_of(check: Callable[..., None]) -> Live | None:
    """What a check does to a real instrument, or None if it needs an emulated one."""
    return getattr(check, "live", None)


def level_of(check: Callable[..., None]) -> Level | None:
    """The level that a function counts for, or None if it is no check."""
    return getattr(check, "level", None)


def require(condition: object, advice: str, *, timed: bool = False) -> None:
    """Fail a check.

    Args:
        condition: what must hold.
        advice: what was seen, and what the author of the plugin should do.
        timed: whether a late machine can be the reason for a failure.

    Raises:
        AssertionError: it does not hold; `Untimely` if a late machine can be the reason.
    """
    if not condition:
        raise (Untimely if timed else AssertionError)(advice)


def finish(clock: Clock, patience_s: float, *calls: Callable[[], T]) -> list[T | Exception]:
    """Make calls side by side, and wait until every one has come to an end.

    Args:
        clock: the bench's clock, whose time moves on while the calls sleep.
        patience_s: longest wait [s], real time; after it a call counts as one that never ends.
        calls: what to call, each in a thread of its own.

    Returns:
        what each returned or raised.

    Raises:
        Untimely: a call did not end.
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
    clock.leave()
    for thread in threads:
        thread.join(patience_s)
    clock.add_participants(1)
    if any(thread.is_alive() for thread in threads):
        clock.interrupt()
        raise Untimely(
            f"a call still waits after {patience_s:g} s; give every read, write and connect a "
            "deadline of settings.deadline_s, also where the other side hangs up or sends half of "
            "an answer"
        )
    return outcomes
