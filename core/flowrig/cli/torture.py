"""`flowrig torture`: campaigns on an emulated rig in which something goes wrong."""

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from flowrig.cli.terminal.printing import print_json, progress_bar, say

if TYPE_CHECKING:
    from flowrig.torture import Board, Cell, Phase, PlayedRig, Result

__all__ = ["torture"]

SEEDS = {"quick": 1, "full": 5}
"""Campaigns of each cell."""

HEALTHY = {"quick": 12, "full": 1000}
"""Campaigns without a fault."""


@frozen(kw_only=True)
class TortureOptions:
    """The campaigns to run, as described on the command line.

    Attributes:
        size: "quick" or "full".
        faults: rows of the board; empty for all.
        phases: phases of the campaign in which a fault strikes; empty for all.
        seeds: campaigns of each cell; None for the number that belongs to `size`.
        first_seed: seed of the first of them.
        points: number of random points at which a fault strikes, or "all"; None for phases.
        pairs: number of campaigns with two random faults; None for one fault.
        rig: the rig.
    """

    size: str
    faults: tuple[int, ...]
    phases: "tuple[Phase, ...]"
    seeds: int | None
    first_seed: int
    points: int | str | None
    pairs: int | None
    rig: "PlayedRig"

    def cells(self) -> "list[Cell]":
        """The campaigns.

        Raises:
            InputError: a fault is not on the board, or cannot strike there.
        """
        from flowrig.torture import choose_cells, choose_pairs, choose_points

        few = self.seeds or SEEDS["quick"]
        if self.pairs is not None:
            return choose_pairs(
                count=self.pairs, seeds=few, first_seed=self.first_seed, rig=self.rig
            )
        if self.points is not None:
            count = self.points if isinstance(self.points, int) else None
            return choose_points(
                count=count,
                faults=self.faults,
                seeds=few,
                first_seed=self.first_seed,
                rig=self.rig,
            )
        return choose_cells(
            full=self.size == "full",
            seeds=self.seeds or SEEDS[self.size],
            healthy=HEALTHY[self.size],
            faults=self.faults,
            phases=self.phases,
            first_seed=self.first_seed,
            rig=self.rig,
        )


def _numbers(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    """Numbers separated by commas."""
    try:
        return tuple(int(word) for word in (value or "").split(",") if word.strip())
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1,13") from error


def _phases(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> "tuple[Phase, ...]":
    """Names of phases separated by commas."""
    if not value:
        return ()
    from flowrig.torture import Phase

    try:
        return tuple(Phase(word.strip()) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{error}; phases are {', '.join(Phase)}") from error


def _points(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> int | str | None:
    """A number, or "all"."""
    if value in (None, "all"):
        return value
    if not value.isdecimal() or not int(value):
        raise click.BadParameter(f"{value!r} is not a number of points")
    return int(value)


@click.command(short_help="Try faults on an emulated rig, and count what broke.")
@click.option(
    "--rig",
    "target",
    default="",
    metavar="PROFILE",
    help="Name or path of a profile, for instance of your rig; default: the reference rig.",
)
@click.option(
    "--study",
    default="",
    metavar="NAME",
    help="A study whose points every campaign measures before its last experiment.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the study, such as 'duration=1 min'; may be given several times.",
)
@click.option("--quick", "size", flag_value="quick", default="quick", help="A few minutes.")
@click.option("--full", "size", flag_value="full", help="Every phase of every fault.")
@click.option("--faults", callback=_numbers, metavar="1,13", help="Only these rows.")
@click.option("--phases", callback=_phases, metavar="heat-up,…", help="Only in these phases.")
@click.option(
    "--seeds", type=click.IntRange(1), help="Campaigns of each cell; default: 1, or 5 with --full."
)
@click.option(
    "--first-seed", type=click.IntRange(1), default=1, help="Seed of the first one; default: 1."
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=multiprocessing.cpu_count(),
    help="Parallel processes; default: one for each core.",
)
@click.option(
    "--points",
    callback=_points,
    metavar="N|all",
    help="Faults 1,41,42,43 at N random events and bytes, or at all operations.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    metavar="N",
    help="N campaigns with two random faults, the second soon after the first.",
)
@click.option("--replay", metavar="CELL", help="Run one cell in this process and print all of it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def torture(
    *,
    target: str,
    study: str,
    settings: tuple[str, ...],
    jobs: int,
    replay: str | None,
    as_json: bool,
    **choice: Any,
) -> None:
    """Run short campaigns on an emulated rig with one fault in each, and count what broke.

    The drivers are the real ones, and the clock is virtual. A judge observes the emulated
    plungers, plates and lamps, and reads the journal at the end: was a measurement lost, was the
    rig unsafe, did liquid move twice, was a campaign without a fault stopped? A campaign that ended
    early is repaired and resumed until it is done. No instrument is needed.

    With --rig the board plays your rig: its devices, path, limits, interlocks and safe state, with
    a campaign of three experiments in its search space. Which faults it can have follows from its
    devices and from what their emulators offer.

    \b
    Examples:
      flowrig torture
      flowrig torture --rig my-rig.toml
      flowrig torture --study robustness --set "duration=1 min"
      flowrig torture --faults 13,42 --phases settle,measure --seeds 3
      flowrig torture --points 1000
      flowrig torture --points all --faults 1,41
      flowrig torture --pairs 300 --seeds 20
      flowrig torture --replay 42/settle/1

    Exit code 0: every promise held; 1: one broke, and the command that replays it is printed.
    """
    from flowrig.torture import Board, Cell, RigChoice, require_playable, rig_of, run_cell

    if settings and not study:
        raise click.UsageError("--set says how a study is played; name it with --study")
    rig = rig_of(RigChoice(target, study, settings))
    if replay is not None:
        cell = Cell.parse(replay)
        require_playable(cell, rig)
        board = Board([run_cell(cell, rig)], rig)
    else:
        board = Board(_play(TortureOptions(rig=rig, **choice).cells(), jobs, rig), rig)
    if as_json:
        print_json(board.plain())
    else:
        _print(board, in_full=replay is not None)
    sys.exit(1 if board.failed else 0)


def _play(cells: "list[Cell]", jobs: int, rig: "PlayedRig") -> "list[Result]":
    """Play cells, with the number of those in which a promise broke beside the bar."""
    from flowrig.torture import run_cells

    done: list[Result] = []

    def broken(_: object) -> str:
        count = sum(bool(result.breaches) for result in done)
        return f"{count} broken" if count else ""

    with progress_bar(
        length=len(cells),
        label=f"{len(cells)} campaigns",
        show_pos=True,
        item_show_func=broken,
    ) as bar:
        for result in run_cells(cells, jobs, rig.choice):
            done.append(result)
            bar.update(1, result)
    return done


def _print(board: "Board", *, in_full: bool) -> None:
    words = ["flowrig torture", board.rig.choice.options]
    for line in board.lines() if not in_full else ():
        say(line)
    for result in board.failed if not in_full else board.results:
        say()
        say(str(result.cell), bold=True)
        for ending, text in zip(result.endings, result.texts, strict=True):
            say(f"  {ending}: {text}" if text else f"  {ending}")
        for breach in result.breaches:
            say(f"  {breach.kind}: {breach.text}", fg="red")
        if result.breaches:
            say(f"  replay: {' '.join(filter(None, words))} --replay {result.cell}")
    say()
    if not in_full:
        say(board.summary)
    say(", ".join(f"{count} {name}" for name, count in board.totals.items()), bold=True)
