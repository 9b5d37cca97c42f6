"""The content of a report."""

import math
from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from flowrig.interfaces.device import Quality
from flowrig.journal.events import Robustness
from flowrig.measurement.sample import Spectrum
from flowrig.problem.space import Value
from flowrig.profile.model import Profile
from flowrig.report.quantities import shown_condition, shown_feature, shown_objective
from flowrig.report.svg.numbers import Quantity
from flowrig.run_record.scorecard import Scorecard
from flowrig.run_record.studies import StudyFindings

__all__ = ["Expectation", "Experiment", "Incumbent", "Prediction", "ReportContent"]


@frozen
class Prediction:
    """A model's prediction of one measured value.

    Attributes:
        mean: expected value.
        sd: standard deviation of the measurement, noise included.
    """

    mean: float
    sd: float


@frozen
class Expectation:
    """A model's prediction of one experiment.

    Attributes:
        features: predictions by name of the feature.
        objective: prediction of the objective; None if there is none.
    """

    features: Mapping[str, Prediction] = field(factory=dict)
    objective: Prediction | None = None


@frozen
class Incumbent:
    """The measured conditions for which a model of all experiments predicts the largest objective.

    Attributes:
        index: number of the experiment at these conditions.
        objective: predicted objective, with its standard deviation without measurement noise.
        robustness: spread of the objective there by the rig's own scatter; None where it is not
            known.
    """

    index: int
    objective: Prediction
    robustness: Robustness | None = None


@frozen(kw_only=True)
class Experiment:
    """One experiment of a campaign, measured or failed.

    Attributes:
        index: position in the campaign, from 1.
        stage: the stage of the campaign that chose it.
        arm: the arm of the campaign that the stage belongs to; None for one of no arm.
        conditions: by variable name, in the variable's unit.
        features: measured values by name; empty if the experiment failed.
        objective: measured value of the objective; None if the experiment failed.
        expected: prediction of the model that chose the conditions, from before the measurement.
        held_out: prediction of a model that was fitted to other experiments only.
        quality: how far the features can be trusted.
        reason: why the conditions were chosen, in one phrase.
        remark: reasons against it, in words.
        awaits: off-line results that its objective waits for.
        settles: whether it was in its steady state; others are points of a study, and never the
            best.
    """

    index: int
    stage: str
    conditions: Mapping[str, Value]
    features: Mapping[str, float] = field(factory=dict)
    objective: float | None = None
    expected: Expectation | None = None
    held_out: Expectation | None = None
    arm: str | None = None
    quality: Quality = Quality.GOOD
    reason: str = ""
    remark: str = ""
    awaits: tuple[str, ...] = ()
    settles: bool = True

    @property
    def succeeded(self) -> bool:
        """Whether the objective has a value."""
        return self.objective is not None and math.isfinite(self.objective)


@frozen(kw_only=True, eq=False)
class ReportContent:
    """A run as its report shows it.

    Attributes:
        title: of the campaign, in words.
        profile: the rig, with its variables, objective and analysis.
        state: state of the run in one word: "finished", "stopped", "running", …
        seed: everything random in the run follows from it.
        simulated: whether the instruments were emulated.
        invented: the simulated chemistry whose numbers stand for nothing; "" if they do.
        experiments: in the order in which they were made.
        incumbent: the best conditions by a model of all experiments; None without a model.
        arm_incumbents: by arm, the best conditions by a model of what the arm has learnt from.
        spectra: averaged spectra of the incumbent, by channel.
        feature_units: unit of each feature; "" where it has none.
        duration_s: rig time [s] from first to last event.
        digest: SHA-256 of all decisions and measurements; "" if it is not known.
        provenance: origin of the numbers: software and plugin versions, devices' identities.
        notes: faults and warnings, one sentence each.
        results: what was entered later, one row each: experiment, results, by whom, when, files.
        waste: content and capacity [µL] of each waste vessel whose capacity is known.
        studies: what the studies of the campaign found.
        scorecard: the metrics of the run; None shows none.
    """

    title: str
    profile: Profile
    state: str
    seed: int
    simulated: bool = False
    invented: str = ""
    experiments: tuple[Experiment, ...] = ()
    incumbent: Incumbent | None = None
    arm_incumbents: Mapping[str, Incumbent] = field(factory=dict)
    spectra: Mapping[str, Spectrum] = field(factory=dict)
    feature_units: Mapping[str, str] = field(factory=dict)
    duration_s: float | None = None
    digest: str = ""
    provenance: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()
    results: tuple[tuple[str, str, str, str, str], ...] = ()
    waste: Mapping[str, tuple[float, float]] = field(factory=dict)
    studies: tuple[StudyFindings, ...] = ()
    scorecard: Scorecard | None = None

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The stages that have experiments, in the order of their first one."""
        return tuple(dict.fromkeys(experiment.stage for experiment in self.experiments))

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """The arms that have experiments, in the order of their first one."""
        return tuple(dict.fromkeys(e.arm for e in self.experiments if e.arm is not None))

    @cached_property
    def succeeded(self) -> tuple[Experiment, ...]:
        """The experiments whose objective has a value."""
        return tuple(experiment for experiment in self.experiments if experiment.succeeded)

    @cached_property
    def trusted(self) -> tuple[Experiment, ...]:
        """The succeeded and settled experiments of good quality; only they can be the best."""
        return tuple(e for e in self.succeeded if e.quality is Quality.GOOD and e.settles)

    @cached_property
    def best(self) -> Experiment | None:
        """The trusted experiment with the largest measured objective."""
        return max(self.trusted, key=lambda e: e.objective or 0.0, default=None)

    @cached_property
    def incumbent_experiment(self) -> Experiment | None:
        """The experiment at the incumbent's conditions; without a model, `best`."""
        if self.incumbent is None:
            return self.best
        wanted = self.incumbent.index
        return next((e for e in self.trusted if e.index == wanted), self.best)

    @property
    def objective(self) -> Quantity:
        """Name, unit and factor of the objective (the figure of merit)."""
        profile = self.profile
        return shown_objective(profile.objective, profile.labels, profile.percent_features)

    @property
    def conditions(self) -> dict[str, Quantity]:
        """The chosen conditions by name."""
        labels = self.profile.labels
        return {v.name: shown_condition(v.parameter, labels) for v in self.profile.variables}

    @property
    def features(self) -> dict[str, Quantity]:
        """The features that any experiment has, by name."""
        names = dict.fromkeys(name for e in self.experiments for name in e.features)
        units, labels = self.feature_units, self.profile.labels
        shares = self.profile.percent_features
        return {name: shown_feature(name, units.get(name, ""), labels, shares) for name in names}
