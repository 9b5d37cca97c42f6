"""The campaign of a seed without a fault, with which a campaign with a fault is compared."""

from attrs import frozen

from flowrig.problem.space import Value

__all__ = ["HealthyCampaign"]


@frozen
class HealthyCampaign:
    """Conditions and features of a campaign without a fault.

    Attributes:
        features: by conditions, the features of each experiment without flags.
        conditions: the conditions of all experiments.
    """

    features: dict[tuple[Value, ...], dict[str, float]]
    conditions: frozenset[tuple[Value, ...]]
