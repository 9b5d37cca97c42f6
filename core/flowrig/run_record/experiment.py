"""Decisions and experiments as values."""

from collections.abc import Mapping

from attrs import frozen

__all__ = ["Decision", "Experiment", "Incumbent"]


@frozen(kw_only=True)
class Decision:
    """Conditions that an optimizer chose.

    Attributes:
        index: number of the experiment, from 1.
        stage: name of the stage.
        conditions: by name, in the units of the search space.
        mean: expected responses by name, where a model was asked; None where it gave no number.
        sd: their standard deviations.
        objective_mean: expected figure of merit, where a model was asked.
        objective_sd: its standard deviation.
        reason: one phrase.
    """

    index: int
    stage: str
    conditions: Mapping[str, float]
    mean: Mapping[str, float | None]
    sd: Mapping[str, float | None]
    objective_mean: float | None
    objective_sd: float | None
    reason: str


@frozen(kw_only=True)
class Experiment:
    """An experiment that was measured.

    Attributes:
        decision: what was chosen, and why.
        features: by name; nan where there is no value.
        objective: figure of merit; nan where there is none.
        quality: "good", "doubtful" or "bad".
        flags: why not good.
        started_s: rig time [s] at its first step.
        ended_s: rig time [s] at its last.
        sequence: number of its event in the journal.
        stationary_after: how many τ after the pumps started its features were known to stand still;
            None where nobody looked, or they drifted.
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

    @property
    def index(self) -> int:
        """Number of the experiment, from 1."""
        return self.decision.index

    @property
    def conditions(self) -> Mapping[str, float]:
        """Conditions by name, in the units of the search space."""
        return self.decision.conditions


@frozen(kw_only=True)
class Incumbent:
    """The incumbent: the measured conditions of which a model of all experiments expects most.

    Attributes:
        experiment: what was measured there.
        objective_mean: expected figure of merit, without the noise of a measurement.
        objective_sd: how sure that is.
    """

    experiment: Experiment
    objective_mean: float
    objective_sd: float
