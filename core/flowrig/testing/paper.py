"""Checks of papers of the gallery, and their bench: runs whose numbers are invented."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import combinations
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from flowrig.errors import FlowrigError, PluginError
from flowrig.interfaces.gallery import (
    GalleryExperiment,
    GalleryFigure,
    GalleryRun,
    GallerySurface,
    GalleryTwin,
    Paper,
    PaperResults,
    PaperTwin,
)
from flowrig.interfaces.gallery.paper import require_figures
from flowrig.interfaces.study import Findings, StudyPoint
from flowrig.plugins.registry import Plugins
from flowrig.problem.designs import uniform
from flowrig.profile import Profile, Stage, read_profile
from flowrig.profile.controls.studies import new_study, require_points, study_rig
from flowrig.testing.conformance.checks import Level, earns, require

__all__ = ["PaperBench", "PaperConformance"]

SEEDS = range(1, 4)
MOST_POINTS = 2000
"""Points after which a study is cut short."""

AXIS_NM = np.linspace(300.0, 800.0, 251)
SIDE = 5
"""Points of a surface along each condition."""

Array = NDArray[np.float64]


class PaperBench:
    """A paper's class, and results for it that are invented: nothing is run.

    Args:
        paper: the class.
        settings: papers have none; what is given is not used.
    """

    def __init__(self, paper: Callable[[], Paper], settings: Any = None) -> None:
        del settings
        self._paper = paper
        self.plugins = Plugins.discover(warn=False)
        self.results = cache(self._results)

    def fresh(self) -> Paper:
        """A new paper."""
        return self._paper()

    def profiles(self, *, is_quick: bool = False) -> Mapping[str, Profile]:
        """The profiles of the runs of the paper, by name of the run.

        Raises:
            AssertionError: one cannot be loaded, or has no campaign, or two runs have one name.
        """
        found: dict[str, Profile] = {}
        for one in self.fresh().runs():
            require(one.name not in found, f"two runs are called {one.name!r}; each needs its own")
            target = one.target(is_quick=is_quick)
            try:
                profile = read_profile(target, self.plugins).load()
            except FlowrigError as error:
                raise AssertionError(f"the profile of run {one.name!r}: {error}") from error
            require(
                profile.campaign is not None,
                f"{target} has no campaign; add [[campaign.stages]] with what the paper ran",
            )
            found[one.name] = profile
        require(bool(found), "runs() is empty; name at least one PaperRun, which figures need")
        return found

    def _results(self, seed: int) -> PaperResults:
        """Results of all runs and twins, with random values of every feature.

        Args:
            seed: of the values.
        """
        rng = np.random.default_rng(seed)
        runs = {name: _run(profile, seed, rng) for name, profile in self.profiles().items()}
        twins = {one.name: _twin(one, runs, rng) for one in self.fresh().twins()}
        return PaperResults(runs=runs, twins=twins)

    def figures(
        self, results: PaperResults, paper: Paper | None = None
    ) -> tuple[GalleryFigure, ...]:
        """The figures that a paper, by default a new one, draws of results.

        Raises:
            AssertionError: they cannot be drawn.
        """
        paper = paper or self.fresh()
        try:
            return require_figures(paper.figures(results), paper.twins())
        except PluginError as error:
            raise AssertionError(f"what figures() returns cannot be drawn: {error}") from error
        except Exception as error:
            raise AssertionError(
                f"figures() raised {error!r}; it gets the experiments of runs() with the features "
                "of their profiles, and the twins of twins()"
            ) from error


def _run(profile: Profile, seed: int, rng: np.random.Generator) -> GalleryRun:
    rig = study_rig(profile, seed)
    names = (*rig.units, *profile.analysis.off_line_units)
    made, findings = list[GalleryExperiment](), dict[str, Findings]()
    assert profile.campaign is not None
    for stage in profile.campaign.stages:
        values = partial(_values, names, rng)
        if stage.is_study:
            points = _measured(profile, stage, seed, len(made), values)
            findings[stage.name] = new_study(stage, rig).findings(points)
            made += [_looked_at(stage, one) for one in points]
            continue
        X = uniform(profile.space, stage.experiments, rng)
        for conditions in profile.space.rows(profile.space.from_unit(X)):
            made.append(
                GalleryExperiment(
                    number=len(made) + 1,
                    stage=stage.name,
                    arm=stage.arm,
                    conditions=conditions,
                    features=values(),
                    objective=float(rng.random()),
                    ended_s=300.0 * (len(made) + 1),
                )
            )
    return GalleryRun(
        experiments=made,
        space=profile.space,
        units=rig.units,
        labels=profile.labels,
        findings=findings,
        hours=len(made) / 12.0,
        spectrum=_spectrum,
        residence_time_s=rig.residence_time_s,
    )


def _values(names: Sequence[str], rng: np.random.Generator) -> dict[str, float]:
    return {
        name: float(one) for name, one in zip(names, rng.lognormal(size=len(names)), strict=True)
    }


def _measured(
    profile: Profile,
    stage: Stage,
    seed: int,
    before: int,
    values: Callable[[], Mapping[str, float]],
) -> list[StudyPoint]:
    """The points that a study asks for, with invented features."""
    rig = study_rig(profile, seed)
    done, flowing_s = list[StudyPoint](), 0.0
    while len(done) < min(stage.experiments, MOST_POINTS):
        asked = new_study(stage, rig).next_points(tuple(done))
        points = require_points(asked, rig, stage.experiments - len(done))
        if not points:
            break
        for one in points:
            waited_s = rig.equilibrium_s(one.conditions) if one.after_s is None else one.after_s
            flowing_s = waited_s + (flowing_s if one.continues else 0.0)
            number = before + len(done) + 1
            done.append(
                StudyPoint(
                    number=number,
                    point=one,
                    features=values(),
                    objective=1.0,
                    ended_s=300.0 * number,
                    flowing_s=flowing_s,
                )
            )
    return done


def _looked_at(stage: Stage, one: StudyPoint) -> GalleryExperiment:
    point = one.point
    settles = not point.continues and point.after_s is None and point.frames is None
    return GalleryExperiment(
        number=one.number,
        stage=stage.name,
        arm=stage.arm,
        conditions=point.conditions,
        features=one.features,
        objective=one.objective,
        reason=point.reason,
        settles=settles,
        ended_s=one.ended_s,
        flowing_s=math.nan if one.flowing_s is None else one.flowing_s,
    )


def _spectrum(number: int, channel: str) -> tuple[Array, Array]:
    del channel
    centre_nm = 400.0 + 37.0 * (number % 9)
    return AXIS_NM, np.exp(-(((AXIS_NM - centre_nm) / 30.0) ** 2))


def _twin(
    wanted: PaperTwin, runs: Mapping[str, GalleryRun], rng: np.random.Generator
) -> GalleryTwin:
    require(
        wanted.run in runs,
        f"the twin {wanted.name!r} is of the run {wanted.run!r}, which runs() does not name",
    )
    run = runs[wanted.run]
    count, names = max(2, len(run.good(*wanted.stages))), run.space.names
    surfaces = [
        GallerySurface(first=first, second=second, level=level, mean=rng.random((SIDE, SIDE)))
        for first, second in combinations(names[:3], 2)
        for level in ("low", "medium", "high")
    ]
    shares = dict.fromkeys((*run.units, "objective"), (0.9, 0.8))
    return GalleryTwin(
        names=tuple(names),
        conditions=rng.random((count, len(names))),
        shapley=rng.standard_normal((count, len(names))),
        base=1.0,
        r2=shares,
        objective="objective",
        surfaces=surfaces,
    )


class PaperConformance:
    """The conformance suite of papers; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_what_it_ran_can_be_run(self, bench: PaperBench) -> None:
        """Each run has a name of its own, and a profile with a campaign, also the quick one."""
        for is_quick in (False, True):
            bench.profiles(is_quick=is_quick)

    @earns(Level.BRONZE)
    def test_figures_can_be_drawn(self, bench: PaperBench) -> None:
        """Of results it returns figures that flowrig can draw."""
        require(
            bool(bench.figures(bench.results(1))),
            "figures() is empty; draw at least one figure of the paper again",
        )

    @earns(Level.SILVER)
    def test_it_keeps_no_state(self, bench: PaperBench) -> None:
        """The same results give the same figures, whatever was drawn before."""
        used = bench.fresh()
        bench.figures(bench.results(2), used)
        require(
            _told(bench.figures(bench.results(1), used)) == _told(bench.figures(bench.results(1))),
            "a used paper draws something else than a new one; derive figures from the results "
            "alone",
        )

    @earns(Level.SILVER)
    def test_every_figure_says_what_the_paper_shows(self, bench: PaperBench) -> None:
        """A figure has a title, a sentence on the paper, and parts; a claim has both its sides."""
        for one in bench.figures(bench.results(1)):
            require(
                all((one.title, one.paper, one.drawings)),
                f"the figure {one.name!r} lacks a title, a sentence in `paper`, or drawings: "
                "without them nobody can compare it with the paper",
            )
            for claim in one.claims:
                require(
                    all((claim.paper, claim.found)),
                    f"a claim of the figure {one.name!r} lacks `paper` or `found`: say in one "
                    "phrase each what the paper says and what came out",
                )

    @earns(Level.GOLD)
    def test_failed_experiments_are_no_error(self, bench: PaperBench) -> None:
        """Where every third experiment failed and has no values, figures are drawn all the same."""
        results = bench.results(1)
        runs = {name: _with_failures(run) for name, run in results.runs.items()}
        bench.figures(attrs.evolve(results, runs=runs))

    @earns(Level.GOLD)
    def test_claims_can_fail(self, bench: PaperBench) -> None:
        """Numbers that are drawn at random do not agree with all that the paper says."""
        claims = [
            claim
            for seed in SEEDS
            for figure in bench.figures(bench.results(seed))
            for claim in figure.claims
        ]
        require(
            bool(claims) and not all(claim.agrees for claim in claims),
            "it has no claim, or every claim agrees with invented numbers too: compare what came "
            "out with what the paper says, Claim(…, agrees=…)",
        )


def _told(figures: Sequence[GalleryFigure]) -> str:
    return repr([attrs.asdict(one) for one in figures])


def _with_failures(run: GalleryRun) -> GalleryRun:
    experiments = [
        attrs.evolve(
            one,
            features=dict.fromkeys(one.features, math.nan),
            objective=math.nan,
            quality="bad",
        )
        if one.number % 3 == 0
        else one
        for one in run.experiments
    ]
    return attrs.evolve(run, experiments=experiments)
