"""Sadeghi, Bateni et al., Nanoscale 2024, 16, 580."""

import math
from collections.abc import Mapping, Sequence

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

__all__ = ["HotInjection", "explored", "policies", "residence"]

INPUTS = {
    "temperature": "temperature",
    "reaction_time": "reaction time",
    "x_cu": "CuI, share of its stream",
    "x_oa_cu": "oleic acid, share of the CuI stream",
    "x_oam_cu": "oleylamine, share of the CuI stream",
    "x_cs": "Cs-oleate, share of its stream",
    "x_oa_cs": "oleic acid, share of the Cs stream",
}
LABELS = {
    **INPUTS,
    "a300": "absorbance at 300 nm",
    "pli": "PL intensity at 450 nm",
    "pla": "PL area, 345 to 700 nm",
    "side_380": "share of the PL near 380 nm",
    "side_600": "share of the PL near 600 nm",
}
REPEATS = 5
"""How often the paper comes back to its condition."""

STEADY_TAU = 1.2
POLICIES = {"ei": "expected improvement", "ucb": "UCB", "exploit": "exploitation"}
ARMS = {**POLICIES, "random": "random"}
REACHED = 0.97
"""Share of the best of all arms at which an arm has reached it."""


class HotInjection(Paper):
    """Hot-injection synthesis of Cs3Cu2I5."""

    def runs(self) -> Sequence[PaperRun]:
        """Proofs of the rig, the partial grid, and the campaign."""
        return [
            own_run("steady", "hot-injection-steady.toml"),
            own_run("residence", "hot-injection-residence.toml"),
            own_run("grid", "hot-injection-grid.toml"),
            campaign_run("campaign", "cs3cu2i5-hot-injection"),
        ]

    def twins(self) -> Sequence[PaperTwin]:
        """Of what was measured before the policies part."""
        return [PaperTwin(name="twin", run="campaign", stages=("start", "map"))]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """From the proofs of the rig to the three policies."""
        runs = {name: evolve(run, labels=LABELS) for name, run in results.runs.items()}
        twin = results.twins["twin"]
        return [
            _stability(runs["steady"]),
            _perturbation(runs["steady"]),
            residence(runs["residence"]),
            _grid(runs["grid"]),
            _side_peaks(runs["grid"]),
            _parity(twin, runs["campaign"]),
            _shapley(twin),
            policies(runs["campaign"]),
        ]


def _stability(run: GalleryRun) -> GalleryFigure:
    return one_condition(
        run,
        {"a300": 0.013, "pli": 0.011, "pla": 0.010},
        name="stability",
        title="Two hours at one condition",
        paper="Features scatter by little more than one percent.",
        notes=["The paper does not give the condition; here it is the middle of the space."],
    )


def _perturbation(run: GalleryRun) -> GalleryFigure:
    return returning_condition(
        run,
        {"a300": 0.028, "pli": 0.012, "pla": 0.011},
        REPEATS,
        name="perturbation",
        title="A condition that comes back between others",
        paper="Five repeats scatter by one to three percent.",
    )


def residence(run: GalleryRun) -> GalleryFigure:
    """After how many residence times three reaction times are steady."""
    stage = "dynamic-residence-time"
    looks: dict[float, list[GalleryExperiment]] = {}
    for one in run.usable(stage):
        looks.setdefault(float(one.conditions["reaction_time"]), []).append(one)
    series, scatters = [], list[float]()
    for seconds, some in looks.items():
        times = np.array([one.flowing_s for one in some]) / run.residence_time_s(some[0].conditions)
        values = np.array([one.features["pli"] for one in some])
        late = values[times >= STEADY_TAU]
        scatters.append(float(late.std(ddof=1) / late.mean()))
        shares = (100.0 * values / late.mean()).tolist()
        series.append(Series(name=f"{seconds:g} s", x=times.tolist(), y=shares))
    found = [run.finding(stage, f"pli at reaction_time {seconds:.4g} s") for seconds in looks]
    return GalleryFigure(
        name="residence-time",
        title="Three reaction times, one after the other",
        paper="Reaction times of 25, 31 and 42 s are all steady after 1.2 residence times.",
        drawings=[
            Panel(
                x="time since the liquid changed (τ)",
                y="PL intensity at 450 nm (% of the mean when steady)",
                series=series,
                marks={"1.2 τ": STEADY_TAU},
            )
        ],
        claims=[
            Claim(
                kind="size",
                paper="steady after 1.2 τ at 25, 31 and 42 s",
                found=f"after {', '.join(f'{one:.1f}' for one in found)} τ",
                agrees=all(one <= STEADY_TAU for one in found),
            ),
            Claim(
                kind="size",
                paper="scatter below 5 %",
                found=", ".join(f"{100 * one:.1f}" for one in scatters) + " %",
                agrees=all(one < 0.05 for one in scatters),
            ),
        ],
    )


