"""The stream of a run: its history, its news, and what a page missed while it was cut off."""

import asyncio
import http.client
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from shown_run import experiment, under_way
from starlette.requests import Request

from flowrig_watch import app
from flowrig_watch.app import Pages, application
from flowrig_watch.door import Access
from flowrig_watch.runs import Runs

LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_S", "LIST_S"):
        monkeypatch.setattr(app, name, 0.01)


def request(mark: str = "") -> Request:
    headers = [(b"last-event-id", mark.encode())] if mark else []
    return Request(
        {
            "type": "http",
            "headers": headers,
            "path_params": {"name": "run"},
            "state": {"role": "viewer"},
        }
    )


def parsed(text: str) -> tuple[str, str, Any]:
    """Kind, identity and data of an event."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
    return fields["event"], fields.get("id", ""), json.loads(fields["data"])


async def next_of(stream: AsyncIterator[Any], *kinds: str) -> tuple[str, str, Any]:
    """The next event of some kinds."""
    async with asyncio.timeout(LIMIT_S):
        async for text in stream:
            event = parsed(text)
            if event[0] in kinds:
                return event
    raise AssertionError("the stream has ended")


def test_history_comes_first_then_news_and_a_reconnection_misses_nothing(tmp_path: Path) -> None:
    async def talk() -> None:
        pages = Pages(Runs(tmp_path))
        stream = (await pages.run_events(request())).body_iterator  # type: ignore[attr-defined]
        kind, mark, history = await next_of(stream, "history")
        assert [row["index"] for row in history["experiments"]] == [1]
        assert set(history["charts"]) >= {"temperatures", "flows"}
        assert int(mark.partition("@")[0]) == history["state"]["sequence"]
        experiment(journal, 2, 0.2)
        kind, newer, news = await next_of(stream, "news", "history")
        assert kind == "news"
        assert [row["index"] for row in news["experiments"]] == [2]
        await stream.aclose()
        again = (await pages.run_events(request(mark))).body_iterator  # type: ignore[attr-defined]
        assert await next_of(again, "news", "history") == (kind, newer, news)
        strange = (await pages.run_events(request("9999@0"))).body_iterator  # type: ignore[attr-defined]
        kind, _, whole = await next_of(strange, "news", "history")
        assert (kind, len(whole["experiments"])) == ("history", 2)
        await again.aclose()
        await strange.aclose()
        assert pages.open == 0

    with under_way(tmp_path / "run") as journal:
        experiment(journal, 1, 0.1)
        asyncio.run(talk())


def test_the_list_has_every_run_with_its_state(tmp_path: Path) -> None:
    async def talk() -> list[dict[str, Any]]:
        pages = Pages(Runs(tmp_path))
        stream = (await pages.list_events(request())).body_iterator  # type: ignore[attr-defined]
        while True:
            _, _, rows = await next_of(stream, "runs")
            if len(rows) == 3:
                await stream.aclose()
                return rows

    with under_way(tmp_path / "one") as journal:
        experiment(journal, 1, 0.25)
        with under_way(tmp_path / "two"):
            (tmp_path / "three").mkdir()
            (tmp_path / "three" / "journal.sqlite").write_bytes(b"no journal")
            rows = {row["name"]: row for row in asyncio.run(talk())}
    assert (rows["one"]["state"], rows["one"]["best"], rows["one"]["done"]) == ("running", 0.25, 1)
    assert rows["two"]["best"] is None
    assert rows["three"]["engine"] == "unreadable"


def test_a_real_server_streams_to_who_has_the_cookie(tmp_path: Path) -> None:
    """By a socket of this computer, as a browser does it."""
    with under_way(tmp_path / "run") as journal:
        experiment(journal, 1, 0.1)
        listener = app_socket()
        port = listener.getsockname()[1]
        access = Access.at(["127.0.0.1"], port, tls=False)
        config = uvicorn.Config(
            application(Pages(Runs(tmp_path)), access),
            log_level="error",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        asked.request("GET", "/runs/run")
        assert asked.getresponse().read().startswith(b"open the address")
        asked.request("GET", "/runs/run", headers={"cookie": f"{access.cookie}={access.viewer}"})
        answer = asked.getresponse()
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [answer.readline() for _ in range(4)]
        assert lines[0] == b"event: hello\n"
        assert lines[3] == b"event: history\n"
        asked.close()
        server.should_exit = True
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def app_socket() -> Any:
    """A socket that listens on a free port of the loopback interface."""
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
