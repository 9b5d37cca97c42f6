"""An ensemble for every response, trained all at once.

Each member is a trainable network plus a fixed random one (Osband, Aslanides & Cassirer, Randomized
prior functions for deep reinforcement learning, 2018) and is trained on its own random share of
the experiments. The members of a response share how much each condition matters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import torch
from attrs import frozen
from torch import Generator, Tensor

from flowrig_enn.networks import Networks
from flowrig_enn.settings import EnsembleSettings

__all__ = ["Ensemble", "single_thread"]

CHECK_EVERY = 10
"""Training steps between looks at the experiments that members have not seen."""
SMALLEST_NOISE = 0.01
"""Least noise variance, in variances of the response."""


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute on one thread and give the others back afterwards.

    The networks are too small to share out, and the order of sums stays the same.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@frozen(eq=False)
class Ensemble:
    """A trained ensemble of standardized responses.

    Attributes:
        trained: the trained networks, response by response.
        prior: the fixed random ones.
        log_relevance: logarithm of the weight of each condition, shape `m x d`.
        members: networks a response, `k`.
        prior_scale: size of the fixed random functions.
    """

    trained: Networks
    prior: Networks
    log_relevance: Tensor
    members: int
    prior_scale: float

    @classmethod
    def untrained(
        cls, conditions: int, responses: int, settings: EnsembleSettings, generator: Generator
    ) -> "Ensemble":
        """Random networks that take every condition for equally relevant."""
        count = responses * settings.members
        prior, trained = (
            Networks.random(count, conditions, settings.width, generator, settings.device)
            for _ in range(2)
        )
        relevance = torch.zeros(responses, conditions, device=settings.device)
        return cls(trained, prior, relevance, settings.members, settings.prior_scale)

    @property
    def parameters(self) -> list[Tensor]:
        """Everything that can be trained."""
        return [*self.trained.parameters, self.log_relevance]

    def __call__(self, x: Tensor) -> Tensor:
        """What each member says of conditions in the unit cube.

        Args:
            x: shape `n x d`.

        Returns:
            standardized responses, shape `m x k x n`.
        """
        relevance = self.log_relevance.exp().repeat_interleave(self.members, dim=0)
        centered = 2.0 * x - 1.0
        said = self.trained(centered, relevance)
        if self.prior_scale:
            said = said + self.prior_scale * self.prior(centered, relevance)
        return said.view(len(self.log_relevance), self.members, -1)

    def train(
        self, x: Tensor, y: Tensor, settings: EnsembleSettings, generator: Generator
    ) -> Tensor:
        """Train in place and keep, for each response, the weights that did best on unseen data.

        Args:
            x: conditions in the unit cube, shape `n x d`.
            y: standardized responses, shape `m x n`.
            settings: how to train.
            generator: decides which experiments a member sees.

        Returns:
            noise variance of each response, shape `m`.
        """
        seen = _seen(y, settings, generator)
        for parameter in self.parameters:
            parameter.requires_grad_()
        optimizer = torch.optim.Adam(self.parameters, lr=settings.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
        best = _Best(self, len(y))
        for step in range(settings.steps):
            said = self(x)
            if step % CHECK_EVERY == 0:
                best.offer(_unseen_error(said.detach(), y, seen))
            loss = self._loss(said, y, seen, settings)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        for parameter in self.parameters:
            parameter.requires_grad_(False)
        best.offer(_unseen_error(self(x), y, seen))
        best.restore()
        return _noise_variance(self(x), y, seen)

    def _loss(self, said: Tensor, y: Tensor, seen: Tensor, settings: EnsembleSettings) -> Tensor:
        """Sum over networks of mean squared error and penalties."""
        error = (seen * (said - y[:, None]).square()).sum() / seen[0, 0].sum()
        weights = sum(weight.square().sum() for weight in self.trained.weights)
        relevance = self.members * self.log_relevance.exp().sum()
        return error + settings.weight_decay * weights + settings.relevance_decay * relevance


class _Best:
    """The weights of each response at the step when its members did best on unseen data."""

    def __init__(self, ensemble: Ensemble, responses: int) -> None:
        self._parameters = ensemble.parameters
        self._kept = [parameter.detach().clone() for parameter in self._parameters]
        self._error = torch.full((responses,), inf, device=ensemble.log_relevance.device)

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
    order = torch.rand(responses, settings.members, experiments, generator=generator).argsort(-1)
    held_out = int(settings.held_out * experiments)
    return (order.argsort(-1) >= held_out).to(y)


def _unseen_mean(said: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the members that have not seen an experiment, and their number; `m x n` each."""
    unseen = 1.0 - seen
    count = unseen.sum(dim=1)
    return (unseen * said).sum(dim=1) / count.clamp(min=1.0), count


def _unseen_error(said: Tensor, y: Tensor, seen: Tensor) -> Tensor:
    """Mean squared error on unseen experiments, shape `m`; 0 if members saw everything."""
    mean, count = _unseen_mean(said, seen)
    known = (count > 0).to(y)
    return (known * (mean - y).square()).sum(dim=1) / known.sum(dim=1).clamp(min=1.0)


def _noise_variance(said: Tensor, y: Tensor, seen: Tensor) -> Tensor:
    """What the members' disagreement does not explain of the error, shape `m`."""
    mean, count = _unseen_mean(said, seen)
    mean = torch.where(count > 0, mean, said.mean(dim=1))
    explained = said.var(dim=1) * (1.0 + 1.0 / count.clamp(min=1.0))
    return ((mean - y).square() - explained).mean(dim=1).clamp(min=SMALLEST_NOISE)
