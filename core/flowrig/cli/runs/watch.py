"""`flowrig watch`: runs in a browser, while they are under way."""

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from flowrig.cli.terminal.printing import say

__all__ = ["VIEW", "watch"]

VIEW = "web"
"""Name of the live view, among those that plugins offer."""

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
      flowrig watch flowrig-runs --bind 192.0.2.7 --certificate lab.pem --host rig.lab.example
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
