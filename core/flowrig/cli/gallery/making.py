"""Runs what a paper ran, learns its twins and draws its figures."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from attrs import field, frozen

from flowrig.errors import InputError, PluginError
from flowrig.interfaces.gallery import (
    GalleryExperiment,
    GalleryRun,
    GallerySurface,
    GalleryTwin,
    Paper,
    PaperResults,
    PaperRun,
    PaperTwin,
)
from flowrig.interfaces.gallery.paper import require_figures
from flowrig.journal.events import HoldBegun, Measured
from flowrig.journal.journal import AnyEvent
from flowrig.learning.categories import with_categories
from flowrig.learning.experiment_table import Selection
from flowrig.operator.hold import HoldKind
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins.offers import PaperOffer
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, read_profile
from flowrig.profile.controls.studies import asked, study_rig
from flowrig.report.gallery import GalleryContent, Made, drawn_figures
from flowrig.report.twin_drawings import ShownTwin
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.changes import basis_of
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.studies import findings_of
from flowrig.twin import choose_surrogate
from flowrig.twin.study import EXPLAINING_FITS, ExplainedTwin, explain_twin

__all__ = ["Gallery", "found_papers", "named_papers", "paper_of", "work_of"]

Step = Callable[[int], None]
"""Told of how many experiments and fits are done."""


class Attendant:
    """A person who does at once what a run waits for, and hears of each experiment.

    Args:
        on_measured: called after each experiment.
    """

    def __init__(self, on_measured: Callable[[], None]) -> None:
        self.requests = OperatorRequests()
        self._on_measured = on_measured

    def __call__(self, event: AnyEvent) -> None:
        """Follow the journal."""
        if isinstance(event.data, Measured):
            self._on_measured()
        hold = self.requests.hold
        if not isinstance(event.data, HoldBegun) or hold is None:
            return
        if hold.kind in (HoldKind.NEED, HoldKind.GATE):
            self.requests.ask(Request.GO_ON, by="gallery", refilled=hold.refill, emptied=hold.empty)


@frozen(kw_only=True)
class Gallery:
    """How papers are run again.

    Attributes:
        plugins: installed plugins.
        records: folder for the runs; those that are there already are used.
        seed: of all runs and models.
        is_quick: whether fewer frames and experiments are enough.
        on_step: told of how many experiments and fits are done.
    """

    plugins: Plugins
    records: Path
    seed: int = 1
    is_quick: bool = False
    on_step: Step = field(default=lambda _: None)

    def make(self, offer: PaperOffer) -> GalleryContent:
        """Run what a paper ran, and draw its figures.

        Raises:
            InputError: a run cannot be made; the message says which and why.
            PluginError: the paper of a plugin fails.
        """
        paper = paper_of(offer)
        with ExitStack() as stack:
            records = {
                one.name: stack.enter_context(self._record(offer, one)) for one in paper.runs()
            }
            runs = {name: run_of(record) for name, record in records.items()}
            learnt = {one.name: self._learn(records[one.run], one) for one in paper.twins()}
            results = PaperResults(
                runs=runs,
                twins={name: twin_of(one.study) for name, one in learnt.items()},
                is_quick=self.is_quick,
            )
            figures = require_figures(asked(lambda: paper.figures(results)), paper.twins())
            return GalleryContent(
                name=offer.name,
                title=offer.summary,
                doi=offer.doi,
                source=offer.source,
                seed=self.seed,
                is_quick=self.is_quick,
                runs=[_made(name, records[name], run) for name, run in runs.items()],
                figures=drawn_figures(figures, learnt),
            )

    def _record(self, offer: PaperOffer, run: PaperRun) -> RunRecord:
        """The record of a run, which is made or finished first if need be."""
        target = run.target(is_quick=self.is_quick)
        source = read_profile(target, self.plugins)
        profile = source.load()
        folder = self.records / offer.name / (f"quick-{run.name}" if self.is_quick else run.name)
        planned, done = experiments_in(profile), 0

        def measured() -> None:
            nonlocal done
            if done < planned:
                done += 1
                self.on_step(1)

        attendant = Attendant(measured)
        if folder.exists():
            self._finish(folder, source.text, profile, attendant)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
            options = RunOptions(
                folder=folder,
                simulate=True,
                seed=self.seed,
                plugins=self.plugins,
                requests=attendant.requests,
                listeners=[attendant],
                yes_to=[gate.name for gate in profile.gates],
            )
            start_run(target, options)
        record = RunRecord(folder, self.plugins)
        if record.state != "finished":
            with record:
                raise InputError(f"the run {folder} is {record.state}: {record.reason}")
        self.on_step(planned - done)
        return record

    def _finish(self, folder: Path, text: str, profile: Profile, attendant: Attendant) -> None:
        """Require that a run is this one, and go on with it if it was interrupted."""
        with RunRecord(folder, self.plugins) as before:
            same = basis_of(before.journal).profile_toml == text and before.seed == self.seed
            is_emulated, state = before.simulated, before.state
        if not (same and is_emulated):
            raise InputError(
                f"the run in {folder} has another profile or seed; delete the folder, or choose "
                "another one with --records"
            )
        if state in ("interrupted", "stopped"):
            options = ResumeOptions(
                plugins=self.plugins,
                requests=attendant.requests,
                listeners=[attendant],
                yes_to=[gate.name for gate in profile.gates],
            )
            resume_run(folder, options)

    def _learn(self, record: RunRecord, twin: PaperTwin) -> ShownTwin:
        """Learn a twin, and explain it."""
        profile = record.profile
        selection = Selection(stages=twin.stages)
        found = experiments_of(record, profile.space, profile.objective.responses, selection)
        choice = choose_surrogate(profile, twin.surrogate or None, self.plugins)
        study = explain_twin(
            found.training_set(profile.objective, profile.rsd),
            profile.space,
            lambda seed: with_categories(choice.build(seed), profile.space),
            seed=self.seed,
            on_fit=partial(self.on_step, 1),
        )
        units = {name: feature.unit for name, feature in profile.features.items()}
        return ShownTwin(study, profile.labels, units)


def paper_of(offer: PaperOffer) -> Paper:
    """The paper of an offer, whose twins are of its own runs.

    Raises:
        PluginError: it cannot be made, or a twin is of no run.
    """
    target = offer.load()
    paper = asked(target)
    if not isinstance(paper, Paper):
        raise PluginError(f"the paper {offer.name!r} is no flowrig.interfaces.gallery.Paper")
    names = [one.name for one in asked(paper.runs)]
    for name in names:
        if names.count(name) > 1:
            raise PluginError(f"the paper {offer.name!r} has two runs {name!r}")
    for twin in asked(paper.twins):
        if twin.run not in names:
            there = ", ".join(names) or "none"
            raise PluginError(
                f"the paper {offer.name!r} has a twin of the run {twin.run!r}; there are: {there}"
            )
    return paper


def work_of(offer: PaperOffer, plugins: Plugins, *, is_quick: bool) -> int:
    """Number of experiments and fits of a paper, for a progress bar."""
    paper = paper_of(offer)
    targets = [one.target(is_quick=is_quick) for one in paper.runs()]
    planned = sum(experiments_in(read_profile(one, plugins).load()) for one in targets)
    return planned + EXPLAINING_FITS * len(paper.twins())


def experiments_in(profile: Profile) -> int:
    """The largest number of experiments of a campaign.

    Raises:
        InputError: the profile has none.
    """
    if profile.campaign is None:
        raise InputError(f"{profile.name} has no [campaign] to run")
    return profile.campaign.experiments


def run_of(record: RunRecord) -> GalleryRun:
    """A run as plain values; its record stays open for the spectra."""
    profile = record.profile
    rig = study_rig(profile, record.seed)
    experiments = record.experiments()
    return GalleryRun(
        experiments=[_experiment(one) for one in experiments],
        space=profile.space,
        units=rig.units,
        labels=profile.labels,
        findings={one.stage: one.findings for one in findings_of(record)},
        hours=max((one.ended_s for one in experiments), default=0.0) / 3600.0,
        spectrum=record.spectrum,
        residence_time_s=rig.residence_time_s,
    )


def _experiment(one: Experiment) -> GalleryExperiment:
    return GalleryExperiment(
        number=one.index,
        stage=one.decision.stage,
        arm=one.decision.arm,
        conditions=one.conditions,
        features={**one.features, **one.readings, **one.to_come, **one.results},
        objective=one.objective,
        quality=one.quality,
        reason=one.decision.reason,
        settles=one.decision.settles,
        ended_s=one.ended_s,
        flowing_s=math.nan if one.flowing_s is None else one.flowing_s,
    )


def twin_of(study: ExplainedTwin) -> GalleryTwin:
    """A twin as plain values."""
    return GalleryTwin(
        names=tuple(study.space.names),
        conditions=study.data.X,
        shapley=study.attribution.values,
        base=study.attribution.base,
        r2={one.name: (one.seen, one.unseen) for one in study.split},
        objective=study.data.objective.name,
        surfaces=[
            GallerySurface(
                first=study.space.names[one.first],
                second=study.space.names[one.second],
                level=one.level,
                mean=one.mean,
            )
            for one in study.surfaces
        ],
    )


def _made(name: str, record: RunRecord, run: GalleryRun) -> Made:
    return Made(
        name=name,
        profile=record.profile.name,
        experiments=len(run.experiments),
        hours=run.hours,
    )


def found_papers(plugins: Plugins) -> Mapping[str, PaperOffer]:
    """Papers of all plugins by name."""
    offers = plugins.offers("paper").items()
    return {name: one for name, one in sorted(offers) if isinstance(one, PaperOffer)}


def named_papers(words: Sequence[str], plugins: Plugins) -> list[PaperOffer]:
    """Papers by names or DOIs.

    Raises:
        InputError: no plugin offers one of them.
    """
    papers = found_papers(plugins)
    chosen = list[PaperOffer]()
    for word in words:
        wanted = word.removeprefix("https://doi.org/").removeprefix("doi:").lower()
        offers = [o for n, o in papers.items() if wanted and wanted in (n, o.doi.lower())]
        if not offers:
            there = ", ".join(f"{n} ({o.doi})" if o.doi else n for n, o in papers.items())
            raise InputError(f"no plugin offers the paper {word!r}; there are: {there or 'none'}")
        chosen += [one for one in offers if one not in chosen]
    return chosen
