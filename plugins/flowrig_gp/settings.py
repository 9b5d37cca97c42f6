"""Settings of the Gaussian process."""

from math import inf
from typing import Literal

from attrs import field, frozen, validators

from flowrig.interfaces.surrogate import SurrogateSettings

__all__ = ["GaussianProcessSettings"]


@frozen(kw_only=True)
class GaussianProcessSettings(SurrogateSettings):
    """How the Gaussian processes are fitted.

    Attributes:
        transform: the scale on which a response is modelled: "identity"; "sqrt" or "log" where
            every measurement is positive, else the identity; or "evidence": identity or square
            root, whichever has the larger evidence.
        smoothness: `nu` of the Matérn covariance: functions are differentiable once for 1.5,
            twice for 2.5, and infinitely often for `inf` (the squared exponential).
        restarts: random starting points of the search for the hyperparameters, besides the default
            one.
        iterations: largest number of steps from each starting point.
    """

    transform: Literal["evidence", "identity", "sqrt", "log"] = field(
        default="evidence",
        validator=validators.in_(("evidence", "identity", "sqrt", "log")),
    )
    smoothness: float = field(default=2.5, validator=validators.in_((1.5, 2.5, inf)))
    restarts: int = field(default=0, validator=[validators.ge(0), validators.le(1000)])
    iterations: int = field(default=60, validator=[validators.ge(1), validators.le(100_000)])
