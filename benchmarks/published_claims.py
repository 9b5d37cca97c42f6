"""What papers say of their systems, and what the runs of `systems.py` say to that.

A claim has a kind: *sign*, which way something goes; *order*, what is stronger, better or sooner;
*size*, a number, with how far it may be off. What is said of the papers is in the sketches of
`tests/profile/systems` and on the pages of the rigs, with its sources.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from attrs import field, frozen

from flowrig.interfaces import Finding
from flowrig.learning.categories import with_categories
from flowrig.learning.experiment_table import Selection
from flowrig.plugins.registry import Plugins
from flowrig.profile import DataProfile, Profile, read_profile
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.experiments_of import read_data, read_source
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.studies import findings_of
from flowrig.twin import choose_surrogate
from flowrig.twin.shapley import shapley_values
from flowrig.twin.study import TwinStudy, study_twin

__all__ = ["Claim", "Look", "Twin", "records_table", "twin_of"]

Records = Sequence[RunRecord]
Twin = Callable[[Path], "Sequence[Claim]"]
"""Looks at data in place of a run, in a folder for what it writes."""

DATA = Path(__file__).parents[1] / "tests" / "learning" / "data"
PUBLISHED = Path(__file__).parent / "published"


@frozen
class Claim:
    """One claim of a paper, and what came out.

    Attributes:
        kind: "sign", "order" or "size".
        paper: what the paper says.
        found: what the run says.
        agrees: whether both agree.
    """

    kind: str
    paper: str
    found: str
    agrees: bool = field(converter=bool)  # numpy has one of its own


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
    return Claim("sign", f"{paper} is better", f"{found} standard deviations", agrees)


def until(record: RunRecord, reached: Callable[[Experiment], bool]) -> int | None:
    """Number of experiments until one reaches something; None if none does."""
    for count, one in enumerate(record.experiments(), 1):
        if one.quality == "good" and reached(one):
            return count
    return None


def found_by(record: RunRecord) -> dict[str, dict[str, Finding]]:
    """What the studies of a run found, by stage and name."""
    return {
        one.stage: {found.name: found for found in one.findings.findings if found.name}
        for one in findings_of(record)
    }


def near(value: float, published: float, off: float) -> bool:
    """Whether a number is within a share of the published one."""
    return abs(value - published) <= off * abs(published)


# --- The systems ---------------------------------------------------------------------------------


def heat_up(records: Records) -> list[Claim]:
    """S1."""
    (record,) = records
    slopes = effects(record)
    best = max(one.objective for one in sound(record))
    ranked = ranking(record, "explore")
    return [
        signs(slopes, {"temperature": 1, "CuI": 1, "ZnI2": 1, "CsOA": -1}),
        Claim(
            "order",
            "Shapley values: CsOA, temperature and CuI are strongest",
            ", ".join(ranked),
            {*ranked[:3]} == {"CsOA", "temperature", "CuI"},
        ),
        Claim(
            "size",
            "best proxy 31.5 %",
            f"{best:.1%} after {len(record.experiments())} experiments",
            near(best, 0.315, 0.15),
        ),
    ]


def scatter(records: Records) -> list[Claim]:
    """S2: within three standard errors of both numbers."""
    (record,) = records
    found, claims = found_by(record), []
    for study, published, points in (
        ("robustness", {"a300": 0.031, "pli": 0.052, "pla": 0.042}, 23),
        ("perturbation", {"a300": 0.037, "pli": 0.042, "pla": 0.034}, 5),
    ):
        values = {name: found[study][name].value for name in published}
        agrees = all(
            abs(values[name] - rsd)
            <= 3.0 * math.hypot(rsd, values[name]) / math.sqrt(2 * points - 2)
            for name, rsd in published.items()
        )
        said, was = (
            ", ".join(f"{100 * one:.1f}" for one in some.values()) for some in (published, values)
        )
        claims.append(
            Claim("size", f"{study}: {said} % (absorbance, peak, area)", f"{was} %", agrees)
        )
    return claims


def plateaus(records: Records) -> list[Claim]:
    """S3."""
    (record,) = records
    found = found_by(record)
    claims = []
    for stage, published, unit in (("mixing", 576.0, "µL/min"), ("reaction time", 40.0, "s")):
        start = found[stage]["plateau of pla"].value
        levels = sorted(
            {
                float(one.conditions["flow" if stage == "mixing" else "reaction_time"])
                for one in record.experiments()
                if one.decision.stage == stage
            }
        )
        has = math.isfinite(start)
        shown = f"flat from {start:g} {unit} on" if has else "no plateau"
        claims += [
            Claim(
                "sign",
                f"emission rises with {stage}, then stays",
                shown,
                has and start > levels[0],
            ),
            Claim("size", f"flat from {published:g} {unit} on", shown, near(start, published, 0.3)),
        ]
    return claims


def chance(records: Records) -> list[Claim]:
    """S5."""
    (record,) = records
    arms = {arm.name: arm for arm in record.arms()}
    best = {
        name: max(one.objective for one in arms[name].experiments)
        for name in ("optimization", "random")
    }
    ratio = best["random"] / best["optimization"]
    shown = f"{best['optimization']:.1%} against {best['random']:.1%}"
    return [
        Claim("order", "expected improvement beats chance", shown, ratio < 1.0),
        Claim("size", "31.5 % against 17.4 %", shown, near(ratio, 17.4 / 31.5, 0.25)),
    ]


def hot_injection(records: Records) -> list[Claim]:
    """S6."""
    record, dynamic = records
    mapped = [one for one in record.experiments() if one.decision.arm is None]
    arms = {arm.name: [one.objective for one in arm.experiments] for arm in record.arms()}
    highest = {name: np.nanmax(values) for name, values in arms.items()}
    top = max(highest.values())
    first = {
        name: int(np.argmax(np.array(arms[name]) >= 0.97 * top)) + 1
        for name in ("ei", "ucb", "exploit")
        if highest[name] >= 0.97 * top
    }
    steady = [
        one.value
        for name, one in found_by(dynamic)["dynamic-residence-time"].items()
        if "reaction_time" in name
    ]
    lost = 1.0 - highest["random"] / top
    return [
        signs(effects(record), {"x_cu": 1, "temperature": 1, "x_oam_cu": -1, "reaction_time": -1}),
        Claim(
            "order",
            "expected improvement reaches the best first (6), then UCB (8), exploitation (10)",
            "97 % of the best after " + ", ".join(f"{name} {n}" for name, n in first.items()),
            "ei" in first and first["ei"] == min(first.values()),
        ),
        Claim(
            "size",
            "51 experiments until R² is 0.8",
            f"{len(mapped)}",
            near(len(mapped), 51, 0.5),
        ),
        Claim("size", "chance is 20 % below", f"{lost:.0%}", abs(lost - 0.2) <= 0.15),
        Claim(
            "size",
            "steady after 1.2 τ at 25, 31 and 42 s",
            ", ".join(f"{one:.1f}" for one in steady) + " τ",
            len(steady) >= 3 and max(steady) <= 1.2,
        ),
    ]


def reprecipitation(records: Records) -> list[Claim]:
    """S7."""
    (record,) = records

    def series(stage: str, name: str) -> tuple[list[float], list[float]]:
        made = [one for one in record.experiments() if one.decision.stage == stage]
        found = [(float(one.conditions[name]), _off_line(one, "sphere.plqy")) for one in made]
        x, y = zip(*sorted(found), strict=True)
        return list(x), list(y)

    _, rising = series("antisolvent", "Toluene")
    _, flat = series("precursor", "Precursor")
    span = (max(flat) - min(flat)) / float(np.mean(flat))
    return [
        Claim(
            "sign",
            "PLQY rises with the antisolvent's flow",
            f"{rising[0]:.0f} to {rising[-1]:.0f} %",
            float(np.polyfit(range(len(rising)), rising, 1)[0]) > 0 and rising[-1] > rising[0],
        ),
        Claim("size", "to about 60 %", f"{max(rising):.0f} %", near(max(rising), 60.0, 0.1)),
        Claim(
            "sign", "flat in the precursor's flow", f"within {span:.0%} of its mean", span < 0.15
        ),
    ]


def _off_line(one: Experiment, name: str) -> float:
    """A result, entered or to come."""
    return one.results.get(name, one.to_come.get(name, math.nan))


def artificial_chemist(records: Records) -> list[Claim]:
    """S8."""
    (record,) = records
    met = until(
        record,
        lambda one: (
            abs(one.features["peak_ev"] - 2.2) <= 0.01
            and one.features["fwhm_nm"] <= 33.0
            and one.features["pla"] >= 80_000.0
        ),
    )
    reach = [one.features["peak_nm"] for one in sound(record)]
    return [
        Claim(
            "size",
            "any colour on target, narrow and bright at once",
            f"2.2 eV within 10 meV, narrow and bright, after {met} experiments"
            if met
            else "not met",
            met is not None,
        ),
        Claim(
            "size",
            "emission from 400 to 700 nm by halide",
            f"{min(reach):.0f} to {max(reach):.0f} nm in this run",
            400.0 <= min(reach) < max(reach) <= 700.0,
        ),
    ]


def maria(records: Records) -> list[Claim]:
    """S9."""
    (record,) = records
    met = until(record, lambda one: abs(one.features["peak_nm"] - 620.0) <= 2.0)
    hours = record.experiments()[-1].ended_s / 3600
    return [
        Claim(
            "size",
            "16 runs, then about 20 to the wavelength",
            f"620 nm within 2 nm after {met}" if met else "not met",
            met is not None and met <= 36,
        ),
        Claim("size", "1.5 h", f"{hours:.1f} h", near(hours, 1.5, 0.5)),
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
        Claim(
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
        Claim(
            "sign",
            "iodide shifts the emission to the red on the way",
            f"by {min(shifts):.0f} to {max(shifts):.0f} nm; from place to place in {rising} of "
            f"{len(made)}",
            min(shifts) > 0 and rising == len(made) == len(record.experiments()),
        ),
        Claim(
            "size",
            "40 to 76 points along the reactor",
            f"{min(map(len, courses))}",
            all(40 <= len(one) <= 76 for one in courses),
        ),
        Claim(
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
        Claim(
            "order",
            "a genetic algorithm lowers the loss between spectra, generation by generation",
            "median mismatch " + ", ".join(f"{one:.2f}" for one in medians),
            medians[0] >= medians[1] >= medians[2],
        ),
        Claim(
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
        Claim(
            "sign",
            "iodide shifts the emission to the red",
            f"the second stage shifts by {min(red):.0f} to {max(red):.0f} nm",
            min(red) > 0,
        ),
        Claim(
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
        Claim(
            "size",
            "peak wavelengths of sixteen lines within 10 nm",
            f"standard deviation of {widest_nm:.2g} nm at most, of another material whose peak "
            f"hardly depends on the flow; brightness within {max(uneven):.0%}",
            widest_nm <= 10.0,
        ),
        Claim("size", "1 L/h", f"{per_h_l:.2g} L/h with the carrier", 0.5 <= per_h_l <= 2.0),
    ]


def core_shell(records: Records) -> list[Claim]:
    """S16."""
    (record,) = records
    reach = [one.features["peak_nm"] for one in sound(record)]
    return [
        Claim(
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
        Claim(
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
        Claim(
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
        Claim(
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
        Claim(
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
        claims.append(Claim("order", paper, ", ".join(ranked), agrees))
        r2 = study.split[-1].unseen
        claims.append(Claim("size", "parity on the unseen fifth, R² ≥ 0.8", f"{r2:.2f}", r2 >= 0.8))
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
        Claim(
            "size",
            "a model of records with categories predicts unseen ones",
            f"R² {split.unseen:.2f} of {len(study.data)} records of two formulations; "
            f"strongest: {', '.join(ranked[:3])}",
            split.unseen >= 0.8,
        )
    ]
