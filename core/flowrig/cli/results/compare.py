"""`flowrig compare`: the scorecards of several runs side by side."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.results.report import reference
from flowrig.cli.terminal.printing import print_damage, print_json, say
from flowrig.journal.sound_folder import sound_folder

if TYPE_CHECKING:
    from flowrig.report.scorecard import Row

__all__ = ["compare"]


@click.command(short_help="Show the scorecards of several runs side by side.")
@click.argument(
    "folders",
    nargs=-1,
    required=True,
    metavar="RUN...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--against",
    metavar="REFERENCE",
    help="Reference of acceleration and enhancement of every run: the folder of another run, or a "
    "stage or an arm that each of the runs has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def compare(folders: tuple[Path, ...], *, against: str | None, as_json: bool) -> None:
    """Show the scorecards of several runs side by side, from their journals alone.

    Metrics, formulas and sources are in docs/scorecard.md. Why a number is not known, and what it
    was found from, `flowrig report RUN --scorecard` tells.

    \b
    Examples:
      flowrig compare monday tuesday
      flowrig compare learned --against random-arm
    """
    from flowrig.report.quantities import shown_objective
    from flowrig.report.scorecard import rows_of, time_rows
    from flowrig.run_record.reader import RunRecord
    from flowrig.run_record.scorecard import scorecard_of

    _require_different(folders)
    cards: dict[str, Any] = {}
    columns: dict[str, list[Row]] = {}
    with ExitStack() as stack:
        other = stack.enter_context(reference(against))
        for folder in folders:
            stack.enter_context(sound_folder(folder))
            record = stack.enter_context(RunRecord(folder))
            print_damage(record)
            card = cards[str(folder)] = scorecard_of(record, other)
            profile = record.profile
            objective = shown_objective(profile.objective, profile.labels, profile.percent_features)
            columns[str(folder)] = [*rows_of(card, objective), *time_rows(card.time)]
    if as_json:
        print_json({name: card.as_json() for name, card in cards.items()})
        return
    for line in _table(columns):
        say(line)


def _require_different(folders: tuple[Path, ...]) -> None:
    """Refuse a run that is named twice, in whatever spelling."""
    seen: dict[Path, Path] = {}
    for folder in folders:
        first = seen.setdefault(folder.resolve(), folder)
        if first is not folder:
            other = "" if str(first) == str(folder) else f", also as {first}"
            raise click.UsageError(f"{folder} is named twice{other}; name each run once")


def _table(columns: "dict[str, list[Row]]") -> list[str]:
    """Lines of a table: a row for every metric that any run has, a column for every run."""
    metrics = dict.fromkeys(row.metric for rows in columns.values() for row in rows)
    found = {name: {row.metric: row.value for row in rows} for name, rows in columns.items()}
    lines = [["", *columns]]
    lines += [[metric, *(one.get(metric, "") for one in found.values())] for metric in metrics]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
