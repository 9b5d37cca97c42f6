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

__all__ = ["MemberPredictions", "Members"]

Array = NDArray[np.float64]

LEAST_VARIANCE = 1e-9
"""Of the noise-free response, in units of its prior variance."""


@frozen(eq=False)
class Members:
    """The members after the fit of their last layers.

    A member's response is a constant plus its hidden units times the weights of its last layer. The
    posterior of these weights is normal and has a closed form.

    Attributes:
        hidden: the hidden layers.
        relevance: factor on each condition, shape `d`.
        signal: prior variance of the noise-free response.
        noise: variance of repeated measurements.
        levels: constant mean of each member, shape `k`.
        weights: mean of the last layers, shape `k x h`.
        known: whitened covariance between measurements and units; the squares of its products with
            the units are the reduction of the variance; shape `k x e x h`.
        noise_root: noise of the measurements in the same whitened basis, shape `k x e x e`.
        left_out_mean: leave-one-out mean of each measurement by each member, shape `k x e`.
        left_out_variance: leave-one-out variance, with noise, shape `k x e`.
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
            found: hyperparameters of the members.
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

    def at(self, X: Tensor) -> "MemberPredictions":
        """Predictions at conditions about the center of the unit cube, shape `n x d`."""
        units = self.hidden(X * self.relevance)
        means = self.levels[:, None] + torch.bmm(units, self.weights[:, :, None])[:, :, 0]
        reductions = torch.bmm(units, self.known.mT)
        # The squares of a condition's units sum to 1, see `HiddenLayers`.
        member_variance = self.signal - reductions.square().sum(dim=2)
        member_variance = member_variance.clamp(min=LEAST_VARIANCE * self.signal)
        variance = member_variance.mean(dim=0) + means.var(dim=0, correction=0)
        return MemberPredictions(
            self, units, means, reductions, _numbers(means.mean(dim=0)), _numbers(variance)
        )

    def left_out(self) -> tuple[Array, Array]:
        """Leave-one-out mean and variance of each measurement, shape `e` each."""
        mean = self.left_out_mean.mean(axis=0)
        return mean, self.left_out_variance.mean(axis=0) + self.left_out_mean.var(axis=0)


@frozen(eq=False)
class MemberPredictions:
    """Predictions of all members at `n` conditions, an equally weighted mixture.

    Attributes:
        members: the fitted members.
        units: their hidden units there, shape `k x n x h`.
        means: of each member, shape `k x n`.
        reductions: products of `units` with `Members.known`, shape `k x n x e`.
        mean: expected noise-free response, shape `n`.
        variance: of the noise-free response, shape `n`: mean variance of the members plus the
            variance between their means.
    """

    members: Members
    units: Tensor
    means: Tensor
    reductions: Tensor
    mean: Array
    variance: Array

    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of `mean` and `variance` along the conditions, shape `n x d` each."""
        members, share = self.members, 1.0 / len(self.means)
        weights = members.weights[:, None]
        mean = share * weights.expand_as(self.units)
        own = -torch.bmm(self.reductions, members.known)
        off = (self.means - self.means.mean(dim=0))[:, :, None]
        variance = 2.0 * share * (own + off * weights)
        along_mean, along_variance = (
            _numbers(members.hidden.slopes(self.units, pull) * members.relevance)
            for pull in (mean, variance)
        )
        return along_mean, along_variance

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free response, shape `s x n`: the members take turns.

        Last layers are drawn by Matheron's rule: weights from the prior, corrected by the
        difference between the measurements and a draw of them from the prior with noise.
        """
        members, k = self.members, len(self.means)
        each = -(-count // k)
        _, experiments, width = members.known.shape
        own = torch.as_tensor(rng.standard_normal((k, width, each))).to(self.means)
        noise = torch.as_tensor(rng.standard_normal((k, experiments, each))).to(self.means)
        prior_draw = torch.bmm(members.known, own) / members.signal**0.5
        residual = prior_draw + torch.bmm(members.noise_root, noise)
        drawn = members.signal**0.5 * own - torch.bmm(members.known.mT, residual)
        responses = self.means[:, :, None] + torch.bmm(self.units, drawn)
        return _numbers(responses.permute(2, 0, 1).reshape(each * k, -1)[:count])


def _numbers(values: Tensor) -> Array:
    return np.asarray(values.cpu().numpy())
