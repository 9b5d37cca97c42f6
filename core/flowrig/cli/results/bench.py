"""`flowrig bench`: optimizers side by side on a twin, before chemicals are spent."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve, frozen

from flowrig.cli.results.twin_source import response_option, surrogate_option
from flowrig.cli.terminal.printing import print_json, progress_bar, say

if TYPE_CHECKING:
    from flowrig.profile import Stage, SurrogateChoice
    from flowrig.report.svg.numbers import Quantity
    from flowrig.twin.comparison import ComparedOptimizer, RegretCurves, TwinCampaign
    from flowrig.twin.twin_rig import TwinRig

__all__ = ["bench"]


@frozen(kw_only=True)
class BenchOptions:
    """A comparison, as described on the command line; worker processes get it as it is.

    Attributes:
        campaign: name or path of the campaign.
        twin: absolute path of the twin's file, of a CSV file, or of a run's folder.
        columns: response and column of the CSV file, for responses that have another name.
        surrogate: the model, a name or a table; None for that of the campaign.
        optimizers: a name or a table for each.
        seeds: number of campaigns of each optimizer.
        start: experiments of the first stage; None as in the campaign.
        experiments: experiments after the first stage; None as in the campaign.
    """

    campaign: str
    twin: Path
    columns: tuple[tuple[str, str], ...]
    surrogate: str | None
    optimizers: tuple[str, ...]
    seeds: int
    start: int | None
    experiments: int | None


@frozen
class _Task:
    """One campaign of one optimizer, for a worker process."""

    options: BenchOptions
    optimizer: str
    seed: int


@click.command(short_help="Compare optimizers on a twin.")
@click.argument("campaign")
@click.option(
    "--twin",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="The file of a twin; or a CSV file or a run's folder that the twin learns from.",
)
@click.option(
    "--optimizers",
    "listed",
    default="bayes,lhs,random",
    show_default=True,
    help="Names, or TOML tables with settings, separated by commas.",
)
@surrogate_option
@response_option
@click.option("--seeds", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--start",
    type=click.IntRange(2, 10_000),
    help="At the start; default: as in the campaign.",
)
@click.option(
    "--experiments",
    type=click.IntRange(1, 10_000),
    help="After it; default: as in the campaign.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 61),  # more do not start on Windows
    default=min(multiprocessing.cpu_count(), 61),
    help="Parallel processes; default: one for each core.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("bench.html"),
    show_default=True,
    help="The page with the curves.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def bench(*, jobs: int, out: Path, as_json: bool, **comparison: Any) -> None:
    """Run CAMPAIGN with several optimizers on a twin, many times, and draw the regret.

    All begin with the first stage of the campaign; then each optimizer replaces the other stages.
    The mean of the twin is taken as the true response, and its noise as that of the rig. Every seed
    gives all optimizers the same start.

    \b
    Examples:
      flowrig bench my-rig.toml --twin measured.csv --optimizers bayes,random
      flowrig bench my-rig.toml --twin flowrig-runs/first \\
          --optimizers "bayes, { optimizer = 'bayes', acquisition = 'ucb' }"
    """
    from flowrig.report.comparison_page import render_comparison
    from flowrig.report.quantities import shown_objective
    from flowrig.twin.comparison import summarize

    options = _options(**comparison)
    twin_rig, _, starters = _laboratory(options)
    for optimizer in options.optimizers:
        _compared(options, optimizer)  # a wrong one is reported before processes are started
    campaigns = _run_all(options, jobs)
    curves = summarize(campaigns, twin_rig.optimum(), starters.experiments)
    objective = shown_objective(twin_rig.objective)
    page = render_comparison(
        curves, objective, title=options.campaign, start=starters.experiments, seeds=options.seeds
    )
    out.write_text(page, encoding="utf-8")
    if as_json:
        print_json([_plain(one) for one in curves])
        return
    _print(curves, objective)
    say(f"report: {out}")


def _options(*, twin: Path, columns: dict[str, str], listed: str, **others: Any) -> BenchOptions:
    """The values of click's parameters as `BenchOptions`."""
    return BenchOptions(
        twin=twin.absolute(),
        columns=tuple(columns.items()),
        optimizers=tuple(split(listed)),
        **others,
    )


