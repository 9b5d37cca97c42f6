"""A Bayesian polynomial; replace it by your own model."""

from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import Posterior, Surrogate

from .surrogate_settings import TemplateSurrogateSettings

Array = NDArray[np.float64]

ROUNDS = 10
"""Iterations of the noise estimate."""


@frozen(eq=False)
class _Weights:
    """Posterior of the weights of one response, in standard deviations of the response."""

    mean: Array
    root: Array
    noise_sd: float


class _Polynomials(Posterior):
    """Posterior of `m` polynomials, one for each response, at `n` conditions."""

    def __init__(self, features: Array, weights: list[_Weights], offset: Array, scale: Array):
        self._features = features
        self._weights = weights
        self._offset = offset
        self._scale = scale

    @property
    def mean(self) -> Array:
        columns = [self._features @ one.mean for one in self._weights]
        return np.asarray(self._offset + self._scale * np.stack(columns, axis=1))

    @property
    def sd(self) -> Array:
        columns = [
            np.hypot(np.linalg.norm(self._features @ one.root, axis=1), one.noise_sd)
            for one in self._weights
        ]
        return np.asarray(self._scale * np.stack(columns, axis=1))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        draws = [
            (one.mean + rng.standard_normal((count, len(one.mean))) @ one.root.T) @ self._features.T
            for one in self._weights
        ]
        return np.asarray(self._offset + self._scale * np.stack(draws, axis=-1))


class TemplateSurrogate(Surrogate):
    """Bayesian linear regression on powers of the conditions.

    Source: Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3; the noise is
    estimated by iterations of section 3.5.2. The seed has no effect, as the fit is not random.
    """

    settings: TemplateSurrogateSettings
    _weights: tuple[_Weights, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """Noise of each response, in standard deviations of the response."""
        return {"noise_sd": [one.noise_sd for one in self._weights]}

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._offset = Y.mean(axis=0)
        spread = Y.std(axis=0)
        self._scale = np.where(spread > 1e-9 * np.abs(Y).max(axis=0), spread, 1.0)
        features = self._features(X)
        responses = ((Y - self._offset) / self._scale).T
        self._weights = tuple(self._learn(features, response) for response in responses)

    def _do_predict(self, X: Array) -> Posterior:
        return _Polynomials(self._features(X), list(self._weights), self._offset, self._scale)

    def _learn(self, features: Array, response: Array) -> _Weights:
        n, noise_sd = len(response), 0.1
        prior = np.eye(features.shape[1]) / self.settings.prior_sd**2
        gram = features.T @ features
        for _ in range(ROUNDS):
            covariance = np.linalg.inv(prior + gram / noise_sd**2)
            mean = covariance @ features.T @ response / noise_sd**2
            known = float(np.trace(covariance @ gram)) / noise_sd**2
            squares = float(np.square(response - features @ mean).sum())
            noise_sd = max((squares / max(n - known, 1.0)) ** 0.5, self.settings.least_noise)
        return _Weights(mean, np.linalg.cholesky(covariance), noise_sd)

    def _features(self, X: Array) -> Array:
        """Products of up to `degree` conditions, scaled to -1…1, shape `n x f`."""
        U = 2.0 * X - 1.0
        columns = [
            U[:, list(chosen)].prod(axis=1)
            for power in range(self.settings.degree + 1)
            for chosen in combinations_with_replacement(range(U.shape[1]), power)
        ]
        return np.stack(columns, axis=1)
