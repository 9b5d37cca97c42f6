"""A page steers a run as the command line does: one page at a time, and what makes sense."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi_client import Answer, ask
from shown_run import under_way

from flowrig.operator.hold import Hold, HoldKind
from flowrig.operator.requests import MEANINGS, OperatorRequests, Request
from flowrig.run.control_socket import ControlServer
from flowrig_watch.app import Pages, application
from flowrig_watch.door import Access
from flowrig_watch.runs import Runs
from flowrig_watch.seat import Seat

HOST = "127.0.0.1:8765"
ACCESS = Access.at(["127.0.0.1"], 8765, tls=False)
Page = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def requests() -> OperatorRequests:
    found = OperatorRequests()
    found.name_vessels(["CuI"], ["waste"])
    return found


@pytest.fixture
def page(tmp_path: Path, requests: OperatorRequests) -> Iterator[Page]:
    """Sends a command of a driver's page; returns status and answer."""
    with under_way(tmp_path / "run"), ControlServer(tmp_path / "run", requests, dict):
        app = application(Pages(Runs(tmp_path)), ACCESS)

        def send(address: str, **body: Any) -> tuple[int, dict[str, Any]]:
            answer: Answer = ask(
                app,
                "POST",
                address,
                {
                    "host": HOST,
                    "origin": f"http://{HOST}",
                    "content-type": "application/json",
                    "cookie": f"{ACCESS.cookie}={ACCESS.driver}",
                },
                json.dumps(body),
            )
            return answer.status, json.loads(answer.text)

        yield send


def test_who_has_the_seat_steers_and_the_journal_says_from_where(
    page: Page, requests: OperatorRequests
) -> None:
    status, told = page("/runs/run/requests", request="pause", key="")
    assert (status, "driver's seat" in told["refused"]) == (409, True)
    _, seat = page("/seat/take")
    assert page("/runs/run/requests", request="pause", key=seat["key"]) == (
        200,
        {"text": MEANINGS[Request.PAUSE]},
    )
    status, told = page("/runs/run/requests", request="pause", key=seat["key"])
    assert (status, told) == (400, {"refused": "the run is paused already"})
    assert [(one.request, one.by, one.refused) for one in requests.news()] == [
        ("pause", "page", ""),
        ("pause", "page", "the run is paused already"),
    ]


def test_another_page_takes_the_seat_and_the_first_one_has_lost_it(page: Page) -> None:
    _, first = page("/seat/take")
    _, second = page("/seat/take")
    assert page("/runs/run/requests", request="stop", key=first["key"])[0] == 409
    assert page("/seat/leave", key=first["key"])[1] == {"left": False}
    assert page("/seat/leave", key=second["key"])[1] == {"left": True}
    assert page("/runs/run/requests", request="stop", key=second["key"])[0] == 409


def test_going_on_needs_what_the_hold_waits_for(page: Page, requests: OperatorRequests) -> None:
    hold = Hold(kind=HoldKind.NEED, text="CuI is empty", refill=("CuI",))
    _, seat = page("/seat/take")
    with requests.holding(hold):
        status, told = page("/runs/run/requests", request="go-on", key=seat["key"])
        assert status == 400
        assert "CuI is empty" in told["refused"]
        words = {"request": "go-on", "key": seat["key"], "refilled": ["CuI"]}
        assert page("/runs/run/requests", **words)[0] == 200
        answer = requests.answer
        assert answer is not None
        assert (answer.by, answer.refilled) == ("page", ("CuI",))


@pytest.mark.parametrize(
    "body",
    [
        {"request": "status"},
        {"request": "hand-over"},
        {"request": 7},
        {"request": "go-on", "refilled": "CuI"},
        {"request": "go-on", "emptied": [1]},
        {"request": "go-on", "readings": {"x": "1"}},
        {"request": "go-on", "readings": [1]},
        {"request": "x" * 20_000},
    ],
)
def test_what_is_no_request_is_refused(page: Page, body: dict[str, Any]) -> None:
    _, seat = page("/seat/take")
    status, told = page("/runs/run/requests", **{"key": seat["key"], **body})
    assert status == 400
    assert told["refused"]


def test_an_empty_key_is_never_that_of_the_seat() -> None:
    seat = Seat()
    assert not seat.is_held_with("")
    key = seat.take()["key"]
    assert not seat.is_held_with("\ud800")  # JSON can hold it, and UTF-8 cannot
    assert seat.is_held_with(key)
    assert seat.leave(key)
    assert not seat.is_held_with("")
    assert seat.as_json() is None
