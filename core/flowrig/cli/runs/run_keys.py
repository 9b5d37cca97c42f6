"""Requests by single keys in the terminal of a run, each explained and confirmed first."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flowrig.cli.terminal.keys import Keys
from flowrig.errors import InputError
from flowrig.operator.hold import Hold
from flowrig.operator.requests import MEANINGS, OperatorRequests, Request

__all__ = ["KEYS", "Dialog", "obey_keys"]

KEYS: Mapping[str, Request] = {
    "p": Request.PAUSE,
    "g": Request.GO_ON,
    "s": Request.SKIP,
    "x": Request.STOP,
    "h": Request.HALT,
}
YES = "y"
POLL_S = 0.2
"""Longest wait [s] for a key, after which the end of the run is checked."""


class Dialog:
    """Turns keys into requests: a first key proposes a request, a second confirms it.

    Args:
        requests: takes the requests that are confirmed.
        say: prints a line.
    """

    def __init__(self, requests: OperatorRequests, say: Callable[[str], None]) -> None:
        self._requests = requests
        self._say = say
        self._proposed: Request | None = None
        self._hold: Hold | None = None

    def press(self, key: str) -> None:
        """Take a key: a request, its confirmation, or any other key, which cancels the request."""
        proposed, self._proposed = self._proposed, None
        if proposed is not None and key.lower() == YES:
            self._send(proposed)
        elif (request := KEYS.get(key.lower())) is not None:
            self._proposed = request
            self._say(
                f"{request}: {self._meaning(request)}. {YES} to do it, any other key to leave it"
            )
        elif proposed is not None:
            self._say(f"no {proposed}")

    def _meaning(self, request: Request) -> str:
        """The effect of a request; of go-on, also the confirmation that it gives."""
        self._hold = self._requests.hold if request is Request.GO_ON else None
        claim = f"; you confirm that {self._hold.claim}" if self._hold is not None else ""
        return MEANINGS[request] + claim

    def _send(self, request: Request) -> None:
        try:
            if request is Request.GO_ON and self._hold is not None:
                done = {"refilled": self._hold.refill, "emptied": self._hold.empty}
                self._requests.ask(request, "terminal", **done)
            else:
                self._requests.ask(request, "terminal")
        except InputError as error:
            self._say(f"{request}: {error}")


@contextmanager
def obey_keys(requests: OperatorRequests, say: Callable[[str], None]) -> Iterator[None]:
    """Obey single keys while the block runs, if the program runs in a terminal.

    Args:
        requests: takes the requests that are confirmed.
        say: prints a line.
    """
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        yield
        return
    say("keys: " + ", ".join(f"{key} {request}" for key, request in KEYS.items()))
    requests.attended = True
    dialog, over = Dialog(requests, say), threading.Event()

    def listen(keys: Keys) -> None:
        while not over.is_set():
            if key := keys.read(POLL_S):
                dialog.press(key)

    with Keys() as keys:
        thread = threading.Thread(target=listen, args=(keys,), name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
