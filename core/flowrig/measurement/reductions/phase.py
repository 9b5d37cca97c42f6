"""The analysis `phase`: length, velocity and share of slugs from what passes of a light.

A light gate sees the reactive phase as another level than the carrier. Two gates along the tube see
the same slugs one after the other, so that the time between them gives their velocity, and with it
the time for which a slug passes its length, as with the optical sensors of Kerr et al. 2019 (OVAL).
A detector with one level, such as a window of a spectrometer, gives the share and the frequency.

Letters: `n` frames, `p` gates.
"""

import math
from itertools import pairwise

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces.analysis import Looked, SeriesAnalysis
from flowrig.measurement.reductions.settings import PhaseSettings

__all__ = ["PhaseAnalysis"]

Array = NDArray[np.float64]

NAMES = (
    "reactive_share", "slugs", "frequency",
    "velocity", "velocity_sd", "slug_length", "slug_length_sd", "carrier_length",
)  # fmt: skip
LEAST_SEPARATION = 4.0
"""Difference of the two levels in standard deviations around them, from which on they are two. One
level with Gaussian noise that is cut in the middle gives 2.6."""
HYSTERESIS = 0.2
"""Part of the difference of the levels by which a level has to cross the middle to count."""
LEAST_FRAMES = 2.0
"""Frames in which a slug has to be seen, on average; else its length is doubtful."""


class PhaseAnalysis(SeriesAnalysis):
    """Slugs that pass.

    Args:
        settings: which phase is dark, and which wavelengths are looked at.
    """

    def __init__(self, settings: PhaseSettings) -> None:
        self._settings = settings

    def reduce_series(
        self, frames: Array, times_s: Array, axis: Array, dark: Array | None, light: Array | None
    ) -> Looked:
        """See `flowrig.interfaces.SeriesAnalysis`; the axis of the result is the time [s].

        The values are the level of the first gate.
        """
        del light
        levels, places = self._levels(frames if dark is None else frames - dark, axis)
        since_s = times_s - times_s[0]
        nothing = dict.fromkeys(NAMES, math.nan)
        if not (np.diff(since_s) > 0.0).all():
            words = "the frames have no times that rise, so that nothing can be followed"
            return Looked(np.arange(len(frames), dtype=float), levels[:, 0], nothing, (words,))
        seen = [self._slugs(levels[:, gate], since_s) for gate in (0, -1)[: len(places)]]
        if any(one is None for one in seen):
            words = "the phases cannot be told apart: only one passed, or the light is out"
            return Looked(since_s, levels[:, 0], nothing, (words,))
        first, *others = [one for one in seen if one is not None]
        found = {**nothing, **_alone(first)}
        flags = []
        if first.seconds.size and first.seconds.mean() < LEAST_FRAMES * first.step_s:
            share = first.seconds.mean() / first.step_s
            flags.append(f"a slug is seen in {share:.1f} frames; take frames faster")
        if others:
            found |= _followed(first, others[0], float(places[-1] - places[0]))
            if not math.isfinite(found["velocity"]):
                flags.append("no slug was followed from the first gate to the last")
        return Looked(since_s, levels[:, 0], found, tuple(flags))

    def _levels(self, frames: Array, axis: Array) -> tuple[Array, Array]:
        """Level of every gate, shape `n x p`, and the places of the gates."""
        if self._settings.window_nm is None:
            return frames, axis
        low, high = self._settings.window_nm
        inside = (low <= axis) & (axis <= high)
        if not inside.any():
            return np.full((len(frames), 1), math.nan), axis[:1]
        return frames[:, inside].mean(axis=1, keepdims=True), axis[:1]

    def _slugs(self, levels: Array, times_s: Array) -> "_Slugs | None":
        """The slugs that pass a gate; None if its levels are not two."""
        if not np.isfinite(levels).all():
            return None
        low, high, spread = _two_levels(levels)
        enough = high - low >= self._settings.least_contrast * abs(high)
        if not (enough and high - low > LEAST_SEPARATION * spread):
            return None
        is_dark = self._settings.reactive == "dark"
        shares = (high - levels if is_dark else levels - low) / (high - low)
        return _found(shares, times_s)


@frozen(eq=False)
class _Slugs:
    """Slugs at one gate.

    Attributes:
        shares: share of the reactive phase in every frame, shape `n`.
        times_s: time [s] of every frame, shape `n`.
        fronts_s: when slugs arrive [s].
        seconds: how long those slugs take to pass [s] that passed as a whole.
        gaps_s: time [s] from each slug to the next.
    """

    shares: Array
    times_s: Array
    fronts_s: Array
    seconds: Array
    gaps_s: Array

    @property
    def step_s(self) -> float:
        """Time [s] from one frame to the next."""
        return float(np.median(np.diff(self.times_s)))


