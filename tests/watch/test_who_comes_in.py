"""Every route is shut to whoever has no token, the wrong name, origin, method or right."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asgi_client import Answer, ask
from shown_run import under_way
from starlette.routing import Route

from flowrig_watch.app import Pages, application
from flowrig_watch.door import Access
from flowrig_watch.runs import Runs

HOST = "127.0.0.1:8765"
OWN = f"http://{HOST}"
ACCESS = Access.at(["127.0.0.1", "localhost", "::1"], 8765, tls=False)
PATHS = {"name": "run", "name:str": "run", "index:int": "1"}


def paths() -> Iterator[tuple[str, str]]:
    """Method and address of every route that the application has."""
    for route in application(Pages(Runs(Path(__file__).parent)), ACCESS).routes:
        assert isinstance(route, Route)
        address = route.path
        for key, value in PATHS.items():
            address = address.replace(f"{{{key}}}", value)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, address


ROUTES = list(paths())
STRANGERS = {
    "no token": ({}, "", 401),
    "a wrong token": ({}, "driver", 401),
    "a wrong origin": ({"origin": "http://evil.example"}, ACCESS.driver, 403),
    "no origin that a site has": ({"origin": "null"}, ACCESS.driver, 403),
    "another port": ({"origin": "http://127.0.0.1:8766"}, ACCESS.driver, 403),
    "another scheme": ({"origin": f"https://{HOST}"}, ACCESS.driver, 403),
    "a wrong host": ({"host": "evil.example:8765"}, ACCESS.driver, 421),
    "a host with another port": ({"host": "127.0.0.1:80"}, ACCESS.driver, 421),
    "no port": ({"host": "127.0.0.1"}, ACCESS.driver, 421),
}


Client = Callable[..., Answer]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Asks with a method, an address, headers and a body."""
    folder = tmp_path_factory.mktemp("shown") / "run"
    with under_way(folder):
        app = application(Pages(Runs(folder)), ACCESS)

        def client(method: str, address: str, body: str = "{}", **headers: str) -> Answer:
            usual = {"host": HOST, "content-type": "application/json"}
            return ask(app, method, address, {**usual, **_named(headers)}, body)

        yield client


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def cookie(token: str) -> dict[str, str]:
    return {"cookie": f"{ACCESS.cookie}={token}"} if token else {}


@pytest.mark.parametrize(("route", "stranger"), list(itertools.product(ROUTES, STRANGERS)), ids=str)
def test_strangers_are_refused_everywhere(
    client: Client, route: tuple[str, str], stranger: str
) -> None:
    method, path = route
    headers, token, status = STRANGERS[stranger]
    answer = client(method, path, **cookie(token), **headers)
    assert answer.status == status, answer.text
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_viewer_changes_nothing(client: Client, method: str, path: str) -> None:
    answer = client(method, path, **cookie(ACCESS.viewer), origin=OWN)
    assert answer.status == 403
    assert "look, and not steer" in answer.text


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_a_command_needs_the_origin_of_the_page_and_json(client: Client, path: str) -> None:
    own = cookie(ACCESS.driver)
    assert client("POST", path, **own).status == 403
    assert client("POST", path, **own, origin=OWN, content_type="text/plain").status == 415


def test_the_token_of_an_address_becomes_a_cookie_that_scripts_do_not_see(
    client: Client,
) -> None:
    for token in (ACCESS.driver, ACCESS.viewer):
        answer = client("GET", f"/?token={token}")
        assert answer.status == 200
        kept = answer.headers["set-cookie"]
        assert kept.startswith(f"{ACCESS.cookie}={token}; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {*kept.split("; ")}
    assert client("GET", f"/runs/run?token={ACCESS.driver}").status == 401
    assert client("GET", "/?token=guess").status == 401


def test_the_page_runs_only_its_own_files(client: Client) -> None:
    """No script or style in the page, nothing from another server, and no frame around it."""
    answer = client("GET", "/", **cookie(ACCESS.viewer))
    rules = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "style=" not in answer.text
    assert "://" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["..%2fapp.py", "app.py", "..", "%2e%2e", "/etc/passwd", ""])
def test_only_files_of_the_page_are_served(client: Client, name: str) -> None:
    assert client("GET", f"/static/{name}", **cookie(ACCESS.driver)).status in (400, 404)


def test_runs_are_found_by_name_only(client: Client) -> None:
    for name in ("..", "%2e%2e", "other", "..%2frun"):
        answer = client("GET", f"/runs/{name}/spectra/1", **cookie(ACCESS.driver))
        assert answer.status in (400, 404), name


@pytest.mark.parametrize("tls", [True, False])
def test_with_tls_the_cookie_stays_on_tls(tls: bool, tmp_path: Path) -> None:
    access = Access.at(["rig.example"], 443, tls=tls)
    assert ("rig.example" in access.hosts) == tls
    with under_way(tmp_path / "run"):
        app = application(Pages(Runs(tmp_path)), access)
        answer = ask(app, "GET", f"/?token={access.driver}", {"host": "rig.example:443"})
    assert ("; Secure" in answer.headers["set-cookie"]) == tls


def test_a_get_of_a_command_is_none(client: Client) -> None:
    """Commands are no links: nothing that a browser prefetches, and no picture, sends one."""
    commands = {path for method, path in ROUTES if method == "POST"}
    assert len(commands) >= 3
    for path in commands:
        assert client("GET", path, **cookie(ACCESS.driver)).status == 405
