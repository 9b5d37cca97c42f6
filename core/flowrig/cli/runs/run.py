"""`flowrig demo`, `run` and `resume`."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.runs.notify import notify_option
from flowrig.cli.runs.study_option import study_option
from flowrig.cli.runs.watch import OpensPage, watch_option
from flowrig.cli.terminal.printing import (
    experiments_text,
    print_paragraph,
    print_studies,
    quoted,
    say,
)
from flowrig.journal.sound_folder import sound_folder

if TYPE_CHECKING:
    from flowrig.clock import Clock
    from flowrig.journal.journal import Listener
    from flowrig.operator.requests import OperatorRequests
    from flowrig.run.start import RunOutcome

__all__ = ["demo", "resume", "run"]

TWIN = "twin:"
DEMO_PROFILE = "cs3cu2i5-heatup-chem3"

seed_option = click.option(
    "--seed",
    type=int,
    help="Seed of all random numbers; default: that of the campaign, else 1.",
)
yes_option = click.option(
    "--yes-to",
    multiple=True,
    metavar="GATE",
    help="This gate of the profile is open without a question.",
)
record_option = click.option(
    "--record",
    "record_traces",
    is_flag=True,
    help="Keep every byte of every instrument in the run's folder, under traces.",
)
speed_option = click.option(
    "--speed",
    type=click.FloatRange(min=0.1),
    metavar="FACTOR",
    help="Let an emulated rig run at most so many times as fast as a real one.",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The run's folder; must not hold a run yet.",
)


@click.command(short_help="Run the published campaign on an emulated rig.")
@seed_option
@out_option
@watch_option
@speed_option
def demo(seed: int | None, out: Path | None, **looking: Any) -> None:
    """Run the published 76-experiment campaign on an emulated rig, and write a report.

    60 Latin-hypercube, 15 expected-improvement and 1 exploitation experiments on Cs3Cu2I5
    nanocrystals (Chem3; Sadeghi et al., Digital Discovery 2025, 4, 1722), through the real drivers,
    on a virtual clock: about six hours of rig time in a minute or two. Nothing but this computer
    is needed. Without --out the run goes to flowrig-demo, or a numbered folder beside it.

    \b
    Examples:
      flowrig demo
      flowrig demo --seed 2 --out second
      flowrig demo --watch --speed 60
    """
    from flowrig.run.options import free_folder

    folder = out or free_folder(Path("flowrig-demo"))
    _start(DEMO_PROFILE, folder, seed=seed, simulate=True, **looking)


class _OnTwin(click.Command):
    """Takes `--simulate` alone, or followed by `twin:FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Distinguish a twin from the target, which may follow `--simulate` as well."""
        for place, (word, after) in enumerate(pairwise(args)):
            if word == "--simulate" and after.startswith(TWIN):
                args = [*args[:place], word, "--twin", after[len(TWIN) :], *args[place + 2 :]]
                break
        return super().parse_args(ctx, args)


@click.command(cls=_OnTwin, short_help="Run a campaign, on a real or an emulated rig.")
@click.argument("target")
@click.option(
    "--simulate",
    is_flag=True,
    help="Put emulated instruments behind the drivers; `--simulate twin:FILE` also a twin in the "
    "place of the chemistry.",
)
@click.option("--twin", type=click.Path(path_type=Path), hidden=True)
@study_option("Run this study in place of the campaign; `flowrig plugins` lists them.")
@yes_option
@record_option
@seed_option
@out_option
@watch_option
@notify_option
@speed_option
def run(target: str, *, out: Path | None, **options: Any) -> None:
    """Run a campaign.

    TARGET is a campaign file, or a rig profile by name or path, whose own campaign is then run.
    Without --out the run gets a folder of its own in flowrig-runs.
    Ctrl-C ends the run in its safe state; `flowrig resume` goes on.

    \b
    Examples:
      flowrig run cs3cu2i5-heatup-chem3 --simulate
      flowrig run my-campaign.toml --simulate --out tried
      flowrig run my-campaign.toml --simulate twin:twin.npz
      flowrig run cs3cu2i5-heatup-chem3 --study robustness --simulate
      flowrig run my-campaign.toml

    \b
    Exit codes:
      0  finished
      1  failed, and in the safe state
      2  the input is wrong; nothing was opened
      3  stopped or held, in the safe state; waits for a person
      4  the safe state was not confirmed: look at the rig
    """
    from flowrig.run.options import new_run_folder

    _start(target, out or new_run_folder(target), **options)


@click.command(short_help="Go on with a run that was stopped, held or cut off.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--refilled", multiple=True, metavar="STREAM", help="The syringe of this stream is full again."
)
@click.option("--emptied", multiple=True, metavar="WASTE", help="This waste is empty again.")
@click.option(
    "--reset-trip",
    "reset",
    multiple=True,
    metavar="RULE",
    help="This safety rule tripped, and its cause is removed.",
)
@click.option(
    "--accept-changes", is_flag=True, help="Go on with a profile or plugins that were changed."
)
@click.option("--cut", is_flag=True, help="Go on in front of damage in the journal.")
@yes_option
@record_option
@watch_option
@notify_option
def resume(folder: Path, watched: bool, notify: Path | None, **options: Any) -> None:
    """Go on with the run in FOLDER; the rig is first brought to its safe state.

    Every measurement is kept, and nothing is measured twice. A run that was simulated stays
    simulated. Exit codes are those of `flowrig run`.

    If the profile in FOLDER, flowrig or a plugin that the profile names has changed, the command
    only lists the changes. With --accept-changes it resumes, and the journal records them.

    A safety rule that tripped stays tripped, and the command refuses to resume, until a person has
    removed the cause and names the rule with --reset-trip.

    \b
    Examples:
      flowrig resume flowrig-runs/my-rig-20261121-093000
      flowrig resume flowrig-demo --refilled CuI --refilled ZnI2
      flowrig resume flowrig-demo --reset-trip stream-stopped
    """
    from flowrig.run.options import ResumeOptions
    from flowrig.run.start import resume_run

    def work(watching: Mapping[str, Any]) -> "RunOutcome":
        with sound_folder(folder):
            return resume_run(folder, ResumeOptions(**watching, **options))

    _run_to_the_end(folder, work, watched=watched, notify=notify)


def _start(
    target: str,
    folder: Path,
    *,
    watched: bool,
    speed: float | None,
    notify: Path | None = None,
    **options: Any,
) -> None:
    from flowrig.run.options import RunOptions
    from flowrig.run.start import start_run

    options["clock"] = _paced(speed, simulate=options["simulate"])
    _run_to_the_end(
        folder,
        lambda watching: start_run(target, RunOptions(folder=folder, **watching, **options)),
        watched=watched,
        notify=notify,
    )


def _paced(speed: float | None, *, simulate: bool) -> "Clock | None":
    """The clock of an emulated rig that is looked at; None for the usual clock of a run."""
    from flowrig.clock import VirtualClock, pace
    from flowrig.errors import InputError

    if speed is None:
        return None
    if not simulate:
        raise InputError("--speed: a real rig has the speed of its clock; add --simulate")
    clock = VirtualClock()
    pace(clock, speed)
    return clock


def _run_to_the_end(
    folder: Path,
    work: "Callable[[Mapping[str, Any]], RunOutcome]",
    *,
    watched: bool,
    notify: Path | None,
) -> None:
    """Do a run, print how it ended, and end the program with its exit code.

    Ctrl-C changes nothing once the run is over: a finished run exits with 0. If the report takes
    long, a second Ctrl-C leaves without it.
    """
    ended: list[RunOutcome] = []
    presses: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        if not ended:
            signal.default_int_handler(number, frame)
        presses.append(number)
        if len(presses) > 1:
            sys.exit(ended[0].exit_code)

    before = signal.signal(signal.SIGINT, press)
    try:
        with _watched(folder, page=watched, notify=notify) as watching:
            ended.append(work(watching))
        _finish(ended[0])
        sys.exit(ended[0].exit_code)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _watched(folder: Path, *, page: bool, notify: Path | None) -> Iterator[dict[str, Any]]:
    """Show a run on the terminal, and let keys and signals control it; yields options of it.

    Args:
        folder: the run's folder.
        page: whether to show it in a browser as well, from which a person may answer.
        notify: file that says who else is told what happens; None for nobody.
    """
    from flowrig.cli.runs.run_keys import obey_keys
    from flowrig.cli.terminal.progress import Progress

    with (
        Progress(folder) as progress,
        _told(folder, notify, progress.say) as others,
        _stop_on_signals(progress.say) as requests,
        obey_keys(requests, progress.say),
    ):
        listeners: list[Listener] = [progress, *others]
        if page:
            listeners.append(OpensPage(folder, progress.say))
            requests.attended = True
        yield {"listeners": listeners, "requests": requests}


@contextmanager
def _told(
    folder: Path, file: Path | None, say: Callable[[str], None]
) -> "Iterator[Sequence[Listener]]":
    """Tell those in a file what happens in a run; yields listeners of its journal."""
    if file is None:
        yield ()
        return
    from flowrig.operator.notify import Notifier, read_observers
    from flowrig.plugins.registry import Plugins

    observers = read_observers(file, Plugins.discover())
    with Notifier(observers, folder.resolve().name, say) as notifier:
        yield (notifier,)


def _finish(outcome: "RunOutcome") -> None:
    """Print how a run ended, write its report, and print how to go on."""
    from flowrig.errors import InputError

    try:
        options = _show_ending(outcome)
    except InputError as error:  # for instance because somebody has moved the folder
        say(f"{outcome.state}: {outcome.reason}".rstrip(": "), bold=True)
        say(str(error), fg="red", err=True)
        options = []
    if outcome.state in {"stopped", "held", "failed"}:
        say(" ".join(["go on with: flowrig resume", quoted(outcome.folder), *options]))


def _show_ending(outcome: "RunOutcome") -> list[str]:
    """Print how a run ended; returns the options that a resume needs."""
    from flowrig.cli.results.report import write_html
    from flowrig.cli.terminal.best_text import best_lines
    from flowrig.errors import InputError
    from flowrig.journal.events import HoldBegun, Resumed, WentOn
    from flowrig.operator.hold import Hold
    from flowrig.run_record.trips import latched_trips

    with outcome.record() as record, sound_folder(outcome.folder):
        tripped = dict.fromkeys(trip.rule for trip in latched_trips(record.journal))
        # A resume with --refilled has answered the hold before it.
        waits = record.journal.last(HoldBegun, WentOn, Resumed)
        summary = record.summary()
        say()
        count = experiments_text(
            summary["experiments"], summary["planned"], len(summary["skipped"])
        )
        say(f"{outcome.state}: {count}", bold=True)
        if outcome.reason:
            say(outcome.reason, fg="yellow", err=True)
        for line in best_lines(summary):
            print_paragraph(line)
        print_studies(summary["studies"])
        if any(one["repeatability"] for one in summary["studies"]):
            folder = quoted(outcome.folder)
            say(f"to keep the repeatability: flowrig report {folder} --write PROFILE.toml")
        if summary["experiments"]:
            try:
                say(f"report: {write_html(record)}")
            except InputError as error:
                say(str(error), fg="red", err=True)
    options = [f"--reset-trip {rule}" for rule in tripped]
    if waits is not None and isinstance(waits.data, HoldBegun):
        options += filter(None, [Hold.of(waits.data).options])
    return options


@contextmanager
def _stop_on_signals(say: Callable[[str], None]) -> "Iterator[OperatorRequests]":
    """Ctrl-C and a termination signal request a stop instead of ending the program at once.

    A signal that is ignored already, such as a hang-up under nohup, stays ignored.
    """
    from flowrig.operator.requests import OperatorRequests, Request

    requests = OperatorRequests()

    def press(number: int, frame: FrameType | None) -> None:
        # The clock's and the terminal's locks may be held by the thread that the signal interrupts.
        threading.Thread(target=stop, daemon=True).start()
        requests.give_up_computing()

    def stop() -> None:
        requests.ask(Request.STOP, "signal")
        with suppress(OSError):  # the terminal may have closed
            say("stopping in the safe state; once more to skip flushing")

    names = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    wanted = [n for n in numbers if n == signal.SIGINT or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, press) for number in wanted}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
