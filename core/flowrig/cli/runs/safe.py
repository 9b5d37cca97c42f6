"""`flowrig safe`: the rig of a run that is gone, brought to its safe state."""

import sys
from pathlib import Path

import click

from flowrig.cli.terminal.printing import print_paragraph

__all__ = ["safe"]


@click.command(short_help="Bring the rig of a run that is gone to its safe state.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def safe(folder: Path) -> None:
    """Bring the rig of the run in FOLDER to its safe state.

    For a run whose program died without its watchdog, or whose safe state was not confirmed. The
    profile is that with which the run began, from its journal, whatever became of it since. Heat
    and flow go off first, then the safe state follows, flushing included. `flowrig resume` goes on
    later.

    \b
    Examples:
      flowrig safe flowrig-runs/my-rig-20261121-093000

    \b
    Exit codes:
      0  the safe state was confirmed
      2  the run is under way, or there is none; nothing was opened
      4  it was not confirmed: look at the rig
    """
    from flowrig.run.make_safe import make_run_safe
    from flowrig.run_record.reader import RunRecord

    with RunRecord(folder) as record:
        steps = ", then ".join(step.do for step in record.profile.safe_state)
        where = "emulated rig" if record.simulated else "rig"
        print_paragraph(
            f"safe: the {where} {record.profile.name} goes to its safe state: heat and flow off, "
            f"then {steps}"
        )
    outcome = make_run_safe(folder)
    unknown = outcome.state == "unknown"
    text = outcome.reason if unknown else "the rig is in its safe state"
    click.secho(text, fg="red" if unknown else "green", bold=unknown, err=unknown)
    if unknown:
        sys.exit(4)
    if outcome.state != "finished":
        click.echo(f"{outcome.state}; go on with: flowrig resume {folder}")
