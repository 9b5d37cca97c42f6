"""`flowrig bench`: optimizers side by side on a twin, before chemicals are spent."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve, frozen

from flowrig.cli.results.twin import response_option, surrogate_option
from flowrig.cli.terminal.printing import print_json

if TYPE_CHECKING:
    from flowrig.profile import Stage, SurrogateChoice
    from flowrig.twin.comparison import Contender, Curves, Race
    from flowrig.twin.stand_in import StandIn

__all__ = ["bench"]


@frozen
class _Task:
    """What a worker process needs to know; it looks up the rest by itself."""

    campaign: str
    twin: Path
    columns: tuple[tuple[str, str], ...]
    surrogate: str | None
    optimizer: str
    seed: int
    start: int | None
    experiments: int | None


@click.command(short_help="Compare optimizers on a twin.")
@click.argument("campaign")
@click.option(
    "--twin",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A twin's file; or a CSV file of experiments, or a run's folder, that it learns from.",
)
@click.option(
    "--optimizers",
    "listed",
    default="bayes,lhs,random",
    show_default=True,
    help="Names, or TOML tables with settings; several, with commas between.",
)
@surrogate_option
@response_option
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--start", type=click.IntRange(2), help="Experiments of the start; as the campaign's."
)
@click.option("--experiments", type=click.IntRange(1), help="After the start; as the campaign's.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=multiprocessing.cpu_count(),
    help="Processes side by side; default: one a core.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("bench.html"),
    show_default=True,
    help="The page with the curves.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def bench(
    campaign: str,
    *,
    twin: Path,
    listed: str,
    surrogate: str | None,
    columns: dict[str, str],
    seeds: int,
    start: int | None,
    experiments: int | None,
    jobs: int,
    out: Path,
    as_json: bool,
) -> None:
    """Run CAMPAIGN with several optimizers on a twin, many times, and draw the regret.

    All begin with the first stage of the campaign; then each optimizer takes the place of the
    stages that follow. What the twin expects is taken for the truth, and its noise for that of the
    rig. Every seed gives all optimizers the same start.

    \b
    Examples:
      flowrig bench my-rig.toml --twin measured.csv --optimizers bayes,random
      flowrig bench my-rig.toml --twin flowrig-runs/first \\
          --optimizers "bayes, { optimizer = 'bayes', acquisition = 'ucb' }"
    """
    from flowrig.report.comparison_page import render_comparison
    from flowrig.report.svg.numbers import Quantity
    from flowrig.twin.comparison import summarize

    pairs = tuple(columns.items())
    tasks = [
        _Task(campaign, twin.absolute(), pairs, surrogate, optimizer, seed, start, experiments)
        for seed in range(1, seeds + 1)
        for optimizer in split(listed)
    ]
    stand_in, _, starters = _laboratory(tasks[0])
    for task in tasks[: len(split(listed))]:
        _contender(task)
    races = _all(tasks, jobs)
    order = {optimizer: place for place, optimizer in enumerate(split(listed))}
    races.sort(key=lambda one: (order[one.contender], one.seed))
    curves = summarize(races, stand_in.optimum(), starters.experiments)
    fraction = stand_in.objective.unit == ""
    merit = Quantity(
        stand_in.objective.name,
        "%" if fraction else stand_in.objective.unit,
        100.0 if fraction else 1.0,
    )
    page = render_comparison(curves, merit, title=campaign, start=starters.experiments, seeds=seeds)
    out.write_text(page, encoding="utf-8")
    if as_json:
        print_json([_plain(one) for one in curves])
        return
    width = max(len(one.contender) for one in curves)
    click.echo(f"{'':{width}}  final regret   mean regret  per decision")
    for one in curves:
        click.echo(
            f"{one.contender:{width}}  {merit.text(one.final):>12}  {merit.text(one.area):>12}  "
            f"{one.decision_s:>10.3g} s"
        )
    click.echo(f"report: {out}")


def split(listed: str) -> list[str]:
    """The optimizers of a list; commas inside a table belong to the table."""
    found, depth = [""], 0
    for letter in listed:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return list(dict.fromkeys(text.strip() for text in found if text.strip()))


def _all(tasks: list[_Task], jobs: int) -> "list[Race]":
    bar: Any = click.progressbar(length=len(tasks), label="campaigns", file=sys.stderr)
    races = []
    context = multiprocessing.get_context("spawn")
    with bar, ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(_run, task) for task in tasks]):
            races.append(done.result())
            bar.update(1)
    return races


def _run(task: _Task) -> "Race":
    from flowrig.twin.comparison import race

    stand_in, choice, starters = _laboratory(task)
    contender = _contender(task)
    return race(
        stand_in,
        contender,
        lambda: choice.build(task.seed),
        starters,
        experiments=contender.stage.experiments,
        seed=task.seed,
    )


def _laboratory(task: _Task) -> "tuple[StandIn, SurrogateChoice, Stage]":
    stand_in, choice, starters = _twin_of(task.campaign, task.twin, task.columns, task.surrogate)
    return stand_in, choice, evolve(starters, experiments=task.start or starters.experiments)


@lru_cache(maxsize=1)
def _twin_of(
    campaign: str, source: Path, columns: tuple[tuple[str, str], ...], surrogate: str | None
) -> "tuple[StandIn, SurrogateChoice, Stage]":
    """The twin, the model that optimizers may ask for, and the stage that all begin with."""
    from flowrig.errors import InputError
    from flowrig.learning.model_file import load_model
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile
    from flowrig.run_record.experiments_of import read_source
    from flowrig.twin import choose_surrogate
    from flowrig.twin.stand_in import StandIn

    plugins = Plugins.discover()
    rig = load_profile(campaign, plugins)
    if rig.campaign is None:
        raise InputError(f"{campaign} has no [campaign]; name a campaign file instead")
    choice = choose_surrogate(rig, surrogate, plugins)
    if source.suffix == ".npz":
        model = load_model(source, plugins).surrogate
    else:
        experiments = read_source(source, rig, dict(columns), plugins)
        model = choice.build(0)
        model.fit(experiments.X, experiments.Y, rig.rsd)
    return StandIn(model, rig.space, rig.objective), choice, rig.campaign.stages[0]


def _contender(task: _Task) -> "Contender":
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile
    from flowrig.twin.choice import choose_optimizer
    from flowrig.twin.comparison import Contender

    plugins = Plugins.discover()
    rig = load_profile(task.campaign, plugins)
    assert rig.campaign is not None
    rest = rig.campaign.experiments - rig.campaign.stages[0].experiments
    return Contender(
        task.optimizer, choose_optimizer(task.optimizer, task.experiments or max(rest, 1), plugins)
    )


def _plain(one: "Curves") -> dict[str, Any]:
    return {
        "optimizer": one.contender,
        "final_regret": one.final,
        "mean_regret": one.area,
        "decision_seconds": one.decision_s,
        "regret_quartiles": one.quartiles.tolist(),
    }
