"""`flowrig twin`: models of a rig, from measurements alone."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from flowrig.cli.terminal.printing import print_json

if TYPE_CHECKING:
    from flowrig.twin import Scores

__all__ = ["progress", "response_option", "surrogate_option", "twin"]

SHOWN = ("r2", "nll", "coverage68", "coverage95")


@click.group(short_help="Learn a model of the rig from measurements, and check it.")
def twin() -> None:
    """Learn a model of the rig from measurements, and check it.

    No instrument is opened.
    """


def _columns(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Columns by response, from texts such as "a300=absorbance_300nm"."""
    columns = {}
    for value in values:
        response, equals, column = value.partition("=")
        if not (response and equals and column):
            raise click.BadParameter(f"{value!r} is not RESPONSE=COLUMN")
        columns[response] = column
    return columns


response_option = click.option(
    "--response",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    callback=_columns,
    help="The column in which a response stands, if it has another name.",
)
surrogate_option = click.option(
    "--surrogate",
    metavar="NAME",
    help="The model: a name, or a table as in a profile; default: that of the campaign.",
)


@twin.command(short_help="Cross-validate a model on measurements in a CSV file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--profile", required=True, help="The rig, by name or path.")
@surrogate_option
@response_option
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def cv(
    file: Path,
    *,
    profile: str,
    surrogate: str | None,
    columns: dict[str, str],
    repeats: int,
    seed: int,
    as_json: bool,
) -> None:
    """Predict every experiment in FILE from four fifths of the others, and tell how well.

    FILE has one row an experiment: conditions in columns named by parameter and unit
    (temperature_c, CuI_ul_min), and responses by their names (a300, pla), as `flowrig report --csv`
    writes it. Other columns do no harm.

    \b
    What is told of each response and of the figure of merit:
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
    from flowrig.learning.cross_validation import FOLDS
    from flowrig.plugins.offers import require_installed
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile
    from flowrig.twin import choose_surrogate, cross_validate, read_experiments

    plugins = Plugins.discover()
    rig = load_profile(profile, plugins)
    choice = choose_surrogate(rig, surrogate, plugins)
    require_installed(choice.offers)
    experiments = read_experiments(file, rig.space, rig.objective.responses, columns)
    with progress(FOLDS * repeats, choice.offer.name) as bar:
        result = cross_validate(
            experiments.X,
            experiments.Y,
            rig.objective,
            choice.build,
            rsd=rig.rsd,
            repeats=repeats,
            seed=seed,
            on_fold=lambda: bar.update(1),
        )
    if as_json:
        print_json(
            {
                "surrogate": choice.offer.name,
                **asdict(result),
                "left_out": experiments.left_out,
            }
        )
        return
    left_out = f", {experiments.left_out} left out" if experiments.left_out else ""
    click.echo(
        f"{choice.offer.name}: {result.experiments} experiments{left_out}, {FOLDS} folds, "
        f"{result.repeats} repeats"
    )
    for line in _lines({**result.responses, rig.objective.name: result.objective}):
        click.echo(line)
    click.echo(f"fit_seconds {result.fit_seconds:.3g} (processor time of one fit)")


def progress(fits: int, name: str) -> Any:
    """A bar on the terminal's error channel, so that what is printed can be piped."""
    return click.progressbar(length=fits, label=f"fitting {name}", file=sys.stderr)


def _lines(scores: "Mapping[str, Scores]") -> Iterator[str]:
    """A head, and one line a quantity."""
    width = max(map(len, scores))
    yield " " * width + "".join(f"{name:>12}" for name in SHOWN)
    for name, one in scores.items():
        yield f"{name:{width}}" + "".join(f"{getattr(one, key):12.3f}" for key in SHOWN)
