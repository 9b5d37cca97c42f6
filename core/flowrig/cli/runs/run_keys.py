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
ENTER = ("\r", "\n")
BACK = ("\b", "\x7f")
POLL_S = 0.2
"""Longest wait [s] for a key, after which the end of the run is checked."""


class Dialog:
    """Turns keys into requests: a first key proposes a request, a second confirms it.

    Where the run asks for numbers, each is typed after that, with Enter at its end.

    Args:
        requests: takes the requests that are confirmed.
        say: prints a line.
    """

    def __init__(self, requests: OperatorRequests, say: Callable[[str], None]) -> None:
        self._requests = requests
        self._say = say
        self._proposed: Request | None = None
        self._hold: Hold | None = None
        self._typed = ""
        self._readings: dict[str, float] = {}
        self._wanted: tuple[str, ...] = ()

    def press(self, key: str) -> None:
        """Take a key: a request, its confirmation, or any other key, which cancels the request."""
        if self._wanted:
            self._type(key)
            return
        proposed, self._proposed = self._proposed, None
        if proposed is not None and key.lower() == YES:
            self._begin(proposed)
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

    def _begin(self, request: Request) -> None:
        """Send a request, or ask for the numbers first that go with it."""
        self._readings, self._typed = {}, ""
        reads = () if request is not Request.GO_ON or self._hold is None else self._hold.reads
        self._wanted = reads
        if reads:
            self._say(f"type {reads[0]}, then Enter; without a number, Enter leaves it")
        else:
            self._send(request)

    def _type(self, key: str) -> None:
        """Take a key of a number."""
        if key in BACK:
            self._typed = self._typed[:-1]
        elif key not in ENTER:
            self._typed += key
        elif not self._typed.strip():
            self._wanted = ()
            self._say(f"no {Request.GO_ON}")
        else:
            self._take_number(self._typed.strip())
            self._typed = ""

    def _take_number(self, text: str) -> None:
        name = self._wanted[0]
        try:
            self._readings[name] = float(text)
        except ValueError:
            self._say(f"{name}: {text!r} is no number; once more, then Enter")
            return
        self._say(f"{name}: {self._readings[name]:g}")
        self._wanted = self._wanted[1:]
        if self._wanted:
            self._say(f"type {self._wanted[0]}, then Enter")
        else:
            self._send(Request.GO_ON)

    def _send(self, request: Request) -> None:
        try:
            if request is Request.GO_ON and self._hold is not None:
                self._requests.ask(
                    request,
                    "terminal",
                    refilled=self._hold.refill,
                    emptied=self._hold.empty,
                    readings=self._readings,
                )
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
