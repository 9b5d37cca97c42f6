"""Whether features are stationary: the drift of the last few looks, by linear regression.

A straight line is fitted to the last `k` values by least squares; its rise over their span, as a
share of their mean, is the drift. This is the direct approach of Bethea & Rhinehart (Applied
Engineering Statistics, Dekker 1991), as in Kelly & Hedengren (J. Process Control 2013, 23, 326),
with a bound on the drift instead of a test of significance: with few noisy values such a test takes
a step for noise. The t value of the slope is reported beside the drift.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen

__all__ = ["Look", "Steadiness", "assess_steadiness", "drift"]


@frozen(kw_only=True)
class Look:
    """Features at one moment on the way to the steady state.

    Attributes:
        residence_times: time since the pumps started, in residence times τ.
        values: features by name.
    """

    residence_times: float
    values: Mapping[str, float]


@frozen(kw_only=True)
class Steadiness:
    """The result of the wait for a steady state.

    Attributes:
        reached: whether all features were stationary.
        residence_times: time of the last look since the pumps started, in residence times τ.
        drifts: by feature: relative drift over the last looks, and the t value of its slope.
        looks: all looks, in order.
    """

    reached: bool
    residence_times: float
    drifts: Mapping[str, tuple[float, float]] = field(factory=dict)
    looks: Sequence[Look] = ()

    @property
    def worst(self) -> str:
        """The feature that drifts most."""
        return max(self.drifts, key=lambda name: _size(self.drifts[name][0]), default="")


def drift(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Relative drift over the span of some times, and the t value of the slope.

    Args:
        times: at least 3, rising, shape `k`.
        values: of one feature, shape `k`.

    Returns:
        rise of the fitted line from the first time to the last over the mean, nan where a value is
        not finite or the mean is 0; slope over its standard error, infinite without scatter.
    """
    t, y = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    mean = float(y.mean())
    if not np.isfinite(y).all() or mean == 0.0:
        return math.nan, math.nan
    centred = t - t.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    residual = y - mean - slope * centred
    error = math.sqrt(float(residual @ residual) / (len(t) - 2) / spread)
    t_value = slope / error if error > 0.0 else math.copysign(math.inf, slope) if slope else 0.0
    return slope * float(t[-1] - t[0]) / abs(mean), t_value


def assess_steadiness(
    looks: Sequence[Look], features: Sequence[str], count: int, tolerance: float
) -> Steadiness:
    """Whether features are stationary over the last looks.

    Args:
        looks: all looks so far, at least one.
        features: features that have to be stationary.
        count: number of looks, at least 3; with fewer looks the result is "not reached".
        tolerance: largest relative drift over them.
    """
    now = looks[-1].residence_times
    if len(looks) < count:
        return Steadiness(reached=False, residence_times=now, looks=tuple(looks))
    last = looks[-count:]
    times = [look.residence_times for look in last]
    drifts = {name: drift(times, [look.values[name] for look in last]) for name in features}
    reached = all(_size(relative) <= tolerance for relative, _ in drifts.values())
    return Steadiness(reached=reached, residence_times=now, drifts=drifts, looks=tuple(looks))


def _size(relative: float) -> float:
    """Size of a drift; one without a value counts as infinite, so that it is never stationary."""
    return abs(relative) if math.isfinite(relative) else math.inf
