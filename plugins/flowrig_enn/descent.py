"""Gradient descent with a separate step size for every weight."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Adam"]


class Adam:
    """Adam (Kingma & Ba, Adam: a method for stochastic optimization, 2015), in place.

    PyTorch's own class imports a compiler at first use, which takes about a second.

    Args:
        parameters: are changed in place; this class records no gradients for them.
        rates: first step size of each; all fall to zero along a cosine.
        steps: number of steps.
    """

    _MEAN, _SQUARE, _LEAST = 0.9, 0.999, 1e-8

    def __init__(self, parameters: Sequence[Tensor], rates: Sequence[float], steps: int) -> None:
        self._parameters = [parameter.detach() for parameter in parameters]
        self._rates = rates
        self._steps = steps
        self._step = 0
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take one step against the gradients, in the order of the parameters."""
        schedule = 0.5 * (1.0 + math.cos(math.pi * self._step / self._steps))
        self._step += 1
        mean_share = 1.0 - self._MEAN**self._step
        square_share = math.sqrt(1.0 - self._SQUARE**self._step)
        for parameter, rate, mean, square, gradient in zip(
            self._parameters, self._rates, self._means, self._squares, gradients, strict=True
        ):
            mean.lerp_(gradient, 1.0 - self._MEAN)
            square.mul_(self._SQUARE).addcmul_(gradient, gradient, value=1.0 - self._SQUARE)
            size = rate * schedule * square_share / mean_share
            parameter.addcdiv_(mean, square.sqrt().add_(self._LEAST), value=-size)
