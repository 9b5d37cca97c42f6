"""The routes of the server: the page, its events, spectra."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from flowrig.errors import FlowrigError, InputError
from flowrig.operator.requests import MEANINGS
from flowrig.report.svg.style import COLORS, RIG_STYLE
from flowrig_watch.commands import Commands
from flowrig_watch.door import Access, Door
from flowrig_watch.runs import Runs
from flowrig_watch.seat import Seat
from flowrig_watch.view import Mark, RunView

__all__ = ["Pages", "application"]

STATIC = Path(__file__).parent / "static"
"""Files of the page; all of them are served, and nothing else."""

LOOK_S = 0.5
"""Time [s] between two looks at a run that somebody watches."""

LIST_S = 2.0
"""Time [s] between two looks at the list of runs."""

ALIVE_S = 15.0
"""After so long without news a line is sent, by which a connection that was cut is found out."""


class Pages:
    """Answers requests.

    Args:
        runs: the runs to show.

    Attributes:
        seat: who steers.
        commands: answers the requests that change something.
        open: how many pages listen.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.seat = Seat()
        self.commands = Commands(runs, self.seat)
        self.open = 0

    async def page(self, request: Request) -> Response:
        """The page."""
        return FileResponse(STATIC / "index.html")

    async def file(self, request: Request) -> Response:
        """A file of the page."""
        files = {one.name: one for one in STATIC.iterdir()}
        found = files.get(request.path_params["name"])
        return Response(status_code=404) if found is None else FileResponse(found)

    async def style(self, request: Request) -> Response:
        """The style of drawings, which is that of reports."""
        return Response(COLORS + RIG_STYLE, media_type="text/css")

    async def rig(self, request: Request) -> Response:
        """The drawing of a rig."""
        view = self._runs.view(request.path_params["name"])
        await asyncio.to_thread(view.refresh)
        return Response(await asyncio.to_thread(view.drawing), media_type="image/svg+xml")

    async def list_events(self, request: Request) -> Response:
        """The list of runs, again whenever it changes."""
        return self._stream(self._list(request.state.role))

    async def run_events(self, request: Request) -> Response:
        """A run: its history, then its news; a page that was cut off gets what it missed."""
        view = self._runs.view(request.path_params["name"])
        mark = Mark.of(request.headers.get("last-event-id", ""))
        return self._stream(self._run(view, mark, request.state.role))

    async def spectra(self, request: Request) -> Response:
        """The spectra of an experiment."""
        view = self._runs.view(request.path_params["name"])
        await asyncio.to_thread(view.refresh)
        index = request.path_params["index"]
        return JSONResponse(await asyncio.to_thread(view.spectra, index))

    def _stream(self, events: AsyncIterator[str]) -> Response:
        async def counted() -> AsyncIterator[str]:
            self.open += 1
            try:
                async for event in events:
                    yield event
            finally:
                self.open -= 1

        return StreamingResponse(counted(), media_type="text/event-stream")

    async def _list(self, role: str) -> AsyncIterator[str]:
        yield _event("hello", {"role": role, "one": self._runs.only})
        before: list[dict[str, Any]] = []
        silent_s = 0.0
        while True:
            rows: list[dict[str, Any]] = []
            listed = self._runs.listed()
            while (row := await asyncio.to_thread(next, listed, None)) is not None:
                rows.append(row)
                if len(rows) > len(before):  # a long list comes in parts at first
                    yield _event("runs", rows)
            silent_s += LIST_S
            if rows != before or silent_s >= ALIVE_S:
                yield _event("runs", rows)
                before, silent_s = rows, 0.0
            await asyncio.sleep(LIST_S)

    async def _run(self, view: RunView, mark: Mark, role: str) -> AsyncIterator[str]:
        yield _event("hello", {"role": role, "meanings": MEANINGS})
        before: object = None
        silent_s = 0.0
        while True:
            try:
                is_whole = await asyncio.to_thread(view.refresh)
            except FlowrigError as error:
                yield _event("trouble", {"text": str(error)})
                await asyncio.sleep(LIST_S)
                continue
            now, state = view.mark, {**view.state(), "seat": self.seat.as_json()}
            silent_s += LOOK_S
            beside = (now.sequence, state["health"], state["seat"])
            if beside != before or silent_s > ALIVE_S:
                yield await asyncio.to_thread(_told, view, mark, now, state)
                mark, before, silent_s = now, beside, 0.0
            await asyncio.sleep(LOOK_S if is_whole else 0.0)


def _told(view: RunView, mark: Mark, now: Mark, state: dict[str, Any]) -> str:
    """What a page is told that knows a run up to a mark.

    It gets the whole history where it knows nothing of it, where it knows another one, and where
    series were thinned since.
    """
    is_known = mark.cut == now.cut and 0 < mark.sequence <= now.sequence
    if is_known and mark.thinned in (None, now.thinned):
        return _event("news", {"state": state, **view.since(mark)}, str(now))
    whole = {"state": state, "charts": view.charts(), **view.since(Mark())}
    return _event("history", whole, str(now))


def _event(kind: str, data: object, identity: str = "") -> str:
    """A server-sent event (HTML living standard, 9.2)."""
    line = json.dumps(data, separators=(",", ":"))
    named = f"id: {identity}\n" if identity else ""
    return f"event: {kind}\n{named}data: {line}\n\n"


def _refused(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: JSONResponse({"refused": str(error)}, status)


def application(pages: Pages, access: Access) -> Starlette:
    """The server's application.

    Args:
        pages: answers requests.
        access: who is let in.
    """
    return Starlette(
        routes=[
            Route("/", pages.page),
            Route("/static/{name}", pages.file),
            Route("/drawing.css", pages.style),
            Route("/runs", pages.list_events),
            Route("/runs/{name}", pages.run_events),
            Route("/runs/{name}/rig", pages.rig),
            Route("/runs/{name}/spectra/{index:int}", pages.spectra),
            *pages.commands.routes,
        ],
        middleware=[Middleware(Door, access=access)],
        exception_handlers={InputError: _refused(400), FlowrigError: _refused(503)},
    )