def _two_levels(levels: Array) -> tuple[float, float, float]:
    """Lower and higher level, and the standard deviation around them.

    The levels are parted where the variance between both parts is largest (Otsu, IEEE Trans. Syst.
    Man Cybern. 1979, 9, 62).
    """
    if levels.size < 2:
        return float(levels[0]), float(levels[0]), 0.0
    ordered = np.sort(levels)
    count = np.arange(1, ordered.size)
    below = np.cumsum(ordered)[:-1] / count
    above = (ordered.sum() - np.cumsum(ordered)[:-1]) / (ordered.size - count)
    cut = int(np.argmax(count * (ordered.size - count) * (above - below) ** 2)) + 1
    low, high = ordered[:cut], ordered[cut:]
    spread = math.sqrt((low.var() * low.size + high.var() * high.size) / ordered.size)
    return float(low.mean()), float(high.mean()), spread


def _found(shares: Array, times_s: Array) -> _Slugs:
    """Fronts and ends of slugs, where the share of the reactive phase crosses one half."""
    state = np.where(shares > 0.5 + HYSTERESIS, 1, np.where(shares < 0.5 - HYSTERESIS, -1, 0))
    known = np.flatnonzero(state)
    fronts: list[float] = []
    ends: list[float] = []
    for before, after in pairwise(known):
        if state[before] == state[after]:
            continue
        part = slice(before, after + 1)
        rising = state[after] > 0
        x = shares[part] if rising else -shares[part]
        at_s = float(np.interp(0.5 if rising else -0.5, np.maximum.accumulate(x), times_s[part]))
        (fronts if rising else ends).append(at_s)
    fronts_s, ends_s = np.array(fronts), np.array(ends)
    whole = ends_s[ends_s > fronts_s[0]] if fronts_s.size else ends_s[:0]
    count = min(fronts_s.size, whole.size)
    seconds = whole[:count] - fronts_s[:count]
    gaps = min(count, fronts_s.size - 1)
    return _Slugs(shares, times_s, fronts_s, seconds, fronts_s[1 : gaps + 1] - whole[:gaps])


def _alone(slugs: _Slugs) -> dict[str, float]:
    """What one gate tells."""
    fronts_s = slugs.fronts_s
    turns = fronts_s.size - 1
    return {
        "reactive_share": float(np.clip(slugs.shares, 0.0, 1.0).mean()),
        "slugs": float(fronts_s.size),
        "frequency": turns / float(fronts_s[-1] - fronts_s[0]) if turns > 0 else math.nan,
    }


def _followed(first: _Slugs, last: _Slugs, distance_mm: float) -> dict[str, float]:
    """What two gates tell: velocity [mm/s] and lengths [mm] of the slugs that pass both."""
    lag_s = _lag_s(first, last)
    nothing = {"velocity": math.nan}
    if lag_s <= 0.0 or first.fronts_s.size < 2 or not last.fronts_s.size:
        return nothing
    reach_s = 0.5 * float(np.median(np.diff(first.fronts_s)))
    delays = []
    for front_s in first.fronts_s:
        nearest = last.fronts_s[np.argmin(np.abs(last.fronts_s - front_s - lag_s))] - front_s
        if abs(nearest - lag_s) < reach_s and nearest > 0.0:
            delays.append(float(nearest))
    if not delays:
        return nothing
    each = distance_mm / np.array(delays)
    velocity = distance_mm / float(np.mean(delays))
    lengths = velocity * first.seconds
    sd = float(each.std(ddof=1)) if each.size > 1 else math.nan
    return {
        "velocity": velocity,
        "velocity_sd": sd,
        "slug_length": float(lengths.mean()) if lengths.size else math.nan,
        "slug_length_sd": float(lengths.std(ddof=1)) if lengths.size > 1 else math.nan,
        "carrier_length": velocity * float(first.gaps_s.mean()) if first.gaps_s.size else math.nan,
    }


def _lag_s(first: _Slugs, last: _Slugs) -> float:
    """Delay [s] of the last gate at which both signals agree best, up to half of the sample."""
    step_s = first.step_s
    grid = np.arange(0.0, float(first.times_s[-1]), step_s)
    one = np.interp(grid, first.times_s, first.shares)
    two = np.interp(grid, last.times_s, last.shares)
    longest = grid.size // 2
    if longest < 2:
        return math.nan
    agreement = [np.corrcoef(one[: grid.size - lag], two[lag:])[0, 1] for lag in range(1, longest)]
    return float(1 + np.argmax(agreement)) * step_s
