"""Settings of the ensemble of neural networks."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, in_, lt

from flowrig.interfaces.surrogate import SurrogateSettings

__all__ = ["EnsembleSettings"]


@frozen(kw_only=True)
class EnsembleSettings(SurrogateSettings):
    """How the ensemble is built and trained.

    Attributes:
        members: networks a response, `k`.
        width: units of each of the two hidden layers.
        steps: most training steps; the weights of the best one are kept.
        learning_rate: first step size of the Adam optimizer; it falls to zero along a cosine.
        held_out: share of the experiments that each member does not see; what the members say of
            experiments that they have not seen decides when training was best and how large the
            noise is.
        prior_scale: size of each member's fixed random function, in standard deviations of the
            response; it keeps the members apart where there are no experiments.
        weight_decay: penalty on squared weights.
        relevance_decay: penalty on the weight that each condition has in each response's networks;
            it drives out conditions that do not matter. 0.01 serves optima inside the space and at
            its border; 0.1 finds optima at the border sooner, where few conditions matter and
            responses rise or fall all the way, and hardly finds those inside.
        transform: the scale on which a response is modelled: "sqrt" (where every measurement is
            positive) or "identity".
        device: PyTorch's name of where to compute, "cpu", "cuda" or "mps".
    """

    members: int = field(default=32, validator=ge(2))
    width: int = field(default=16, validator=ge(1))
    steps: int = field(default=300, validator=ge(1))
    learning_rate: float = field(default=0.04, validator=gt(0.0))
    held_out: float = field(default=0.2, validator=and_(ge(0.0), lt(0.9)))
    prior_scale: float = field(default=1.0, validator=ge(0.0))
    weight_decay: float = field(default=1e-3, validator=ge(0.0))
    relevance_decay: float = field(default=0.01, validator=ge(0.0))
    transform: Literal["sqrt", "identity"] = field(
        default="sqrt", validator=in_(("sqrt", "identity"))
    )
    device: str = "cpu"