def _pli(one: GalleryExperiment) -> float:
    return one.features["pli"]


def _changed(run: GalleryRun, name: str) -> list[GalleryExperiment]:
    """Experiments in which one condition was changed alone."""
    return [one for one in run.usable("partial-grid") if one.reason == f"{name} alone"]


def _alone(run: GalleryRun, name: str, feature: str = "pli") -> dict[float, float]:
    """A feature by the level of a condition that was changed alone."""
    return means(_changed(run, name), name, lambda one: one.features[feature])


def _grid(run: GalleryRun) -> GalleryFigure:
    hot = _alone(run, "temperature")
    best_c = max(hot, key=lambda level: hot[level])
    return GalleryFigure(
        name="partial-grid",
        title="One input after the other",
        paper=(
            "Emission is highest near 150 °C and falls above; more CuI is brighter, more "
            "oleylamine and longer reaction are darker."
        ),
        drawings=[
            swept(run, _changed(run, name), name, _pli, "PL intensity at 450 nm (counts)")
            for name in INPUTS
        ],
        claims=[
            Claim(
                kind="size",
                paper="highest near 150 °C",
                found=f"highest at {best_c:g} °C of {', '.join(f'{one:g}' for one in hot)}",
                agrees=abs(best_c - 150.0) <= 10.0,
            ),
            Claim(
                kind="sign",
                paper="falls above 150 °C",
                found=f"{hot[max(hot)] / hot[best_c]:.0%} of the highest at {max(hot):g} °C",
                agrees=hot[max(hot)] < hot[best_c],
            ),
            _way(run, "x_cu", 1),
            _way(run, "x_oam_cu", -1),
            _way(run, "reaction_time", -1),
        ],
    )


def _way(run: GalleryRun, name: str, sign: int) -> Claim:
    """Which way the emission goes from the lowest to the highest level."""
    levels = _alone(run, name)
    change = levels[max(levels)] / levels[min(levels)] - 1.0
    return Claim(
        kind="sign",
        paper=f"more of it is {'brighter' if sign > 0 else 'darker'}: {LABELS[name]}",
        found=f"{change:+.0%} from the lowest to the highest level",
        agrees=change * sign > 0,
    )


