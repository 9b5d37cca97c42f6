"""Serves the page: address, certificate, tokens."""

import asyncio
import ipaddress
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from flowrig.errors import InputError
from flowrig.interfaces.live import LiveView, ViewOptions
from flowrig_watch.app import Pages, application
from flowrig_watch.door import Access
from flowrig_watch.runs import Runs

__all__ = ["WebView"]

FIRST_PORT = 8765
PORTS = 50

LEAVE_S = 60.0
"""With `leaves`: the server ends when no run was under way and no page was open for so long."""

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, and refused without --host
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class WebView(LiveView):
    """Shows runs as a page in a browser."""

    def serve(self, folder: Path, options: ViewOptions, say: Callable[[str], None]) -> None:
        """Serve the page until Ctrl-C."""
        runs = Runs(folder)
        names = _names(options)
        with _listening(options) as listener:
            port = listener.getsockname()[1]
            access = Access.at(names, port, tls=options.certificate is not None)
            pages = Pages(runs)
            server = uvicorn.Server(_config(pages, access, options))
            address = _address(names[0], port, access)
            say(f"{folder} is shown at")
            say(f"  to steer: {address}{access.driver}")
            say(f"  to look:  {address}{access.viewer}")
            say("Who has an address can use it. Ctrl-C ends the page, and no run.")
            if options.opens:
                webbrowser.open(f"{address}{access.driver}")
            asyncio.run(_serve(server, listener, pages, runs, leaves=options.leaves))


async def _serve(
    server: uvicorn.Server, listener: socket.socket, pages: Pages, runs: Runs, *, leaves: bool
) -> None:
    leaving = asyncio.create_task(_leave(server, pages, runs)) if leaves else None
    await server.serve(sockets=[listener])
    if leaving is not None:
        leaving.cancel()


async def _leave(server: uvicorn.Server, pages: Pages, runs: Runs) -> None:
    """End the server when nobody needs it any more."""
    idle_s = 0.0
    while idle_s < LEAVE_S:
        await asyncio.sleep(1.0)
        is_needed = pages.open > 0 or await asyncio.to_thread(lambda: runs.are_under_way)
        idle_s = 0.0 if is_needed else idle_s + 1.0
    server.should_exit = True


def _config(pages: Pages, access: Access, options: ViewOptions) -> uvicorn.Config:
    return uvicorn.Config(
        application(pages, access),
        log_level="error",
        access_log=False,  # it would hold tokens
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,  # event streams never end by themselves
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )


def _names(options: ViewOptions) -> tuple[str, ...]:
    """Names that a browser may ask for, the first one for the address that is printed.

    Raises:
        InputError: none is known.
    """
    if options.bind in EVERYWHERE and not options.hosts:
        raise InputError(f"--bind {options.bind}: name this computer as others do, with --host")
    own = () if options.bind in EVERYWHERE else (options.bind,)
    also = LOOPBACK if options.bind in (*LOOPBACK, *EVERYWHERE) else ()
    return tuple(dict.fromkeys((*options.hosts, *own, *also)))


def _listening(options: ViewOptions) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address is no address of this computer, or its port is taken.
    """
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(options.bind).version == 6 else 0
    except ValueError:
        raise InputError(
            f"--bind {options.bind}: expected an IP address of this computer"
        ) from None
    ports = [options.port] if options.port is not None else range(FIRST_PORT, FIRST_PORT + PORTS)
    for port in ports:
        listener = socket.socket(family or socket.AF_INET)
        try:
            listener.bind((options.bind, port))
        except OSError as error:
            listener.close()
            reason = error.strerror
        else:
            listener.listen()
            return listener
    raise InputError(f"no page can be served at {options.bind}, port {ports[-1]}: {reason}")


def _address(name: str, port: int, access: Access) -> str:
    """The address of the page, without a token."""
    scheme = "https" if access.tls else "http"
    shown = f"[{name}]" if ":" in name else name
    return f"{scheme}://{shown}:{port}/?token="
