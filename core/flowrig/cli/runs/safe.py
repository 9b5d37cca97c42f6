"""`flowrig safe`: brings the rig of a run that is not under way to its safe state."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrig.cli.terminal.printing import print_paragraph, say
from flowrig.errors import FlowrigError

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = ["safe"]


@click.command(short_help="Bring the rig of a run that is not under way to its safe state.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def safe(folder: Path) -> None:
    """Bring the rig of the run in FOLDER to its safe state.

    For a run whose program died without its watchdog, or whose safe state was not confirmed. The
    profile is that with which the run began, from its journal, even if the file was changed since.
    Only the plugins of the rig's drivers are loaded; an instrument whose driver is broken is named,
    and the others are brought to rest. Heat and flow go off first, then the safe state follows,
    flushing included. `flowrig resume` goes on later.

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

    try:
        outcome = make_run_safe(folder, on_begin=_announce)
    except FlowrigError:
        raise
    except BaseException as error:  # also SystemExit of a driver, which must not look like success
        say(f"the safe state was not confirmed: {error!r}", fg="red", bold=True, err=True)
        sys.exit(4)
    unknown = outcome.state == "unknown"
    text = outcome.reason if unknown else "the rig is in its safe state"
    say(text, fg="red" if unknown else "green", bold=unknown, err=unknown)
    if unknown:
        sys.exit(4)
    if outcome.state != "finished":
        say(f"{outcome.state}; go on with: flowrig resume {folder}")


def _announce(record: "RunRecord") -> None:
    from flowrig.run_record.rig_of import missing_drivers

    heats = any(one.offer.kind == "heater" for one in record.profile.devices.values())
    off = "heat and flow" if heats else "flow"
    steps = ", then ".join(step.do for step in record.profile.safe_state)
    where = "emulated rig" if record.simulated else "rig"
    for device, reason in missing_drivers(record.profile).items():
        say(f"{device} cannot be reached: {reason}", fg="red", err=True)
    print_paragraph(
        f"safe: the {where} {record.profile.name} goes to its safe state: {off} off, then {steps}"
    )
