"""Settings of the ensemble of neural networks."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import and_, ge, gt, in_, le, lt, optional

from flowrig.interfaces.surrogate import SurrogateSettings

__all__ = ["Architecture", "EnsembleSettings", "Transform"]

Architecture = Literal["wide", "cascade"]
Transform = Literal["evidence", "sqrt", "identity"]

_MEMBERS = {"wide": 4, "cascade": 20}
_STEPS = {"wide": 30, "cascade": 180}


@frozen(kw_only=True)
class EnsembleSettings(SurrogateSettings):
    """Architecture and training of the ensemble.

    Attributes:
        architecture: "wide" for one wide hidden layer, whose last layer is solved exactly;
            "cascade" for the networks of Sadeghi et al., Digital Discovery 2025, 4, 1722: 8 to 10
            layers of 20 to 40 nodes, drawn anew for each member, each layer connected to all before
            it, trained by gradient descent. The published ensemble has 20 members.
        members: networks for each response, `k`; default: 4, or 20 for cascades.
        width: hidden units of a wide network, an even number.
        steps: largest number of training steps; default: 30, or 180 for cascades, which keep the
            weights of the best step.
        transform: the scale on which a response is modelled: "sqrt" (where every measurement is
            positive); "identity"; or "evidence": whichever of the two makes the measurements more
            probable. Cascades have no such probability and use "sqrt" instead.
        learning_rate: first step size of cascades; it falls to zero along a cosine.
        held_out: share of the experiments that each cascade does not see. The errors on them decide
            which training step is the best, how strong the penalties are, and how the spread of the
            members and the noise are calibrated.
        prior_scale: size of each cascade's fixed random function, in standard deviations of the
            response; it keeps the members apart where there are no experiments.
        weight_decay: penalty on the squared weights of cascades, as a multiple of the share of the
            unexplained variance, so that noisy responses are smoothed more.
        relevance_decay: penalty on the weight that each condition has in a response's cascades,
            likewise; it suppresses conditions that do not matter.
        device: PyTorch's name of the processor, "cpu" or "cuda", for cascades also "mps".
    """

    architecture: Architecture = field(default="wide", validator=in_(("wide", "cascade")))
    members: int | None = field(default=None, validator=optional(and_(ge(2), le(1000))))
    width: int = field(default=256, validator=and_(ge(2), le(16_384)))
    steps: int | None = field(default=None, validator=optional(and_(ge(1), le(1_000_000))))
    transform: Transform = field(
        default="evidence", validator=in_(("evidence", "sqrt", "identity"))
    )
    learning_rate: float = field(default=0.004, validator=and_(gt(0.0), le(10.0)))
    held_out: float = field(default=0.2, validator=and_(ge(0.0), lt(0.9)))
    prior_scale: float = field(default=1.0, validator=and_(ge(0.0), le(1e6)))
    weight_decay: float = field(default=0.015, validator=and_(ge(0.0), le(1e6)))
    relevance_decay: float = field(default=0.1, validator=and_(ge(0.0), le(1e6)))
    device: str = "cpu"

    @width.validator
    def _is_even(self, attribute: object, value: int) -> None:
        if value % 2:
            raise ValueError(f"'width' must be even, got {value}: half are sines, half cosines")

    @property
    def count(self) -> int:
        """Number of networks for each response."""
        return self.members or _MEMBERS[self.architecture]

    @property
    def most_steps(self) -> int:
        """Largest number of training steps."""
        return self.steps or _STEPS[self.architecture]
