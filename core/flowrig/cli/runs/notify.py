"""`flowrig notify`, and `--notify` of a run: people are told what happens."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from flowrig.cli.terminal.printing import say

__all__ = ["notify", "notify_option"]

notify_option = click.option(
    "--notify",
    envvar="FLOWRIG_NOTIFY",
    show_envvar=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Tell people what happens, as this file says; see flowrig notify test.",
)


@click.group(short_help="Tell people what happens in a run.")
def notify() -> None:
    """Tell people what happens in a run: flowrig run … --notify FILE."""


@notify.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def test(file: Path) -> None:
    """Send a test message to everyone in FILE, and say where it arrived.

    FILE has a table [notify.NAME] for everyone who is told. The exit code is 1 if a message did
    not arrive.

    \b
    Example:
      flowrig notify test notify.toml
    """
    from flowrig.interfaces.observer import Message, Priority
    from flowrig.operator.notify import attempt, read_observers
    from flowrig.plugins.registry import Plugins

    message = Message(
        kind="test",
        run="no run",
        rig="",
        text="a test message: runs will tell here what happens",
        priority=Priority.NORMAL,
        wall=datetime.now(UTC).isoformat(),
    )
    lost = 0
    for name, observer in read_observers(file, Plugins.discover()).items():
        problem, _ = attempt(observer, message)
        lost += bool(problem)
        said = f"did not arrive: {problem}" if problem else "arrived"
        say(f"{name}: {said}", fg="red" if problem else "green")
    sys.exit(1 if lost else 0)
