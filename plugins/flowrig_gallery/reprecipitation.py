"""Liang et al., Nanoscale Adv. 2023, 5, 2038."""

from collections.abc import Sequence

import numpy as np

from flowrig.interfaces.gallery import (
    Claim,
    GalleryExperiment,
    GalleryFigure,
    GalleryRun,
    Paper,
    PaperResults,
    PaperRun,
)
from flowrig_gallery.shapes import means, near, own_run, swept

__all__ = ["Reprecipitation"]


class Reprecipitation(Paper):
    """Ligand-assisted reprecipitation of CsPbBr3, the quantum yield off line."""

    def runs(self) -> Sequence[PaperRun]:
        """Two series of flow rates."""
        return [own_run("flow", "larp-flow.toml")]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """By antisolvent, and by precursor."""
        run = results.runs["flow"]
        return [_antisolvent(run), _precursor(run), _width(run)]


def _plqy(one: GalleryExperiment) -> float:
    return one.features["sphere.plqy"]


def _fwhm(one: GalleryExperiment) -> float:
    return one.features["sphere.fwhm"]


def _made(run: GalleryRun, stage: str) -> list[GalleryExperiment]:
    """All experiments: none has an objective before its result comes."""
    return [one for one in run.experiments if one.stage == stage and np.isfinite(_plqy(one))]


def _antisolvent(run: GalleryRun) -> GalleryFigure:
    made = _made(run, "antisolvent")
    levels = list(means(made, "Toluene", _plqy).values())
    return GalleryFigure(
        name="antisolvent",
        title="Quantum yield by the flow rate of toluene",
        paper="At 60 mL/h of precursor the quantum yield rises with the flow, to about 60 %.",
        drawings=[swept(run, made, "Toluene", _plqy, "PLQY (%)")],
        claims=[
            Claim(
                kind="sign",
                paper="rises with the flow of toluene",
                found=f"{levels[0]:.0f} to {levels[-1]:.0f} %",
                agrees=levels[-1] > 1.1 * levels[0],
            ),
            Claim(
                kind="size",
                paper="to about 60 %",
                found=f"{max(levels):.0f} % (agrees within 10%)",
                agrees=near(max(levels), 60.0, 0.1),
            ),
        ],
    )


def _precursor(run: GalleryRun) -> GalleryFigure:
    made = _made(run, "precursor")
    span = _span(list(means(made, "Precursor", _plqy).values()))
    return GalleryFigure(
        name="precursor",
        title="Quantum yield by the flow rate of the precursor",
        paper="At 5000 mL/h of toluene the quantum yield does not depend on it.",
        drawings=[swept(run, made, "Precursor", _plqy, "PLQY (%)")],
        claims=[
            Claim(
                kind="sign",
                paper="flat from 10 to 60 mL/h",
                found=f"within {span:.0%} of its mean (agrees within 15%)",
                agrees=span < 0.15,
            )
        ],
    )


def _width(run: GalleryRun) -> GalleryFigure:
    made = _made(run, "precursor")
    span = _span(list(means(made, "Precursor", _fwhm).values()))
    return GalleryFigure(
        name="width",
        title="Width of the emission by the flow rate of the precursor",
        paper="The width of the emission does not depend on it.",
        drawings=[swept(run, made, "Precursor", _fwhm, "FWHM (nm)")],
        claims=[
            Claim(
                kind="sign",
                paper="flat from 10 to 60 mL/h",
                found=f"within {span:.0%} of its mean (agrees within 10%)",
                agrees=span < 0.1,
            )
        ],
        notes=[
            "Not run here: the screening of antisolvents, the control with oleic acid and "
            "oleylamine, the series of stability, and the yield of 0.139 g/h."
        ],
    )


def _span(levels: Sequence[float]) -> float:
    """Distance of the highest from the lowest, as a share of the mean."""
    return (max(levels) - min(levels)) / float(np.mean(levels))
