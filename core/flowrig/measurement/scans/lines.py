"""Which line of several side by side is unlike the others, by the spectra of one sample."""

import re
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.interfaces.device import Quality
from flowrig.measurement.sample import Flag, Spectrum
from flowrig.profile.model import LINES, Channel

__all__ = ["FEWEST_LINES", "Outlier", "flags_of_lines", "outlying", "unlike_line"]

Array = NDArray[np.float64]

FEWEST_LINES = 4
"""Fewest lines of which one can be told from the others."""

UNLIKE = 3.5
"""Modified z-score from which on a line is unlike the others (Iglewicz & Hoaglin, How to Detect and
Handle Outliers, 1993)."""

SD_PER_MAD = 1.4826
"""Standard deviation of normal values over their median absolute deviation."""

LEAST_DIFFERENCE = 0.25
"""Difference of a spectrum from the median one below which a line is not called blocked, as a share
of the area of that (assumed: lines of one make differ by some percent)."""

LEAST_FACTOR = 2.0
"""How many times the median difference it is at least: in the dark, chance alone makes every line
differ much from the median, and none by twice as much as the others (assumed)."""

_FLAG = re.compile(r"\S+: line (\d+) \(.*\) is unlike the others")


@frozen
class Outlier:
    """A line that is unlike the others.

    Attributes:
        line: the line, counted from 1.
        difference: distance of its spectrum from the median spectrum of all lines, as a share of
            that one's area.
        score: modified z-score of this distance among those of all lines.
    """

    line: int
    difference: float
    score: float


def outlying(spectra: Array) -> list[Outlier]:
    """The lines whose spectrum is unlike those of the others.

    The distance of each spectrum from the median spectrum, as a share of the area of that, is
    compared with the median distance, in median absolute deviations: up to half of the lines may
    be blocked without hiding each other. A line counts if its modified z-score is above `UNLIKE`,
    its distance above `LEAST_DIFFERENCE`, and above `LEAST_FACTOR` times the median distance.

    Args:
        spectra: one for each line, shape `lines x p`.
    """
    if len(spectra) < FEWEST_LINES or not np.isfinite(spectra).all():
        return []
    median = np.median(spectra, axis=0)
    area = float(np.abs(median).sum())
    if area <= 0.0:
        return []
    distances = np.abs(spectra - median).sum(axis=1) / area
    middle = float(np.median(distances))
    scale = SD_PER_MAD * float(np.median(np.abs(distances - middle)))
    least = max(LEAST_DIFFERENCE, LEAST_FACTOR * middle)
    scores = (distances - middle) / max(scale, np.finfo(float).tiny)
    return [
        Outlier(number, float(distance), float(score))
        for number, (distance, score) in enumerate(zip(distances, scores, strict=True), 1)
        if score > UNLIKE and distance > least
    ]


def flags_of_lines(channel: Channel, spectra: Sequence[Spectrum]) -> list[Flag]:
    """A doubt for each line that is unlike the others; none for a channel without lines.

    Args:
        channel: the channel.
        spectra: one for each position of its scan.
    """
    if channel.scan is None or channel.scan.over != LINES:
        return []
    if len({len(one.values) for one in spectra}) > 1:
        return []
    flags = []
    for one in outlying(np.array([spectrum.values for spectrum in spectra])):
        where = channel.scan.positions[one.line - 1] if channel.scan.positions else ""
        at = f"{channel.scan.device} at {where!r}" if where else channel.scan.device
        words = (
            f"{channel.device}: line {one.line} ({at}) is unlike the others: its spectrum differs "
            f"from their median by {one.difference:.0%}; is it blocked, or not filled yet?"
        )
        flags.append(Flag(Quality.DOUBTFUL, words, channel.name))
    return flags


def unlike_line(flag: str) -> int | None:
    """The line of which a flag says that it is unlike the others; None for another flag."""
    found = _FLAG.match(flag)
    return None if found is None else int(found[1])
