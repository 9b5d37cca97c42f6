"""Settings of the Gaussian process."""

from typing import Literal

from attrs import field, frozen, validators

from flowrig.interfaces.surrogate import SurrogateSettings

__all__ = ["GaussianProcessSettings"]


@frozen(kw_only=True)
class GaussianProcessSettings(SurrogateSettings):
    """How the Gaussian processes are fitted.

    Attributes:
        transform: the scale on which a response is modelled: "identity", "sqrt" for responses that
            are never negative, or "evidence": whichever of the two makes the measurements more
            probable.
        smoothness: `nu` of the Matérn covariance; 2.5 is twice differentiable, 1.5 once.
        restarts: further starting points, besides the default one, of the search for the
            hyperparameters.
        iterations: most steps of each search.
    """

    transform: Literal["evidence", "identity", "sqrt"] = field(
        default="evidence", validator=validators.in_(("evidence", "identity", "sqrt"))
    )
    smoothness: float = field(default=2.5, validator=validators.in_((1.5, 2.5)))
    restarts: int = field(default=1, validator=validators.ge(0))
    iterations: int = field(default=60, validator=validators.ge(1))
