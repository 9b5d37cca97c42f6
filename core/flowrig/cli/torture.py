"""`flowrig torture`: what flowrig makes of everything that can go wrong."""

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.terminal.printing import print_json

if TYPE_CHECKING:
    from flowrig.torture import Board, Cell, Phase, Result

__all__ = ["torture"]

SEEDS = {"quick": 1, "full": 5}
HEALTHY = {"quick": 12, "full": 1000}
"""Campaigns without a fault."""


def _numbers(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...]:
    """Numbers with commas between."""
    try:
        return tuple(int(word) for word in (value or "").split(",") if word.strip())
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 1,13") from error


def _phases(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> "tuple[Phase, ...]":
    """Names of phases with commas between."""
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
        raise click.BadParameter(f"{value!r} is no number of points")
    return int(value)


@click.command(short_help="Let everything go wrong on an emulated rig, and count what broke.")
@click.option("--quick", "size", flag_value="quick", default="quick", help="A few minutes.")
@click.option("--full", "size", flag_value="full", help="Every phase of every fault.")
@click.option("--faults", callback=_numbers, metavar="1,13", help="Only these rows.")
@click.option("--phases", callback=_phases, metavar="heat-up,…", help="Only in these phases.")
@click.option("--seeds", type=click.IntRange(1), help="Of each cell; 1, or 5 with --full.")
@click.option("--first-seed", type=click.IntRange(1), default=1, help="Of each cell; 1.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=multiprocessing.cpu_count(),
    help="Processes side by side; default: one a core.",
)
@click.option(
    "--points",
    callback=_points,
    metavar="N|all",
    help="Strike after N events and bytes by chance, or at all operations; --faults 1,41,42,43.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    metavar="N",
    help="N campaigns in which a second fault by chance strikes soon after the first.",
)
@click.option("--replay", metavar="CELL", help="Play one cell in this process and tell all.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def torture(
    *,
    size: str,
    faults: tuple[int, ...],
    phases: "tuple[Phase, ...]",
    seeds: int | None,
    first_seed: int,
    jobs: int,
    points: int | str | None,
    pairs: int | None,
    replay: str | None,
    as_json: bool,
) -> None:
    """Run short campaigns on an emulated rig, let one thing go wrong in each, and count what broke.

    The drivers are the real ones, and the clock is virtual. A judge observes what plungers, plates
    and lamps physically did, and reads the journal after the campaign: was a measurement lost, was
    the rig unsafe, did liquid move twice, was a healthy campaign stopped? A campaign that ended
    early is repaired and resumed until it is done. Nothing but this computer is needed.

    \b
    Examples:
      flowrig torture
      flowrig torture --faults 13,42 --phases settle,measure --seeds 3
      flowrig torture --points 1000
      flowrig torture --points all --faults 1,41
      flowrig torture --pairs 300 --seeds 20
      flowrig torture --replay 42/settle/1

    Exit code 0: every promise held; 1: one broke, and the command that replays it is told.
    """
    from flowrig.torture import Board, Cell, choose_cells, choose_pairs, choose_points, run_cell

    if replay is not None:
        board = Board([run_cell(Cell.parse(replay))])
    elif pairs is not None:
        board = Board(
            _play(
                choose_pairs(count=pairs, seeds=seeds or SEEDS["quick"], first_seed=first_seed),
                jobs,
            )
        )
    elif points is not None:
        count = points if isinstance(points, int) else None
        cells = choose_points(
            count=count, faults=faults, seeds=seeds or SEEDS["quick"], first_seed=first_seed
        )
        board = Board(_play(cells, jobs))
    else:
        cells = choose_cells(
            full=size == "full",
            seeds=seeds or SEEDS[size],
            healthy=HEALTHY[size],
            faults=faults,
            phases=phases,
            first_seed=first_seed,
        )
        board = Board(_play(cells, jobs))
    if as_json:
        print_json(board.plain())
    else:
        _print(board, in_full=replay is not None)
    sys.exit(1 if board.failed else 0)


def _play(cells: "list[Cell]", jobs: int) -> "list[Result]":
    from flowrig.torture import run_cells

    bar: Any = click.progressbar(
        run_cells(cells, jobs), length=len(cells), label="campaigns", file=sys.stderr
    )
    with bar as results:
        return list(results)


def _print(board: "Board", *, in_full: bool) -> None:
    for line in board.lines() if not in_full else ():
        click.echo(line)
    for result in board.failed if not in_full else board.results:
        click.echo()
        click.secho(str(result.cell), bold=True)
        for ending, text in zip(result.endings, result.texts, strict=True):
            click.echo(f"  {ending}: {text}" if text else f"  {ending}")
        for breach in result.breaches:
            click.secho(f"  {breach.kind}: {breach.text}", fg="red")
        if result.breaches:
            click.echo(f"  replay: flowrig torture --replay {result.cell}")
    click.echo()
    click.secho(", ".join(f"{count} {name}" for name, count in board.totals.items()), bold=True)
