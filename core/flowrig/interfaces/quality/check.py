"""A quality check: it compares a measured sample with earlier ones, and says what it doubts.

A check keeps no state and changes nothing. What was measured stays in the journal; a doubt of a
check stands beside it, with the name of the check and of its test.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import PluginError
from flowrig.plugins.contained import one_line
from flowrig.problem.space import Value

__all__ = [
    "CheckedSample",
    "CheckedSpectrum",
    "Doubt",
    "QualityCheck",
    "QualitySettings",
    "require_doubts",
]

Array = NDArray[np.float64]


@frozen(kw_only=True)
class QualitySettings:
    """Base of every check's settings class.

    The names in a field `features` have to be features of the rig, those in a field `channels`
    channels whose spectrum is measured while the rig runs.
    """

    def objection(self) -> str:
        """Why these settings are not possible, in one phrase; "" if they are.

        It names the key in backticks, and ends with what would fit: "`significance` is 2; expected
        a number between 0 and 1".
        """
        return ""


@frozen(eq=False)
class CheckedSpectrum:
    """The averaged spectrum of a channel; its arrays cannot be written to.

    Attributes:
        axis: places on the axis of the channel, rising, shape `p`; for instance wavelength [nm].
        values: in the unit of the channel's analysis, shape `p`; nan where it has no value.
    """

    axis: Array
    values: Array


@frozen(kw_only=True, eq=False)
class CheckedSample:
    """A measured sample in its steady state.

    Attributes:
        number: of the experiment in its run, from 1.
        conditions: by name, in the units of the search space.
        features: by name, in the units of the profile; nan where there is no value.
        spectra: by channel; empty if they cannot be read.
        quality: "good", "doubtful" or "bad", with the doubts of all checks so far.
        measured_s: rig time [s] at which it was measured.
    """

    number: int
    conditions: Mapping[str, Value]
    features: Mapping[str, float] = field(factory=dict)
    spectra: Mapping[str, CheckedSpectrum] = field(factory=dict)
    quality: str = "good"
    measured_s: float = 0.0


@frozen(kw_only=True)
class Doubt:
    """Why a sample cannot be trusted fully.

    Attributes:
        text: one sentence for people, without a full stop.
        quality: what the sample is at best: a "doubtful" one is never the best experiment, from a
            "bad" one no model learns.
        test: name of the test that found it; "" for none.
        p: probability of such a result, or a stranger one, by chance alone; None without a test.
    """

    text: str
    quality: Literal["doubtful", "bad"] = "doubtful"
    test: str = ""
    p: float | None = None


class QualityCheck(ABC):
    """Compares a sample with earlier ones. What it says follows from its arguments alone.

    Args:
        settings: an instance of the check's settings class.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def doubts(self, sample: CheckedSample, earlier: Sequence[CheckedSample]) -> Sequence[Doubt]:
        """What is doubtful about a sample; nothing if it fits, or if too few are known yet.

        Args:
            sample: the newest one.
            earlier: those of the run that were measured before, of any quality, in order of time.
        """


def require_doubts(found: object) -> tuple[Doubt, ...]:
    """What a check returned, if a journal can keep it.

    Raises:
        PluginError: it cannot; the message says why.
    """
    if not isinstance(found, Sequence) or not all(isinstance(one, Doubt) for one in found):
        raise PluginError(f"it returns {one_line(repr(found))}; expected a sequence of Doubt")
    for one in found:
        if not isinstance(one.text, str) or not one.text.strip():
            raise PluginError(f"a doubt says {one_line(repr(one.text))}; expected a sentence")
        if one.quality not in ("doubtful", "bad"):
            word = one_line(repr(one.quality))
            raise PluginError(f'a doubt suggests {word}; expected "doubtful" or "bad"')
        if one.p is not None and not (math.isfinite(one.p) and 0.0 <= one.p <= 1.0):
            raise PluginError(f"a doubt has p = {one.p!r}; expected 0 to 1, or None")
    return tuple(found)
