"""Many deep networks, evaluated together by batched matrix products.

Letters: `n` experiments, `d` conditions, `m` responses, `k` members, `b = m * k` networks, `h`
hidden units.
"""

import math
from collections.abc import Sequence

import torch
from attrs import frozen
from torch import Generator, Tensor, baddbmm

__all__ = ["CascadeNetworks"]

FIRST_BIAS_SD, LATER_BIAS_SD = 1.0, 0.1
"""Standard deviations of the biases of random networks."""

CASCADE_LAYERS = (8, 10)
CASCADE_NODES = (20, 40)
"""Fewest and most hidden layers of a cascade, and nodes of each (Sadeghi et al., Digital Discovery
2025, 4, 1722)."""


@frozen(eq=False)
class CascadeNetworks:
    """`b` deep networks with one output; each layer sees the conditions and all layers before it.

    They differ in the numbers of layers and nodes. All are computed at the largest size, and nodes
    that a network does not have are masked out.

    Attributes:
        weights: of each layer, shape `b x inputs x outputs`.
        biases: of each layer, shape `b x 1 x outputs`.
        masks: 1 for each node that a network has, 0 for others; shape `layers x b x 1 x h`.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    masks: Tensor

    @classmethod
    def random(
        cls, networks: int, conditions: int, generator: Generator, device: str
    ) -> "CascadeNetworks":
        """Random networks whose outputs have a variance near 1.

        They are drawn on the processor of the generator and then moved, so that every device starts
        from the same networks.

        Args:
            networks: number of networks, `b`.
            conditions: number of inputs of each, `d`.
            generator: draws weights, layers and nodes.
            device: PyTorch device of the networks.
        """
        fewest, most = CASCADE_LAYERS
        least_nodes, nodes = CASCADE_NODES
        inputs = [conditions + nodes * layer for layer in range(most + 1)]
        sizes = list(zip(inputs, [nodes] * most + [1], strict=True))
        weights, biases = _random_layers(networks, sizes, generator, device)
        layers = torch.randint(fewest, most + 1, (1, networks, 1, 1), generator=generator)
        widths = torch.randint(least_nodes, nodes + 1, (most, networks, 1, 1), generator=generator)
        exists = torch.arange(most)[:, None, None, None] < layers
        masks = exists & (torch.arange(nodes) < widths)
        return cls(weights, biases, masks.to(device=device, dtype=torch.float32))

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable tensors."""
        return [*self.weights, *self.biases]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the networks, by name."""
        return {
            **{f"weights.{layer}": weight for layer, weight in enumerate(self.weights)},
            **{f"biases.{layer}": bias for layer, bias in enumerate(self.biases)},
            "masks": self.masks,
        }

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs of all networks, shape `b x n`, for inputs of shape `b x n x d`."""
        *hidden, (last, last_bias) = zip(self.weights, self.biases, strict=True)
        for (weight, bias), mask in zip(hidden, self.masks, strict=True):
            nodes = _tanh(baddbmm(bias, inputs, weight)) * mask
            inputs = torch.cat([inputs, nodes], dim=-1)
        return baddbmm(last_bias, inputs, last)[:, :, 0]


def _tanh(values: Tensor) -> Tensor:
    """The hyperbolic tangent from the sigmoid, which PyTorch computes five times faster."""
    return 2.0 * (2.0 * values).sigmoid() - 1.0


def _random_layers(
    networks: int, sizes: Sequence[tuple[int, int]], generator: Generator, device: str
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Weights that keep the variance from layer to layer, and biases; 0 for the output."""

    def normal(rows: int, columns: int, sd: float) -> Tensor:
        drawn: Tensor = torch.randn(
            networks, rows, columns, generator=generator, dtype=torch.float32
        )
        return (sd * drawn).to(device)

    weights = [normal(rows, columns, 1.0 / math.sqrt(rows)) for rows, columns in sizes]
    spreads = [FIRST_BIAS_SD, *[LATER_BIAS_SD] * (len(sizes) - 2), 0.0]
    biases = [normal(1, columns, sd) for (_, columns), sd in zip(sizes, spreads, strict=True)]
    return tuple(weights), tuple(biases)
