"""Panels and claims that several papers have."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import (
    Claim,
    GalleryExperiment,
    GalleryRun,
    GalleryTwin,
    PaperRun,
)

__all__ = [
    "best_so_far",
    "campaign_run",
    "means",
    "near",
    "own_run",
    "sign_claims",
    "swept",
]

RUNS = Path(__file__).parent / "runs"

Number = Callable[[GalleryExperiment], float]


def own_run(name: str, file: str) -> PaperRun:
    """A run from a file of this plugin, and its quick form.

    Args:
        name: of the run.
        file: below `runs`, and below `runs/quick` if there is a quick form.
    """
    quick = RUNS / "quick" / file
    return PaperRun(
        name=name, profile=str(RUNS / file), quick=str(quick) if quick.is_file() else ""
    )


def campaign_run(name: str, profile: str) -> PaperRun:
    """A run of a shipped profile with its own campaign, and its quick form."""
    return PaperRun(name=name, profile=profile, quick=str(RUNS / "quick" / f"{profile}.toml"))


def near(value: float, published: float, off: float) -> bool:
    """Whether a number is within a share of the published one."""
    return abs(value - published) <= off * abs(published)


def swept(
    run: GalleryRun,
    experiments: Sequence[GalleryExperiment],
    name: str,
    y: Number,
    y_label: str,
    *,
    paper: float | None = None,
) -> Panel:
    """A number over a condition, with a line through the means of its levels.

    Args:
        run: with labels and units.
        experiments: that are drawn.
        name: of the condition.
        y: the number of an experiment.
        y_label: what it is, with its unit.
        paper: a level that the paper tells.
    """
    x = [float(one.conditions[name]) for one in experiments]
    levels = means(experiments, name, y)
    return Panel(
        x=run.label(name),
        y=y_label,
        series=[
            Series(name=y_label, x=x, y=[y(one) for one in experiments]),
            Series(name="mean", x=list(levels), y=list(levels.values()), line=True),
        ],
        marks={} if paper is None else {"paper": paper},
    )


def means(experiments: Sequence[GalleryExperiment], name: str, y: Number) -> dict[float, float]:
    """Mean of a number by the level of a condition, the lowest level first."""
    found: dict[float, list[float]] = {}
    for one in experiments:
        found.setdefault(float(one.conditions[name]), []).append(y(one))
    return {level: float(np.mean(found[level])) for level in sorted(found)}


def best_so_far(values: Sequence[float]) -> list[float]:
    """The highest value up to each place; nan counts as none."""
    filled = np.where(np.isfinite(values), values, -np.inf)
    return np.maximum.accumulate(filled).tolist() if len(filled) else []


def sign_claims(
    twin: GalleryTwin, expected: Mapping[str, int], labels: Mapping[str, str]
) -> list[Claim]:
    """Whether contributions of conditions have the signs that a paper tells, +1 for up.

    Args:
        twin: whose Shapley values count.
        expected: sign by condition.
        labels: names for people.
    """
    words = {1: "more is better", -1: "less is better"}
    return [
        Claim(
            kind="sign",
            paper=f"{labels.get(name, name)}: {words[sign]}",
            found=f"correlation with its Shapley value {twin.trend(name):+.2f}",
            agrees=twin.trend(name) * sign > 0,
        )
        for name, sign in expected.items()
    ]
