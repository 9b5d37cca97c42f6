"""Sends requests to a run from another process of the same computer, by a loopback socket.

The run listens on 127.0.0.1 only, and writes port and secret token to a file in its folder that
only its owner can read (on Windows, everyone who can read the folder). A request is one line of
JSON, and so is its answer: `{"token": "…", "request": "pause"}` returns `{"text": "…"}` or
`{"refused": "…"}`. `by` says where a request comes from. A request `go-on` may have lists
`refilled` and `emptied`, and numbers by name in `readings`. The watchdog of a run takes `hand-over`
as well: it stops trying and leaves the rig to who asks. A request without the token is refused.
"""

import hmac
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any, Self

from flowrig.errors import FlowrigError, InputError
from flowrig.operator.requests import MEANINGS, OperatorRequests, Request
from flowrig.run_record.lock import is_locked, locked

__all__ = ["CONTROL_NAME", "STATUS", "ControlServer", "ask_run", "lock_or_take_over"]

CONTROL_NAME = "control.json"
"""File in the run's folder with port and secret, while the run is under way."""

STATUS = "status"
"""The request for the status of the run; all other requests are those of `Request`."""

SENDERS = ("command line", "page")
"""Where a request can come from, for the journal; the first one unless it is said."""

HAND_OVER = "hand-over"
"""The request to the watchdog of a run to leave the rig to the process that asks."""

HAND_OVER_S = 60.0
"""Longest wait [s] for a watchdog that hands over to unlock the folder."""

LOOPBACK = "127.0.0.1"
LONGEST_LINE = 65_536
_MALFORMED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)
"""Errors of reading a malformed message."""

TIMEOUT_S = 5.0
"""Longest wait [s] for the other end of the connection."""


class _Handler(StreamRequestHandler):
    timeout = TIMEOUT_S
    server: "_Server"

    def handle(self) -> None:
        answer = self.server.answer(self.rfile.readline(LONGEST_LINE))
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[bytes], Mapping[str, Any]]) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.answer = answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends within a line is not reported."""


class ControlServer:
    """Takes requests for a run, and answers with its status, while the block runs.

    Args:
        folder: the run's folder.
        requests: the requests of operators to the run.
        status: returns the status of the run as JSON values; threads of the server call it.
        hand_over: hands the rig over, or returns why not; a run does not.
    """

    def __init__(
        self,
        folder: Path,
        requests: OperatorRequests,
        status: Callable[[], Mapping[str, Any]],
        hand_over: Callable[[], str] = lambda: "the run is under way",
    ) -> None:
        self._path = folder / CONTROL_NAME
        self._requests = requests
        self._status = status
        self._hand_over = hand_over
        self._token = secrets.token_urlsafe(32)

    def __enter__(self) -> Self:
        self._server = _Server(self._answer)
        try:
            self._announce(self._server.server_address[1])
        except OSError:
            self._server.server_close()
            raise
        serve = self._server.serve_forever
        threading.Thread(target=serve, name="control", args=(0.1,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()

    def _announce(self, port: int) -> None:
        """Write port and token at once to a file that only the owner can read."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)  # of a process that was killed
        own = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(own, "w", encoding="utf-8") as file:
            json.dump({"port": port, "token": self._token}, file)
        fresh.replace(self._path)  # a reader who finds it finds all of it

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            token, wanted = str(request["token"]), str(request["request"])
            done: dict[str, Any] = {
                key: _names(request.get(key, [])) for key in ("refilled", "emptied")
            }
            done["readings"] = _numbers(request.get("readings", {}))
            done["by"] = SENDERS[SENDERS.index(request.get("by", SENDERS[0]))]
        except _MALFORMED:
            return {"refused": "expected one line of JSON with token and request"}
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return {"refused": "the token is wrong"}
        if wanted == STATUS:
            return dict(self._status())
        return self._take(wanted, done)

    def _take(self, wanted: str, done: Mapping[str, Any]) -> dict[str, Any]:
        refused, text = "", "the watchdog leaves the rig to you"
        if wanted == HAND_OVER:
            refused = self._hand_over()
        elif wanted in set(Request):
            text = MEANINGS[Request(wanted)]
            try:
                self._requests.ask(Request(wanted), **done)
            except InputError as error:
                refused = str(error)
        else:
            refused = f"expected {STATUS}, {', '.join(Request)}, got {wanted[:40]!r}"
        return {"refused": refused} if refused else {"text": text}


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("expected a list")
    return tuple(map(str, value))


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError("expected a table")
    return {str(name): float(one) for name, one in value.items()}


def ask_run(
    folder: Path | str,
    request: str,
    *,
    refilled: Sequence[str] = (),
    emptied: Sequence[str] = (),
    readings: Mapping[str, float] | None = None,
    by: str = SENDERS[0],
) -> dict[str, Any]:
    """Send a request to the run that is under way in a folder.

    Args:
        folder: the run's folder.
        request: a `Request`, or `STATUS`.
        refilled: with go-on: streams whose syringes are full again.
        emptied: with go-on: wastes that are empty again.
        readings: with go-on: what a person has read, by DEVICE.QUANTITY.
        by: where it comes from, one of `SENDERS`.

    Returns:
        for a request, "text" says what happens now; for `STATUS`, the status of the run.

    Raises:
        InputError: no run is under way there, or it refuses; the message says why.
        FlowrigError: the run does not answer.
    """
    folder = Path(folder)
    if not is_locked(folder):
        raise InputError(f"no run is under way in {folder}")
    try:
        secret = json.loads((folder / CONTROL_NAME).read_text(encoding="utf-8"))
        message = {"token": secret["token"], "request": request, "by": by}
        message |= {"refilled": list(refilled), "emptied": list(emptied)}
        message |= {"readings": dict(readings or {})}
        line = json.dumps(message).encode() + b"\n"
        answer = _exchanged(int(secret["port"]), line)
    except (OSError, *_MALFORMED) as error:
        raise FlowrigError(f"the run in {folder} does not answer: {error}") from error
    if "refused" in answer:
        raise InputError(str(answer["refused"]))
    return answer


def lock_or_take_over(stack: ExitStack, folder: Path) -> None:
    """Lock the folder of a run; a watchdog that only waits for its next try hands it over.

    Args:
        stack: keeps the lock.
        folder: the run's folder.

    Raises:
        InputError: another process works on the run; the message says which, where it answers.
    """
    until_s: float | None = None
    while True:
        try:
            stack.enter_context(locked(folder))
            return
        except InputError as error:
            if until_s is not None and time.monotonic() > until_s:
                raise
            if until_s is None and not is_locked(folder):
                raise
            if until_s is None:
                _ask_to_hand_over(folder, error)
                until_s = time.monotonic() + HAND_OVER_S


def _ask_to_hand_over(folder: Path, locked_out: InputError) -> None:
    """Ask who holds the lock of a folder to hand over.

    Raises:
        InputError: it does not; the message has the reason.
    """
    try:
        ask_run(folder, HAND_OVER)
    except InputError as error:
        if is_locked(folder):
            raise InputError(f"{locked_out}: {error}") from error
    except FlowrigError:  # it cannot be asked
        raise locked_out from None


def _exchanged(port: int, line: bytes) -> dict[str, Any]:
    with socket.create_connection((LOOPBACK, port), timeout=TIMEOUT_S) as connection:
        connection.sendall(line)
        with connection.makefile("rb") as answers:
            answer = json.loads(answers.readline(LONGEST_LINE))
            if not isinstance(answer, dict):
                raise ValueError("its answer is no table")
            return answer
