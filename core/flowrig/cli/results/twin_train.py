"""`flowrig twin train`: fit a twin and save it to a file."""

from pathlib import Path

import click

from flowrig.cli.results.twin_source import TwinOptions, read_twin_source, twin_options
from flowrig.cli.terminal.printing import say

__all__ = ["twin_train"]


@click.command("train", short_help="Learn a model of measurements and save it to a file.")
@twin_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("twin.npz"),
    show_default=True,
    help="The file.",
)
def twin_train(*, options: TwinOptions, out: Path) -> None:
    """Learn a twin from SOURCE, a CSV file or a run's folder, and save it to a file.

    The file holds arrays and JSON. A rig can be simulated with the twin instead of the model of its
    chemistry, and optimizers can be compared on it.

    \b
    Examples:
      flowrig twin train flowrig-demo --surrogate gp --out twin.npz
      flowrig run my-rig.toml --simulate twin:twin.npz
      flowrig bench my-rig.toml --twin twin.npz
    """
    from flowrig.learning.categories import with_categories
    from flowrig.learning.model_file import notes_of, save_model

    source = read_twin_source(options)
    rig, choice, count = source.rig, source.choice, len(source.experiments.X)
    model = with_categories(choice.build(options.seed), rig.space)
    model.fit(source.experiments.X, source.experiments.Y, rig.rsd)
    notes = {
        **notes_of(rig.space),
        "responses": list(rig.objective.responses),
        "profile": rig.name,
        "invented": _is_invented(options.source),
        "experiments": count,
    }
    save_model(out, choice, model, notes)
    say(f"{choice.offer.name} of {count} experiments: {out}")


def _is_invented(source: Path) -> bool:
    """Whether the measurements are those of a simulated run with invented numbers."""
    from flowrig.run_record.reader import RunRecord

    if not source.is_dir():
        return False
    with RunRecord(source) as record:
        return record.start.data.invented
