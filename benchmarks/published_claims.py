"""What papers say of their systems, and what the runs of `systems.py` say to that.

A claim has a kind: *sign*, which way something goes; *order*, what is stronger, better or sooner;
*size*, a number, with how far it may be off. What is said of the papers is in the sketches of
`tests/profile/systems` and on the pages of the rigs, with its sources. Where a paper is in the
gallery, its claims there are taken.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from attrs import evolve

from flowrig.cli.gallery.making import run_of
from flowrig.interfaces.gallery import Claim, GalleryFigure, GalleryRun, Paper, PaperResults
from flowrig.learning.categories import with_categories
from flowrig.learning.experiment_table import Selection
from flowrig.plugins.registry import Plugins
from flowrig.profile import DataProfile, Profile, read_profile
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.experiments_of import read_data, read_source
from flowrig.run_record.reader import RunRecord
from flowrig.twin import choose_surrogate
from flowrig.twin.shapley import shapley_values
from flowrig.twin.study import TwinStudy, study_twin
from flowrig_gallery.hot_injection import explored, policies, residence

__all__ = ["Claim", "Look", "Twin", "records_table", "twin_of"]

Records = Sequence[RunRecord]
Twin = Callable[[Path], "Sequence[Claim]"]
"""Looks at data in place of a run, in a folder for what it writes."""

DATA = Path(__file__).parents[1] / "tests" / "learning" / "data"
PUBLISHED = Path(__file__).parent / "published"


def said(kind: Literal["sign", "order", "size"], paper: str, found: str, agrees: object) -> Claim:
    """A claim: what the paper says, what the run says, and whether both agree."""
    return Claim(kind=kind, paper=paper, found=found, agrees=bool(agrees))


Look = Callable[[Records], Sequence[Claim]]


def sound(record: RunRecord, stage: str | None = None) -> list[Experiment]:
    """Good experiments with an objective, in order; all or those of a stage."""
    return [
        one
        for one in record.experiments()
        if one.quality == "good"
        and math.isfinite(one.objective)
        and stage in (None, one.decision.stage)
    ]


def effects(record: RunRecord, response: str | None = None) -> dict[str, float]:
    """Slope of a response, or of the objective, over the range of each number, the others held.

    By least squares, in standard deviations of the response.
    """
    made, space = sound(record), record.profile.space
    names = [one.name for one in space.parameters if not one.choices]
    columns = [space.names.index(name) for name in names]
    X = space.to_unit(space.array([one.conditions for one in made]))[:, columns]
    y = np.array([one.features[response] if response else one.objective for one in made])
    A = np.column_stack([np.ones(len(X)), X])
    slopes = np.linalg.lstsq(A, (y - y.mean()) / y.std(), rcond=None)[0][1:]
    return dict(zip(names, slopes.tolist(), strict=True))


def ranking(record: RunRecord, stage: str) -> list[str]:
    """Conditions by their exact Shapley values in a twin of a stage, the strongest first."""
    profile = record.profile
    made = experiments_of(
        record, profile.space, profile.objective.responses, Selection(stages=(stage,))
    )
    data, twin = made.training_set(profile.objective, profile.rsd), record.surrogates()()
    data.fit(twin, np.ones(len(data), dtype=bool))
    found = shapley_values(
        lambda U: np.asarray(data.objective.value(twin.predict(U).mean)), data.X, data.X
    )
    return [profile.space.names[column] for column in found.ranking]


def signs(of: Mapping[str, float], expected: Mapping[str, int]) -> Claim:
    """Whether effects have the signs that a paper tells, +1 for up and -1 for down."""
    words = {1: "up", -1: "down"}
    paper = ", ".join(f"{name} {words[sign]}" for name, sign in expected.items())
    found = ", ".join(f"{name} {of[name]:+.1f}" for name in expected)
    agrees = all(of[name] * sign > 0 for name, sign in expected.items())
    return said("sign", f"{paper} is better", f"{found} standard deviations", agrees)


def until(record: RunRecord, reached: Callable[[Experiment], bool]) -> int | None:
    """Number of experiments until one reaches something; None if none does."""
    for count, one in enumerate(record.experiments(), 1):
        if one.quality == "good" and reached(one):
            return count
    return None


def near(value: float, published: float, off: float) -> bool:
    """Whether a number is within a share of the published one."""
    return abs(value - published) <= off * abs(published)


# --- Systems whose papers are in the gallery -----------------------------------------------------


def claimed(figures: Iterable[GalleryFigure]) -> list[Claim]:
    """The claims of figures, each with the title of its figure."""
    return [
        evolve(claim, paper=f"{figure.title}: {claim.paper}")
        for figure in figures
        for claim in figure.claims
    ]


def figured(*figures: Callable[[GalleryRun], GalleryFigure]) -> Look:
    """What some figures of a paper of the gallery claim of one run."""

    def look(records: Records) -> list[Claim]:
        (record,) = records
        run = run_of(record)
        return claimed(figure(run) for figure in figures)

    return look


def whole(paper: Paper) -> Look:
    """What a paper of the gallery without twins claims of its runs, in their order."""

    def look(records: Records) -> list[Claim]:
        names = (one.name for one in paper.runs())
        runs = {name: run_of(record) for name, record in zip(names, records, strict=True)}
        return claimed(paper.figures(PaperResults(runs=runs)))

    return look


# --- The systems ---------------------------------------------------------------------------------


def heat_up(records: Records) -> list[Claim]:
    """S1."""
    (record,) = records
    slopes = effects(record)
    best = max(one.objective for one in sound(record))
    ranked = ranking(record, "explore")
    return [
        signs(slopes, {"temperature": 1, "CuI": 1, "ZnI2": 1, "CsOA": -1}),
        said(
            "order",
            "Shapley values: CsOA, temperature and CuI are strongest",
            ", ".join(ranked),
            {*ranked[:3]} == {"CsOA", "temperature", "CuI"},
        ),
        said(
            "size",
            "best proxy 31.5 %",
            f"{best:.1%} after {len(record.experiments())} experiments",
            near(best, 0.315, 0.15),
        ),
    ]


def hot_injection(records: Records) -> list[Claim]:
    """S6: the campaign, and the residence time."""
    record, dynamic = records
    run = run_of(record)
    return [
        signs(effects(record), {"x_cu": 1, "temperature": 1, "x_oam_cu": -1, "reaction_time": -1}),
        explored(run),
        *claimed([policies(run), residence(run_of(dynamic))]),
    ]


def velocities(records: Records) -> list[Claim]:
    """S10: told by gates, and kept by a loop while a pump delivers a tenth less than it counts."""
    record, kept = records
    bore_mm = record.profile.path["cooling"].inner_diameter_mm
    assert bore_mm is not None
    area_mm2 = math.pi / 4 * bore_mm**2
    off, seen = list[float](), list[float]()
    for one in sound(record):
        flow_ul_min = sum(record.profile.flow_rates_ul_min(one.conditions).values())
        seen.append(one.features["velocity_mm_s"])
        off.append(seen[-1] / (flow_ul_min / 60 / area_mm2) - 1.0)
    most = max(map(abs, off))
    return [
        said(
            "size",
            "gates tell velocities of 12 to 100 mm/s",
            f"{min(seen):.1f} to {max(seen):.1f} mm/s, within {most:.1%} of flow over bore",
            most <= 0.02,
        ),
        _kept(kept),
    ]


def _kept(record: RunRecord) -> Claim:
    off = [
        abs(one.features["velocity_mm_s"] / float(one.conditions["velocity"]) - 1.0)
        for one in sound(record)
    ]
    return Claim(
        "size",
        "the velocity is controlled by feedback to the pumps",
        f"within {max(off):.1%} of the wanted one in {len(off)} of {len(record.experiments())}",
        len(off) == len(record.experiments()) and max(off) <= 0.02,
    )


def along_the_reactor(records: Records) -> list[Claim]:
    """S11: the original papers were not read, so that no number of theirs is compared."""
    (record,) = records
    made = sound(record)
    courses = [record.arrays(one.index)["along_nm.series"] for one in made]
    shifts = [one.features["shift_nm"] for one in made]
    # Less than a pixel is no step back.
    rising = sum(bool((np.diff(one) > -1.0).all()) for one in courses)
    lifetimes = [one.features["lifetime_ns"] for one in made]
    return [
        said(
            "sign",
            "iodide shifts the emission to the red on the way",
            f"by {min(shifts):.0f} to {max(shifts):.0f} nm; from place to place in {rising} of "
            f"{len(made)}",
            min(shifts) > 0 and rising == len(made) == len(record.experiments()),
        ),
        said(
            "size",
            "40 to 76 points along the reactor",
            f"{min(map(len, courses))}",
            all(40 <= len(one) <= 76 for one in courses),
        ),
        said(
            "size",
            "single photons are counted in line, and give lifetimes",
            f"{min(lifetimes):.1f} to {max(lifetimes):.1f} ns",
            all(map(math.isfinite, lifetimes)),
        ),
    ]


def whole_spectrum(records: Records) -> list[Claim]:
    """S12: no paper's number can be compared, since the liquid is another one."""
    (record,) = records
    first, evolved, refined = (
        [one.features["mismatch"] for one in sound(record, stage)]
        for stage in ("first generation", "evolve", "refine")
    )
    size = len(first)
    medians = [float(np.median(some)) for some in (first, evolved[:size], evolved[size:])]
    return [
        said(
            "order",
            "a genetic algorithm lowers the loss between spectra, generation by generation",
            "median mismatch " + ", ".join(f"{one:.2f}" for one in medians),
            medians[0] >= medians[1] >= medians[2],
        ),
        said(
            "order",
            "a model gets nearer with fewer experiments",
            f"best mismatch {min(refined):.3f} after {len(refined)}, "
            f"{min(evolved):.3f} after {len(evolved)} evolved",
            min(refined) < min(evolved),
        ),
    ]


