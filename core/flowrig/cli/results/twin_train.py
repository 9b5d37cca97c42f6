"""`flowrig twin train`: keep a twin in a file."""

from pathlib import Path

import click

from flowrig.cli.results.twin import response_option, surrogate_option
from flowrig.cli.results.twin_report import read

__all__ = ["twin_train"]


@click.command("train", short_help="Learn a model of measurements and keep it in a file.")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--profile", help="The rig, by name or path; a run's folder holds its own.")
@surrogate_option
@response_option
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("twin.npz"),
    show_default=True,
    help="The file.",
)
def twin_train(
    source: Path,
    *,
    profile: str | None,
    surrogate: str | None,
    columns: dict[str, str],
    seed: int,
    out: Path,
) -> None:
    """Learn a twin from SOURCE, a CSV file or a run's folder, and keep it in a file.

    The file holds arrays and JSON. A rig can be simulated with it in the place of its chemistry,
    and optimizers can be compared on it.

    \b
    Examples:
      flowrig twin train flowrig-demo --surrogate gp --out twin.npz
      flowrig run my-rig.toml --simulate twin:twin.npz
      flowrig bench my-rig.toml --twin twin.npz
    """
    from flowrig.learning.model_file import save_model
    from flowrig.plugins.registry import Plugins
    from flowrig.twin import choose_surrogate

    plugins = Plugins.discover()
    rig, experiments = read(source, profile, columns, plugins)
    choice = choose_surrogate(rig, surrogate, plugins)
    model = choice.build(seed)
    model.fit(experiments.X, experiments.Y, rig.rsd)
    notes = {
        "conditions": [[p.name, p.low, p.high] for p in rig.space.parameters],
        "units": rig.space.units,
        "responses": list(rig.objective.responses),
        "profile": rig.name,
        "experiments": len(experiments.X),
    }
    save_model(out, choice, model, notes)
    click.echo(f"{choice.offer.name} of {len(experiments.X)} experiments: {out}")
