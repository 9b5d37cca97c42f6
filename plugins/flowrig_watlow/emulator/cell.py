"""One value in the registers of an emulated controller."""

from collections.abc import Callable, Mapping
from functools import partial

from attrs import frozen

from flowrig_watlow.registers import OFF, ON

__all__ = ["Cell", "on_or_off", "switch", "text"]


@frozen
class Cell:
    """One value in one register, or a 32-bit float in two registers.

    Attributes:
        read: returns the contents of the registers.
        write: takes new contents, or raises ValueError; None if the value is read-only.
    """

    read: Callable[[], tuple[int, ...]]
    write: Callable[[tuple[int, ...]], None] | None = None


def on_or_off(switches: Mapping[int, bool], number: int) -> tuple[int, ...]:
    """The code of a switch."""
    return (ON if switches[number] else OFF,)


def switch(switches: dict[int, bool], number: int) -> Cell:
    """The cell of a switch."""

    def write(words: tuple[int, ...]) -> None:
        if words[0] not in (ON, OFF):
            raise ValueError(f"{words[0]} is neither on nor off")
        switches[number] = words[0] == ON

    return Cell(partial(on_or_off, switches, number), write)


def text(address: int, read: Callable[[], str], length: int) -> dict[int, Cell]:
    """The cells of a text, one character in each register, with zeros behind it."""

    def letter(index: int) -> tuple[int, ...]:
        return (ord(read()[index : index + 1] or "\0"),)

    return {address + index: Cell(partial(letter, index)) for index in range(length)}