def two_looks(records: Records) -> list[Claim]:
    """S14."""
    (record,) = records
    made = sound(record)
    red = [one.features["shift_nm"] for one in made]
    met = until(record, lambda one: abs(one.features["peak_nm"] - 600.0) <= 4.0)
    return [
        said(
            "sign",
            "iodide shifts the emission to the red",
            f"the second stage shifts by {min(red):.0f} to {max(red):.0f} nm",
            min(red) > 0,
        ),
        said(
            "size",
            "a look after each step guides to the target",
            f"600 nm within 4 nm after {met}" if met else "not met",
            met is not None,
        ),
    ]


def side_by_side(records: Records) -> list[Claim]:
    """S13."""
    (record,) = records
    made = sound(record)
    widest_nm = max(one.features["spread_nm"] for one in made)
    uneven = [one.features["unevenness"] for one in made]
    per_h_l = (
        0.06 * max(sum(record.profile.flow_rates_ul_min(o.conditions).values()) for o in made) / 1e3
    )
    return [
        said(
            "size",
            "peak wavelengths of sixteen lines within 10 nm",
            f"standard deviation of {widest_nm:.2g} nm at most, of another material whose peak "
            f"hardly depends on the flow; brightness within {max(uneven):.0%}",
            widest_nm <= 10.0,
        ),
        said("size", "1 L/h", f"{per_h_l:.2g} L/h with the carrier", 0.5 <= per_h_l <= 2.0),
    ]


