"""What was found of stored samples, which are measured again and again."""

import math
from collections.abc import Iterable, Sequence

from flowrig.interfaces.study import Aged, shown_age
from flowrig.journal.events import Event, ResultEntered
from flowrig.profile import Profile
from flowrig.profile.model import OffLine
from flowrig.run_record.experiment import Experiment

__all__ = ["aged_of", "missing_of", "stored_words"]

ALREADY = 0.9
"""Share of a planned age from which on a measurement counts for it: nobody comes to the minute."""


def aged_of(profile: Profile, entries: Sequence[Event[ResultEntered]]) -> tuple[Aged, ...]:
    """The results of a stored sample, by channel, series and age.

    Of several entries for one quantity at one age the last counts. An entry that says that a sample
    is lost withdraws what was found at its age; without an age nothing more will come of its
    series, or of any series where it names none.

    Args:
        profile: the rig.
        entries: the results of an experiment, in order.
    """
    found = dict[tuple[str, str], dict[float, Aged]]()
    for event in entries:
        data = event.data
        for channel in profile.analysis.stored.values():
            whole = bool(data.lost) and not data.series and not data.units
            for series in channel.series_s:
                if whole or (data.series == series and data.units.keys() & channel.units.keys()):
                    _take(found.setdefault((channel.name, series), {}), channel, series, data)
    return tuple(one for some in found.values() for _, one in sorted(some.items()))


def _take(ages: dict[float, Aged], channel: OffLine, series: str, data: ResultEntered) -> None:
    """Put an entry among those of one series, by age."""
    age_s = math.inf if data.age_s is None else data.age_s
    before = ages[age_s].values if age_s in ages else {}
    if data.values:
        ages.pop(math.inf, None)  # it is not lost after all
    inner = {name.partition(".")[2]: value for name, value in data.values.items()}
    values = {} if data.lost else {**before, **inner}
    ages[age_s] = Aged(
        channel=channel.name, series=series, age_s=age_s, values=values, lost=data.lost
    )


def missing_of(profile: Profile, experiment: Experiment, aged: Iterable[Aged]) -> list[Aged]:
    """What is to be measured of a stored sample, without values.

    Args:
        profile: the rig.
        experiment: that left the sample; one that is not stored has nothing to come.
        aged: what was found of it.
    """
    if not experiment.decision.is_stored:
        return []
    newest = dict[tuple[str, str], float]()
    for one in aged:
        key = (one.channel, one.series)
        newest[key] = max(one.age_s, newest.get(key, 0.0))
    return [
        Aged(channel=name, series=series, age_s=age_s)
        for name, channel in profile.analysis.stored.items()
        for series, ages_s in channel.series_s.items()
        for age_s in ages_s
        if newest.get((name, series), -1.0) < ALREADY * age_s
    ]


def stored_words(entry: ResultEntered) -> str:
    """Of which stored sample an entry is, in words; "" where it is of none."""
    if not entry.series:
        return ""
    return entry.series + ("" if entry.age_s is None else f" at {shown_age(entry.age_s)}")
