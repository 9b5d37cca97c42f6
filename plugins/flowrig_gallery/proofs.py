"""Figures of the proofs of a rig: one condition for long, and one that comes back."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import Claim, GalleryExperiment, GalleryFigure, GalleryRun

__all__ = ["Scatter", "one_condition", "returning_condition"]

MOST_DRAWN = 60
"""About how many looks of a series are drawn."""

Scatter = Mapping[str, float]
"""Published relative standard deviations, as fractions, by feature."""


def one_condition(
    run: GalleryRun, published: Scatter, *, name: str, title: str, paper: str, notes: Sequence[str]
) -> GalleryFigure:
    """Features over the time in which one condition flows, as the study `robustness` finds them.

    Args:
        run: with the study.
        published: scatter of the features that are drawn.
        name: of the figure.
        title: of the figure.
        paper: what the paper shows.
        notes: what a reader has to know.
    """
    made = run.usable("robustness")
    began_s = made[0].ended_s
    return GalleryFigure(
        name=name,
        title=title,
        paper=paper,
        drawings=[
            _relative(
                run, made, list(published), lambda one: (one.ended_s - began_s) / 60.0, "time (min)"
            )
        ],
        claims=_scatter_claims(run, "robustness", published, (len(made), len(made))),
        notes=notes,
    )


def returning_condition(
    run: GalleryRun, published: Scatter, repeats: int, *, name: str, title: str, paper: str
) -> GalleryFigure:
    """Features each time that a condition comes back, as the study `perturbation` finds them.

    Args:
        run: with the study.
        published: scatter of the features that are drawn.
        repeats: how often the condition of the paper comes back.
        name: of the figure.
        title: of the figure.
        paper: what the paper shows.
    """
    again = [one for one in run.usable("perturbation") if one.reason == "reference"]
    return GalleryFigure(
        name=name,
        title=title,
        paper=paper,
        drawings=[
            _relative(
                run, again, list(published), lambda one: float(again.index(one) + 1), "repeat"
            )
        ],
        claims=_scatter_claims(run, "perturbation", published, (repeats, len(again))),
    )


def _relative(
    run: GalleryRun,
    experiments: Sequence[GalleryExperiment],
    features: Sequence[str],
    x: Callable[[GalleryExperiment], float],
    x_label: str,
) -> Panel:
    """Features in percent of their mean; of very many looks only some are drawn."""
    series, every = [], max(1, len(experiments) // MOST_DRAWN)
    for name in features:
        values = np.array([one.features[name] for one in experiments])
        series.append(
            Series(
                name=run.labels.get(name, name),
                x=[x(one) for one in experiments][::every],
                y=(100.0 * values / values.mean()).tolist()[::every],
            )
        )
    return Panel(x=x_label, y="% of the mean", series=series)


def _scatter_claims(
    run: GalleryRun, stage: str, published: Scatter, counts: tuple[int, int]
) -> list[Claim]:
    """Relative standard deviations that a study found, within three standard errors of published.

    Args:
        run: with the study.
        stage: of the study.
        published: scatter by feature.
        counts: how many values the published one and that of the run are from.
    """
    claims = []
    for name, rsd in published.items():
        value = run.finding(stage, name)
        both = zip((rsd, value), counts, strict=True)
        off = 3.0 * math.hypot(*(one / math.sqrt(2.0 * (n - 1)) for one, n in both))
        claims.append(
            Claim(
                kind="size",
                paper=f"{run.labels.get(name, name)}: {100 * rsd:.1f} %",
                found=f"{100 * value:.1f} % (agrees within {100 * off:.1f}, three standard errors)",
                agrees=abs(value - rsd) <= off,
            )
        )
    return claims
