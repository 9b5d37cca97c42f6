"""Sadeghi, Mattsson et al., Digital Discovery 2025, 4, 1722."""

from collections.abc import Sequence

import numpy as np
from attrs import evolve

from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import (
    Claim,
    GalleryExperiment,
    GalleryFigure,
    GalleryRun,
    GalleryTwin,
    Paper,
    PaperResults,
    PaperRun,
    PaperTwin,
    TwinDrawing,
)
from flowrig_gallery.proofs import one_condition, returning_condition
from flowrig_gallery.shapes import (
    best_so_far,
    campaign_run,
    means,
    near,
    own_run,
    sign_claims,
    swept,
)

__all__ = [
    "HeatUp",
    "mixing",
    "optimization",
    "perturbation",
    "reaction_time",
    "robustness",
]

REFERENCES = 5
"""How often the paper comes back to its reference condition."""

PLATEAU_OFF, PROXY_OFF, CHANCE_OFF = 0.3, 0.15, 0.25
"""How far the start of a plateau, the best proxy, and that of chance may be off, as shares."""

AREA, PER_ABSORBANCE = "PL area (1000 counts·nm)", "PL area / absorbance (1000 counts·nm)"


class HeatUp(Paper):
    """Heat-up synthesis of Cs3Cu2I5 with ZnI2."""

    def runs(self) -> Sequence[PaperRun]:
        """Proofs of the rig, and the campaign on Chem3."""
        return [
            own_run("steady", "heatup-steady.toml"),
            own_run("mixing", "heatup-mixing.toml"),
            campaign_run("campaign", "cs3cu2i5-heatup-published"),
        ]

    def twins(self) -> Sequence[PaperTwin]:
        """The ensemble as published, of the Latin-hypercube experiments."""
        return [PaperTwin(name="twin", run="campaign", stages=("explore",))]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """From the proofs of the rig to the optimization."""
        campaign, twin = results.runs["campaign"], results.twins["twin"]
        # The profile of the campaign has the labels of the paper.
        steady, coils = (
            evolve(results.runs[name], labels=campaign.labels) for name in ("steady", "mixing")
        )
        return [
            robustness(steady),
            perturbation(steady),
            mixing(coils),
            reaction_time(coils),
            _parity(twin, campaign),
            _shapley(twin, campaign),
            _surfaces(twin),
            optimization(campaign),
            _spectrum(campaign),
        ]


def robustness(run: GalleryRun) -> GalleryFigure:
    """Half an hour at one condition; claims of its scatter."""
    return one_condition(
        run,
        {"a300": 0.031, "pli": 0.052, "pla": 0.042},
        name="robustness",
        title="Half an hour at one condition",
        paper="Features scatter by a few percent once the flow is steady.",
        notes=["The paper does not give the condition; this one is as bright as its campaign."],
    )


def perturbation(run: GalleryRun) -> GalleryFigure:
    """A condition that comes back; claims of its scatter."""
    return returning_condition(
        run,
        {"a300": 0.037, "pli": 0.042, "pla": 0.034},
        REFERENCES,
        name="cross-contamination",
        title="A reference condition between random ones",
        paper="The condition comes back five times, and nothing is left of the ones between.",
    )


def _area(one: GalleryExperiment) -> float:
    """PL area, in thousands."""
    return one.features["pla"] / 1000.0


def _brightness(one: GalleryExperiment) -> float:
    """PL area over absorbance, in thousands."""
    return _area(one) / one.features["a300"]


def mixing(run: GalleryRun) -> GalleryFigure:
    """Where the total flow rate matters."""
    made = run.usable("mixing")
    return GalleryFigure(
        name="mixing",
        title="Total flow rate at a constant reaction time",
        paper="Emission rises with the flow rate, and is flat above 576 µL/min.",
        drawings=[
            swept(run, made, "flow", _area, AREA, paper=576.0),
            swept(run, made, "flow", _brightness, PER_ABSORBANCE, paper=576.0),
        ],
        claims=[
            _rising("emission", means(made, "flow", _area)),
            _rising("emission over absorbance", means(made, "flow", _brightness)),
            _plateau(run.finding("mixing", "plateau of pla"), 576.0, "µL/min"),
        ],
    )


