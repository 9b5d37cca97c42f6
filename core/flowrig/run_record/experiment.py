"""Decisions and experiments as values."""

from collections.abc import Collection, Mapping

from attrs import Factory, field, frozen

from flowrig.journal.events import Event, QualityFlag, ResultEntered, Robustness
from flowrig.journal.events import Objective as JournalledObjective
from flowrig.problem.objective import Objective
from flowrig.problem.space import Value

__all__ = ["Decision", "Experiment", "Incumbent", "journalled_objective"]


def journalled_objective(
    objective: Objective, in_percent: Collection[str] = ()
) -> JournalledObjective:
    """Name and unit of an objective, as events have them.

    Args:
        objective: the objective.
        in_percent: features that are fractions; see `Profile.percent_features`.
    """
    is_measured = objective.name in objective.responses and objective.name not in in_percent
    is_feature = not objective.unit and is_measured
    return JournalledObjective(
        name=objective.name, unit=objective.unit, is_feature=True if is_feature else None
    )


@frozen(kw_only=True)
class Decision:
    """Conditions that an optimizer chose, or a study asked for.

    Attributes:
        index: number of the experiment, from 1.
        stage: name of the stage.
        conditions: by name, in the units of the search space.
        mean: expected responses by name, where a model was used; None where it gave no number.
        sd: standard deviations of the expected responses.
        objective_mean: expected objective, where a model was used; else None.
        objective_sd: standard deviation of the expected objective.
        reason: why the optimizer chose them, in one phrase.
        continues: whether it keeps the flow of the experiment before.
        after_s: how long [s] after the frames of the experiment before, or after its own liquid
            began to flow, its frames begin; None for the equilibrium time.
        frames: how many frames it has; None for as many as any experiment.
        arm: arm of the campaign that the stage belongs to; None where it belongs to none.
        keeps_s: for how long [s] its flow is kept for points that are asked for next.
        values: of a point that continues: what other devices are set to, by device.
        asks: what a person is asked before it begins; "" for nothing.
        is_foreign: whether other liquids flow than the profile says.
        is_stored: whether its sample is stored, and measured again later.
        reference: whether it is the reference condition of the campaign, which no optimizer chose.
    """

    index: int
    stage: str
    conditions: Mapping[str, Value]
    mean: Mapping[str, float | None]
    sd: Mapping[str, float | None]
    objective_mean: float | None
    objective_sd: float | None
    reason: str
    continues: bool = False
    after_s: float | None = None
    frames: int | None = None
    arm: str | None = None
    keeps_s: float = 0.0
    values: Mapping[str, Value] = field(factory=dict)
    asks: str = ""
    is_foreign: bool = False
    is_stored: bool = False
    reference: bool = False

    @property
    def settles(self) -> bool:
        """Whether the liquid is fresh and all its frames are taken in the steady state, as of every
        experiment that an optimizer chose, and the liquids are those of the profile."""
        at_once = not self.continues and self.after_s is None and self.frames is None
        return at_once and not self.is_foreign

    @property
    def was_predicted(self) -> bool:
        """Whether a model was asked for them."""
        return bool(self.mean) or self.objective_mean is not None


@frozen(kw_only=True)
class Experiment:
    """An experiment that was measured.

    Attributes:
        decision: the chosen conditions, and why they were chosen.
        features: by name; nan where there is no value.
        objective: value of the objective; nan where there is none.
        quality: "good", "doubtful" or "bad".
        flags: why the quality is not good.
        started_s: rig time [s] at its first step.
        ended_s: rig time [s] at its last step.
        sequence: number of its event in the journal.
        stationary_after: number of residence times τ after the start of the pumps at which its
            features were found to be stationary; None where the features were not watched, or
            drifted.
        readings: what devices reported while the sample was taken, by DEVICE.QUANTITY; nan where
            there is no value.
        entries: the results that were entered for it, in order.
        results: values of off-line channels as they are now, by CHANNEL.QUANTITY.
        awaits: the off-line results, by CHANNEL.QUANTITY, for which its objective waits.
        complete_at: number of the event with which its objective came to be what it is.
        to_come: of a simulated run, what off-line analyses will find.
        flowing_s: of a point of a study: how long [s] its liquid had flowed when its frames began.
        interrupted: of a point that was to continue: whether it had to settle first.
        doubts: what quality checks doubt; their texts are among the flags.
        factors: by feature, what it was divided by because of its batch; empty without a
            correction.
        uncorrected: the same experiment before that; None without a correction.
    """

    decision: Decision
    features: Mapping[str, float]
    objective: float
    quality: str
    flags: tuple[str, ...]
    started_s: float
    ended_s: float
    sequence: int
    stationary_after: float | None = None
    readings: Mapping[str, float] = field(factory=dict)
    entries: tuple[Event[ResultEntered], ...] = ()
    results: Mapping[str, float] = field(factory=dict)
    awaits: tuple[str, ...] = ()
    complete_at: int = field(default=Factory(lambda self: self.sequence, takes_self=True))
    to_come: Mapping[str, float] = field(factory=dict)
    flowing_s: float | None = None
    interrupted: bool = False
    doubts: tuple[QualityFlag, ...] = ()
    factors: Mapping[str, float] = field(factory=dict)
    uncorrected: "Experiment | None" = None

    @property
    def is_usable(self) -> bool:
        """Whether its objective can be learned from: it is there, and not of bad quality."""
        return self.quality != "bad" and not self.awaits

    @property
    def may_be_best(self) -> bool:
        """Whether it is of good quality, in its steady state, and has its objective."""
        return self.quality == "good" and self.decision.settles and not self.awaits

    @property
    def measured_features(self) -> Mapping[str, float]:
        """The features without a correction for the batch."""
        return (self.uncorrected or self).features

    @property
    def measured_objective(self) -> float:
        """The objective without a correction for the batch."""
        return (self.uncorrected or self).objective

    @property
    def index(self) -> int:
        """Number of the experiment, from 1."""
        return self.decision.index

    @property
    def conditions(self) -> Mapping[str, Value]:
        """Conditions by name, in the units of the search space."""
        return self.decision.conditions


@frozen(kw_only=True)
class Incumbent:
    """The incumbent: the measured conditions of which a model of all experiments expects most.

    Attributes:
        experiment: the measurement at these conditions.
        objective_mean: expected objective, without the noise of a measurement.
        objective_sd: standard deviation of this expectation.
        robustness: spread of the objective there by the rig's own scatter; None where the run did
            not compute it.
    """

    experiment: Experiment
    objective_mean: float
    objective_sd: float
    robustness: Robustness | None = None
