"""`flowrig result`: enter results that come later than their experiment."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.terminal.printing import print_damage, print_json, say
from flowrig.errors import InputError
from flowrig.journal.sound_folder import sound_folder

if TYPE_CHECKING:
    from flowrig.journal.events import ResultEntered
    from flowrig.run_record.experiment import Experiment
    from flowrig.run_record.off_line.table import ResultRow
    from flowrig.run_record.reader import RunRecord

__all__ = ["result"]

PATIENCE_S = 5.0
"""Longest wait [s] until a run that is under way has taken a result."""

LOOK_S = 0.2


@click.command(short_help="Enter results that come later than their experiment.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("words", nargs=-1, metavar="[NUMBER [NAME=VALUE]...]")
@click.option("--by", default="", metavar="WHO", help="Person or instrument that measured it.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Attach a file; it is copied into FOLDER.",
)
@click.option(
    "--lost", default="", metavar="WHY", help="It has no results; earlier ones are withdrawn."
)
@click.option("--series", default="", metavar="NAME", help="How a stored sample was stored.")
@click.option("--at", default="", metavar="AGE", help="Its age, such as 5h or 10d.")
@click.option(
    "--table",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with one row for each experiment.",
)
@click.option("--list", "as_list", is_flag=True, help="Show what was entered, and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON, for other programs.")
def result(
    folder: Path,
    words: tuple[str, ...],
    *,
    by: str,
    files: tuple[Path, ...],
    lost: str,
    table: Path | None,
    as_list: bool,
    as_json: bool,
    **stored: str,
) -> None:
    """Enter results of experiment NUMBER of the run in FOLDER: what its off-line channels give.

    NAME is a quantity of an off-line channel, or a feature that only renames one. VALUE has a unit.
    A later result for the same quantity replaces the earlier one; the journal keeps both. The run
    may be under way, over, or on hold for results: then it goes on by itself.

    A stored sample is measured again: --series says how it was stored, --at its age.

    A table has the columns `experiment`, and NAME for each result with the unit in brackets; it may
    have the columns `by`, `series` and `at [h]`. Empty cells are left out.

    \b
    Examples:
      flowrig result flowrig-runs/first 63 plqy=61% --by FS5
      flowrig result flowrig-runs/first 63 --file xrd.xy
      flowrig result flowrig-runs/first 64 --lost "the vial broke"
      flowrig result flowrig-runs/first 63 aged.plqy=58% --series hot_80C --at 5h
      flowrig result flowrig-runs/first --table plqy.csv --by FS5
      flowrig result flowrig-runs/first --list
    """
    of_row = any((words, lost, files, *stored.values()))
    if as_list and (of_row or table or by):
        raise InputError("--list enters nothing; give only --json beside it")
    if not (of_row or table or by):
        _show(folder, as_json=as_json)
        return
    if as_json:
        raise InputError("--json belongs to --list")
    if table is not None and of_row:
        raise InputError("--table says everything itself; give only --by beside it")
    _enter(folder, _rows(words, table, by, stored), files, lost)


def _rows(
    words: tuple[str, ...], table: Path | None, by: str, stored: Mapping[str, str]
) -> Sequence["ResultRow"]:
    """What is entered: the rows of a table, or one.

    Args:
        words: number of the experiment, and NAME=VALUE each.
        table: a table of results.
        by: who or what measured.
        stored: `series` and `at` of a stored sample.
    """
    from flowrig.run_record.off_line.table import ResultRow, rows_of

    if table is not None:
        return rows_of(table, by)
    if not words:
        raise InputError("--by, --file and --lost need the number of an experiment first")
    index = _number(words[0])
    return [ResultRow(f"experiment {index}", index, words[1:], by, **stored)]


def _number(word: str) -> int:
    if not word.isdecimal():
        raise InputError(f"expected the number of an experiment first, got {word!r}")
    return int(word)


def _enter(folder: Path, rows: Sequence["ResultRow"], files: Sequence[Path], lost: str) -> None:
    """Check every row, then enter all of them."""
    from flowrig.run_record.off_line.box import ResultBox
    from flowrig.run_record.reader import RunRecord

    places: dict[tuple[object, ...], str] = {}
    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        checked = []
        for row in rows:
            try:
                entry = _checked(record, row, has_files=bool(files), lost=lost)
                before, after = record.experiment(row.index), record.with_entry(entry)
                _require_new(places, row.place, entry)
            except InputError as error:
                raise InputError(f"{row.place}: {error}") from error
            checked.append((entry, before, after))
        _tell_unbounded(record.profile, {name for entry, *_ in checked for name in entry.values})
    box, names = ResultBox(folder), set[str]()
    for entry, _, _ in checked:
        names.add(box.keep(entry, files).entry)
    for entry, before, after in checked:
        _say_entered(entry, before, [one.name for one in files])
        if after.awaits:
            say(f"  it still waits for {', '.join(after.awaits)}")
    _taken(folder, names)


def _tell_unbounded(profile: Any, names: Iterable[str]) -> None:
    """Say which results have no range that they could be compared with."""
    from flowrig.run_record.off_line.names import unbounded

    for name in sorted(names):
        if unbounded(profile, name):
            say(f"{name} has no `range` in the profile: any number is taken", fg="yellow", err=True)


def _checked(
    record: "RunRecord", row: "ResultRow", *, has_files: bool, lost: str
) -> "ResultEntered":
    """A row as an entry.

    Args:
        record: the run.
        row: what a person gives.
        has_files: whether files come with it.
        lost: why there is no result.

    Raises:
        InputError: something is wrong with it.
    """
    from flowrig.journal.events import ResultEntered
    from flowrig.run_record.off_line.names import series_of, values_of

    analysis, is_stored = record.profile.analysis, bool(row.series or row.at)
    values = values_of(record.profile, row.words, is_stored=is_stored)
    if not (values or has_files or lost):
        raise InputError("nothing is entered: give NAME=VALUE, --file or --lost")
    if values and lost:
        raise InputError("what has a result is not lost; enter one of both")
    known = analysis.stored_units if is_stored else analysis.off_line_units
    given, series, age_s = {name: known[name] for name in values}, "", None
    if is_stored:
        series, age_s = series_of(record.profile, values, row.series, row.at)
        if values and age_s is None:
            raise InputError("the age of the sample is missing, as --at 5h")
        having = [name for name, one in analysis.stored.items() if series in one.series_s]
        if lost:
            given = {n: unit for n, unit in known.items() if n.partition(".")[0] in having}
    return ResultEntered(
        entry="",
        index=row.index,
        values=values,
        units=given,
        by=row.by,
        entered="",
        lost=lost,
        series=series,
        age_s=age_s,
    )


def _require_new(places: dict[tuple[object, ...], str], place: str, entry: "ResultEntered") -> None:
    """Raise InputError where an earlier row gives a quantity of the same sample."""
    for name in entry.values:
        earlier = places.setdefault((entry.index, name, entry.series, entry.age_s), place)
        if earlier != place:
            raise InputError(f"{earlier} gives {name} of experiment {entry.index} too")


def _say_entered(entry: "ResultEntered", before: "Experiment", files: Sequence[str]) -> None:
    """Say what was entered, and what it replaces."""
    from flowrig.run_record.off_line.stored import stored_words

    units = dict[str, str]()
    for told in (*(one.data for one in before.entries), entry):
        units |= told.units
    shown = ", ".join(f"{n} {v:.6g} {units[n]}".rstrip() for n, v in entry.values.items())
    old = {} if entry.series else before.results
    replaced = list(old) if entry.lost else [name for name in entry.values if name in old]
    was = ", ".join(f"{n} was {old[n]:.6g} {units[n]}".rstrip() for n in replaced)
    words = [shown, stored_words(entry), *files, f"no result: {entry.lost}" if entry.lost else ""]
    say(f"experiment {entry.index}: {', '.join(filter(None, words))}", nl=False)
    say(f" ({was}; both are kept)" if was else "")


def _taken(folder: Path, entries: set[str]) -> None:
    """Take the results into the journal, or see that the run that is under way does so."""
    from flowrig.run_record.lock import is_locked
    from flowrig.run_record.off_line.box import ResultBox
    from flowrig.run_record.off_line.take import take_into_journal

    box = ResultBox(folder)
    until_s = time.monotonic() + PATIENCE_S
    while any(one.entry in entries for one in box.pending()):
        if not is_locked(folder):
            take_into_journal(folder, lambda text: say(text, fg="yellow", err=True))
        elif time.monotonic() > until_s:
            say("The run is under way, and takes it into its journal at its next look at the rig.")
            return
        else:
            time.sleep(LOOK_S)


def _show(folder: Path, *, as_json: bool) -> None:
    from flowrig.run_record.off_line.box import ResultBox
    from flowrig.run_record.off_line.stored import aged_of, missing_of
    from flowrig.run_record.reader import RunRecord

    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        coming = [one.as_json() for one in ResultBox(folder).pending()]
        missing: dict[int, list[str]] = {}
        units = record.profile.analysis.off_line_units
        for one in record.experiments():
            newest = one.entries[-1].data if one.entries else None
            lost = newest is not None and bool(newest.lost) and not newest.series
            lacking = [name for name in units if name not in one.results]
            lacking += [
                f"{to_come.channel} of {to_come.when}"
                for to_come in missing_of(record.profile, one, aged_of(record.profile, one.entries))
            ]
            if lacking and not lost and one.quality != "bad":
                missing[one.index] = lacking
        found: dict[str, Any] = {
            "results": record.summary()["results"],
            "missing": {str(index): names for index, names in missing.items()},
            "waiting": {str(one.index): list(one.awaits) for one in record.waiting()},
            "not_taken_yet": coming,
        }
    if as_json:
        print_json(found)
        return
    for one in found["results"]:
        values = ", ".join(
            f"{n} {v['value']:.6g} {v['unit']}".rstrip() for n, v in one["values"].items()
        )
        parts = [values, one["sample"], *(file["name"] for file in one["files"])]
        parts += [f"no result: {one['lost']}"] if one["lost"] else []
        who = f", by {one['by']}" if one["by"] else ""
        when = f", {one['entered'][:16]}" if one["entered"] else ""
        say(f"experiment {one['experiment']}: {', '.join(filter(None, parts))}{who}{when}")
    if coming:
        say(f"{len(coming)} not in the journal yet")
    for index, names in found["missing"].items():
        note = "; the run waits for it" if found["waiting"].get(index) else ""
        say(f"missing: experiment {index}: {', '.join(names)}{note}")
    if not (found["results"] or found["missing"]):
        say("nothing is entered, and nothing is missing")
