"""Lifetimes from a histogram of single photons, by maximum likelihood.

The emission after a short pulse is `I(t) = sum_i a_i exp(-t / tau_i)`. Two means of several
lifetimes are in use (Lakowicz, Principles of Fluorescence Spectroscopy, 3rd ed., Springer 2006,
section 4.1; Fišerová & Kubala, J. Lumin. 2012, 132, 2059):

- weighted by amplitude: `sum a_i tau_i / sum a_i`, which is proportional to the quantum yield;
- weighted by intensity: `sum a_i tau_i**2 / sum a_i tau_i`, the mean time of a photon.

Counts are Poisson numbers, so that `2 sum(m - n + n ln(n / m))` is minimized over the bins, with
`n` counts where the model expects `m`. Least squares would read too short lifetimes where counts
are few (Maus et al., Anal. Chem. 2001, 73, 2078). The minimum is found by the method of Levenberg
and Marquardt with the expected curvature (Laurence & Chromy, Nat. Methods 2010, 7, 338), whose
inverse at the minimum is the covariance.

Letters: `p` bins, `k` parameters.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["Decay", "fit_decay"]

Array = NDArray[np.float64]

STARTS: dict[int, Sequence[tuple[float, ...]]] = {
    1: ((1.0,), (3.0,)),
    2: ((0.4, 2.0), (0.15, 1.3), (0.8, 5.0)),
}
"""Lifetimes from which a search starts, in units of the mean time of a photon."""
ITERATIONS = 60
ENOUGH = 1e-8
"""Relative change of the deviance below which a search ends."""
STEP = 1e-6
"""Step of the parameters for derivatives."""
_ERFC = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806,
    0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
)  # fmt: skip


@frozen(kw_only=True)
class Decay:
    """Lifetimes and amplitudes of a decay, each with its standard deviation.

    Attributes:
        lifetimes_ns: lifetimes [ns], the shortest first.
        amplitudes: shares of the amplitudes; their sum is 1.
        amplitude_mean_ns: mean lifetime [ns] weighted by amplitude, and its standard deviation.
        intensity_mean_ns: mean lifetime [ns] weighted by intensity, and its standard deviation.
        lifetime_sds_ns: standard deviations of the lifetimes [ns].
        offset: counts in every bin that do not decay.
        misfit: deviance for each degree of freedom; about 1 where the model holds and bins hold
            some 10 counts or more.
        evidence: by how much the deviance is smaller than that of counts that do not decay; about 2
            where they do not.
        curve: counts that the model expects, shape `p`.
    """

    lifetimes_ns: tuple[float, ...]
    amplitudes: tuple[float, ...]
    amplitude_mean_ns: tuple[float, float]
    intensity_mean_ns: tuple[float, float]
    lifetime_sds_ns: tuple[float, ...]
    offset: float
    misfit: float
    evidence: float
    curve: Array


def fit_decay(
    counts: Array, times_ns: Array, exponentials: int, pulse_ns: float, sd_ns: float | None = None
) -> Decay | None:
    """Fit exponentials and an offset to a histogram.

    Args:
        counts: photons in every bin, shape `p`.
        times_ns: middle of every bin [ns], evenly spaced, shape `p`.
        exponentials: number of lifetimes, 1 or 2.
        pulse_ns: when the pulse arrives [ns]; with `sd_ns` a first estimate, which is fitted too.
        sd_ns: standard deviation [ns] of a Gaussian response of the instrument; None to fit bins
            behind the pulse without one.

    Returns:
        the decay; None if the search finds none.
    """
    model = _Model(times_ns, exponentials, pulse_ns, sd_ns)
    after = np.maximum(times_ns - pulse_ns, 0.0)
    offset = float(np.quantile(counts, 0.05))
    above = np.maximum(counts - offset, 0.0)
    if not above.sum() > 0.0:
        return None
    mean_ns = max(float((above * after).sum() / above.sum()), model.bin_ns)
    best: tuple[float, Array] | None = None
    for factors in STARTS[exponentials]:
        taus = [factor * mean_ns for factor in factors]
        height = max(float(above.max()), 1.0) / exponentials
        start = [*np.log(taus), *([math.log(height)] * exponentials), offset]
        found = _search(model, counts, np.array([*start, 0.0] if sd_ns is not None else start))
        if best is None or found[0] < best[0]:
            best = found
    assert best is not None
    deviance, parameters = best
    if not (math.isfinite(deviance) and np.isfinite(parameters).all()):
        return None
    return _decay(model, counts, parameters, deviance)


class _Model:
    """Expected counts from parameters: logarithms of lifetimes and heights, offset, shift.

    The heights are those at the pulse.
    """

    def __init__(
        self, times_ns: Array, exponentials: int, pulse_ns: float, sd_ns: float | None
    ) -> None:
        self.count = exponentials
        self.bin_ns = float(times_ns[-1] - times_ns[0]) / (len(times_ns) - 1)
        self._after_ns = times_ns - pulse_ns
        span_ns = float(times_ns[-1] - times_ns[0])
        self._log_ns = (math.log(self.bin_ns / 20.0), math.log(50.0 * span_ns))
        # A bin is as wide as a uniform response, which has this variance.
        self._sd_ns = None if sd_ns is None else math.hypot(sd_ns, self.bin_ns / math.sqrt(12.0))

    def within(self, parameters: Array) -> Array:
        """The nearest parameters that are possible."""
        n, found = self.count, parameters.copy()
        found[:n] = np.clip(found[:n], *self._log_ns)
        found[n : 2 * n] = np.clip(found[n : 2 * n], -20.0, 60.0)
        found[2 * n] = max(found[2 * n], 0.0)
        return found

    def expected(self, parameters: Array) -> Array:
        """Counts in every bin, shape `p`."""
        n = self.count
        taus, heights = np.exp(parameters[:n]), np.exp(parameters[n : 2 * n])
        total = np.full(self._after_ns.size, parameters[2 * n])
        for tau_ns, height in zip(taus, heights, strict=True):
            if self._sd_ns is None:
                half = self.bin_ns / 2.0 / tau_ns
                width = math.sinh(half) / half  # mean over a bin, in units of its middle
                total += height * width * np.exp(-self._after_ns / tau_ns)
            else:
                shifted = self._after_ns - parameters[2 * n + 1]
                total += height * _smeared(shifted, float(tau_ns), self._sd_ns)
        return np.asarray(np.maximum(total, 1e-9))


def _smeared(times_ns: Array, tau_ns: float, sd_ns: float) -> Array:
    """An exponential from 0 on after a Gaussian response (exponentially modified Gaussian).

    `exp(r**2 / 2 - t / tau) erfc((r - t / sd) / sqrt(2)) / 2` with `r = sd / tau`. The parts are
    multiplied in the exponent, where the first would be infinite and the second 0.
    """
    ratio = sd_ns / tau_ns
    argument = (ratio - times_ns / sd_ns) / math.sqrt(2.0)
    rest = 0.5 * _scaled_erfc(np.abs(argument)) * np.exp(-0.5 * (times_ns / sd_ns) ** 2)
    plain = np.exp(np.minimum(ratio**2 / 2.0 - times_ns / tau_ns, 0.0))
    return np.asarray(np.where(argument < 0.0, plain - rest, rest))


def _scaled_erfc(x: Array) -> Array:
    """`exp(x**2) erfc(x)` for `x >= 0`, with a relative error below 1.2e-7.

    The approximation of Press et al., Numerical Recipes, 2nd ed., Cambridge 1992, section 6.2.
    """
    t = 1.0 / (1.0 + 0.5 * x)
    power = np.zeros_like(t)
    for coefficient in reversed(_ERFC):
        power = power * t + coefficient
    return np.asarray(t * np.exp(power))


def _deviance(counts: Array, expected: Array) -> float:
    some = counts > 0
    logs = counts[some] * np.log(counts[some] / expected[some])
    return float(2.0 * ((expected - counts).sum() + logs.sum()))


def _search(model: _Model, counts: Array, start: Array) -> tuple[float, Array]:
    """Deviance and parameters of a minimum."""
    parameters = model.within(start)
    expected = model.expected(parameters)
    deviance, damping = _deviance(counts, expected), 1e-3
    for _ in range(ITERATIONS):
        slopes = _slopes(model.expected, parameters)
        gradient = slopes.T @ (1.0 - counts / expected)
        curvature = slopes.T @ (slopes / expected[:, None])
        while damping < 1e12:
            damped = curvature + damping * np.diag(np.maximum(np.diag(curvature), 1e-12))
            tried = model.within(parameters - np.linalg.solve(damped, gradient))
            now = model.expected(tried)
            after = _deviance(counts, now)
            if after <= deviance:
                break
            damping *= 4.0
        else:
            break
        gain, deviance = deviance - after, after
        parameters, expected, damping = tried, now, max(damping / 9.0, 1e-12)
        if gain <= ENOUGH * max(deviance, 1.0):
            break
    return deviance, parameters


def _slopes(function: Callable[[Array], Array], at: Array) -> Array:
    """Derivatives by every parameter, shape `p x k`."""
    columns, here = [], function(at)
    for index, value in enumerate(at):
        step = np.zeros_like(at)
        step[index] = STEP * max(abs(value), 1.0)
        columns.append((function(at + step) - here) / step[index])
    return np.column_stack(columns)


def _decay(model: _Model, counts: Array, parameters: Array, deviance: float) -> Decay:
    n = model.count
    order = np.argsort(parameters[:n])
    parameters[:n], parameters[n : 2 * n] = parameters[order], parameters[n + order]
    expected = model.expected(parameters)
    slopes = _slopes(model.expected, parameters)
    free = np.ones(len(parameters), dtype=bool)
    free[2 * n] = parameters[2 * n] > 0.0  # an offset that would be negative is no parameter
    curvature = slopes[:, free].T @ (slopes[:, free] / expected[:, None])
    covariance = np.zeros((len(parameters), len(parameters)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(curvature, hermitian=True)
    taus = np.exp(parameters[:n])
    heights = np.exp(parameters[n : 2 * n])

    def with_sd(mean: Callable[[Array], Array]) -> tuple[float, float]:
        slope = _slopes(mean, parameters)[0]
        return float(mean(parameters)[0]), math.sqrt(max(float(slope @ covariance @ slope), 0.0))

    return Decay(
        lifetimes_ns=tuple(taus.tolist()),
        amplitudes=tuple((heights / heights.sum()).tolist()),
        amplitude_mean_ns=with_sd(lambda one: _mean_ns(one, n, 0)),
        intensity_mean_ns=with_sd(lambda one: _mean_ns(one, n, 1)),
        lifetime_sds_ns=tuple((taus * np.sqrt(np.diag(covariance)[:n])).tolist()),
        offset=float(parameters[2 * n]),
        misfit=deviance / max(counts.size - int(free.sum()), 1),
        evidence=_deviance(counts, np.full(counts.size, counts.mean())) - deviance,
        curve=expected,
    )


def _mean_ns(parameters: Array, count: int, power: int) -> Array:
    """Mean lifetime [ns]: weighted by amplitude for 0, by intensity for 1; shape `1`."""
    taus, heights = np.exp(parameters[:count]), np.exp(parameters[count : 2 * count])
    weights = heights * taus**power
    return np.array([(weights * taus).sum() / weights.sum()])
