"""The studies of a run: their points, and what they show."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from attrs import field, frozen

from flowrig.errors import FlowrigError, PluginError
from flowrig.interfaces.study import Finding, Findings, Fraction, Point, Study, StudyPoint, StudyRig
from flowrig.plugins.contained import one_line
from flowrig.profile import Profile, Stage
from flowrig.profile.controls.beyond import widened
from flowrig.profile.controls.studies import asked, new_study, require_fractions, study_rig
from flowrig.run_record.experiment import Decision, Experiment
from flowrig.run_record.off_line.stored import aged_of, missing_of
from flowrig.run_record.off_line.to_come import features_of, in_words, of_points

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = [
    "StudyFindings",
    "findings_of",
    "fractions_of",
    "makes_product",
    "rig_of_study",
    "study_points",
]


@frozen(kw_only=True)
class StudyFindings:
    """What a study of a run shows.

    Attributes:
        stage: name of its stage.
        study: its name.
        version: of the plugin that offers it, with its distribution.
        points: how many of its points are over.
        planned: how many it may ask for.
        findings: what they show.
        problem: why that cannot be said; "" if it can.
        fractions: of the product that the study made; none of most studies.
    """

    stage: str
    study: str
    version: str
    points: int
    planned: int
    findings: Findings = field(factory=Findings)
    problem: str = ""
    fractions: Sequence[Fraction] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each finding."""
        return tuple(one.text for one in self.findings.findings)

    def as_json(self) -> dict[str, Any]:
        """Plain values; a number that is not finite is None."""
        return {
            "stage": self.stage,
            "study": self.study,
            "version": self.version,
            "points": self.points,
            "planned": self.planned,
            "findings": [_plain(attrs.asdict(one)) for one in self.findings.findings],
            "repeatability": dict(self.findings.repeatability),
            "problem": self.problem,
            "fractions": [_plain_fraction(one) for one in self.fractions],
        }


def rig_of_study(record: "RunRecord", stage: Stage) -> StudyRig:
    """What the study of a stage may know: the rig, and the experiments of the stages before."""
    before = {one.name for one in record.campaign.before(stage)}
    earlier = [
        _measured(record.profile, one) for one in record.settled() if one.decision.stage in before
    ]
    # One that continues, or was skipped, is no settled experiment, and has its number all the same.
    decided = {one.index: one.conditions for one in record.decisions() if one.stage in before}
    profile = widened(record.profile, stage)
    return study_rig(profile, record.seed, earlier, decided=decided)


def study_points(record: "RunRecord", stage: str) -> list[StudyPoint]:
    """The points of a study that are measured or skipped, in order."""
    measured = {one.index: one for one in record.experiments()}
    skipped = record.skipped()
    points = list[StudyPoint]()
    for decision in record.decisions():
        if decision.stage != stage:
            continue
        if decision.index in measured:
            points.append(_measured(record.profile, measured[decision.index]))
        elif decision.index in skipped:
            points.append(
                StudyPoint(number=decision.index, point=_point(decision), quality="skipped")
            )
    return points


def findings_of(record: "RunRecord") -> list[StudyFindings]:
    """What the studies of a run show, as far as they have begun."""
    found = []
    for stage in record.campaign.stages:
        if stage.is_study:
            points = study_points(record, stage.name)
            if points:
                found.append(_found(record, stage, points))
    return found


def fractions_of(study: Study, points: Sequence[StudyPoint]) -> list[Fraction]:
    """The complete fractions of a study.

    Raises:
        PluginError: it fails, or returns something else.
    """
    return asked(lambda: require_fractions(study.fractions(points)))


def makes_product(stage: Stage) -> bool:
    """Whether a stage is a study that may have fractions."""
    if not stage.is_study or stage.offer.missing():
        return False
    target = stage.offer.load()
    return getattr(target, "fractions", Study.fractions) is not Study.fractions


def _found(record: "RunRecord", stage: Stage, points: Sequence[StudyPoint]) -> StudyFindings:
    names = (stage.offer.kind, stage.offer.name)
    listed = (one for one in record.plugins.listed if (one.offer.kind, one.offer.name) == names)
    plugin = next((f"{one.plugin.distribution} {one.plugin.version}" for one in listed), "")
    found = StudyFindings(
        stage=stage.name,
        study=stage.offer.name,
        version=plugin.strip(),
        points=len(points),
        planned=stage.experiments,
    )
    to_come = of_points(record, stage)
    try:
        study = new_study(stage, rig_of_study(record, stage))
        looked_at = features_of(record, stage)
        known = [one for one in points if one.number not in to_come or _has_any(one, looked_at)]
        findings = asked(lambda: study.findings(known))
        if not isinstance(findings, Findings):
            raise PluginError(f"it returns {one_line(repr(findings))}; expected Findings")
        fractions = fractions_of(study, points)
    except FlowrigError as error:
        return attrs.evolve(found, problem=str(error))
    if to_come:
        awaited = Finding(text=in_words(to_come))
        findings = attrs.evolve(findings, findings=[*findings.findings, awaited])
    return attrs.evolve(found, findings=findings, fractions=fractions)


def _has_any(point: StudyPoint, features: Sequence[str]) -> bool:
    """Whether a point has a value of any of some features, or a stored sample."""
    return point.point.is_stored or any(
        math.isfinite(point.features.get(name, math.nan)) for name in features
    )


def _measured(profile: Profile, experiment: Experiment) -> StudyPoint:
    is_stored = experiment.decision.is_stored
    aged = aged_of(profile, experiment.entries) if is_stored else ()
    return StudyPoint(
        number=experiment.index,
        point=_point(experiment.decision),
        features={**experiment.features, **experiment.readings},
        objective=experiment.objective,
        quality=experiment.quality,
        ended_s=experiment.ended_s,
        flowing_s=experiment.flowing_s,
        interrupted=experiment.interrupted,
        aged=aged,
        to_measure=missing_of(profile, experiment, aged),
    )


def _point(decision: Decision) -> Point:
    return Point(
        conditions=decision.conditions,
        continues=decision.continues,
        keeps_s=decision.keeps_s,
        values=decision.values,
        after_s=decision.after_s,
        frames=decision.frames,
        reason=decision.reason,
        asks=decision.asks,
        is_foreign=decision.is_foreign,
        is_stored=decision.is_stored,
    )


def _plain_fraction(one: Fraction) -> dict[str, Any]:
    plain = _plain(attrs.asdict(one))
    return {**plain, "mean": _plain(plain["mean"]), "sd": _plain(plain["sd"])}


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not abs(value) < float("inf") else value
        for key, value in table.items()
    }
