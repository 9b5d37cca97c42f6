"""`flowrig replay`: show a run again on the terminal, from its journal."""

import time
from pathlib import Path

import click

from flowrig.cli.terminal.printing import print_damage, say
from flowrig.journal.sound_folder import sound_folder

__all__ = ["replay"]


@click.command(short_help="Show a run again, from its journal.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds of rig time in a second.",
)
def replay(folder: Path, speed: float) -> None:
    """Show the run in FOLDER again, and write its report anew, both from the journal.

    No instrument is opened. Ctrl-C ends it.

    \b
    Examples:
      flowrig replay flowrig-demo
      flowrig replay flowrig-demo --speed 5000
    """
    from flowrig.cli.results.report import write_html
    from flowrig.cli.terminal.progress import Progress
    from flowrig.run_record.reader import RunRecord

    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        with Progress(folder) as progress:
            now_s = record.start.time_s
            for event in record.journal.events():
                time.sleep(max(event.time_s - now_s, 0.0) / speed)
                now_s = event.time_s
                progress(event)
        if record.experiments():
            say(f"report: {write_html(record)}")
