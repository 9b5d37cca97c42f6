"""The command line: its commands, in folders by subject.

Exit codes: 0 done, 1 the run failed and is safe, 2 the input is wrong, 3 a person is needed, 4 the
state of the rig is unknown.
"""

import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import click

from flowrig.cli.check import check, plugins, profiles
from flowrig.cli.gallery.command import gallery
from flowrig.cli.instruments.discover import discover
from flowrig.cli.instruments.emulate import emulate
from flowrig.cli.instruments.plugin import plugin
from flowrig.cli.instruments.profile import profile
from flowrig.cli.instruments.trace import trace
from flowrig.cli.results.bench import bench
from flowrig.cli.results.calibrate import calibrate
from flowrig.cli.results.compare import compare
from flowrig.cli.results.export import export
from flowrig.cli.results.label import label
from flowrig.cli.results.replay import replay
from flowrig.cli.results.report import report
from flowrig.cli.results.result import result
from flowrig.cli.results.twin import twin
from flowrig.cli.results.twin_report import twin_report
from flowrig.cli.results.twin_train import twin_train
from flowrig.cli.runs.commission import commission
from flowrig.cli.runs.control import go_on, halt, pause, skip, status, stop
from flowrig.cli.runs.notify import notify
from flowrig.cli.runs.plan import plan
from flowrig.cli.runs.run import demo, resume, run
from flowrig.cli.runs.safe import safe
from flowrig.cli.runs.watch import watch
from flowrig.cli.terminal.printing import say
from flowrig.cli.torture import torture
from flowrig.errors import FlowrigError, FlowrigWarning, InputError
from flowrig.journal.visible import visible
from flowrig.learning.blas_threads import default_to_one_blas_thread
from flowrig.plugins.contained import left_threads
from flowrig.version import __version__

__all__ = ["main"]


class _Group(click.Group):
    """Turns flowrig's errors into one line and an exit code."""

    def main(self, *args: Any, **how: Any) -> Any:
        """Run a command; `args` and `how` are those of click, both empty in a program."""
        if args or "args" in how:  # called by another program, whose signals are not touched
            return super().main(*args, **how)
        _show_control_characters()
        try:
            return super().main(**how)
        finally:
            # The exit code is decided: Ctrl-C while Python ends must not replace it by 130.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if left_threads():  # of a plugin; they must not hold up the end
                _end_at_once(sys.exception())

    def make_context(self, *args: Any, **how: Any) -> click.Context:
        """Read the command line; see click."""
        with _visible_usage_errors():
            return super().make_context(*args, **how)

    def invoke(self, ctx: click.Context) -> Any:
        default_to_one_blas_thread()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A console whose encoding has no τ shows ? instead.
                stream.reconfigure(errors="replace")
        try:
            with _visible_usage_errors(), _plain_warnings():
                return super().invoke(ctx)
        except InputError as error:
            say(str(error), fg="red", err=True)
            sys.exit(2)
        except FlowrigError as error:
            say(str(error), fg="red", err=True)
            sys.exit(1)


def _end_at_once(why: BaseException | None) -> None:
    """End the process with the exit code of a command, without waiting for any thread."""
    if not isinstance(why, SystemExit | None):
        return
    code = 0 if why is None or why.code is None else why.code if isinstance(why.code, int) else 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning of flowrig as one line, whatever filters of warnings are set."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", FlowrigWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, FlowrigWarning):
                say(f"warning: {message}", fg="yellow", err=True)
            else:
                others(message, category, *place, **more)

        warnings.showwarning = show
        yield


@contextmanager
def _visible_usage_errors() -> Iterator[None]:
    """Show control characters in messages of click, which quote the command line."""
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message)
        raise


def _show_control_characters() -> None:
    """Show control characters in warnings and tracebacks, which quote other people's texts."""
    written = warnings.formatwarning
    warnings.formatwarning = lambda *args, **how: visible(written(*args, **how))

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        say("".join(traceback.format_exception(kind, error, trace)), err=True, nl=False)

    sys.excepthook = report


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flowrig")
def main() -> None:
    """Run self-driving fluidic labs: pumps, heaters, spectrometers and optimizers from one profile.

    Start with `flowrig demo`: the published 76-experiment campaign on an emulated rig.
    """


twin.add_command(twin_report)
twin.add_command(twin_train)
for command in (
    demo,
    run,
    resume,
    status,
    watch,
    notify,
    pause,
    go_on,
    skip,
    stop,
    halt,
    safe,
    report,
    compare,
    replay,
    export,
    result,
    label,
    calibrate,
    check,
    plan,
    profile,
    profiles,
    commission,
    discover,
    emulate,
    plugins,
    plugin,
    trace,
    twin,
    bench,
    gallery,
    torture,
):
    main.add_command(command)
