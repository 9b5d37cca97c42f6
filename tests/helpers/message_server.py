"""A local HTTP server that takes messages, refuses them, or never answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class MessageServer:
    """Keeps what it gets.

    Attributes:
        status: of every answer; 0 for none until `let_go`.
        got: the JSON of every request.
        tokens: the `Authorization` of every request.
        url: its address.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.got: list[Any] = []
        self.tokens: list[str | None] = []
        self.url = ""
        self.asked = threading.Event()
        self.let_go = threading.Event()


@contextmanager
def serving(status: int = 200) -> Iterator[MessageServer]:
    """A server on a free port of the loopback interface."""
    kept = MessageServer(status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(json.loads(body))
            kept.tokens.append(self.headers["Authorization"])
            kept.asked.set()
            if not kept.status:
                kept.let_go.wait(120.0)
                return
            self.send_response(kept.status)
            if kept.status in (302, 307):
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        kept.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
