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
            every measurement is positive; or "evidence": identity or square root, whichever makes
            the measurements more probable.
        smoothness: `nu` of the Matérn covariance: 1.5 is differentiable once, 2.5 twice, and `inf`
            (the squared exponential) as often as one likes.
        restarts: further starting points, besides the default one, of the search for the
            hyperparameters.
        iterations: most steps of each search.
    """

    transform: Literal["evidence", "identity", "sqrt", "log"] = field(
        default="evidence",
        validator=validators.in_(("evidence", "identity", "sqrt", "log")),
    )
    smoothness: float = field(default=2.5, validator=validators.in_((1.5, 2.5, inf)))
    restarts: int = field(default=0, validator=validators.ge(0))
    iterations: int = field(default=60, validator=validators.ge(1))
