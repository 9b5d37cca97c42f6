"""`flowrig report`: the report, summary or table of a run."""

from pathlib import Path
from typing import Any

import click

from flowrig.cli.sound_folder import sound_folder
from flowrig.cli.terminal.printing import print_csv, print_damage, print_json, print_studies, say

__all__ = ["report", "write_html"]

REPORT_NAME = "report.html"


@click.command(short_help="Write the report of a run, or print it as JSON or CSV.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one row for each experiment as CSV.")
def report(folder: Path, as_json: bool, as_csv: bool) -> None:
    """Write FOLDER/report.html from the journal of a run, or print it as JSON or CSV.

    The run may be finished or under way.

    \b
    Examples:
      flowrig report flowrig-demo
      flowrig report flowrig-demo --csv > experiments.csv
      flowrig report flowrig-demo --json
    """
    from flowrig.report.exports.table import csv_rows
    from flowrig.run_record.reader import RunRecord

    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        if as_json:
            print_json(record.summary())
        elif as_csv:
            print_csv(csv_rows(record))
        else:
            print_studies(record.summary()["studies"])
            say(f"wrote {write_html(record)}")


def write_html(record: Any) -> Path:
    """Write the self-contained HTML report of a run into its folder.

    Raises:
        InputError: the folder cannot be written.
    """
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.report import content_of, render

    path: Path = record.folder / REPORT_NAME
    page = render(content_of(record))
    with atomic_file(path) as part:
        part.write_text(page, encoding="utf-8")
    return path
