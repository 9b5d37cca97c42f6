"""Settings of the ensemble of neural networks."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, in_, lt, optional

from flowrig.interfaces.surrogate import SurrogateSettings

__all__ = ["Architecture", "EnsembleSettings"]

Architecture = Literal["layered", "cascade"]

_RATES = {"layered": 0.04, "cascade": 0.004}


@frozen(kw_only=True)
class EnsembleSettings(SurrogateSettings):
    """How the ensemble is built and trained.

    Attributes:
        architecture: "layered" for two hidden layers; "cascade" for the networks of Sadeghi et al.,
            Digital Discovery 2025, 4, 1722: 8 to 10 layers of 20 to 40 nodes, drawn anew for each
            member, each layer connected to all before it. Theirs is the mean of 20.
        members: networks a response, `k`.
        width: units of each hidden layer; has no effect on cascades.
        steps: most training steps; the weights of the best one are kept.
        learning_rate: first step size; it falls to zero along a cosine. Left out, it is 0.04, or
            0.004 for cascades.
        held_out: share of the experiments that each member does not see; what the members say of
            experiments that they have not seen decides when training was best, how strong the
            penalties are, how far the members' disagreement is to be believed, and how large the
            noise is.
        prior_scale: size of each member's fixed random function, in standard deviations of the
            response; it keeps the members apart where there are no experiments.
        weight_decay: penalty on squared weights, as a multiple of the share of the variance that is
            not explained, so that noisy responses are smoothed more.
        relevance_decay: penalty on the weight that each condition has in each response's networks,
            likewise; it drives out conditions that do not matter.
        transform: the scale on which a response is modelled: "sqrt" (where every measurement is
            positive) or "identity".
        device: PyTorch's name of where to compute, "cpu", "cuda" or "mps".
    """

    architecture: Architecture = field(default="layered", validator=in_(("layered", "cascade")))
    members: int = field(default=32, validator=ge(2))
    width: int = field(default=16, validator=ge(1))
    steps: int = field(default=180, validator=ge(1))
    learning_rate: float | None = field(default=None, validator=optional(gt(0.0)))
    held_out: float = field(default=0.2, validator=and_(ge(0.0), lt(0.9)))
    prior_scale: float = field(default=1.0, validator=ge(0.0))
    weight_decay: float = field(default=0.015, validator=ge(0.0))
    relevance_decay: float = field(default=0.1, validator=ge(0.0))
    transform: Literal["sqrt", "identity"] = field(
        default="sqrt", validator=in_(("sqrt", "identity"))
    )
    device: str = "cpu"

    @property
    def first_rate(self) -> float:
        """The first step size that is used."""
        return self.learning_rate or _RATES[self.architecture]