def core_shell(records: Records) -> list[Claim]:
    """S16."""
    (record,) = records
    reach = [one.features["peak_nm"] for one in sound(record)]
    return [
        said(
            "size",
            "emission from 480 to 650 nm",
            f"{min(reach):.0f} to {max(reach):.0f} nm in this run",
            480.0 <= min(reach) < max(reach) <= 650.0,
        )
    ]


def grid(records: Records) -> list[Claim]:
    """S17: what the ligands do is invented."""
    (record,) = records
    made, good = record.experiments(), len(sound(record))
    turns = sum(
        one.conditions[name] != after.conditions[name]
        for one, after in pairwise(made)
        for name in ("base", "acid")
    )
    return [
        said(
            "size",
            "11 temperatures, 11 ratios, 4 pairs of ligands",
            f"{good} of {len(made)} combinations are good; a ligand changes {turns} times",
            good == 484,
        )
    ]


def ahead(records: Records) -> list[Claim]:
    """S18: how many experiments waited for results whenever one was chosen."""
    (record,) = records
    most = record.campaign.pending
    climbing = [one for one in record.experiments() if one.decision.stage == "climb"]
    best = max(one.objective for one in sound(record, "climb"))
    spread = max(one.objective for one in sound(record, "start"))
    return [
        said(
            "order",
            "guided by an analyzer outside of the rig",
            f"{len(climbing)} chosen with at most {most} results to come; best {best / spread:.2f} "
            "of the best of the first eight (invented)",
            len(climbing) > 0,
        )
    ]


