"""`flowrig report`: the report, summary or table of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from flowrig.cli.results.write_back import write_repeatability
from flowrig.cli.terminal.printing import (
    print_csv,
    print_damage,
    print_json,
    print_paragraph,
    print_studies,
    say,
)
from flowrig.journal.sound_folder import sound_folder

__all__ = ["reference", "report", "write_html"]

REPORT_NAME = "report.html"


@click.command(short_help="Write the report of a run, or print it as JSON or CSV.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print one row for each experiment as CSV.")
@click.option("--scorecard", is_flag=True, help="Print the scorecard, and where the time goes.")
@click.option(
    "--against",
    metavar="REFERENCE",
    help="Reference of acceleration and enhancement: the folder of another run, or a stage or an "
    "arm of this one, for instance one of random conditions.",
)
@click.option(
    "--write",
    "profile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PROFILE.toml",
    help="Write the repeatability that studies found into this profile: one of yours, whose other "
    "lines stay as they are, or a new one that extends that of the run.",
)
def report(
    folder: Path,
    *,
    as_json: bool,
    as_csv: bool,
    scorecard: bool,
    against: str | None,
    profile: Path | None,
) -> None:
    """Write FOLDER/report.html from the journal of a run, or print it as JSON, CSV or a scorecard.

    The run may be finished or under way.

    \b
    Examples:
      flowrig report flowrig-demo
      flowrig report flowrig-demo --csv > experiments.csv
      flowrig report flowrig-demo --json
      flowrig report flowrig-demo --scorecard --against explore
      flowrig report proof --write my-rig.toml
    """
    from flowrig.report.exports.table import csv_rows
    from flowrig.run_record.reader import RunRecord
    from flowrig.run_record.scorecard import scorecard_of

    if as_json + as_csv + scorecard > 1:
        raise click.UsageError("one of --json, --csv and --scorecard")
    if profile is not None and (as_json or as_csv or scorecard):
        raise click.UsageError("--write goes without --json, --csv and --scorecard")
    if as_csv and against is not None:
        raise click.UsageError("--csv has no efficiency that a reference would change")
    with sound_folder(folder), RunRecord(folder) as record, reference(against) as other:
        print_damage(record)
        if as_json:
            print_json({**record.summary(), "scorecard": scorecard_of(record, other).as_json()})
        elif as_csv:
            print_csv(csv_rows(record))
        elif scorecard:
            _print_scorecard(record, other)
        elif profile is not None:
            for line in write_repeatability(record, profile):
                say(line)
        else:
            print_studies(record.summary()["studies"])
            say(f"wrote {write_html(record, other)}")


@contextmanager
def reference(against: str | None) -> Iterator[Any]:
    """The reference that a person names: an open run, or the name of a stage; None without one."""
    from flowrig.journal.journal import FILE_NAME
    from flowrig.run_record.reader import RunRecord

    if against is None or not (Path(against) / FILE_NAME).is_file():
        yield against
        return
    with sound_folder(Path(against)), RunRecord(against) as record:
        yield record


def _print_scorecard(record: Any, against: Any) -> None:
    from flowrig.report.quantities import shown_objective
    from flowrig.report.scorecard import robustness_words, rows_of, time_words
    from flowrig.run_record.scorecard import scorecard_of

    card, profile = scorecard_of(record, against), record.profile
    objective = shown_objective(profile.objective, profile.labels, profile.percent_features)
    rows = rows_of(card, objective)
    wide = max(len(one.metric) for one in rows)
    for one in rows:
        note = f"  ({one.note})" if one.note else ""
        print_paragraph(f"{one.metric:<{wide}}  {one.value}{note}")
    print_paragraph(f"{'rig time':<{wide}}  {time_words(card.time)}")
    best = record.incumbent()
    if best is not None:
        spread = objective.text(best.objective_mean, best.objective_sd)
        print_paragraph(
            f"{'best':<{wide}}  {spread} expected at the conditions of experiment "
            f"{best.experiment.index}. {robustness_words(best.robustness, objective)}"
        )


def write_html(record: Any, against: Any = None) -> Path:
    """Write the self-contained HTML report of a run into its folder.

    Args:
        record: an open reader of the run.
        against: the reference of its efficiency; see `scorecard_of`.

    Raises:
        InputError: the folder cannot be written.
    """
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.report import content_of, render

    path: Path = record.folder / REPORT_NAME
    page = render(content_of(record, against))
    with atomic_file(path) as part:
        part.write_text(page, encoding="utf-8")
    return path
