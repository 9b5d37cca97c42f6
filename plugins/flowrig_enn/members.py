"""Members of one response whose last layers are solved exactly.

Letters: `n` conditions, `d` dimensions, `k` members, `h` hidden units, `e` experiments.
"""

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from flowrig_enn.evidence import Hyperparameters, level
from flowrig_enn.hidden import HiddenLayers

__all__ = ["Members", "Said"]

Array = NDArray[np.float64]

LEAST_VARIANCE = 1e-9
"""Of the noise-free response, in units of its prior variance."""


@frozen(eq=False)
class Members:
    """What each member has learnt.

    A member's response is its level plus its hidden units times the weights of its last layer. The
    posterior of these weights is normal and has a closed form, so that a member is sure where
    measurements are and doubts where they are not.

    Attributes:
        hidden: the hidden layers.
        relevance: factor on each condition, shape `d`.
        signal: prior variance of the noise-free response.
        noise: variance of repeated measurements.
        levels: where nothing was measured, shape `k`.
        weights: mean of the last layers, shape `k x h`.
        known: what the measurements took from the variance, as vectors along the units whose
            squares are subtracted, shape `k x e x h`.
        noise_root: what noise in the measurements does along these vectors, shape `k x e x e`.
        left_out_mean: of each measurement, as the others foretell it to each member, `k x e`.
        left_out_variance: likewise, noise included, shape `k x e`.
    """

    hidden: HiddenLayers
    relevance: Tensor
    signal: float
    noise: float
    levels: Tensor
    weights: Tensor
    known: Tensor
    noise_root: Tensor
    left_out_mean: Array
    left_out_variance: Array

    @classmethod
    def conditioned(
        cls, X: Tensor, z: Tensor, hidden: HiddenLayers, found: Hyperparameters
    ) -> "Members":
        """Solve the last layers for measurements.

        Args:
            X: conditions about the middle of the unit cube, shape `e x d`.
            z: standardized measurements, shape `e`.
            hidden: the members' hidden layers.
            found: what the members have in common.
        """
        relevance = torch.as_tensor(found.relevance).to(X)
        units = hidden(X * relevance)
        covariance = found.signal * torch.bmm(units, units.mT)
        covariance.diagonal(dim1=1, dim2=2).add_(found.noise)
        root = torch.linalg.cholesky(covariance)
        precision = torch.cholesky_inverse(root)
        levels = level(precision, z)
        alpha = torch.bmm(precision, (z - levels)[:, :, None])
        # Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, equation 5.12.
        variance = 1.0 / precision.diagonal(dim1=1, dim2=2)
        noise = found.noise**0.5 * torch.eye(len(z)).to(root).expand_as(root)
        return cls(
            hidden,
            relevance,
            found.signal,
            found.noise,
            levels[:, 0],
            found.signal * torch.bmm(alpha.mT, units)[:, 0],
            found.signal * torch.linalg.solve_triangular(root, units, upper=False),
            torch.linalg.solve_triangular(root, noise, upper=False),
            (z - alpha[:, :, 0] * variance).cpu().numpy(),
            variance.cpu().numpy(),
        )

    def at(self, X: Tensor) -> "Said":
        """What they say of conditions about the middle of the unit cube, shape `n x d`."""
        units = self.hidden(X * self.relevance)
        means = self.levels[:, None] + torch.bmm(units, self.weights[:, :, None])[:, :, 0]
        told = torch.bmm(units, self.known.mT)
        # The squares of a condition's units sum to 1, see `HiddenLayers`.
        doubt = self.signal - told.square().sum(dim=2)
        doubt = doubt.clamp(min=LEAST_VARIANCE * self.signal)
        variance = doubt.mean(dim=0) + means.var(dim=0, correction=0)
        return Said(self, units, means, told, _numbers(means.mean(dim=0)), _numbers(variance))

    def left_out(self) -> tuple[Array, Array]:
        """Mean and variance of each measurement as the others foretell it, shape `e` each."""
        mean = self.left_out_mean.mean(axis=0)
        return mean, self.left_out_variance.mean(axis=0) + self.left_out_mean.var(axis=0)


@frozen(eq=False)
class Said:
    """What members say of conditions, as a mixture in equal parts.

    Attributes:
        members: who says it.
        units: their hidden units there, shape `k x n x h`.
        means: of each member, shape `k x n`.
        told: `units` along what the measurements told, shape `k x n x e`.
        mean: expected noise-free response, shape `n`.
        variance: of the noise-free response, shape `n`: what the members are unsure of, and what
            they disagree on.
    """

    members: Members
    units: Tensor
    means: Tensor
    told: Tensor
    mean: Array
    variance: Array

    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of `mean` and `variance` along the conditions, shape `n x d` each."""
        members, share = self.members, 1.0 / len(self.means)
        weights = members.weights[:, None]
        mean = share * weights.expand_as(self.units)
        own = -torch.bmm(self.told, members.known)
        off = (self.means - self.means.mean(dim=0))[:, :, None]
        variance = 2.0 * share * (own + off * weights)
        along_mean, along_variance = (
            _numbers(members.hidden.slopes(self.units, pull) * members.relevance)
            for pull in (mean, variance)
        )
        return along_mean, along_variance

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free response, shape `s x n`: the members take turns.

        Last layers are drawn by Matheron's rule: weights from the prior, corrected by what the
        measurements, with noise that is drawn too, tell of them.
        """
        members, k = self.members, len(self.means)
        each = -(-count // k)
        _, experiments, width = members.known.shape
        own = torch.as_tensor(rng.standard_normal((k, width, each))).to(self.means)
        noise = torch.as_tensor(rng.standard_normal((k, experiments, each))).to(self.means)
        foretold = torch.bmm(members.known, own) / members.signal**0.5
        surprise = foretold + torch.bmm(members.noise_root, noise)
        drawn = members.signal**0.5 * own - torch.bmm(members.known.mT, surprise)
        responses = self.means[:, :, None] + torch.bmm(self.units, drawn)
        return _numbers(responses.permute(2, 0, 1).reshape(each * k, -1)[:count])


def _numbers(values: Tensor) -> Array:
    return np.asarray(values.cpu().numpy())
