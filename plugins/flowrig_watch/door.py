"""Who comes in: names of this computer, origins, tokens, and headers that keep a page apart.

A browser sends requests on behalf of every page that a person has open. A page of another site is
kept out three times: its requests lack the cookie (`SameSite=Strict`), carry its own `Origin`, and
its answers are not readable without permission, which nobody gets. A page that makes its own name
point to this computer (DNS rebinding) asks for a `Host` that is not allowed.
"""

import hmac
import secrets
from collections.abc import Iterable

from attrs import field, frozen
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Access", "Door", "Role"]

Role = str
"""What a token is good for: "driver" or "viewer"; "" for none."""

SAFE_METHODS = ("GET", "HEAD")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _token() -> str:
    return secrets.token_urlsafe(24)


@frozen
class Access:
    """What is let in.

    Attributes:
        hosts: host and port as a browser writes them, such as "127.0.0.1:8765".
        tls: whether the pages are served by HTTPS.
        driver: the token of who may steer.
        viewer: the token of who may look.
    """

    hosts: frozenset[str]
    tls: bool = False
    driver: str = field(factory=_token)
    viewer: str = field(factory=_token)

    @classmethod
    def at(cls, names: Iterable[str], port: int, *, tls: bool) -> "Access":
        """What is let in at a port, under some names of this computer."""
        usual = 443 if tls else 80
        hosts = {f"{_bracketed(name)}:{port}".lower() for name in names}
        if port == usual:  # which a browser leaves out
            hosts |= {_bracketed(name).lower() for name in names}
        return cls(frozenset(hosts), tls)

    @property
    def origins(self) -> frozenset[str]:
        """Origins of the own pages."""
        scheme = "https" if self.tls else "http"
        return frozenset(f"{scheme}://{host}" for host in self.hosts)

    @property
    def cookie(self) -> str:
        """Name of the cookie; ports of one computer share their cookies, so it has the port."""
        port = min(self.hosts).rpartition(":")[2]
        return f"flowrig-watch-{port}" if port.isdecimal() else "flowrig-watch"

    def role(self, token: str) -> Role:
        """What a token is good for."""
        for role, right in (("driver", self.driver), ("viewer", self.viewer)):
            if hmac.compare_digest(token.encode(), right.encode()):
                return role
        return ""


class Door:
    """Lets requests in, or answers why not; puts headers on every answer.

    The role of who asks is `request.state.role` for what lies behind.

    Args:
        app: what lies behind.
        access: what is let in.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope)
        token = self._token(request)
        role = self._access.role(token)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if role and "token" in request.query_params:
                    headers.append("Set-Cookie", self._set_cookie(token))
            await send(message)

        refusal = self._refusal(request, role)
        if refusal is not None:
            status, text = refusal
            await PlainTextResponse(f"{text}\n", status)(scope, receive, answer)
            return
        scope.setdefault("state", {})["role"] = role
        await self._app(scope, receive, answer)

    def _token(self, request: Request) -> str:
        """The token of an address that was opened, else that of the cookie."""
        asked = request.query_params.get("token", "")
        is_opened = request.url.path == "/" and request.method == "GET"
        return asked if asked and is_opened else request.cookies.get(self._access.cookie, "")

    def _set_cookie(self, token: str) -> str:
        secure = "; Secure" if self._access.tls else ""
        return f"{self._access.cookie}={token}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _refusal(self, request: Request, role: Role) -> tuple[int, str] | None:
        """Status and reason of a refusal; None where a request is let in."""
        origin = request.headers.get("origin")
        if request.headers.get("host", "").lower() not in self._access.hosts:
            return 421, "this server does not answer to that name; see flowrig watch --host"
        if origin is not None and origin.lower() not in self._access.origins:
            return 403, "another site asks"
        if not role:
            return 401, "open the address that flowrig watch printed, with its token"
        return None if request.method in SAFE_METHODS else _refused_command(request, role)


def _refused_command(request: Request, role: Role) -> tuple[int, str] | None:
    """Status and reason of the refusal of a command, whose origin is none or that of the page."""
    if "origin" not in request.headers:
        return 403, "a command has to come from the page, with its Origin"
    if role != "driver":
        return 403, "with this token you can look, and not steer"
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return 415, "a command is JSON"
    return None


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
