"""Probabilities of Student's t, Fisher's F and χ², by the incomplete beta and gamma functions."""

import math
from collections.abc import Callable
from functools import lru_cache

__all__ = ["chi2_quantile", "f_sf", "student_quantile", "student_two_sided"]

TINY = 1e-300
PRECISE = 1e-14
MOST_TERMS = 10_000


@lru_cache(4096)  # a production is judged anew after every look
def student_two_sided(t: float, df: float) -> float:
    """Probability that |t| of Student's distribution is at least as large as this.

    Args:
        t: the statistic.
        df: degrees of freedom.
    """
    if math.isinf(t):
        return 0.0
    return _beta(df / 2.0, 0.5, df / (df + t * t))


@lru_cache(4096)
def student_quantile(p: float, df: float) -> float:
    """The t below which a share `p`, at least a half, of Student's distribution lies."""
    return _inverse(lambda t: 1.0 - student_two_sided(t, df) / 2.0, p)


def f_sf(f: float, df1: float, df2: float) -> float:
    """Probability that F is at least as large as this.

    Args:
        f: the statistic.
        df1: degrees of freedom of its numerator.
        df2: degrees of freedom of its denominator.
    """
    if f <= 0.0:
        return 1.0
    if math.isinf(f):
        return 0.0
    return _beta(df2 / 2.0, df1 / 2.0, df2 / (df2 + df1 * f))


def chi2_quantile(p: float, df: float) -> float:
    """The χ² below which a share `p` of its distribution lies."""
    return _inverse(lambda x: _gamma(df / 2.0, x / 2.0), p)


def _inverse(share: Callable[[float], float], p: float) -> float:
    """Where a rising function reaches `p`, by bisection from 0."""
    low, high = 0.0, 1.0
    while share(high) < p and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if share(middle) < p else (low, middle)
    return (low + high) / 2.0


def _beta(a: float, b: float, x: float) -> float:
    """Regularized incomplete beta function; its continued fraction is short on one side."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_fraction(b, a, 1.0 - x)
    return _beta_fraction(a, b, x)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The same by the continued fraction.

    Press, Teukolsky, Vetterling & Flannery, Numerical Recipes, 3rd ed. 2007, section 6.4.
    """
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    total = d
    for m in range(1, MOST_TERMS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _not_zero(1.0 + factor * d)
            c = _not_zero(1.0 + factor / c)
            total *= c * d
        if abs(c * d - 1.0) < PRECISE:
            break
    return front * total / a


def _gamma(a: float, x: float) -> float:
    """Regularized lower incomplete gamma function, by its series or its continued fraction.

    Press, Teukolsky, Vetterling & Flannery, Numerical Recipes, 3rd ed. 2007, section 6.2.
    """
    if x <= 0.0:
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * PRECISE:
                break
        return front * total
    b = x + 1.0 - a
    c, d = 1.0 / TINY, 1.0 / b
    total = d
    for n in range(1, MOST_TERMS):
        factor = -n * (n - a)
        b += 2.0
        d = 1.0 / _not_zero(factor * d + b)
        c = _not_zero(b + factor / c)
        total *= c * d
        if abs(c * d - 1.0) < PRECISE:
            break
    return 1.0 - front * total


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
