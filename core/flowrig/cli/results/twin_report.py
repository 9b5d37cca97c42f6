"""`flowrig twin report`: a twin, and how far it can be trusted, on one page."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrig.cli.results.twin import progress, response_option, surrogate_option

if TYPE_CHECKING:
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import Profile
    from flowrig.twin import Experiments

__all__ = ["read", "twin_report"]


@click.command("report", short_help="Write a page about a model of measurements.")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--profile", help="The rig, by name or path; a run's folder holds its own.")
@surrogate_option
@response_option
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("twin.html"),
    show_default=True,
    help="The page.",
)
def twin_report(
    source: Path,
    *,
    profile: str | None,
    surrogate: str | None,
    columns: dict[str, str],
    repeats: int,
    seed: int,
    out: Path,
) -> None:
    """Learn a twin from SOURCE, a CSV file or a run's folder, and write a page about it.

    Parity with uncertainty on an 80/20 split, cross-validation, the learning curve, exact Shapley
    values, and surfaces of the three strongest conditions. `flowrig twin cv --help` says which
    columns a CSV file has.

    \b
    Examples:
      flowrig twin report flowrig-demo
      flowrig twin report measured.csv --profile cs3cu2i5-heatup-chem3 --surrogate gp
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.report.twin_page import render_twin
    from flowrig.twin import choose_surrogate
    from flowrig.twin.study import fit_count, study_twin

    plugins = Plugins.discover()
    rig, experiments = read(source, profile, columns, plugins)
    choice = choose_surrogate(rig, surrogate, plugins)
    choice.offer.load()
    with progress(fit_count(len(experiments.X), repeats), choice.offer.name) as bar:
        study = study_twin(
            experiments,
            rig.space,
            rig.objective,
            choice.build,
            rsd=rig.rsd,
            repeats=repeats,
            seed=seed,
            on_fit=lambda: bar.update(1),
        )
    out.write_text(render_twin(study, rig.title, choice.offer.name), encoding="utf-8")
    scores = study.scores.objective
    click.echo(f"{rig.objective.name}: R² {scores.r2:.3f} in cross-validation")
    click.echo(f"report: {out}")


def read(
    source: Path, profile: str | None, columns: dict[str, str], plugins: "Plugins"
) -> "tuple[Profile, Experiments]":
    """The rig and its experiments, from a CSV file or a run's folder."""
    from flowrig.errors import InputError
    from flowrig.profile import load_profile
    from flowrig.run_record.changes import PROFILE_NAME
    from flowrig.run_record.experiments_of import read_source

    if profile is None and not source.is_dir():
        raise InputError("a CSV file does not say of which rig it is; add --profile NAME")
    rig = load_profile(profile or source / PROFILE_NAME, plugins)
    return rig, read_source(source, rig, columns, plugins)
