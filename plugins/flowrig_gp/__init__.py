"""Plugin `gp`: a Gaussian-process surrogate on scikit-learn's Matérn covariance."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_gp.settings import GaussianProcessSettings

__all__ = ["GaussianProcessSettings", "flowrig_surrogates"]


@hookimpl
def flowrig_surrogates() -> Sequence[Offer]:
    """Offer the Gaussian process."""
    return [
        Offer(
            kind="surrogate",
            name="gp",
            target="flowrig_gp.surrogate:GaussianProcess",
            settings=GaussianProcessSettings,
            summary="one Gaussian process per response, with a length scale for each condition",
            needs=("sklearn", "scipy"),
            install="flowrig[gp]",
        )
    ]
