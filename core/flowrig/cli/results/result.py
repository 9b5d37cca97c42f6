"""`flowrig result`: enter results that come later than their experiment."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from flowrig.cli.sound_folder import sound_folder
from flowrig.cli.terminal.printing import print_damage, print_json, say
from flowrig.errors import InputError

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
) -> None:
    """Enter results of experiment NUMBER of the run in FOLDER: what its off-line channels give.

    NAME is a quantity of an off-line channel, or a feature that only renames one. VALUE has a unit.
    A later result for the same quantity replaces the earlier one; the journal keeps both. The run
    may be under way, over, or on hold for results: then it goes on by itself.

    A table has the columns `experiment`, and NAME for each result with the unit in brackets; it may
    have a column `by`. Empty cells are left out.

    \b
    Examples:
      flowrig result flowrig-runs/first 63 plqy=61% --by FS5
      flowrig result flowrig-runs/first 63 --file xrd.xy
      flowrig result flowrig-runs/first 64 --lost "the vial broke"
      flowrig result flowrig-runs/first --table plqy.csv --by FS5
      flowrig result flowrig-runs/first --list
    """
    from flowrig.run_record.off_line.table import rows_of

    given = words or table or by or files or lost
    if as_list and given:
        raise InputError("--list enters nothing; give only --json beside it")
    if not given:
        _show(folder, as_json=as_json)
        return
    if as_json:
        raise InputError("--json belongs to --list")
    if table is not None:
        if words or lost or files:
            raise InputError("--table says everything itself; give only --by beside it")
        rows = rows_of(table, by)
    else:
        if not words:
            raise InputError("--by, --file and --lost need the number of an experiment first")
        index = _number(words[0])
        rows = [(f"experiment {index}", index, list(words[1:]), by)]
    _enter(folder, rows, files, lost)


def _number(word: str) -> int:
    if not word.isdecimal():
        raise InputError(f"expected the number of an experiment first, got {word!r}")
    return int(word)


def _enter(
    folder: Path,
    rows: Sequence[tuple[str, int, Sequence[str], str]],
    files: Sequence[Path],
    lost: str,
) -> None:
    """Check every row, then enter all of them."""
    from flowrig.journal.events import ResultEntered
    from flowrig.run_record.off_line.box import ResultBox
    from flowrig.run_record.off_line.names import values_of
    from flowrig.run_record.reader import RunRecord

    checked = []
    places: dict[tuple[int, str], str] = {}
    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        units = record.profile.analysis.off_line_units
        for place, index, words, by in rows:
            try:
                values = values_of(record.profile, words)
                _require_new(places, place, index, values)
                if not (values or files or lost):
                    raise InputError("nothing is entered: give NAME=VALUE, --file or --lost")
                if values and lost:
                    raise InputError("what has a result is not lost; enter one of both")
                entry = ResultEntered(
                    entry="", index=index, values=values, units={}, by=by, entered="", lost=lost
                )
                before = record.experiment(index)
                after = record.with_entry(entry)
            except InputError as error:
                raise InputError(f"{place}: {error}") from error
            given = {name: units[name] for name in values}
            replaced = before.results if lost else values
            old = {n: before.results[n] for n in replaced if n in before.results}
            checked.append((index, values, given, by, old, after))
        _tell_unbounded(record.profile, {name for one in checked for name in one[1]})
    box, names = ResultBox(folder), set[str]()
    for index, values, given, by, _, _ in checked:
        names.add(box.put(index, values, given, by=by, files=files, lost=lost).entry)
    for index, values, given, _, old, after in checked:
        shown = ", ".join(f"{n} {v:.6g} {given[n]}".rstrip() for n, v in values.items())
        was = ", ".join(f"{n} was {v:.6g} {units[n]}".rstrip() for n, v in old.items())
        words = [shown, *(one.name for one in files), f"no result: {lost}" if lost else ""]
        say(f"experiment {index}: {', '.join(filter(None, words))}", nl=False)
        say(f" ({was}; both are kept)" if was else "")
        if after.awaits:
            say(f"  it still waits for {', '.join(after.awaits)}")
    _taken(folder, names)


def _tell_unbounded(profile: Any, names: Iterable[str]) -> None:
    """Say which results have no range that they could be compared with."""
    from flowrig.run_record.off_line.names import unbounded

    for name in sorted(names):
        if unbounded(profile, name):
            say(f"{name} has no `range` in the profile: any number is taken", fg="yellow", err=True)


def _require_new(
    places: dict[tuple[int, str], str], place: str, index: int, names: Iterable[str]
) -> None:
    """Raise InputError where an earlier row gives a quantity of the same experiment."""
    for name in names:
        earlier = places.setdefault((index, name), place)
        if earlier != place:
            raise InputError(f"{earlier} gives {name} of experiment {index} too")


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
    from flowrig.run_record.reader import RunRecord

    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        coming = [one.as_json() for one in ResultBox(folder).pending()]
        missing: dict[int, list[str]] = {}
        units = record.profile.analysis.off_line_units
        for one in record.experiments():
            lost = bool(one.entries) and bool(one.entries[-1].data.lost)
            lacking = [name for name in units if name not in one.results]
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
        parts = [values, *(file["name"] for file in one["files"])]
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