def reaction_time(run: GalleryRun) -> GalleryFigure:
    """Where the reaction time matters."""
    made = run.usable("reaction time")
    return GalleryFigure(
        name="reaction-time",
        title="Reaction time at 720 µL/min",
        paper="Emission rises with the reaction time, and is flat above 40 s.",
        drawings=[
            swept(run, made, "reaction_time", _area, AREA, paper=40.0),
            swept(run, made, "reaction_time", _brightness, PER_ABSORBANCE, paper=40.0),
        ],
        claims=[
            _rising("emission", means(made, "reaction_time", _area)),
            _rising("emission over absorbance", means(made, "reaction_time", _brightness)),
            _plateau(run.finding("reaction time", "plateau of pla"), 40.0, "s"),
        ],
    )


def _rising(what: str, levels: dict[float, float]) -> Claim:
    """The lowest level is below the mean of the two highest, by more than the rig scatters."""
    values = list(levels.values())
    first, last = values[0], float(np.mean(values[-2:]))
    return Claim(
        kind="sign",
        paper=f"{what} rises, then stays",
        found=f"{first:.3g} at the lowest level, {last:.3g} at the two highest",
        agrees=last > 1.1 * first,
    )


def _plateau(start: float, published: float, unit: str) -> Claim:
    shown = f"flat from {start:g} {unit} on" if np.isfinite(start) else "no plateau"
    return Claim(
        kind="size",
        paper=f"flat from {published:g} {unit} on",
        found=f"{shown} (agrees within {PLATEAU_OFF:.0%})",
        agrees=near(start, published, PLATEAU_OFF),
    )


def _parity(twin: GalleryTwin, run: GalleryRun) -> GalleryFigure:
    unseen = {run.labels.get(name, name): both[1] for name, both in twin.r2.items()}
    return GalleryFigure(
        name="parity",
        title="Parity of the digital twin",
        paper="The ensemble predicts absorbance, PL area and the proxy, in training and in test.",
        drawings=[TwinDrawing(twin="twin", shows="parity")],
        claims=[
            Claim(
                kind="sign",
                paper="predictions of unseen experiments follow the measurements",
                found="R² " + ", ".join(f"{name} {one:.2f}" for name, one in unseen.items()),
                agrees=all(one > 0 for one in unseen.values()),
            )
        ],
        notes=["The values of R² in the paper were not read, so that their size is not compared."],
    )


def _shapley(twin: GalleryTwin, run: GalleryRun) -> GalleryFigure:
    ranked = [run.labels.get(name, name) for name in twin.ranking]
    return GalleryFigure(
        name="shapley",
        title="Shapley values of the digital twin",
        paper=(
            "Caesium oleate, temperature and CuI are strongest; less caesium oleate, hotter, more "
            "CuI and ZnI2 is better; ODE hardly matters."
        ),
        drawings=[TwinDrawing(twin="twin", shows="shapley")],
        claims=[
            Claim(
                kind="order",
                paper="CsOA, temperature and CuI are strongest",
                found=", ".join(ranked),
                agrees={*twin.ranking[:3]} == {"CsOA", "temperature", "CuI"},
            ),
            Claim(
                kind="order",
                paper="ODE hardly matters",
                found=f"{ranked[-1]} is weakest",
                agrees=twin.ranking[-1] == "ODE",
            ),
            *sign_claims(twin, {"temperature": 1, "CuI": 1, "ZnI2": 1, "CsOA": -1}, run.labels),
        ],
    )


