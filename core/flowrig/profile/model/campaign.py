"""What a campaign does: stages, surrogate, stop rules and earlier experiments."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs
from attrs import field, frozen

from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.interfaces.surrogate import Surrogate, SurrogateSettings
from flowrig.plugins.offers import Offer

__all__ = ["Campaign", "Prior", "Stage", "StopRules", "SurrogateChoice"]


@frozen
class SurrogateChoice:
    """A surrogate model with its settings.

    Attributes:
        offer: the surrogate.
        settings: an instance of its settings class; it may hold further choices, of surrogates
            that this one is made of.
    """

    offer: Offer
    settings: SurrogateSettings

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All that plugins have to bring for it: its own offer, and those of its parts."""
        values = (getattr(self.settings, one.name) for one in attrs.fields(type(self.settings)))
        listed = (value if isinstance(value, tuple) else (value,) for value in values)
        parts = (part for some in listed for part in some if isinstance(part, SurrogateChoice))
        return (self.offer, *(offer for part in parts for offer in part.offers))

    def build(self, seed: int) -> Surrogate:
        """A fresh surrogate.

        Raises:
            InputError: a package is missing, or the surrogate refuses its settings.
        """
        surrogate: Surrogate = self.offer.load()(self.settings, seed=seed)
        return surrogate


@frozen(kw_only=True)
class Stage:
    """A part of a campaign in which one optimizer chooses.

    Attributes:
        name: what reports call it.
        experiments: how many.
        offer: the optimizer.
        settings: an instance of its settings class; written beside the stage's own keys.
        batch: how many conditions are asked for at once.
        order_by: the variable by which a batch is sorted, for instance to spare heating time.
        until_r2: share of the variance of the figure of merit that the surrogate has to explain of
            experiments that it has not seen, R²; the stage ends when it does.
    """

    name: str
    experiments: int
    offer: Offer
    settings: OptimizerSettings
    batch: int = 1
    order_by: str | None = None
    until_r2: float | None = None


@frozen(kw_only=True)
class StopRules:
    """When a campaign ends before its last experiment.

    Attributes:
        objective_above: a figure of merit that is good enough.
        at_most_s: longest duration [s] of the run.
    """

    objective_above: float | None = None
    at_most_s: float | None = None


@frozen(kw_only=True)
class Prior:
    """Earlier experiments that the surrogate starts from.

    Attributes:
        source: a run's folder or a CSV file; relative to the file that says it.
        columns: by response, the column of a CSV file in which it stands if that has another name.
    """

    source: Path
    columns: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Campaign:
    """What to run on a rig: stages, surrogate and stop rules.

    Attributes:
        title: in words; may be left out.
        stages: in order.
        surrogate: the model that the stages share; optimizers of one's own may need none.
        prior: earlier experiments that it starts from.
        stop: when to end early.
        seed: everything random follows from it.
        if_optimizer_fails: what is done when an optimizer gives no usable answer, from a fresh
            start neither: conditions far from all others, hold for a person, or end the campaign.
        optimizer_deadline_s: how long [s] an optimizer may think; only in a process of its own.
        optimizer_memory_gb: memory [GB] that it may take; only in a process of its own.
        repeats_at_most: how often an optimizer may choose the same conditions.
    """

    stages: tuple[Stage, ...]
    title: str = ""
    surrogate: SurrogateChoice | None = None
    prior: tuple[Prior, ...] = ()
    stop: StopRules = StopRules()
    seed: int = 1
    if_optimizer_fails: Literal["fallback", "hold", "finish"] = "fallback"
    optimizer_deadline_s: float = 1200.0
    optimizer_memory_gb: float = 8.0
    repeats_at_most: int = 10

    @property
    def experiments(self) -> int:
        """How many experiments all stages ask for."""
        return sum(stage.experiments for stage in self.stages)
