"""What a report is made of."""

import math
from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from flowrig.interfaces.device import Quality
from flowrig.measurement.sample import Spectrum
from flowrig.profile.model import Profile
from flowrig.report.svg.numbers import Quantity

__all__ = ["Expectation", "Experiment", "Incumbent", "Prediction", "ReportContent"]

FEATURE_NAMES = {
    "pli": "PL peak",
    "pla": "PL area",
    "peak_nm": "peak wavelength",
    "peak_ev": "peak energy",
    "fwhm_nm": "FWHM",
}


@frozen
class Prediction:
    """What a model expects of one measured value.

    Attributes:
        mean: expected value.
        sd: standard deviation of the measurement, noise included.
    """

    mean: float
    sd: float


@frozen
class Expectation:
    """What a model expects of one experiment.

    Attributes:
        features: by name.
        objective: the figure of merit.
    """

    features: Mapping[str, Prediction] = field(factory=dict)
    objective: Prediction | None = None


@frozen
class Incumbent:
    """The measured conditions of which a model of all experiments expects most.

    Attributes:
        index: number of an experiment there.
        merit: expected figure of merit, without the noise of a measurement, and how sure that is.
    """

    index: int
    merit: Prediction


@frozen(kw_only=True)
class Experiment:
    """One experiment of a campaign, measured or failed.

    Attributes:
        index: position in the campaign, from 1.
        stage: the stage that asked for it.
        conditions: by variable name, in the variable's unit.
        features: what was measured, by name; empty if the experiment failed.
        objective: the figure of merit; None if the experiment failed.
        expected: what the model expected when it chose the conditions.
        held_out: what a model expects that was fitted to other experiments only.
        quality: how far the features can be trusted.
        reason: why the conditions were chosen, in one phrase.
        remark: what is known against it, in words.
    """

    index: int
    stage: str
    conditions: Mapping[str, float]
    features: Mapping[str, float] = field(factory=dict)
    objective: float | None = None
    expected: Expectation | None = None
    held_out: Expectation | None = None
    quality: Quality = Quality.GOOD
    reason: str = ""
    remark: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether there is a figure of merit."""
        return self.objective is not None and math.isfinite(self.objective)


@frozen(kw_only=True, eq=False)
class ReportContent:
    """A run as its report shows it.

    Attributes:
        title: of the campaign, in words.
        profile: the rig, with its variables, objective and analysis.
        state: how the run stands, in one word: "finished", "stopped", "running", …
        seed: everything random followed from it.
        simulated: whether the instruments were emulated.
        experiments: in the order in which they were made.
        incumbent: what a model of all of them expects most of; None where none was asked.
        absorbance: averaged absorbance spectrum of the incumbent.
        photoluminescence: averaged emission spectrum [counts] of the incumbent.
        feature_units: unit of each feature; "" where it has none.
        duration_s: rig time [s] from first to last event.
        digest: SHA-256 of everything that was decided and measured; "" where it is not known.
        provenance: what produced the numbers: software and plugin versions, devices' identities.
        notes: what went wrong or needs attention, one sentence each.
        waste: by waste of which it is known, how much is in it and how much it takes [µL].
    """

    title: str
    profile: Profile
    state: str
    seed: int
    simulated: bool = False
    experiments: tuple[Experiment, ...] = ()
    incumbent: Incumbent | None = None
    absorbance: Spectrum | None = None
    photoluminescence: Spectrum | None = None
    feature_units: Mapping[str, str] = field(factory=dict)
    duration_s: float | None = None
    digest: str = ""
    provenance: Mapping[str, str] = field(factory=dict)
    notes: tuple[str, ...] = ()
    waste: Mapping[str, tuple[float, float]] = field(factory=dict)

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The stages that have experiments, in the order of their first one."""
        return tuple(dict.fromkeys(experiment.stage for experiment in self.experiments))

    @cached_property
    def succeeded(self) -> tuple[Experiment, ...]:
        """The experiments that have a figure of merit."""
        return tuple(experiment for experiment in self.experiments if experiment.succeeded)

    @cached_property
    def trusted(self) -> tuple[Experiment, ...]:
        """Those of good quality; only they count."""
        return tuple(e for e in self.succeeded if e.quality is Quality.GOOD)

    @cached_property
    def best(self) -> Experiment | None:
        """The experiment with the largest figure of merit among the trusted ones."""
        return max(self.trusted, key=lambda e: e.objective or 0.0, default=None)

    @cached_property
    def incumbent_experiment(self) -> Experiment | None:
        """The experiment whose conditions count as the best: the model's choice, if it was asked.

        Where no model was asked, the one with the largest trusted figure of merit.
        """
        if self.incumbent is None:
            return self.best
        wanted = self.incumbent.index
        return next((e for e in self.trusted if e.index == wanted), self.best)

    @property
    def merit(self) -> Quantity:
        """The figure of merit; a fraction is shown in percent."""
        objective = self.profile.objective
        if objective.unit == "" and objective.name not in objective.responses:
            return Quantity(objective.name, "%", 100.0)
        return Quantity(objective.name, objective.unit)

    @property
    def conditions(self) -> dict[str, Quantity]:
        """The chosen conditions by name."""
        return {v.name: Quantity(v.name, v.unit, significant=4) for v in self.profile.variables}

    @property
    def features(self) -> dict[str, Quantity]:
        """The features that any experiment has, by name."""
        names = dict.fromkeys(name for e in self.experiments for name in e.features)
        return {name: self._feature(name) for name in names}

    def _feature(self, name: str) -> Quantity:
        at_wavelength = name.startswith("a") and name[1:].isdigit()
        shown = FEATURE_NAMES.get(name, name.upper() if at_wavelength else name)
        return Quantity(shown, self.feature_units.get(name, ""))
