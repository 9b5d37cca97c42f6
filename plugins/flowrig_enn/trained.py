"""Cascades for every response, trained all at once by gradient descent.

Each member is a trainable network plus a fixed random one (Osband, Aslanides & Cassirer, Randomized
prior functions for deep reinforcement learning, 2018) and is trained on its own random share of
the experiments. The members of a response share the relevance of the conditions.
"""

from math import inf

import numpy as np
import torch
from attrs import frozen
from torch import Generator, Tensor

from flowrig_enn.calibration import Unseen
from flowrig_enn.descent import Adam
from flowrig_enn.networks import CascadeNetworks
from flowrig_enn.settings import EnsembleSettings

__all__ = ["TrainedNetworks"]

CHECK_EVERY = 10
"""Training steps between evaluations of the held-out experiments."""
SETTLED = 0.4
"""Share of the steps after which weights may be kept; before, relevance is still being found."""
FIRST_LOG_RELEVANCE = 0.7
RELEVANCE_RATE = 2.0
"""Step size of the relevance, in step sizes of the weights."""
FIRST_UNEXPLAINED = 0.1
UNEXPLAINED = (0.01, 0.6)
"""Share of the variance that is not explained: its first value and its bounds. The
upper bound keeps a response from being smoothed into a constant."""


@frozen(eq=False)
class TrainedNetworks:
    """Networks for standardized responses.

    Attributes:
        trained: the trained networks, response by response.
        prior: the fixed random ones.
        log_relevance: logarithm of the weight of each condition, shape `m x d`.
        members: networks a response, `k`.
        prior_scale: size of the fixed random functions.
    """

    trained: CascadeNetworks
    prior: CascadeNetworks
    log_relevance: Tensor
    members: int
    prior_scale: float

    @classmethod
    def untrained(
        cls, conditions: int, responses: int, settings: EnsembleSettings, generator: Generator
    ) -> "TrainedNetworks":
        """Random networks with the same relevance of every condition."""
        count = responses * settings.count
        prior, trained = (
            CascadeNetworks.random(count, conditions, generator, settings.device) for _ in range(2)
        )
        relevance = torch.full(
            (responses, conditions),
            FIRST_LOG_RELEVANCE,
            dtype=torch.float32,
            device=settings.device,
        )
        return cls(trained, prior, relevance, settings.count, settings.prior_scale)

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable tensors; the relevance is the last."""
        return [*self.trained.parameters, self.log_relevance]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the networks, by name."""
        return {
            **{f"trained.{name}": tensor for name, tensor in self.trained.tensors().items()},
            **{f"prior.{name}": tensor for name, tensor in self.prior.tensors().items()},
            "log_relevance": self.log_relevance,
        }

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs of each member at conditions in the unit cube.

        Args:
            x: shape `n x d`, or `b x n x d` for other conditions in each network.

        Returns:
            standardized responses, shape `m x k x n`.
        """
        inputs = self._inputs(x)
        return self._by_response(self.trained(inputs)) + self._random_part(inputs)

    def _inputs(self, x: Tensor) -> Tensor:
        """Conditions by their relevance, shape `b x n x d`, about zero."""
        relevance = self.log_relevance.exp().repeat_interleave(self.members, dim=0)
        return (2.0 * x - 1.0) * relevance[:, None]

    def _random_part(self, inputs: Tensor) -> Tensor | float:
        """The fixed random functions, shape `m x k x n`."""
        if not self.prior_scale:
            return 0.0
        return self._by_response(self.prior_scale * self.prior(inputs))

    def _by_response(self, outputs: Tensor) -> Tensor:
        return outputs.view(len(self.log_relevance), self.members, -1)

    def train(
        self, x: Tensor, y: Tensor, settings: EnsembleSettings, generator: Generator
    ) -> Unseen:
        """Train in place; keep for each response the weights of the smallest error on unseen data.

        Args:
            x: conditions in the unit cube, shape `n x d`.
            y: standardized responses, shape `m x n`.
            settings: how to train.
            generator: draws the experiments that a member sees.

        Returns:
            the predictions of held-out experiments.
        """
        seen = _seen(y, settings, generator)
        parameters = self.parameters
        for parameter in parameters:
            parameter.requires_grad_()
        rates = [settings.learning_rate] * (len(parameters) - 1)
        adam = Adam(
            parameters, [*rates, RELEVANCE_RATE * settings.learning_rate], settings.most_steps
        )
        best = _BestWeights(self)
        unexplained = torch.full_like(y[:, 0], FIRST_UNEXPLAINED)
        random_part: Tensor | float = 0.0
        for step in range(settings.most_steps):
            inputs = self._inputs(x)
            if step % CHECK_EVERY == 0:
                # Relevance changes slowly: the random functions follow it from time to time.
                random_part = self._random_part(inputs.detach())
            outputs = self._by_response(self.trained(inputs)) + random_part
            if step % CHECK_EVERY == 0:
                error = _unseen_error(outputs.detach(), y, seen)
                unexplained = 0.5 * (unexplained + error.clamp(*UNEXPLAINED))
                if step >= SETTLED * settings.most_steps:
                    best.offer(error)
            loss = self._loss(outputs, y, seen, unexplained, settings)
            adam.step(torch.autograd.grad(loss, parameters))
        for parameter in parameters:
            parameter.requires_grad_(False)
        best.offer(_unseen_error(self(x), y, seen))
        best.restore()
        return _unseen(self(x), seen)

    def _loss(
        self,
        outputs: Tensor,
        y: Tensor,
        seen: Tensor,
        unexplained: Tensor,
        settings: EnsembleSettings,
    ) -> Tensor:
        """Sum over networks of mean squared error and penalties."""
        error = (seen * (outputs - y[:, None]).square()).sum() / seen[0, 0].sum()
        weights = sum(
            weight.square().view(len(y), -1).sum(dim=1) for weight in self.trained.weights
        )
        relevance = self.members * self.log_relevance.exp().sum(dim=1)
        penalty = settings.weight_decay * weights + settings.relevance_decay * relevance
        return error + (unexplained * penalty).sum()


class _BestWeights:
    """The weights of each response at the step with the smallest error on unseen experiments."""

    def __init__(self, ensemble: TrainedNetworks) -> None:
        self._parameters = ensemble.parameters
        self._kept = [parameter.detach().clone() for parameter in self._parameters]
        self._error = torch.full_like(ensemble.log_relevance[:, 0], inf)

    def offer(self, error: Tensor) -> None:
        """Keep the present weights of the responses whose error, shape `m`, is the least yet."""
        better = error <= self._error
        self._error = torch.where(better, error, self._error)
        for kept, parameter in zip(self._kept, self._parameters, strict=True):
            rows = better.repeat_interleave(len(kept) // len(better))
            kept[rows] = parameter.detach()[rows]

    def restore(self) -> None:
        """Put the best weights back."""
        for kept, parameter in zip(self._kept, self._parameters, strict=True):
            parameter.copy_(kept)


def _seen(y: Tensor, settings: EnsembleSettings, generator: Generator) -> Tensor:
    """1 where a member trains on an experiment, 0 where not; shape `m x k x n`."""
    responses, experiments = y.shape
    order = torch.rand(
        responses, settings.count, experiments, generator=generator, dtype=torch.float32
    ).argsort(-1)
    held_out = int(settings.held_out * experiments)
    return (order.argsort(-1) >= held_out).to(y)


def _unseen_mean(outputs: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the members that have not seen an experiment, and their number; `m x n` each."""
    unseen = 1.0 - seen
    count = unseen.sum(dim=1)
    mean = (unseen * outputs).sum(dim=1) / count.clamp(min=1.0)
    return torch.where(count > 0, mean, outputs.mean(dim=1)), count


def _unseen_error(outputs: Tensor, y: Tensor, seen: Tensor) -> Tensor:
    """Mean squared error on unseen experiments, shape `m`; 0 if members saw everything."""
    mean, count = _unseen_mean(outputs, seen)
    known = (count > 0).to(y)
    return (known * (mean - y).square()).sum(dim=1) / known.sum(dim=1).clamp(min=1.0)


def _unseen(outputs: Tensor, seen: Tensor) -> Unseen:
    mean, count = _unseen_mean(outputs, seen)
    tensors = (mean, outputs.var(dim=1), count)
    return Unseen(*(tensor.cpu().numpy().astype(np.float64) for tensor in tensors))
