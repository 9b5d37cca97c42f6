"""`flowrig twin`, and `flowrig twin cv`: how well a model predicts experiments of a rig."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click
from attrs import asdict

from flowrig.cli.results.twin_source import (
    TwinOptions,
    TwinSource,
    fit_progress,
    read_twin_source,
    twin_options,
)
from flowrig.cli.terminal.printing import print_json, say

if TYPE_CHECKING:
    from flowrig.twin import CrossValidation, Scores

__all__ = ["twin"]

SHOWN = ("r2", "nll", "coverage68", "coverage95")


@click.group(short_help="Learn a model of the rig from measurements, and check it.")
def twin() -> None:
    """Learn a model of the rig from measurements, and check it.

    No instrument is opened.
    """


@twin.command(short_help="Cross-validate a model of measurements.")
@twin_options
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def cv(*, options: TwinOptions, repeats: int, as_json: bool) -> None:
    """Predict every experiment in SOURCE from four fifths of the others, and print the accuracy.

    SOURCE is the folder of a run, or a CSV file with one row for each experiment: conditions in
    columns named by parameter and unit (temperature_c, CuI_ul_min), and responses by their names
    (a300, pla), as `flowrig report --csv` writes it. Other columns are ignored.

    \b
    Printed for each response and for the objective:
      r2          share of the variance that is explained
      nll         negative log density, in standard deviations of the data; lower is better
      coverage68  share of measurements within 1 predicted standard deviation: 0.68 is right
      coverage95  share within 1.96: 0.95 is right

    \b
    Examples:
      flowrig twin cv measured.csv --profile cs3cu2i5-heatup-chem3
      flowrig twin cv measured.csv --profile my-rig.toml --surrogate gp --json
      flowrig twin cv measured.csv --profile my-rig.toml --surrogate "{name='gp', smoothness=1.5}"
      flowrig twin cv measured.csv --profile my-rig.toml --response a300=absorbance_300nm
    """
    from flowrig.twin import FOLDS, cross_validate

    source = read_twin_source(options)
    with fit_progress(FOLDS * repeats, source.choice.offer.name) as bar:
        result = cross_validate(
            source.data,
            source.choice.build,
            repeats=repeats,
            seed=options.seed,
            on_fold=lambda: bar.update(1),
        )
    if as_json:
        left_out = {"left_out": source.experiments.left_out}
        print_json({"surrogate": source.choice.offer.name, **asdict(result), **left_out})
        return
    for line in _lines(source, result):
        say(line)


def _lines(source: TwinSource, result: "CrossValidation") -> Iterator[str]:
    """What was cross-validated, the table of scores, and the time of a fit."""
    from flowrig.twin import FOLDS

    left_out = f", {source.experiments.left_out} left out" if source.experiments.left_out else ""
    yield (
        f"{source.choice.offer.name}: {result.experiments} experiments{left_out}, {FOLDS} folds, "
        f"{result.repeats} repeats"
    )
    yield from _score_table({**result.responses, source.rig.objective.name: result.objective})
    yield f"fit_seconds {result.fit_seconds:.3g} (processor time of one fit)"


def _score_table(scores: "Mapping[str, Scores]") -> Iterator[str]:
    """A head, and one line for each quantity."""
    width = max(map(len, scores))
    yield " " * width + "".join(f"{name:>12}" for name in SHOWN)
    for name, one in scores.items():
        yield f"{name:{width}}" + "".join(f"{getattr(one, key):12.3f}" for key in SHOWN)