def _print(curves: "Sequence[RegretCurves]", objective: "Quantity") -> None:
    """One line for each optimizer."""
    width = max(len(one.optimizer) for one in curves)
    say(f"{'':{width}}  final regret   mean regret  per decision")
    for one in curves:
        say(
            f"{one.optimizer:{width}}  {objective.text(one.final):>12}  "
            f"{objective.text(one.area):>12}  {one.decision_s:>10.3g} s"
        )


def split(listed: str) -> list[str]:
    """The optimizers of a list; a comma inside a table does not separate."""
    found, depth = [""], 0
    for letter in listed:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return list(dict.fromkeys(text.strip() for text in found if text.strip()))


def _run_all(options: BenchOptions, jobs: int) -> "list[TwinCampaign]":
    """Campaigns of all optimizers and seeds, in the order of the optimizers, then of the seeds."""
    tasks = [
        _Task(options, optimizer, seed)
        for seed in range(1, options.seeds + 1)
        for optimizer in options.optimizers
    ]
    bar = progress_bar(length=len(tasks), label="campaigns")
    campaigns = []
    # The same start method on every system: a fork would copy the threads of loaded libraries.
    context = multiprocessing.get_context("spawn")
    with bar, ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(_run, task) for task in tasks]):
            campaigns.append(done.result())
            bar.update(1)
    return sorted(campaigns, key=lambda one: (options.optimizers.index(one.optimizer), one.seed))


def _run(task: _Task) -> "TwinCampaign":
    from flowrig.learning.categories import with_categories
    from flowrig.twin.comparison import run_on_twin

    twin_rig, choice, starters = _laboratory(task.options)
    optimizer = _compared(task.options, task.optimizer)
    return run_on_twin(
        twin_rig,
        optimizer,
        lambda: with_categories(choice.build(task.seed), twin_rig.space),
        starters,
        experiments=optimizer.stage.experiments,
        seed=task.seed,
    )


@lru_cache(maxsize=1)
def _laboratory(options: BenchOptions) -> "tuple[TwinRig, SurrogateChoice, Stage]":
    """The twin, the model that optimizers can ask for, and the stage that all begin with.

    Kept for the other campaigns of a process: reading and fitting take longer than a campaign.
    """
    from flowrig.errors import InputError
    from flowrig.learning.categories import with_categories
    from flowrig.learning.model_file import load_model, require_space
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile
    from flowrig.run_record.experiments_of import read_source
    from flowrig.twin import choose_surrogate
    from flowrig.twin.twin_rig import TwinRig

    plugins = Plugins.discover()
    rig = load_profile(options.campaign, plugins)
    if rig.campaign is None:
        raise InputError(f"{options.campaign} has no [campaign]; name a campaign file instead")
    choice = choose_surrogate(rig, options.surrogate, plugins)
    if options.twin.suffix == ".npz":
        saved = load_model(options.twin, plugins)
        require_space(saved, rig.space, options.twin)
        model = with_categories(saved.surrogate, rig.space)
    else:
        experiments = read_source(options.twin, rig, dict(options.columns), plugins)
        model = with_categories(choice.build(0), rig.space)
        model.fit(experiments.X, experiments.Y, rig.rsd)
    first = rig.campaign.stages[0]
    starters = evolve(first, experiments=options.start or first.experiments)
    return TwinRig(model, rig.space, rig.objective), choice, starters


def _compared(options: BenchOptions, written: str) -> "ComparedOptimizer":
    """An optimizer from its name or table, in the place of all stages but the first."""
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile
    from flowrig.twin.choice import choose_optimizer
    from flowrig.twin.comparison import ComparedOptimizer

    plugins = Plugins.discover()
    rig = load_profile(options.campaign, plugins)
    assert rig.campaign is not None
    rest = rig.campaign.longest_search - rig.campaign.stages[0].experiments
    stage = choose_optimizer(written, options.experiments or max(rest, 1), plugins)
    return ComparedOptimizer(written, stage)


def _plain(one: "RegretCurves") -> dict[str, Any]:
    return {
        "optimizer": one.optimizer,
        "final_regret": one.final,
        "mean_regret": one.area,
        "decision_seconds": one.decision_s,
        "regret_quartiles": one.quartiles.tolist(),
    }
