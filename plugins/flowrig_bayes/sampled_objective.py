"""The objective under a surrogate's posterior, and its derivatives along the conditions.

Letters: `s` samples, `n` conditions, `d` parameters, `m` responses.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from scipy.special import ndtri

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate
from flowrig.problem.objective import Objective

__all__ = ["SampledObjective", "stratified_normals"]

Array = NDArray[np.float64]

STEP = 1e-5
"""Relative step of the central differences for the derivatives of the objective."""


@frozen(eq=False)
class SampledObjective:
    """Posterior samples of the objective, with the same random numbers at all conditions.

    Attributes:
        surrogate: a fitted model of the responses.
        objective: a function of the responses.
        is_response: whether the objective is the last response itself.
        normals: independent standard normal numbers, shape `s x m`.
        floor: replaces values of the objective that are not finite.
    """

    surrogate: Surrogate
    objective: Objective
    is_response: bool
    normals: Array
    floor: float

    def samples(self, U: Array) -> Array:
        """Samples at points of the unit cube, shape `s x n`."""
        return self.of(self.surrogate.predict(U))

    def of(self, posterior: Posterior) -> Array:
        """Samples of the objective from a posterior, shape `s x n`."""
        if isinstance(posterior, NormalPosterior):
            responses = posterior.natural(self._latent(posterior))
        else:
            responses = posterior.sample(len(self.normals), np.random.default_rng(0))
        values = self.objective.value(responses)
        return np.where(np.isfinite(values), values, self.floor)

    def slopes(self, posterior: NormalPosterior, weights: Array) -> Array:
        """Derivatives along the conditions of a function of the objective's samples.

        Args:
            posterior: at `n` conditions.
            weights: derivatives of the function along the samples, shape `s x n`.

        Returns:
            shape `n x d`.
        """
        latent = self._latent(posterior)
        upstream = weights[..., None] * self._along_responses(posterior.natural(latent))
        upstream = upstream * posterior.natural_slope(latent)
        mean, sd = posterior.latent_gradients()
        along_sd = np.einsum("snm,sm->nm", upstream, self.normals)
        by_mean = np.einsum("nm,nmd->nd", upstream.sum(axis=0), mean)
        return np.asarray(by_mean + np.einsum("nm,nmd->nd", along_sd, sd))

    def is_normal(self, posterior: Posterior) -> bool:
        """Whether the objective is a response that is modelled without a transform."""
        if not (self.is_response and isinstance(posterior, NormalPosterior)):
            return False
        ends = posterior.latent_mean + posterior.latent_sd * np.array([[[-1.0]], [[1.0]]])
        return bool(np.array_equal(posterior.natural(ends)[..., -1], ends[..., -1]))

    def _latent(self, posterior: NormalPosterior) -> Array:
        return posterior.latent_mean + posterior.latent_sd * self.normals[:, None, :]

    def _along_responses(self, responses: Array) -> Array:
        """Derivatives of the objective along responses, shape `s x n x m`; 0 where undefined.

        By central differences, because an objective does not provide derivatives.
        """
        slopes = np.empty_like(responses)
        for j in range(responses.shape[-1]):
            step = STEP * (np.abs(responses[..., j]) + 1e-3 * np.abs(responses[..., j]).max())
            step = np.maximum(step, 1e-12)  # a response that is 0 everywhere has no scale
            above, below = responses.copy(), responses.copy()
            above[..., j] += step
            below[..., j] -= step
            rise = self.objective.value(above) - self.objective.value(below)
            slopes[..., j] = rise / (2.0 * step)
        return np.where(np.isfinite(slopes), slopes, 0.0)


def stratified_normals(count: int, responses: int, rng: np.random.Generator) -> Array:
    """Stratified standard normal numbers: one in each of `s` intervals of equal probability.

    Args:
        count: number of samples `s`.
        responses: number of responses `m`.
        rng: draws the pairing between the intervals of different responses.

    Returns:
        shape `s x m`.
    """
    middles = ndtri((np.arange(count) + 0.5) / count)
    return np.stack([rng.permutation(middles) for _ in range(responses)], axis=1)
