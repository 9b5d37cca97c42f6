"""Where the rig time of a run goes, by names that the plan of a campaign uses as well."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from attrs import asdict, field, frozen

from flowrig.journal.events import (
    Calibrated,
    ExperimentBegun,
    HoldBegun,
    Opened,
    ResultEntered,
    Resumed,
    SafeStateSought,
    Skipped,
    StageBegun,
    StepBegun,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.run_record.experiment import Experiment

__all__ = [
    "SHARES",
    "ExperimentTimes",
    "Share",
    "TimeCount",
    "TimeShares",
    "share_of",
    "time_shares",
]

Share = Literal[
    "heating",
    "equilibrium",
    "frames",
    "references",
    "flush",
    "refill",
    "decision",
    "hold",
    "other",
]

SHARES: Final[tuple[Share, ...]] = get_args(Share)
"""What rig time is spent on, in the order in which it is shown: heating and cooling; the time until
the liquid is in its steady state; frames of samples; darks, lamp references and the flow before
them; rinsing and the flush of the safe state; syringes that fill themselves; choosing conditions;
waiting for a person; and what lies between, such as the answers of instruments."""

_STEPS: Final[tuple[tuple[str, Share], ...]] = (
    (r"heating or cooling to ", "heating"),
    (r"steady state, |features drift at |the liquid on its way$|the flow goes on$", "equilibrium"),
    (r"(.*, )?step \d+ of the procedure$", "equilibrium"),
    (r"\d+ (sample|look) frames$|\w+ settles$", "frames"),
    (r"\d+ (dark|reference) frames$|clearing the cells ", "references"),
    (r"rinsing the line of |going to the safe state$", "flush"),
    (r"filling from reservoirs|letting the pressure in the syringes ", "refill"),
    (r"choosing conditions$|seeing how much the model explains$|asking the study ", "decision"),
    (r"on hold: ", "hold"),
)
"""Beginnings of the words in which `StepBegun` says what takes time, and their share."""

_ANY_STEP: Final = re.compile("|".join(f"(?P<s{i}>{start})" for i, (start, _) in enumerate(_STEPS)))
"""All of them at once, each as a group that names its place."""

_BOUNDARIES = (Calibrated, StageBegun, SafeStateSought, WentOn)
"""Events after which nothing of the step before goes on."""


def share_of(step: str) -> Share:
    """On what the time of a step is spent, by the words of its event `StepBegun`."""
    found = _ANY_STEP.match(step)
    return (
        "other" if found is None or found.lastgroup is None else _STEPS[int(found.lastgroup[1:])][1]
    )


@frozen
class ExperimentTimes:
    """Where the rig time of one experiment goes.

    Attributes:
        index: number of the experiment, from 1.
        seconds: time [s] by share, of those that are not zero.
    """

    index: int
    seconds: Mapping[str, float]


@frozen(kw_only=True)
class TimeShares:
    """Where the rig time of a run goes.

    Attributes:
        total_s: rig time [s] of the run.
        seconds: time [s] by share, all of `SHARES`; their sum is `total_s`.
        experiments: the same of each experiment; the time in which an experiment is chosen, and
            the wait before it, count to it.
        between: time [s] by share outside of all experiments: calibration and safe state.
    """

    total_s: float
    seconds: Mapping[str, float]
    experiments: tuple[ExperimentTimes, ...] = ()
    between: Mapping[str, float] = field(factory=dict)

    @property
    def fractions(self) -> dict[str, float]:
        """Share of the whole time by name; 0 for each where no time has passed."""
        total_s = self.total_s
        return {name: s / total_s if total_s else 0.0 for name, s in self.seconds.items()}

    def as_json(self) -> dict[str, Any]:
        """The shares as reports and plans print them."""
        return {**asdict(self), "fractions": self.fractions}


class TimeCount:
    """Adds up time by experiment and share.

    Attributes:
        index: number of the experiment under way; 0 between experiments.
        share: what time is spent on now.
        time_s: rig time [s] until which it is counted.
    """

    def __init__(self) -> None:
        self._by_experiment: dict[int, dict[str, float]] = {}
        self.index = 0
        self.share: Share = "other"
        self.time_s = 0.0
        self._waiting: dict[str, float] = {}

    def pass_to(self, time_s: float) -> None:
        """Count the time until then as what is under way."""
        spent_s, self.time_s = max(time_s - self.time_s, 0.0), max(time_s, self.time_s)
        if not spent_s:
            return
        is_before_next = not self.index and self.share in ("decision", "hold", "refill")
        _add(self._waiting if is_before_next else self._of(self.index), self.share, spent_s)

    def begin(self, index: int) -> None:
        """An experiment begins; what was waited for before counts to it."""
        self.index, self.share = index, "other"
        for share, spent_s in self._waiting.items():
            _add(self._of(index), share, spent_s)
        self._waiting = {}

    def end(self) -> None:
        """The experiment under way has ended."""
        self.index, self.share = 0, "other"

    def result(self) -> TimeShares:
        """What was counted; what waits for an experiment counts to none."""
        found = {index: dict(spent) for index, spent in self._by_experiment.items()}
        between = found.pop(0, {})
        for share, spent_s in self._waiting.items():
            _add(between, share, spent_s)
        seconds: dict[str, float] = {
            share: math.fsum(spent.get(share, 0.0) for spent in (between, *found.values()))
            for share in SHARES
        }
        return TimeShares(
            total_s=math.fsum(seconds.values()),
            seconds=seconds,
            experiments=tuple(ExperimentTimes(*one) for one in sorted(found.items())),
            between=between,
        )

    def _of(self, index: int) -> dict[str, float]:
        return self._by_experiment.setdefault(index, {})


def _add(into: dict[str, float], share: str, spent_s: float) -> None:
    into[share] = into.get(share, 0.0) + spent_s


def time_shares(
    events: Iterable[AnyEvent], experiments: Sequence[Experiment], end_s: float
) -> TimeShares:
    """Where the rig time of a run goes.

    A step lasts until the next one, or until something ends it: the commands between two steps
    count to the first.

    Args:
        events: of the run, in order; only steps, holds and what begins or ends something count.
        experiments: those that were measured; each ends with its measurement.
        end_s: rig time [s] at the end, or of the newest event.
    """
    ends = {one.index: (one.sequence, one.ended_s) for one in experiments}
    count = TimeCount()
    for event in events:
        sequence, ended_s = ends.get(count.index, (event.sequence, 0.0))
        if count.index and sequence < event.sequence:
            count.pass_to(ended_s)
            count.end()
        _follow(count, event)
    if count.index in ends:
        count.pass_to(ends[count.index][1])
        count.end()
    count.pass_to(end_s)
    return count.result()


def _follow(count: TimeCount, event: AnyEvent) -> None:
    match event.data:
        case StepBegun(what=what):
            count.pass_to(event.time_s)
            count.share = share_of(what)
            if what.endswith("safe state"):  # an experiment that it interrupts has ended
                count.index = 0
        case HoldBegun():
            count.pass_to(event.time_s)
            count.share = "hold"
        case ResultEntered() if not count.index and count.share == "other":
            count.share = "hold"  # nothing went on until it came
            count.pass_to(event.time_s)
            count.share = "other"
        case ExperimentBegun(index=index):
            count.pass_to(event.time_s)
            count.begin(index)
        case Skipped() | Opened() | Resumed():
            count.pass_to(event.time_s)
            count.end()
        case data if isinstance(data, _BOUNDARIES):
            count.pass_to(event.time_s)
            count.share = "other"
