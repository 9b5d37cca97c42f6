"""`flowrig pause`, `go-on`, `skip`, `stop`, `halt` and `status`, for a run in another shell."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from flowrig.cli.terminal.hold_text import hold_lines
from flowrig.cli.terminal.printing import (
    degrees_text,
    experiments_text,
    front_lines,
    print_damage,
    print_json,
    say,
)
from flowrig.errors import InputError
from flowrig.journal.events import HoldBegun, WasteLevel
from flowrig.journal.sound_folder import sound_folder
from flowrig.operator.hold import Hold
from flowrig.operator.requests import MEANINGS, Request

__all__ = ["go_on", "halt", "pause", "skip", "status", "stop"]

folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


def _command(request: Request, short_help: str) -> click.Command:
    """A command that explains a request, and sends it."""
    text = (
        f"{short_help[:-1]}, in FOLDER: {MEANINGS[request]}.\n\n"
        f"\b\nExample:\n  flowrig {request} flowrig-runs/my-rig-20261121-093000"
    )

    @click.command(request.value, short_help=short_help, help=text)
    @folder_argument
    def command(folder: Path) -> None:
        from flowrig.run.control_socket import ask_run

        say(f"{request}: {MEANINGS[request]}.")
        ask_run(folder, request)
        say("The request was sent to the run.")

    return command


pause = _command(Request.PAUSE, "Pause a run that is under way.")
skip = _command(Request.SKIP, "Give up the experiment under way.")
stop = _command(Request.STOP, "Stop a run, as Ctrl-C does.")
halt = _command(Request.HALT, "Halt a run: flow and heat off at once.")


@click.command("go-on", short_help="Let a run go on that is paused or on hold.")
@folder_argument
@click.option("--refilled", multiple=True, metavar="STREAM", help="Its syringe is full again.")
@click.option("--emptied", multiple=True, metavar="WASTE", help="It is empty again.")
@click.option(
    "--reading", "words", multiple=True, metavar="NAME=NUMBER", help="What you have read by hand."
)
def go_on(
    folder: Path, refilled: tuple[str, ...], emptied: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Let the run in FOLDER go on: it is paused, stands at a gate, or waits for a refill or for
    work by hand.

    The command first prints what you confirm by going on. An experiment that was interrupted begins
    again.

    \b
    Examples:
      flowrig go-on flowrig-runs/my-rig-20261121-093000
      flowrig go-on flowrig-runs/first --refilled CuI --refilled ODE
      flowrig go-on flowrig-runs/first --reading balance.weight=12.34
    """
    from flowrig.run.control_socket import STATUS, ask_run

    readings = _readings(words)
    hold = ask_run(folder, STATUS)["hold"]
    say(f"go-on: {MEANINGS[Request.GO_ON]}.")
    if hold is not None:
        say(f"You confirm that {Hold.of(HoldBegun.from_json(hold)).claim}.")
    ask_run(folder, Request.GO_ON, refilled=refilled, emptied=emptied, readings=readings)
    say("The request was sent to the run.")


def _readings(words: tuple[str, ...]) -> dict[str, float]:
    """The numbers of a command line, by name."""
    found = {}
    for word in words:
        name, equals, number = (part.strip() for part in word.partition("="))
        try:
            found[name] = float(number)
        except ValueError:
            equals = ""
        if not (name and equals):
            raise InputError(f"--reading {word!r}: expected NAME=NUMBER, as balance.weight=12.3")
    return found


@click.command(short_help="Print the status of a run.")
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
def status(folder: Path, as_json: bool) -> None:
    """Print the status of the run in FOLDER, under way or over.

    \b
    Examples:
      flowrig status flowrig-runs/my-rig-20261121-093000
      flowrig status flowrig-demo --json
    """
    from flowrig.run.control_socket import STATUS, ask_run
    from flowrig.run_record.lock import is_locked
    from flowrig.run_record.reader import RunRecord

    lines: Callable[[Mapping[str, Any]], Iterator[str]]
    if is_locked(folder):
        summary = ask_run(folder, STATUS)
        lines = partial(_lines_under_way, folder)
    else:
        with sound_folder(folder), RunRecord(folder) as record:
            print_damage(record)
            summary = record.summary()
        lines = _lines_over
    if as_json:
        print_json(summary)
    else:
        for line in lines(summary):
            say(line)


def _lines_under_way(folder: Path, status: Mapping[str, Any]) -> Iterator[str]:
    from flowrig.cli.terminal.experiment_table import conditions_text

    count = experiments_text(status["done"], status["planned"], status["skipped"])
    yield f"{status['state']}: {count}"
    if status["hold"] is not None:
        yield from hold_lines(folder, HoldBegun.from_json(status["hold"]))
    if status["hold"] is not None and status["hold"]["kind"] != "results":
        left_s = max(status["hold"]["until_s"] - status["rig_time_s"], 0.0)
        yield f"for {left_s / 60:.1f} min more; then the rig goes to its safe state"
    yield f"stage {status['stage'] or '-'}, {status['step']}"
    yield from _waiting_lines(status["waiting"])
    if status["conditions"]:
        chosen = conditions_text(status["conditions"], status["units"])
        yield f"experiment {status['experiment']}: {chosen}"
    for name, reading in status["heaters"].items():
        now, wanted = reading["temperature_c"], reading["set_point_c"]
        yield f"{name}: {degrees_text(now)}, set {degrees_text(wanted)}"
    yield from _device_lines(status)
    flows = (f"{name} {rate:.1f} µL/min" for name, rate in status["flow_rates_ul_min"].items())
    yield f"flows: {', '.join(flows) or 'none'}"
    yield from front_lines(status.get("front"))
    yield from _waste_lines(status)


def _device_lines(status: Mapping[str, Any]) -> Iterator[str]:
    """Where devices of other kinds stand, and what they report; a person works and reads some."""
    hand = status["by_hand"]
    for by, values in (
        ("", status["devices"]),
        (", by hand", hand["devices"]),
        ("", status["readings"]),
        (", read by hand", hand["readings"]),
    ):
        for name, value in values.items():
            unit = status["device_units"].get(name, "")
            yield f"{name}: {_shown(value, unit)}{by}"


def _shown(value: float | str | None, unit: str) -> str:
    if isinstance(value, str):
        return value
    return "no value" if value is None else f"{value:.4g} {unit}".rstrip()


def _lines_over(status: Mapping[str, Any]) -> Iterator[str]:
    from flowrig.cli.terminal.best_text import best_lines

    count = experiments_text(status["experiments"], status["planned"], len(status["skipped"]))
    yield f"{status['state']}: {count}"
    if status["reason"]:
        yield str(status["reason"])
    yield from best_lines(status)
    yield from _waiting_lines(status["waiting"])
    yield from _waste_lines(status)


def _waiting_lines(indices: Iterable[Any]) -> Iterator[str]:
    numbers = ", ".join(map(str, indices))
    if numbers:
        yield f"wait for results: experiment {numbers}"


def _waste_lines(status: Mapping[str, Any]) -> Iterator[str]:
    from flowrig.safety.waste import waste_text

    for name, level in status["waste"].items():
        yield waste_text(name, WasteLevel.from_json(level))
