"""A command that a check gives, and its effect on the emulated body."""

from collections.abc import Callable

from attrs import frozen

__all__ = ["Command"]


@frozen
class Command:
    """A command that moves, heats or lights, and functions that find out its effect.

    Attributes:
        name: name of the command in messages.
        arrange: brings an open driver and its instrument to a state that the command changes.
        call: gives the command.
        done: whether the instrument executes the command.
        untouched: whether the instrument is in the state before the command.
        once: whether the instrument received the command at most once.
    """

    name: str
    arrange: Callable[[], None]
    call: Callable[[], None]
    done: Callable[[], bool]
    untouched: Callable[[], bool]
    once: Callable[[], bool]
