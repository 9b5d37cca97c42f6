"""The routes by which a page takes the driver's seat, and asks a run for something."""

import asyncio
import json
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flowrig.errors import InputError
from flowrig.operator import requests
from flowrig.run.control_socket import ask_run
from flowrig_watch.runs import Runs
from flowrig_watch.seat import Seat

__all__ = ["Commands"]

LONGEST_BODY = 16_384
"""Bytes of a command; a longer one is refused."""


@frozen
class Commands:
    """Takes commands of the page that has the driver's seat.

    Args:
        runs: the runs that can be steered.
        seat: who steers.
    """

    runs: Runs
    seat: Seat

    @property
    def routes(self) -> list[Route]:
        """The routes; none of them takes GET."""
        return [
            Route("/seat/take", self.take, methods=["POST"]),
            Route("/seat/leave", self.leave, methods=["POST"]),
            Route("/runs/{name}/requests", self.ask, methods=["POST"]),
        ]

    async def take(self, request: Request) -> Response:
        """Take the seat."""
        await _read(request)
        return JSONResponse(self.seat.take())

    async def leave(self, request: Request) -> Response:
        """Leave the seat."""
        body = await _read(request)
        return JSONResponse({"left": self.seat.leave(_text(body, "key"))})

    async def ask(self, request: Request) -> Response:
        """Ask a run for something; it refuses what makes no sense now."""
        body = await _read(request)
        folder = self.runs.folder(request.path_params["name"])
        if not self.seat.is_held_with(_text(body, "key")):
            return JSONResponse({"refused": "somebody else has the driver's seat"}, 409)
        wanted = _text(body, "request")
        if wanted not in set(requests.Request):
            raise InputError(f"expected {', '.join(requests.Request)}, got {wanted[:40]!r}")
        readings = body.get("readings", {})
        if not (isinstance(readings, dict) and all(map(_is_number, readings.values()))):
            raise InputError("readings: expected numbers by name")
        done = {key: _names(body, key) for key in ("refilled", "emptied")}
        answer = await asyncio.to_thread(
            ask_run, folder, wanted, **done, readings=readings, by="page"
        )
        return JSONResponse(answer)


async def _read(request: Request) -> dict[str, Any]:
    """The table that a command is.

    Raises:
        InputError: it is none, or too long.
    """
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LONGEST_BODY:
            raise InputError("the command is too long")
    try:
        body = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InputError("expected a table as JSON")
    return body


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key, "")
    if not isinstance(value, str):
        raise InputError(f"{key}: expected a text")
    return value


def _names(body: dict[str, Any], key: str) -> list[str]:
    value = body.get(key, [])
    if not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
        raise InputError(f"{key}: expected a list of names")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
