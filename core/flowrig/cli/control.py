"""`flowrig pause`, `go-on`, `skip`, `stop`, `halt` and `status`: a run, from another shell."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from flowrig.cli.printing import degrees_text, experiments_text, print_json
from flowrig.switchboard import MEANINGS, Wish

__all__ = ["go_on", "halt", "pause", "skip", "status", "stop"]

folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path)
)


def _command(wish: Wish, short_help: str) -> click.Command:
    """The command that utters a wish, after it has said what will happen."""
    text = (
        f"{short_help[:-1]}, in FOLDER: {MEANINGS[wish]}.\n\n"
        f"\b\nExample:\n  flowrig {wish} flowrig-runs/my-rig-20261121-093000"
    )

    @click.command(wish.value, short_help=short_help, help=text)
    @folder_argument
    def command(folder: Path) -> None:
        from flowrig.control import ask_run

        click.echo(f"{wish}: {MEANINGS[wish]}.")
        ask_run(folder, wish)
        click.echo("The run has been told.")

    return command


pause = _command(Wish.PAUSE, "Pause a run that is under way.")
go_on = _command(Wish.GO_ON, "Let a paused run go on.")
skip = _command(Wish.SKIP, "Give up the experiment under way.")
stop = _command(Wish.STOP, "Stop a run, as Ctrl-C does.")
halt = _command(Wish.HALT, "Halt a run: flow and heat off at once.")


@click.command(short_help="How a run stands.")
@folder_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
def status(folder: Path, as_json: bool) -> None:
    """Tell how the run in FOLDER stands, whether it is under way or over.

    \b
    Examples:
      flowrig status flowrig-runs/my-rig-20261121-093000
      flowrig status flowrig-demo --json
    """
    from flowrig.control import STATUS, ask_run
    from flowrig.record import RunRecord, is_locked

    if is_locked(folder):
        told, lines = ask_run(folder, STATUS), _lines_under_way
    else:
        with RunRecord(folder) as record:
            told, lines = record.summary(), _lines_over
    if as_json:
        print_json(told)
    else:
        for line in lines(told):
            click.echo(line)


def _lines_under_way(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['state']}: {experiments_text(told['done'], told['planned'], told['skipped'])}"
    yield f"stage {told['stage'] or '-'}, {told['step']}"
    if told["conditions"]:
        chosen = (f"{n} {v:.4g} {told['units'][n]}" for n, v in told["conditions"].items())
        yield f"experiment {told['experiment']}: {', '.join(chosen)}"
    for name, reading in told["heaters"].items():
        now, wanted = reading["temperature_c"], reading["set_point_c"]
        yield f"{name}: {degrees_text(now)}, set {degrees_text(wanted)}"
    flows = (f"{name} {rate:.1f} µL/min" for name, rate in told["flow_rates_ul_min"].items())
    yield f"flows: {', '.join(flows) or 'none'}"


def _lines_over(told: Mapping[str, Any]) -> Iterator[str]:
    count = experiments_text(told["experiments"], told["planned"], len(told["skipped"]))
    yield f"{told['state']}: {count}"
    if told["reason"]:
        yield str(told["reason"])
