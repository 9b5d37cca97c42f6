"""Many small networks that are evaluated as one, by batched matrix products.

Letters: `n` experiments, `d` conditions, `m` responses, `k` members, `b = m * k` networks, `h`
hidden units.
"""

import math

from attrs import frozen
from torch import Generator, Tensor, baddbmm, randn, zeros

__all__ = ["Networks"]


@frozen(eq=False)
class Networks:
    """`b` networks with two hidden layers and one output each.

    Attributes:
        first: weights of the conditions, shape `b x d x h`.
        first_bias: shape `b x 1 x h`.
        second: weights between the hidden layers, shape `b x h x h`.
        second_bias: shape `b x 1 x h`.
        last: weights of the output, shape `b x h x 1`.
        last_bias: shape `b x 1 x 1`.
    """

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor
    last: Tensor
    last_bias: Tensor

    @classmethod
    def random(
        cls, networks: int, conditions: int, width: int, generator: Generator, device: str
    ) -> "Networks":
        """Random weights that keep the variance from layer to layer.

        They are drawn where the generator lives and moved then, so that every device starts from
        the same ones.
        """

        def normal(rows: int, columns: int, variance: float) -> Tensor:
            drawn: Tensor = randn(networks, rows, columns, generator=generator)
            return (math.sqrt(variance) * drawn).to(device)

        return cls(
            first=normal(conditions, width, 1.0 / conditions),
            first_bias=normal(1, width, 1.0),
            second=normal(width, width, 1.0 / width),
            second_bias=normal(1, width, 0.01),
            last=normal(width, 1, 1.0 / width),
            last_bias=zeros(networks, 1, 1, device=device),
        )

    @property
    def weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """What weight decay acts on."""
        return self.first, self.second, self.last

    @property
    def parameters(self) -> list[Tensor]:
        """Everything that can be trained."""
        return [
            self.first,
            self.first_bias,
            self.second,
            self.second_bias,
            self.last,
            self.last_bias,
        ]

    def __call__(self, x: Tensor, relevance: Tensor) -> Tensor:
        """Outputs of all networks.

        Args:
            x: conditions, shape `n x d`.
            relevance: weight of each condition in each network, shape `b x d`.

        Returns:
            shape `b x n`.
        """
        inputs = x.expand(len(self.first), -1, -1)
        hidden = baddbmm(self.first_bias, inputs, self.first * relevance[:, :, None]).tanh()
        hidden = baddbmm(self.second_bias, hidden, self.second).tanh()
        return baddbmm(self.last_bias, hidden, self.last)[:, :, 0]
