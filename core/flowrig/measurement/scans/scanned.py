"""Scans: a sample by position, and what becomes of its spectra, flags and series."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.measurement.sample import Flag, Sample, Spectrum, worst_quality
from flowrig.profile.model import Channel

__all__ = ["OF_SERIES", "flags_of_scan", "mean_of", "parts_of_scan"]

Array = NDArray[np.float64]

MOST_FLAGS = 3
"""Most different flags of one scan that are told one by one."""


def _known(series: Array) -> Array:
    """The values that there are."""
    return series[np.isfinite(series)]


def _mean(series: Array) -> float:
    known = _known(series)
    return float(known.mean()) if known.size else np.nan


def _spread(series: Array) -> float:
    """Standard deviation of a sample, with one degree of freedom less than values."""
    known = _known(series)
    return float(known.std(ddof=1)) if known.size > 1 else np.nan


def _smallest(series: Array) -> float:
    known = _known(series)
    return float(known.min()) if known.size else np.nan


OF_SERIES: Mapping[str, Callable[[Array], float]] = {
    "mean": _mean,
    "spread": _spread,
    "first": lambda series: float(series[0]),
    "last": lambda series: float(series[-1]),
    "smallest": _smallest,
}
"""Functions from a series to a number; values that are lacking are left out, but not of the first
and the last."""


def parts_of_scan(sample: Sample, count: int) -> list[Sample]:
    """The frames of each of so many positions.

    Raises:
        InputError: the frames are not as many at each.
    """
    frames = sample.frames
    each, rest = divmod(len(frames.counts), count)
    if rest or not each:
        raise InputError(f"{len(frames.counts)} frames are no scan of {count} positions")
    cuts = [slice(number * each, (number + 1) * each) for number in range(count)]
    return [
        evolve(
            sample,
            frames=evolve(
                frames,
                counts=frames.counts[cut],
                times_s=frames.times_s[cut],
                saturated=frames.saturated[cut],
            ),
        )
        for cut in cuts
    ]


def mean_of(spectra: Sequence[Spectrum]) -> Spectrum:
    """The mean of spectra over one axis; a single one as it is."""
    first = spectra[0]
    if len(spectra) == 1:
        return first
    same = all(np.array_equal(one.wavelengths_nm, first.wavelengths_nm) for one in spectra)
    values = np.mean([one.values for one in spectra], axis=0) if same else first.values
    return evolve(first, values=values)


def flags_of_scan(channel: Channel, flags: Sequence[Sequence[Flag]]) -> list[Flag]:
    """The flags of a channel; of one that scans, many of one kind become one."""
    every = list(dict.fromkeys(flag for some in flags for flag in some))
    if channel.scan is None or len(every) <= MOST_FLAGS:
        return every
    doubtful = sum(bool(some) for some in flags)
    words = f"{channel.device}: {doubtful} of {len(flags)} positions are doubtful"
    return [*every[:MOST_FLAGS], Flag(worst_quality(every), words, channel.name)]
