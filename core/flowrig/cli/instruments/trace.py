"""`flowrig trace`: show the recorded bytes of an instrument, and play them back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from flowrig.cli.terminal.printing import print_json, print_paragraph, say

if TYPE_CHECKING:
    from flowrig.testing.replay.playback import TraceReport
    from flowrig.trace.file import Entry, Trace

__all__ = ["trace"]

file_type = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="Show recorded bytes, and play them back.")
def trace() -> None:
    """Show the bytes that were recorded of an instrument, and play them back.

    `flowrig run --record` writes a trace of every instrument into the folder `traces` of the run.
    """


@trace.command(short_help="Check driver and emulator against recorded traces.")
@click.argument("files", nargs=-1, required=True, type=file_type, metavar="FILE…")
@click.option(
    "--address", default="127.0.0.1", help="An address that the driver accepts.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def check(files: tuple[Path, ...], address: str, as_json: bool) -> None:
    """Play traces back, and show the first difference of each.

    The driver is called as in the recording and gets the recorded answers: it must send and return
    the same. The emulator gets the recorded requests: its answers must have the same form, numbers
    aside. No instrument is opened.

    \b
    Examples:
      flowrig trace check flowrig-runs/my-rig-20261121-093000/traces/plate.jsonl
      flowrig trace check tests/data/*.jsonl --json

    \b
    Exit codes:
      0  all agree
      1  a driver or an emulator differs
      2  no trace, or its plugin is not installed
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.testing.replay.playback import play_back
    from flowrig.trace.file import read_trace

    plugins = Plugins.discover()
    reports = []
    for file in files:
        report = play_back(read_trace(file), plugins, address)
        reports.append((file, report))
        if not as_json:
            _show(file, report)
    if as_json:
        print_json([_plain(file, report) for file, report in reports])
    sys.exit(0 if all(report.passed for _, report in reports) else 1)


@trace.command(short_help="Print the calls and the bytes of a trace.")
@click.argument("file", type=file_type)
def show(file: Path) -> None:
    """Print the calls and the bytes of a trace, with their times [s].

    Sent bytes are marked with >, received bytes with <, and returned values with =. Bytes that are
    not text are shortened in hexadecimal; the file has all of them.
    """
    from flowrig.trace.file import read_trace

    read = read_trace(file)
    header = read.header
    say(f"{header.device}: {header.kind} {header.driver}, {_origin(read)}", bold=True)
    for entry in read.entries:
        say(f"{entry.time_s:12.3f}  {_line(entry)}")
    if read.cut:
        say("the last line is incomplete", fg="yellow", err=True)


def _origin(read: "Trace") -> str:
    source = "an emulator" if read.header.simulated else "an instrument"
    return f"recorded from {source} with {read.header.plugin}"


def _line(entry: "Entry") -> str:
    from flowrig.trace.file import BytesEntry, CallEntry, readable

    if isinstance(entry, CallEntry):
        return str(entry)
    if isinstance(entry, BytesEntry):
        arrow = ">" if entry.direction == "sent" else "<"
        return f"  {f'{entry.channel} {arrow}'.strip()} {readable(entry.data)}"
    return f"  = {entry}"


def _show(file: Path, report: "TraceReport") -> None:
    driver = report.trace.header.driver
    say(f"{file}: {driver}, {_origin(report.trace)}", bold=True)
    for part, difference, extent in (
        ("driver", report.driver, f"{report.calls} calls send and return the same"),
        ("emulator", report.emulator, f"{report.exchanges} answers have the recorded form"),
    ):
        if difference is None:
            say(f"  {part}: {extent}")
        else:
            say(f"  {part}: " + str(difference).replace("\n", "\n  "), fg="red")
    if report.plugin != report.trace.header.plugin:
        print_paragraph(f"  note: {report.plugin} is installed now")
    for note in report.notes:
        print_paragraph(f"  note: {note}")


def _plain(file: Path, report: "TraceReport") -> dict[str, Any]:
    return {
        "file": str(file),
        "header": asdict(report.trace.header),
        "plugin": report.plugin,
        "passed": report.passed,
        "calls": report.calls,
        "exchanges": report.exchanges,
        "driver": report.driver and asdict(report.driver),
        "emulator": report.emulator and asdict(report.emulator),
        "notes": list(report.notes),
    }
