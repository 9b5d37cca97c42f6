"""`flowrig watch`: runs in a browser, while they are under way; and `--watch` of a run."""

import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.terminal.printing import say
from flowrig.journal.events import Resumed, RunStarted

if TYPE_CHECKING:
    from flowrig.journal.journal import AnyEvent

__all__ = ["OpensPage", "watch", "watch_option"]

VIEW = "web"
"""Name of the live view, among those that plugins offer."""

watch_option = click.option(
    "--watch", "watched", is_flag=True, help="Show the run in a browser; see flowrig watch."
)

file_path = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Show runs in a browser, while they are under way.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Default: the first free from 8765 on.")
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser of this computer.")
@click.option(
    "--bind",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Listen at this address; any but loopback needs --certificate or --without-tls.",
)
@click.option("--host", "hosts", multiple=True, help="A name under which browsers may ask for it.")
@click.option("--certificate", type=file_path, help="TLS certificate, PEM.")
@click.option("--key", type=file_path, help="Its private key, PEM, if not in the same file.")
@click.option("--without-tls", is_flag=True, help="Let everyone on the network read along.")
@click.option("--leaves", is_flag=True, hidden=True)
def watch(folder: Path, *, bind: str, without_tls: bool, **options: Any) -> None:
    """Show the run in FOLDER, or the runs in its folders, in a browser.

    A process of its own reads the journal, and the run does not notice it. The command prints two
    addresses, one to steer and one to look; who has an address can use it. It needs pip install
    'flowrig[web]'.

    \b
    Examples:
      flowrig watch flowrig-runs --open
      flowrig watch flowrig-runs/my-rig-20261121-093000 --port 8800
      flowrig watch flowrig-runs --bind 192.0.2.7 --certificate lab.pem
    """
    from flowrig.errors import InputError
    from flowrig.interfaces.live import ViewOptions
    from flowrig.plugins.registry import Plugins

    if not (_is_loopback(bind) or options["certificate"] or without_tls):
        raise InputError(
            f"--bind {bind}: others on the network could read along, and take the token; "
            "give --certificate, or --without-tls if you accept that"
        )
    view = Plugins.discover().offer("view", VIEW).load()
    view().serve(folder, ViewOptions(bind=bind, **options), say)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class OpensPage:
    """Opens the page of a run as soon as its journal is there, in a process of its own.

    The page stays when the run is over, and its process ends when nobody looks any more.

    Args:
        folder: the run's folder.
        say: prints a line.

    Raises:
        MissingDependencyError: the extra is missing; the message says what to install.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        from flowrig.plugins.offers import require_installed
        from flowrig.plugins.registry import Plugins

        require_installed([Plugins.discover().offer("view", VIEW)])
        self._folder = folder
        self._say = say

    def __call__(self, event: "AnyEvent") -> None:
        """Follow an event of the journal."""
        if isinstance(event.data, RunStarted | Resumed):
            threading.Thread(target=self._open, name="page", daemon=True).start()

    def _open(self) -> None:
        """Start the process, and pass on what it prints: its addresses, or why it has none."""
        words = [sys.executable, "-m", "flowrig", "watch", str(self._folder), "--open", "--leaves"]
        # Ctrl-C of the terminal is meant for the run.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        page = subprocess.Popen(  # noqa: S603 - this program
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            **apart,
        )
        assert page.stdout is not None
        for line in page.stdout:
            self._say(line.rstrip())
