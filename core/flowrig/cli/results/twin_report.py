"""`flowrig twin report`: a page about a twin and its accuracy."""

from pathlib import Path

import click

from flowrig.cli.results.twin_source import (
    TwinOptions,
    fit_progress,
    read_twin_source,
    twin_options,
)
from flowrig.cli.terminal.printing import say

__all__ = ["twin_report"]


@click.command("report", short_help="Write a page about a model of measurements.")
@twin_options
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("twin.html"),
    show_default=True,
    help="The page.",
)
def twin_report(*, options: TwinOptions, repeats: int, out: Path) -> None:
    """Learn a twin from SOURCE, a CSV file or a run's folder, and write a page about it.

    SOURCE may also be a profile without devices, which names its tables.

    The page has the parity with uncertainty and R² on an 80/20 split, the cross-validation, the
    learning curve, exact Shapley values, and surfaces of the three strongest conditions. The
    columns of a CSV file are listed by `flowrig twin cv --help`.

    \b
    Examples:
      flowrig twin report flowrig-demo
      flowrig twin report flowrig-demo --stage explore
      flowrig twin report measured.csv --profile cs3cu2i5-heatup-chem3 --surrogate gp
    """
    from flowrig.learning.categories import with_categories
    from flowrig.report.twin_page import render_twin
    from flowrig.twin.study import fit_count, study_twin

    source = read_twin_source(options)
    rig, name = source.rig, source.choice.offer.name
    with fit_progress(fit_count(len(source.data), repeats), name) as bar:
        study = study_twin(
            source.data,
            rig.space,
            lambda seed: with_categories(source.choice.build(seed), rig.space),
            repeats=repeats,
            seed=options.seed,
            on_fit=lambda: bar.update(1),
        )
    page = render_twin(
        study, rig.title, name, source.experiments.left_out, labels=rig.labels, units=source.units
    )
    out.write_text(page, encoding="utf-8")
    trained = int(study.training.sum())
    say(f"R² of {trained} experiments in the training set, and of {len(study.training) - trained}:")
    for one in study.split:
        say(f"  {one.name}: {one.seen:.3f}, {one.unseen:.3f}")
    say(f"{rig.objective.name}: R² {study.scores.objective.r2:.3f} in cross-validation")
    say(f"report: {out}")
