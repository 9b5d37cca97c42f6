"""`flowrig report`: look at a run, finished or under way."""

import csv
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import click

__all__ = ["report", "write_html"]

REPORT_NAME = "report.html"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one row an experiment as CSV.")
def report(folder: Path, as_json: bool, as_csv: bool) -> None:
    """Write FOLDER/report.html from the journal of a run, or print it as JSON or CSV."""
    from flowrig.record import RunRecord

    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    with RunRecord(folder) as record:
        if as_json:
            click.echo(json.dumps(record.summary(), indent=2))
        elif as_csv:
            write_csv(record, sys.stdout)
        else:
            click.echo(f"wrote {write_html(record)}")


def write_html(record: Any) -> Path:
    """Write the self-contained HTML report of a run into its folder.

    Raises:
        InputError: the folder cannot be written.
    """
    from flowrig.errors import InputError
    from flowrig.report import content_of, render

    path: Path = record.folder / REPORT_NAME
    try:
        path.write_text(render(content_of(record)), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    return path


def write_csv(record: Any, stream: TextIO) -> None:
    """Write one row an experiment; every column's unit is in its name."""
    units = {"°C": "c", "µL/min": "ul_min"}
    parameters = record.profile.space.parameters
    experiments = record.experiments()
    features = list(experiments[0].features) if experiments else []
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["index", "stage"]
        + [f"{p.name}_{units.get(p.unit, p.unit)}" for p in parameters]
        + features
        + ["objective", "quality", "started_s", "ended_s", "predicted_objective", "predicted_sd"]
    )
    for experiment in experiments:
        decision = experiment.decision
        writer.writerow(
            [experiment.index, decision.stage]
            + [experiment.conditions[p.name] for p in parameters]
            + [experiment.features[name] for name in features]
            + [experiment.objective, experiment.quality, experiment.started_s, experiment.ended_s]
            + [decision.objective_mean, decision.objective_sd]
        )