def purification(records: Records) -> list[Claim]:
    """S19."""
    (record,) = records
    made = sound(record)
    raw = np.array([one.features["pla"] / one.features["a300"] for one in made])
    washed = np.array([one.features["pla_2"] / one.features["a300_2"] for one in made])
    r = float(np.corrcoef(raw, washed)[0, 1])
    return [
        said(
            "sign",
            "what is bright before purification is bright after it, on a line",
            f"correlation {r:.3f} over {len(made)} experiments",
            r > 0.95,
        )
    ]


def rebuilt(records: Records) -> list[Claim]:
    """S20."""
    (record,) = records
    values = [one.objective for one in record.experiments()]
    best = float(np.nanmax(values))
    soon = int(np.argmax(np.array(values) >= 0.95 * best)) + 1
    return [
        said(
            "order",
            "what was found before helps after the path was changed",
            f"first experiment {values[0] / best:.0%} of the best; 95 % after {soon}",
            values[0] > 0.5 * best,
        )
    ]


def nothing_published(records: Records) -> list[Claim]:
    """Of systems whose emulated chemistry is invented: there is nothing to compare."""
    return []


# --- Data in place of a rig ----------------------------------------------------------------------


def twin_of(rig: Profile | DataProfile, source: Path | None, plugins: Plugins) -> TwinStudy:
    """The study of a twin of a table, or of the tables that a profile without devices names."""
    choice = choose_surrogate(rig, "gp", plugins)
    if isinstance(rig, DataProfile):
        found = read_data(rig)
    else:
        assert source is not None
        columns = {"a300": "absorbance_300nm", "pla": "pl_area"}
        found = read_source(source, rig, columns, plugins)
    return study_twin(
        found.training_set(rig.objective, rig.rsd),
        rig.space,
        lambda seed: with_categories(choice.build(seed), rig.space),
        repeats=1,
        seed=1,
    )


def twins(folder: Path) -> list[Claim]:
    """S4."""
    del folder
    plugins, claims = Plugins.discover(), []
    for chemistry, expected, what in (
        ("chem3", {"CsOA", "temperature", "CuI"}, "CsOA, temperature and CuI are strongest"),
        ("chem1", set(), "ZnI2 hardly matters"),
    ):
        rig = read_profile(f"cs3cu2i5-heatup-{chemistry}", plugins).load()
        study = twin_of(rig, DATA / f"cs3cu2i5_lhs_{chemistry}.csv", plugins)
        ranked = [rig.space.names[column] for column in study.attribution.ranking]
        agrees = {*ranked[:3]} == expected if expected else "ZnI2" in ranked[-2:]
        paper = f"Shapley values of {chemistry.title()}: {what}"
        claims.append(said("order", paper, ", ".join(ranked), agrees))
        r2 = study.split[-1].unseen
        claims.append(said("size", "parity on the unseen fifth, R² ≥ 0.8", f"{r2:.2f}", r2 >= 0.8))
    return claims


def records_table(folder: Path) -> Path:
    """Two published tables as one with a category, and the profile that describes it."""
    lines = list[str]()
    for chemistry in ("chem1", "chem3"):
        head, *rows = (DATA / f"cs3cu2i5_lhs_{chemistry}.csv").read_text("utf-8").splitlines()
        lines = lines or [f"{head},formulation"]
        lines += [f"{row},{chemistry}" for row in rows if row]
    (folder / "records.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    profile = folder / "s21.toml"
    profile.write_text((PUBLISHED / "s21.toml").read_text("utf-8"), encoding="utf-8")
    return profile


def old_records(folder: Path) -> list[Claim]:
    """S21."""
    plugins = Plugins.discover()
    rig = read_profile(records_table(folder), plugins).load_any()
    study = twin_of(rig, None, plugins)
    split = study.split[-1]
    ranked = [rig.space.names[column] for column in study.attribution.ranking]
    return [
        said(
            "size",
            "a model of records with categories predicts unseen ones",
            f"R² {split.unseen:.2f} of {len(study.data)} records of two formulations; "
            f"strongest: {', '.join(ranked[:3])}",
            split.unseen >= 0.8,
        )
    ]
