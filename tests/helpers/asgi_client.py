"""Asks an ASGI application without a socket, with any header that a hostile client may send."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import frozen


@frozen
class Answer:
    """What an application answers.

    Attributes:
        status: HTTP status.
        headers: by lower-case name; of a name that comes twice, the last.
        text: the body.
    """

    status: int
    headers: Mapping[str, str]
    text: str


def ask(
    app: Any,
    method: str,
    address: str,
    headers: Mapping[str, str],
    body: str = "",
) -> Answer:
    """One request to the end of its answer."""
    parts = urlsplit(address)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8765),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body.encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    begin, *parts_of_body = sent
    return Answer(
        status=begin["status"],
        headers={name.decode(): value.decode() for name, value in begin["headers"]},
        text=b"".join(one.get("body", b"") for one in parts_of_body).decode(),
    )
