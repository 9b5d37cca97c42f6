"""What a check is made of: levels, requirements, and calls that must come to an end."""

import threading
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from attrs import frozen

from flowrig.clock import Clock

__all__ = ["Level", "Live", "earns", "finish", "level_of", "live_of", "require"]

F = TypeVar("F", bound=Callable[..., None])
T = TypeVar("T")


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


def earns(level: Level, live: Live | None = None) -> Callable[[F], F]:
    """Mark a check.

    Args:
        level: what it counts for.
        live: what it does to a real instrument; None if it needs an emulated one.
    """

    def mark(check: F) -> F:
        check.level = level  # type: ignore[attr-defined]
        check.live = live  # type: ignore[attr-defined]
        return check

    return mark


def live_of(check: Callable[..., None]) -> Live | None:
    """What a check does to a real instrument, or None if it needs an emulated one."""
    return getattr(check, "live", None)


def level_of(check: Callable[..., None]) -> Level | None:
    """The level that a function counts for, or None if it is no check."""
    return getattr(check, "level", None)


def require(condition: object, advice: str) -> None:
    """Fail a check.

    Args:
        condition: what must hold.
        advice: what was seen, and what the author of the plugin should do.

    Raises:
        AssertionError: it does not hold.
    """
    if not condition:
        raise AssertionError(advice)


def finish(clock: Clock, patience_s: float, *calls: Callable[[], T]) -> list[T | Exception]:
    """Make calls side by side, and wait until every one has come to an end.

    Args:
        clock: the bench's clock, whose time moves on while the calls sleep.
        patience_s: longest wait [s], real time; after it a call counts as one that never ends.
        calls: what to call, each in a thread of its own.

    Returns:
        what each returned or raised.

    Raises:
        AssertionError: a call did not end.
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
        raise AssertionError(
            f"a call still waits after {patience_s:g} s; give every read, write and connect a "
            "deadline of settings.deadline_s, also where the other side hangs up or sends half of "
            "an answer"
        )
    return outcomes
