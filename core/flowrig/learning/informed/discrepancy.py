"""How new measurements differ from what earlier ones predict, learnt from hardly any of them.

A Gaussian process around zero with the covariance `A² (1 + x·z + exp(-|x - z|² / 2 l²))`, where `x`
and `z` are conditions from the middle of the unit cube: an offset, a trend along each condition and
a smooth difference, all of the same size. Size `A` and length `l` are those of a small grid that
make the differences most probable, together with how probable they are beforehand (maximum a
posteriori), so that no experiment is needed, and the first few say something. Letters: `n`
experiments, `d` conditions, `m` responses.
"""

from itertools import product

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces import NormalPosterior, Surrogate, SurrogateSettings

__all__ = ["Discrepancy"]

Array = NDArray[np.float64]

SIZES = (0.125, 0.25, 0.5, 1.0, 2.0)
"""Sizes `A` of the difference that are compared, in standard deviations of the response."""
LENGTHS = (0.4, 0.8)
"""Lengths `l` that are compared, in ranges of a condition."""
SPREAD = 0.7
"""Standard deviation of the logarithm of the size beforehand: two thirds within a factor of 2."""
MIDDLE = 0.5
"""Where a trend is zero, along each condition."""
JITTER = 1e-9
"""Added to the diagonal, in variances of the response, so that a repeated condition is solvable."""


@frozen
class _Beforehand:
    """What is known of a response before its differences are measured.

    Attributes:
        scale: standard deviation of the response.
        noise_sd: standard deviation of a measurement.
        usual: expected size of the difference, in scales.
    """

    scale: float
    noise_sd: float
    usual: float


@frozen(eq=False)
class _Process:
    """The difference of one response.

    Attributes:
        size: `A` in the unit of the response.
        length: `l`.
        root: Cholesky root of the covariance of the measurements, shape `n x n`.
        weights: the inverse covariance times the differences, shape `n`.
        evidence: logarithm of the probability of size, length and differences.
    """

    size: float
    length: float
    root: Array
    weights: Array
    evidence: float

    @classmethod
    def of(
        cls, X: Array, r: Array, known: _Beforehand, relative: float, length: float
    ) -> "_Process":
        """The process of a size, in scales, and a length.

        Args:
            X: conditions, shape `n x d`.
            r: differences, shape `n`.
            known: of the response.
            relative: the size in scales.
            length: the length.
        """
        size = relative * known.scale
        covariance = _covariance(X, X, size, length)
        covariance += (known.noise_sd**2 + JITTER * known.scale**2) * np.eye(len(X))
        root = np.asarray(np.linalg.cholesky(covariance), dtype=float)
        weights = np.linalg.solve(root.T, np.linalg.solve(root, r))
        evidence = -0.5 * float(r @ weights) - float(np.log(np.diag(root)).sum())
        evidence -= 0.5 * (np.log(relative / known.usual) / SPREAD) ** 2
        return cls(size, length, root, weights, evidence)


def _covariance(X: Array, Z: Array, size: float, length: float) -> Array:
    square = np.square(X[:, None] - Z[None]).sum(axis=-1)
    trend = (X - MIDDLE) @ (Z - MIDDLE).T
    return np.asarray(size**2 * (1.0 + trend + np.exp(-0.5 * square / length**2)))