def _surfaces(twin: GalleryTwin) -> GalleryFigure:
    shown = [one for one in twin.surfaces if {one.first, one.second} == {"temperature", "CsOA"}]
    words = "; ".join(
        f"others {one.level}: {one.best['temperature']:.0%} of the range of temperature, "
        f"{one.best['CsOA']:.0%} of that of CsOA"
        for one in shown
    )
    return GalleryFigure(
        name="surfaces",
        title="The proxy over pairs of the strongest inputs",
        paper="The rest is held low, medium and high; hot and with little caesium oleate is best.",
        drawings=[TwinDrawing(twin="twin", shows="surfaces")],
        claims=[
            Claim(
                kind="sign",
                paper="the highest proxy is hot and at little CsOA, whatever the others are",
                found=words or "temperature and CsOA are not both among the strongest",
                agrees=bool(shown)
                and all(one.best["temperature"] >= 0.5 >= one.best["CsOA"] for one in shown),
            )
        ],
    )


ARMS = {"optimization": "expected improvement, then exploitation", "random": "random"}


def optimization(run: GalleryRun) -> GalleryFigure:
    """Chosen experiments against random ones."""
    values = {arm: [100.0 * one.objective for one in run.good(arm=arm)] for arm in ARMS}
    best, chance = (max(some) for some in values.values())
    before = 100.0 * max(one.objective for one in run.good("explore"))
    return GalleryFigure(
        name="optimization",
        title="Chosen experiments against random ones",
        paper="Of sixteen each, Chem3 reaches a proxy of 31.5 %, at random 17.4 %.",
        drawings=[
            _by_arm("in-situ PLQY proxy (%)", values),
            _by_arm("best proxy so far (%)", {arm: best_so_far(v) for arm, v in values.items()}),
        ],
        claims=[
            Claim(
                kind="order",
                paper="the optimization beats chance",
                found=f"{best:.1f} % against {chance:.1f} %",
                agrees=best > chance,
            ),
            Claim(
                kind="size",
                paper="31.5 % by optimization",
                found=f"{best:.1f} % (agrees within {PROXY_OFF:.0%})",
                agrees=near(best, 31.5, PROXY_OFF),
            ),
            Claim(
                kind="size",
                paper="17.4 % at random",
                found=f"{chance:.1f} % (agrees within {CHANCE_OFF:.0%})",
                agrees=near(chance, 17.4, CHANCE_OFF),
            ),
        ],
        notes=[
            f"The best of the Latin-hypercube experiments before is {before:.1f} %.",
            "Chem1 and Chem2 (26.7 and 26.9 %) are not run here.",
        ],
    )


def _by_arm(y: str, values: dict[str, list[float]]) -> Panel:
    return Panel(
        x="experiment of the arm",
        y=y,
        series=[
            Series(name=ARMS[arm], x=[float(n) for n in range(1, len(some) + 1)], y=some)
            for arm, some in values.items()
        ],
    )


def _spectrum(run: GalleryRun) -> GalleryFigure:
    best = max(run.good(), key=lambda one: one.objective)
    axis, counts = run.spectrum(best.number, "photoluminescence")
    inside = (axis >= 345.0) & (axis <= 700.0)
    axis, counts = axis[inside], counts[inside]
    peak_nm = float(axis[int(np.argmax(np.convolve(counts, np.ones(9) / 9, mode="same")))])
    every = max(1, len(axis) // 180)
    return GalleryFigure(
        name="spectrum",
        title="Emission of the best experiment",
        paper="The nanocrystals glow blue, at about 445 nm.",
        drawings=[
            Panel(
                x="wavelength (nm)",
                y="PL (counts)",
                series=[
                    Series(
                        name="PL", x=axis[::every].tolist(), y=counts[::every].tolist(), line=True
                    )
                ],
                marks={"paper": 445.0},
            )
        ],
        claims=[
            Claim(
                kind="size",
                paper="peak at about 445 nm",
                found=f"{peak_nm:.0f} nm (agrees within 5 nm)",
                agrees=abs(peak_nm - 445.0) <= 5.0,
            )
        ],
    )
