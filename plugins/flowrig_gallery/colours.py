"""Two systems that search a colour: the Artificial Chemist and MARIA."""

from collections.abc import Sequence

import numpy as np

from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import (
    Claim,
    GalleryExperiment,
    GalleryFigure,
    GalleryRun,
    Paper,
    PaperResults,
    PaperRun,
)
from flowrig_gallery.shapes import campaign_run, near, own_run

__all__ = ["ArtificialChemist", "Maria"]

TARGETS_EV = {"red": 2.1, "campaign": 2.2, "green": 2.5}
"""Target photon energies by run; the paper has others."""

ON_TARGET_EV, NARROW_NM, BRIGHT = 0.01, 33.0, 80_000.0
TARGET_NM, ON_TARGET_NM = 620.0, 2.0


class ArtificialChemist(Paper):
    """Halide exchange of CsPbBr3 quantum dots."""

    def runs(self) -> Sequence[PaperRun]:
        """One campaign for each target."""
        return [
            own_run("red", "artificial-chemist-2-1-ev.toml"),
            campaign_run("campaign", "artificial-chemist"),
            own_run("green", "artificial-chemist-2-5-ev.toml"),
        ]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """The way to each target, and what is reached there."""
        return [_targets(results), _quality(results), _reach(results)]


def _targets(results: PaperResults) -> GalleryFigure:
    series, claims = [], []
    for name, target in TARGETS_EV.items():
        made = results.runs[name].good()
        met = next((one.number for one in made if _is_met(one, target)), None)
        series.append(
            Series(
                name=f"towards {target} eV",
                x=[float(one.number) for one in made],
                y=[one.features["peak_ev"] for one in made],
            )
        )
        claims.append(
            Claim(
                kind="size",
                paper=f"{target} eV, narrow and bright at once",
                found=f"met after {met} experiments" if met else _nearest(made),
                agrees=met is not None,
            )
        )
    return GalleryFigure(
        name="targets",
        title="Towards three photon energies",
        paper="For any target peak energy, with a narrow and bright emission at once.",
        drawings=[Panel(x="experiment", y="peak energy (eV)", series=series)],
        claims=claims,
        notes=[
            f"Met: within {1000 * ON_TARGET_EV:g} meV, at most {NARROW_NM:g} nm wide, an area of "
            f"at least {BRIGHT:g} counts·nm. The goals are assumed.",
            "The paper reaches a target in under ten minutes with earlier data; here every "
            "campaign starts from nothing, so that this is not compared.",
        ],
    )


def _is_met(one: GalleryExperiment, target_ev: float) -> bool:
    return (
        abs(one.features["peak_ev"] - target_ev) <= ON_TARGET_EV
        and one.features["fwhm_nm"] <= NARROW_NM
        and one.features["pla"] >= BRIGHT
    )


def _nearest(made: Sequence[GalleryExperiment]) -> str:
    """What the best experiment has."""
    best = max(made, key=lambda one: one.objective)
    return (
        f"not met; the best has {best.features['peak_ev']:.3f} eV, "
        f"{best.features['fwhm_nm']:.0f} nm and {best.features['pla']:.0f} counts·nm"
    )


def _quality(results: PaperResults) -> GalleryFigure:
    panels = []
    for feature, label in (("fwhm_nm", "FWHM (nm)"), ("pla", "PL area (counts·nm)")):
        panels.append(
            Panel(
                x="peak energy (eV)",
                y=label,
                series=[
                    Series(
                        name=f"towards {target} eV",
                        x=[one.features["peak_ev"] for one in results.runs[name].good()],
                        y=[one.features[feature] for one in results.runs[name].good()],
                    )
                    for name, target in TARGETS_EV.items()
                ],
            )
        )
    return GalleryFigure(
        name="quality",
        title="Width and brightness by colour",
        paper="Colour, width and brightness are goals at once.",
        drawings=panels,
        notes=["Nothing is compared: the values of the paper were not read."],
    )


def _reach(results: PaperResults) -> GalleryFigure:
    made = [one for run in results.runs.values() for one in run.good()]
    found = sorted(one.features["peak_nm"] for one in made)
    numbers = [float(n) for n in range(1, len(found) + 1)]
    return GalleryFigure(
        name="reach",
        title="Colours that were made",
        paper="Emission from 400 to 700 nm, by the halide.",
        drawings=[
            Panel(
                x="experiment, by wavelength",
                y="peak wavelength (nm)",
                series=[Series(name="all runs", x=numbers, y=found)],
            )
        ],
        claims=[
            Claim(
                kind="size",
                paper="from 400 to 700 nm",
                found=f"{found[0]:.0f} to {found[-1]:.0f} nm (agrees if it spans 90% of that)",
                agrees=found[-1] - found[0] >= 0.9 * 300.0,
            )
        ],
    )


class Maria(Paper):
    """Kriging towards a wavelength."""

    def runs(self) -> Sequence[PaperRun]:
        """One campaign."""
        return [campaign_run("campaign", "maria-kriging")]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """The way to the wavelength."""
        return [_kriging(results.runs["campaign"])]


def _off_nm(one: GalleryExperiment) -> float:
    return abs(one.features["peak_nm"] - TARGET_NM)


def _kriging(run: GalleryRun) -> GalleryFigure:
    off = {
        stage: float(np.median([_off_nm(one) for one in run.good(stage)]))
        for stage in ("scan", "aim")
    }
    met = next((one.number for one in run.good() if _off_nm(one) <= ON_TARGET_NM), None)
    return GalleryFigure(
        name="kriging",
        title="Kriging towards 620 nm",
        paper="16 initial and about 20 adaptive experiments reach a wavelength in 1.5 h.",
        drawings=[_towards(run)],
        claims=[
            Claim(
                kind="size",
                paper="reached with 16 and about 20 experiments",
                found=f"within {ON_TARGET_NM:g} nm after {met}" if met else "not reached",
                agrees=met is not None and met <= 40,
            ),
            Claim(
                kind="order",
                paper="adaptive experiments are nearer than the first 16",
                found=f"median distance {off['aim']:.1f} nm against {off['scan']:.1f} nm",
                agrees=off["aim"] < off["scan"],
            ),
            Claim(
                kind="size",
                paper="1.5 h",
                found=f"{run.hours:.1f} h (agrees within a half)",
                agrees=near(run.hours, 1.5, 0.5),
            ),
        ],
        notes=["The target of the paper was not read; 620 nm is assumed."],
    )


def _towards(run: GalleryRun) -> Panel:
    """The wavelength of each experiment, with the target as a line."""
    stages = {"scan": "at the start", "aim": "adaptive"}
    ends = [1.0, float(len(run.experiments))]
    return Panel(
        x="experiment",
        y="peak wavelength (nm)",
        series=[
            *(
                Series(
                    name=name,
                    x=[float(one.number) for one in run.good(stage)],
                    y=[one.features["peak_nm"] for one in run.good(stage)],
                )
                for stage, name in stages.items()
            ),
            Series(name="target", x=ends, y=[TARGET_NM, TARGET_NM], line=True),
        ],
    )
