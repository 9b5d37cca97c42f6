"""A campaign: stages, surrogate, stop rules and earlier experiments."""

from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Literal

import attrs
from attrs import field, frozen

from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.interfaces.study import At, StudySettings
from flowrig.interfaces.surrogate import Surrogate, SurrogateSettings
from flowrig.plugins.offers import Offer

__all__ = [
    "Campaign",
    "Prior",
    "References",
    "Stage",
    "StopRules",
    "SurrogateChoice",
    "is_known_to",
]


@frozen
class SurrogateChoice:
    """A surrogate model with its settings.

    Attributes:
        offer: the offer of the surrogate.
        settings: an instance of its settings class; a surrogate that combines others has their
            choices in its settings.
    """

    offer: Offer
    settings: SurrogateSettings

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The offer of the surrogate, and the offers of the surrogates that it combines."""
        values = (getattr(self.settings, one.name) for one in attrs.fields(type(self.settings)))
        listed = (value if isinstance(value, tuple) else (value,) for value in values)
        parts = (part for some in listed for part in some if isinstance(part, SurrogateChoice))
        return (self.offer, *(offer for part in parts for offer in part.offers))

    def build(self, seed: int) -> Surrogate:
        """Make a new surrogate.

        Args:
            seed: seed of its random numbers.

        Raises:
            InputError: a package is missing, or the surrogate refuses its settings.
        """
        surrogate: Surrogate = self.offer.load()(self.settings, seed=seed)
        return surrogate


def is_known_to(own: str | None, other: str | None) -> bool:
    """Whether what was decided in an arm is known to another: its own, and what has no arm.

    Args:
        own: the arm that learns; None learns from all.
        other: the arm that decided; None for a stage without one.
    """
    return own is None or other is None or own == other


@frozen(kw_only=True)
class Stage:
    """A part of a campaign in which one optimizer chooses the conditions, or a study asks for them.

    Attributes:
        name: name of the stage in reports.
        experiments: number of experiments; of a study the largest that it may ask for.
        offer: the offer of the optimizer or the study.
        settings: an instance of its settings class; in TOML beside the keys of the stage.
        batch: number of conditions that the optimizer suggests at once.
        order_by: the variable by which a batch is sorted, for instance to save heating time.
        order: "least-heating" orders a batch so that heating and cooling take little time; None
            leaves it as it was chosen.
        until_r2: cross-validated R² of the objective at which the stage ends early; None to run all
            experiments.
        arm: the arm of the campaign that it belongs to; None for one that all arms learn from.
        counts_prior: whether earlier experiments of the same rig count as experiments of this
            stage, which has as many fewer.
        beyond: of a study, by condition, a wider range than that of the search space.
    """

    name: str
    experiments: int
    offer: Offer
    settings: OptimizerSettings | StudySettings
    batch: int = 1
    order_by: str | None = None
    order: Literal["least-heating"] | None = None
    until_r2: float | None = None
    arm: str | None = None
    counts_prior: bool = False
    beyond: Mapping[str, tuple[float, float]] = field(factory=dict)

    def learns_from(self, arm: str | None) -> bool:
        """Whether its optimizer is told of the experiments of an arm; None for those of no arm.

        A stage without an arm learns from every experiment.
        """
        return is_known_to(self.arm, arm)

    @property
    def is_study(self) -> bool:
        """Whether a study asks for its points, in place of an optimizer."""
        return self.offer.kind == "study"

    @property
    def spectra(self) -> tuple[str, ...]:
        """Channels whose spectra its optimizer asks for."""
        return tuple(getattr(self.settings, "spectra", ()))


@frozen(kw_only=True)
class StopRules:
    """Rules that end a campaign before its last experiment.

    Attributes:
        objective_above: a value of the objective at which the campaign ends; None for none.
        at_most_s: longest rig time [s] of the campaign; None for no limit.
    """

    objective_above: float | None = None
    at_most_s: float | None = None


@frozen(kw_only=True)
class References:
    """A condition that is measured again and again, so that a fresh batch of a stock shows.

    It is measured at the beginning, first after each change of a batch, and at intervals, besides
    the experiments of the stages.

    Attributes:
        at: the condition: "middle" of the search space, or a table of conditions.
        repeats: how often it is measured each time.
        every: after how many experiments it is measured again; None for fresh batches only.
        correct: whether models and the best use responses that are corrected for their batch.
    """

    at: At = field(factory=At)
    repeats: int = 2
    every: int | None = None
    correct: bool = True


@frozen(kw_only=True)
class Prior:
    """Earlier experiments from which the surrogate starts.

    Attributes:
        source: the folder of a run, or a CSV file; relative to the file that names it.
        columns: by response, its column in the CSV file, where the names differ.
        trust: "same-rig" if they were measured on this rig, so that they count from the first
            experiment; "other-rig" if new experiments have to show how far they transfer.
    """

    source: Path
    columns: Mapping[str, str] = field(factory=dict)
    trust: Literal["other-rig", "same-rig"] = "other-rig"


@frozen(kw_only=True)
class Campaign:
    """A campaign on a rig: stages, surrogate and stop rules.

    Attributes:
        title: title in words; optional.
        stages: the stages in their order.
        surrogate: the model that all stages use; None if no optimizer needs one.
        prior: earlier experiments from which the surrogate starts.
        stop: rules that end the campaign early.
        seed: seed of all random numbers of the campaign.
        if_optimizer_fails: the action when an optimizer gives no usable answer, even after a
            restart: "fallback" takes conditions far from all others, "hold" waits for a person,
            "finish" ends the campaign.
        if_optimizer_settles: the action when an optimizer has chosen the same conditions
            `repeats_at_most` times: "explore" takes conditions far from all others for the rest of
            the stage, "end-stage" ends the stage.
        optimizer_deadline_s: longest time [s] for an answer of an optimizer in a process of its
            own.
        optimizer_memory_gb: largest memory [GB] of that process.
        repeats_at_most: how often an optimizer may choose the same conditions.
        pending: conditions are chosen only while fewer experiments than this wait for off-line
            results.
        reference: the condition that tells batches apart; None for none.
    """

    stages: tuple[Stage, ...]
    title: str = ""
    surrogate: SurrogateChoice | None = None
    prior: tuple[Prior, ...] = ()
    stop: StopRules = StopRules()
    seed: int = 1
    if_optimizer_fails: Literal["fallback", "hold", "finish"] = "fallback"
    if_optimizer_settles: Literal["explore", "end-stage"] = "explore"
    optimizer_deadline_s: float = 1200.0
    optimizer_memory_gb: float = 8.0
    repeats_at_most: int = 10
    pending: int = 1
    reference: References | None = None

    @property
    def studies(self) -> frozenset[str]:
        """Names of the stages that are studies."""
        return frozenset(stage.name for stage in self.stages if stage.is_study)

    @property
    def experiments(self) -> int:
        """Number of experiments of all stages together."""
        return sum(stage.experiments for stage in self.stages)

    def before(self, stage: Stage) -> tuple[Stage, ...]:
        """The stages before one."""
        return tuple(takewhile(lambda one: one.name != stage.name, self.stages))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms in the order of their first stages; none in a campaign of one search."""
        return tuple(dict.fromkeys(one.arm for one in self.stages if one.arm is not None))

    @property
    def longest_search(self) -> int:
        """Number of experiments of the stages without an arm and of the longest arm together."""
        known = ([s for s in self.stages if is_known_to(arm, s.arm)] for arm in self.arms)
        return max((sum(s.experiments for s in one) for one in known), default=self.experiments)
