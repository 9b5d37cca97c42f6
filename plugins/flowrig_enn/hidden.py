"""The hidden layers of all members, evaluated together.

Letters: `n` conditions, `d` dimensions, `k` members, `h` hidden units, of which half are cosines
and half sines.
"""

import math

import torch
from attrs import frozen
from torch import Generator, Tensor

__all__ = ["HiddenLayers"]

DEGREES = 5
"""Degrees of freedom of the t distribution of the weights. Infinitely many units with such weights
have the Matérn covariance of smoothness 5/2 (Rahimi & Recht, Random features for large-scale kernel
machines, 2007): functions that are twice differentiable, neither rougher nor smoother."""
OVERSAMPLED = 16


@frozen(eq=False)
class HiddenLayers:
    """One layer of sinusoidal units for every member, with fixed weights.

    Every direction has a cosine and a sine, so that the sum of squares of the units, and with it
    the prior variance, is the same at all conditions.

    Attributes:
        weights: shape `k x d x h/2`.
    """

    weights: Tensor

    @classmethod
    def random(
        cls, members: int, conditions: int, width: int, generator: Generator, device: str
    ) -> "HiddenLayers":
        """Layers with random weights.

        Directions are orthogonal to each other as far as there are dimensions, and lengths are
        spread evenly over their distribution, which makes a layer of given width a better
        approximation of infinitely many units than independent draws (Yu et al., Orthogonal random
        features, NeurIPS 2016).

        Args:
            members: networks, `k`.
            conditions: inputs of each, `d`.
            width: units of each, `h`, an even number.
            generator: draws them on the CPU, so that every device has the same layers.
            device: PyTorch device of the layers.
        """
        count = members * width // 2
        rows = _directions(count, conditions, generator)
        rows *= _lengths(count, conditions, generator)[:, None]
        return cls(rows.view(members, -1, conditions).mT.contiguous().to(device))

    def __call__(self, inputs: Tensor) -> Tensor:
        """Units of all members, shape `k x n x h`, for scaled conditions of shape `n x d`."""
        phase = inputs @ self.weights
        units = torch.cat([phase.cos(), phase.sin()], dim=-1)
        return units.mul_(1.0 / math.sqrt(phase.shape[-1]))

    def slopes(self, units: Tensor, pull: Tensor) -> Tensor:
        """Derivatives of a function of the units along the scaled conditions.

        Args:
            units: at the conditions, shape `k x n x h`.
            pull: derivatives of the function along the units, shape `k x n x h`.

        Returns:
            shape `n x d`.
        """
        half = units.shape[-1] // 2
        cosine, sine = units[..., :half], units[..., half:]
        phase = pull[..., half:] * cosine - pull[..., :half] * sine
        return torch.bmm(phase, self.weights.mT).sum(dim=0)


def _normal(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _directions(count: int, dimensions: int, generator: Generator) -> Tensor:
    """Unit vectors, shape `count x d`."""
    blocks = -(-count // dimensions)
    rotations, _ = torch.linalg.qr(_normal(generator, blocks, dimensions, dimensions))
    columns: Tensor = rotations.mT.reshape(-1, dimensions)[:count]
    return columns


def _lengths(count: int, dimensions: int, generator: Generator) -> Tensor:
    """Lengths of vectors of the t distribution, at even steps of probability, in random order."""
    draws = count * OVERSAMPLED
    squares = _normal(generator, draws, dimensions).square().sum(dim=-1)
    squares /= _normal(generator, draws, DEGREES).square().mean(dim=-1)
    even = squares.sort().values.view(count, OVERSAMPLED)[:, OVERSAMPLED // 2]
    order = torch.randperm(count, generator=generator)
    return even.sqrt().index_select(0, order)
