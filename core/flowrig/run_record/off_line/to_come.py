"""Results of off-line channels that are to come: of which experiments, and for which study."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flowrig.profile import Stage
from flowrig.run_record.experiment import Experiment

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = ["features_of", "for_study", "in_words", "of_points", "told"]

MOST_NAMED = 6
"""Experiments that a message names."""

ToCome = Mapping[int, tuple[str, ...]]
"""By number of the experiment, the results that are to come, by CHANNEL.QUANTITY."""


def told(experiment: Experiment) -> set[str] | None:
    """The quantities that an entry gives or says to be lost; None where the sample is lost."""
    if any(event.data.lost and not event.data.units for event in experiment.entries):
        return None
    return {name for event in experiment.entries for name in event.data.units}


def features_of(record: "RunRecord", stage: Stage) -> tuple[str, ...]:
    """The features that a study looks at."""
    return tuple(getattr(stage.settings, "features", ()) or record.profile.objective.responses)


def of_points(record: "RunRecord", stage: Stage) -> dict[int, tuple[str, ...]]:
    """The results that are to come of the points of a study, of those that its features need.

    Args:
        record: the run.
        stage: the study.
    """
    later = record.profile.later_features
    features = features_of(record, stage)
    wanted = dict.fromkeys(name for one in features for name in later.get(one, ()))
    points = [one for one in record.experiments() if one.decision.stage == stage.name]
    return _lacking(points, wanted)


def for_study(record: "RunRecord", stage: Stage) -> dict[int, tuple[str, ...]]:
    """The results that are to come before a study can say where it looks next.

    Those of its own points, and those that decide which experiment of the stages before is the
    best.
    """
    before = {one.name for one in record.campaign.before(stage)}
    earlier = [one for one in record.experiments() if one.decision.stage in before]
    return {**_lacking(earlier, record.profile.awaited), **of_points(record, stage)}


def in_words(to_come: ToCome) -> str:
    """What is to come, in one clause; "" for nothing."""
    if not to_come:
        return ""
    names = dict.fromkeys(name for some in to_come.values() for name in some)
    numbers = [str(index) for index in to_come][:MOST_NAMED]
    more = f" and {len(to_come) - MOST_NAMED} more" if len(to_come) > MOST_NAMED else ""
    many = "experiments" if len(to_come) > 1 else "experiment"
    return f"results are to come: {', '.join(names)} of {many} {', '.join(numbers)}{more}"


def _lacking(
    experiments: Iterable[Experiment], wanted: Iterable[str]
) -> dict[int, tuple[str, ...]]:
    found = dict[int, tuple[str, ...]]()
    for one in experiments:
        known = told(one)
        if known is not None and one.quality != "bad":
            lacking = tuple(name for name in wanted if name not in known)
            found |= {one.index: lacking} if lacking else {}
    return found
