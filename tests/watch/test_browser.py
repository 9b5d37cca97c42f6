"""The page in a real browser: Debian's chromium, driven over its own protocol by Playwright."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from shown_run import experiment, under_way

from flowrig.interfaces.live import ViewOptions
from flowrig.operator.requests import OperatorRequests
from flowrig.run.control_socket import ControlServer
from flowrig_watch.app import Pages, application
from flowrig_watch.door import Access
from flowrig_watch.runs import Runs
from flowrig_watch.serve import _listening

pytestmark = pytest.mark.slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LIMIT_MS = 60_000.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def requests() -> OperatorRequests:
    return OperatorRequests()


@pytest.fixture
def address(tmp_path: Path, requests: OperatorRequests) -> Iterator[tuple[str, Access]]:
    """Where a run is shown that is under way, and who is let in."""
    with under_way(tmp_path / "run") as journal, ControlServer(tmp_path / "run", requests, dict):
        for index in (1, 2, 3):
            experiment(journal, index, 0.1 * index)
        listener = _listening(ViewOptions(port=0))
        port = listener.getsockname()[1]
        access = Access.at(["127.0.0.1"], port, tls=False)
        app = application(Pages(Runs(tmp_path)), access)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}/", access
        server.should_exit = True
        thread.join(60.0)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_whole_fits_and_steers(
    browser: Any, address: tuple[str, Access], requests: OperatorRequests, width: int, scheme: str
) -> None:
    """No error, nothing that the content policy blocks, no scrolling sideways, and a request."""
    home, access = address
    page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    ).new_page()
    page.set_default_timeout(LIMIT_MS)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{home}?token={access.driver}#/run/run")
    page.get_by_text("3 of 8 experiments").wait_for()
    page.get_by_label("drawing of the rig").locator("svg").wait_for()
    assert page.url == f"{home}#/run/run"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("canvas").count() >= 5
    page.get_by_role("button", name="Take the driver's seat").press("Enter")
    page.get_by_role("button", name="Pause").press("Enter")
    page.get_by_text("Reagents stop").wait_for()
    assert not requests.news()
    page.get_by_role("button", name="Do it").press("Enter")
    page.get_by_text("pause: the run has taken it").wait_for()
    assert [(one.request, one.by) for one in requests.news()] == [("pause", "page")]
    assert told == []


def test_a_viewer_sees_the_run_and_no_steering(browser: Any, address: tuple[str, Access]) -> None:
    home, access = address
    page = browser.new_context().new_page()
    page.goto(f"{home}?token={access.viewer}#/run/run")
    page.get_by_text("3 of 8 experiments").wait_for(timeout=LIMIT_MS)
    assert page.get_by_text("you can look").count() == 1
    assert page.get_by_role("button", name="Take the driver's seat").count() == 0