def _side_peaks(run: GalleryRun) -> GalleryFigure:
    cold = _alone(run, "temperature", "side_600")
    acid = _alone(run, "x_oa_cu", "side_380")
    below = _mean([value for level, value in cold.items() if level < 120.0])
    above = _mean([value for level, value in cold.items() if level >= 120.0])
    shown = (("temperature", "side_600"), ("x_oa_cu", "side_380"))
    return GalleryFigure(
        name="side-peaks",
        title="Secondary emission",
        paper="A peak near 600 nm below 120 °C, and one near 380 nm with much oleic acid.",
        drawings=[
            swept(
                run,
                _changed(run, name),
                name,
                lambda one, feature=feature: one.features[feature],  # type: ignore[misc]
                LABELS[feature],
            )
            for name, feature in shown
        ],
        claims=[
            Claim(
                kind="sign",
                paper="more near 600 nm below 120 °C",
                found=f"{below:.1%} below, {above:.1%} above",
                agrees=below > above,
            ),
            Claim(
                kind="sign",
                paper="more near 380 nm with more oleic acid",
                found=f"{acid[min(acid)]:.2%} with least, {acid[max(acid)]:.2%} with most",
                agrees=acid[max(acid)] > acid[min(acid)],
            ),
        ],
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _parity(twin: GalleryTwin, run: GalleryRun) -> GalleryFigure:
    unseen = twin.r2[twin.objective][1]
    return GalleryFigure(
        name="parity",
        title="Parity of the digital twin",
        paper="After 51 experiments the twin has R² of about 0.81 on the unseen fifth.",
        drawings=[TwinDrawing(twin="twin", shows="parity")],
        claims=[
            explored(run),
            Claim(
                kind="size",
                paper="R² of about 0.81 on the unseen fifth",
                found=f"{unseen:.2f} (agrees within 0.15)",
                agrees=abs(unseen - 0.81) <= 0.15,
            ),
        ],
        notes=["Here R² of a cross-validation ends the exploration, and not that of one split."],
    )


def explored(run: GalleryRun) -> Claim:
    """After how many experiments the campaign knows enough to choose."""
    count = sum(one.arm is None for one in run.experiments)
    return Claim(
        kind="size",
        paper="51 experiments until R² is 0.8",
        found=f"{count} (agrees within a half)",
        agrees=near(count, 51.0, 0.5),
    )


def _shapley(twin: GalleryTwin) -> GalleryFigure:
    return GalleryFigure(
        name="shapley",
        title="Shapley values of the digital twin",
        paper=(
            "CuI and temperature are strongest, both up; more oleic acid is better, more "
            "oleylamine and longer reaction are worse."
        ),
        drawings=[TwinDrawing(twin="twin", shows="shapley")],
        claims=[
            Claim(
                kind="order",
                paper="CuI and temperature are strongest",
                found=", ".join(LABELS[name] for name in twin.ranking[:3]),
                agrees={*twin.ranking[:2]} == {"x_cu", "temperature"},
            ),
            *sign_claims(
                twin,
                {"x_cu": 1, "temperature": 1, "x_oa_cu": 1, "x_oam_cu": -1, "reaction_time": -1},
                LABELS,
            ),
        ],
    )


def policies(run: GalleryRun) -> GalleryFigure:
    """Three policies against chance."""
    values = {arm: [one.objective for one in run.good(arm=arm)] for arm in ARMS}
    highest = {arm: max(some) for arm, some in values.items()}
    top = max(highest.values())
    first = {arm: _reached(values[arm], REACHED * top) for arm in POLICIES}
    reached = ", ".join(f"{ARMS[arm]} {n or 'never'}" for arm, n in first.items())
    return GalleryFigure(
        name="policies",
        title="Three policies against chance",
        paper=(
            "Of ten experiments each, expected improvement reaches the best in 6, UCB in 8, "
            "exploitation in 10; random ones are about 20 % lower."
        ),
        drawings=[
            Panel(
                x="experiment of the arm",
                y="best PL intensity so far (counts)",
                series=[
                    Series(
                        name=ARMS[arm],
                        x=[float(n) for n in range(1, len(some) + 1)],
                        y=best_so_far(some),
                    )
                    for arm, some in values.items()
                ],
            )
        ],
        claims=[
            Claim(
                kind="order",
                paper="expected improvement is first (6), then UCB (8), exploitation (10)",
                found=f"{REACHED:.0%} of the best after: {reached}",
                agrees=_in_order(first),
            ),
            Claim(
                kind="order",
                paper="all three beat chance",
                found=", ".join(f"{ARMS[arm]} {one / top:.0%}" for arm, one in highest.items())
                + " of the best",
                agrees=all(highest[arm] > highest["random"] for arm in POLICIES),
            ),
            Claim(
                kind="size",
                paper="random is about 20 % lower",
                found=f"{1.0 - highest['random'] / top:.0%} (agrees within 15 points)",
                agrees=abs(1.0 - highest["random"] / top - 0.2) <= 0.15,
            ),
        ],
    )


def _reached(values: Sequence[float], least: float) -> int | None:
    """After how many experiments a value is reached; None if it is not."""
    return next((n for n, value in enumerate(values, 1) if value >= least), None)


def _in_order(first: Mapping[str, int | None]) -> bool:
    """Whether the policies reach the best one after the other, as listed; the last ones may not."""
    counts = [math.inf if n is None else n for n in first.values()]
    return math.isfinite(counts[0]) and counts == sorted(counts)