class Discrepancy(Surrogate):
    """Differences of measurements from predictions; it can be fitted to none.

    Args:
        scale: standard deviation of each response in the earlier experiments, shape `m`; a response
            beyond them gets the largest of its measurements.
        noise_sd: standard deviation of a measurement of each, shape `m`.
        usual: size of the difference that is expected, in scales.
    """

    def __init__(self, scale: Array, noise_sd: Array, usual: float) -> None:
        super().__init__(SurrogateSettings())
        self._scale, self._noise_sd, self._usual = scale, noise_sd, usual
        self._processes: tuple[_Process, ...] = ()

    @property
    def least_experiments(self) -> int:
        """None."""
        return 0

    def _do_fit(self, X: Array, Y: Array) -> None:
        self._X, self._Y = X, Y
        self._processes = tuple(self._fitted(X, y, j) for j, y in enumerate(Y.T))

    def _fitted(self, X: Array, y: Array, j: int) -> _Process:
        known = j < len(self._scale)
        scale = float(self._scale[j]) if known else float(np.abs(y).max(initial=0.0))
        noise_sd = float(self._noise_sd[j]) if known else 0.05 * scale
        beforehand = _Beforehand(max(scale, 1e-12), noise_sd, self._usual)
        each = (_Process.of(X, y, beforehand, *form) for form in product(SIZES, LENGTHS))
        return max(each, key=lambda one: one.evidence)

    def _do_predict(self, X: Array) -> "_Differences":
        count = len(self._processes)
        noise_sd = np.zeros(count)
        noise_sd[: len(self._noise_sd)] = self._noise_sd[:count]
        return _Differences(self._processes, self._X, X, noise_sd)

    def _do_unseen(self) -> tuple[Array, Array]:
        """In closed form (Rasmussen & Williams, 2006, eq. 5.12)."""
        means, sds = np.empty_like(self._Y), np.empty_like(self._Y)
        for j, one in enumerate(self._processes):
            inverse = np.linalg.inv(one.root @ one.root.T)
            variance = 1.0 / np.diag(inverse)
            means[:, j] = self._Y[:, j] - one.weights * variance
            sds[:, j] = np.sqrt(variance)
        return means, sds


class _Differences(NormalPosterior):
    """The differences at conditions, in natural units."""

    def __init__(
        self, processes: tuple[_Process, ...], measured: Array, X: Array, noise_sd: Array
    ) -> None:
        self._processes, self._measured, self._X = processes, measured, X
        self._noise_sd = noise_sd
        self._cross = [_covariance(X, measured, one.size, one.length) for one in processes]
        self._solved = [
            np.linalg.solve(one.root.T, np.linalg.solve(one.root, cross.T)).T
            for one, cross in zip(processes, self._cross, strict=True)
        ]

    @property
    def latent_mean(self) -> Array:
        """As `NormalPosterior.latent_mean`."""
        pairs = zip(self._cross, self._processes, strict=True)
        return np.stack([cross @ one.weights for cross, one in pairs], axis=-1)

    @property
    def latent_sd(self) -> Array:
        """As `NormalPosterior.latent_sd`."""
        own = 2.0 + np.square(self._X - MIDDLE).sum(axis=1)
        variances = [
            own * one.size**2 - (cross * solved).sum(axis=1)
            for one, cross, solved in zip(self._processes, self._cross, self._solved, strict=True)
        ]
        return np.asarray(np.sqrt(np.maximum(np.stack(variances, axis=-1), 1e-300)))

    def latent_gradients(self) -> tuple[Array, Array]:
        """As `NormalPosterior.latent_gradients`."""
        sd, means, sds = self.latent_sd, [], []
        for j, one in enumerate(self._processes):
            away = (self._measured[None] - self._X[:, None]) / one.length**2
            trend = (self._X - MIDDLE) @ (self._measured - MIDDLE).T
            bell = self._cross[j] - one.size**2 * (1.0 + trend)
            along = bell[..., None] * away + one.size**2 * (self._measured - MIDDLE)
            means.append(np.einsum("nkd,k->nd", along, one.weights))
            fall = np.einsum("nkd,nk->nd", along, self._solved[j])
            sds.append((one.size**2 * (self._X - MIDDLE) - fall) / sd[:, j, None])
        return np.stack(means, axis=1), np.stack(sds, axis=1)

    def natural(self, latent: Array) -> Array:
        """Unchanged."""
        return latent

    def natural_slope(self, latent: Array) -> Array:
        """One everywhere."""
        return np.ones_like(latent)

    @property
    def mean(self) -> Array:
        """Expected difference, shape `n x m`."""
        return self.latent_mean

    @property
    def sd(self) -> Array:
        """Standard deviation of a new difference, noise included, shape `n x m`."""
        return np.asarray(np.hypot(self.latent_sd, self._noise_sd))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Joint samples of the noise-free differences, shape `s x n x m`."""
        drawn = []
        for one, cross, solved in zip(self._processes, self._cross, self._solved, strict=True):
            covariance = _covariance(self._X, self._X, one.size, one.length) - cross @ solved.T
            values, vectors = np.linalg.eigh(covariance)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            drawn.append(rng.standard_normal((count, len(root))) @ root.T)
        return np.asarray(self.latent_mean + np.stack(drawn, axis=-1))
