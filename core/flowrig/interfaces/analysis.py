"""An analysis: from the raw frames of a detector to one spectrum and to numbers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.errors import PluginError
from flowrig.plugins.contained import one_line

__all__ = ["Analysis", "Looked", "SeriesAnalysis", "require_sound"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Looked:
    """What an analysis makes of the frames of one sample.

    Attributes:
        axis: place of every value on the axis of the detector, rising, shape `p`; for instance
            wavelength [nm].
        values: the spectrum in the unit of the analysis' offer, shape `p`; nan where it has no
            value.
        quantities: further numbers by name, in the units of the offer; nan where there is no value.
        flags: reasons why the result is doubtful, one phrase each, without the name of the device.
    """

    axis: Array
    values: Array
    quantities: Mapping[str, float] = field(factory=dict)
    flags: tuple[str, ...] = ()


class Analysis(ABC):
    """A way to look at a sample, which a channel of a profile names with `use`.

    It is built with an instance of its settings class. It keeps no state between samples, so that
    frames that are evaluated again give the same numbers.
    """

    @abstractmethod
    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """Reduce the frames of one sample.

        Args:
            frames: counts of the frames that show the sample, shape `n x p`, at least one.
            axis: place of every pixel on the axis of the detector, rising, shape `p`.
            dark: mean counts without light, shape `p`; None if the channel has no dark.
            light: mean counts of the light through something transparent, dark included, shape `p`;
                None if the rig has no calibration.
        """


class SeriesAnalysis(Analysis):
    """An analysis that needs to know when each frame was taken, as one of slugs that pass."""

    @abstractmethod
    def reduce_series(
        self, frames: Array, times_s: Array, axis: Array, dark: Array | None, light: Array | None
    ) -> Looked:
        """Reduce the frames of one sample.

        Args:
            frames: as in `reduce`, in the order of time.
            times_s: rig time [s] at which each frame was requested, rising, shape `n`.
            axis: as in `reduce`.
            dark: as in `reduce`.
            light: as in `reduce`.
        """

    def reduce(self, frames: Array, axis: Array, dark: Array | None, light: Array | None) -> Looked:
        """As `reduce_series`, for frames that were taken every second."""
        return self.reduce_series(frames, np.arange(len(frames), dtype=float), axis, dark, light)


def require_sound(looked: object) -> None:
    """Refuse what no feature could be read from.

    Raises:
        PluginError: the message says what is wrong.
    """
    if not isinstance(looked, Looked):
        raise PluginError(f"it returns {one_line(repr(looked))}; expected a Looked")
    for what, array in (("axis", looked.axis), ("values", looked.values)):
        if not (isinstance(array, np.ndarray) and array.dtype == np.float64 and array.ndim == 1):
            raise PluginError(f"its {what} are {one_line(repr(array))}; expected float64, shape p")
    if len(looked.axis) != len(looked.values) or len(looked.axis) == 0:
        sizes = f"{len(looked.axis)} places and {len(looked.values)} values"
        raise PluginError(f"it returns {sizes}; expected as many, and at least one")
    if not (np.isfinite(looked.axis).all() and (np.diff(looked.axis) > 0).all()):
        raise PluginError("its axis does not rise")
