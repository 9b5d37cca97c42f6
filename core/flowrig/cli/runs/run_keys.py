"""Wishes by single keys in the terminal of a run, each spelt out and confirmed before it acts."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flowrig.cli.terminal.keys import Keys
from flowrig.errors import InputError
from flowrig.operator.hold import Hold
from flowrig.operator.requests import MEANINGS, Switchboard, Wish

__all__ = ["KEYS", "Dialog", "obey_keys"]

KEYS: Mapping[str, Wish] = {
    "p": Wish.PAUSE,
    "g": Wish.GO_ON,
    "s": Wish.SKIP,
    "x": Wish.STOP,
    "h": Wish.HALT,
}
YES = "y"
LOOK_S = 0.2
"""Time [s] between two looks whether the run is over."""


class Dialog:
    """What is made of the keys, one by one.

    Args:
        switch: takes the wishes that are confirmed.
        say: prints a line.
    """

    def __init__(self, switch: Switchboard, say: Callable[[str], None]) -> None:
        self._switch = switch
        self._say = say
        self._proposed: Wish | None = None
        self._hold: Hold | None = None

    def press(self, key: str) -> None:
        """Take a key: a wish, its confirmation, or anything else, which takes the wish back."""
        proposed, self._proposed = self._proposed, None
        if proposed is not None and key.lower() == YES:
            self._utter(proposed)
        elif (wish := KEYS.get(key.lower())) is not None:
            self._proposed = wish
            self._say(f"{wish}: {self._meaning(wish)}. {YES} to do it, any other key to leave it")
        elif proposed is not None:
            self._say(f"no {proposed}")

    def _meaning(self, wish: Wish) -> str:
        """What a wish does, and what a person says by it who lets a run on hold go on."""
        self._hold = self._switch.hold if wish is Wish.GO_ON else None
        claim = f"; you say that {self._hold.claim}" if self._hold is not None else ""
        return MEANINGS[wish] + claim

    def _utter(self, wish: Wish) -> None:
        try:
            if wish is Wish.GO_ON and self._hold is not None:
                done = {"refilled": self._hold.refill, "emptied": self._hold.empty}
                self._switch.ask(wish, "terminal", **done)
            else:
                self._switch.ask(wish, "terminal")
        except InputError as error:
            self._say(f"{wish}: {error}")


@contextmanager
def obey_keys(switch: Switchboard, say: Callable[[str], None]) -> Iterator[None]:
    """Obey single keys while the block runs, if a person sits at a terminal.

    Args:
        switch: takes the wishes that are confirmed.
        say: prints a line.
    """
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    say("keys: " + ", ".join(f"{key} {wish}" for key, wish in KEYS.items()))
    switch.attended = True
    dialog, over = Dialog(switch, say), threading.Event()

    def listen(keys: Keys) -> None:
        while not over.is_set():
            if key := keys.read(LOOK_S):
                dialog.press(key)

    with Keys() as keys:
        thread = threading.Thread(target=listen, args=(keys,), name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
