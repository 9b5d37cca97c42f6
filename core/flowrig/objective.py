"""The figure of merit: measured features in, one number to maximize out."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike, NDArray

__all__ = ["MaximumResponse", "Objective", "PlqyProxy", "plqy_proxy"]

Array = NDArray[np.float64]


class Objective(ABC):
    """A figure of merit of features that were measured or predicted; to be maximized."""

    name: str
    """What reports call it."""
    unit: str
    """Unit of the value; a fraction has the unit ""."""
    responses: tuple[str, ...]
    """The features it needs, in the order of the last axis of `value`'s argument."""

    @abstractmethod
    def value(self, responses: Array) -> Array:
        """The figure of merit of responses of shape `… x m`, shape `…`."""


def plqy_proxy(
    absorbance: ArrayLike,
    pl_area: ArrayLike,
    *,
    dye_plqy: float,
    dye_absorbance: float,
    dye_pl_area: float,
) -> Any:
    """In-situ proxy of the photoluminescence quantum yield, as a fraction.

    Ratio of emitted to absorbed light relative to a reference dye measured in the same cells:
    `dye_plqy * (pl_area / dye_pl_area) * (1 - 10**-dye_absorbance) / (1 - 10**-absorbance)`
    (Sadeghi et al., Digital Discovery 2025, 4, 1722). Not finite where nothing is absorbed.

    Args:
        absorbance: absorbance at the excitation wavelength, decadic, any shape.
        pl_area: photoluminescence area [counts·nm], same shape.
        dye_plqy: quantum yield of the reference dye, a fraction.
        dye_absorbance: its absorbance in the same cell.
        dye_pl_area: its photoluminescence area [counts·nm].
    """
    absorbed = 1.0 - 10.0 ** -np.asarray(absorbance, dtype=float)
    dye_absorbed = 1.0 - 10.0**-dye_absorbance
    with np.errstate(divide="ignore", invalid="ignore"):
        return dye_plqy * (np.asarray(pl_area, dtype=float) / dye_pl_area) * dye_absorbed / absorbed


@frozen
class PlqyProxy(Objective):
    """`plqy_proxy` of the absorbance at the excitation wavelength and the PL area.

    Attributes:
        dye_plqy: quantum yield of the reference dye, a fraction.
        dye_absorbance: absorbance of the reference dye at the excitation wavelength.
        dye_pl_area: photoluminescence area of the reference dye [counts·nm].
        smallest_absorbance: responses below this absorbance count as this one, so that a predicted
            absorbance near zero does not promise an infinite yield.
    """

    dye_plqy: float
    dye_absorbance: float
    dye_pl_area: float
    smallest_absorbance: float = 0.02

    name = "PLQY proxy"
    unit = ""
    responses = ("a300", "pla")

    def value(self, responses: Array) -> Array:
        """The proxy, a fraction, of responses `(a300, pla)` on the last axis."""
        absorbance = np.maximum(responses[..., 0], self.smallest_absorbance)
        return np.asarray(
            plqy_proxy(
                absorbance,
                np.maximum(responses[..., 1], 0.0),
                dye_plqy=self.dye_plqy,
                dye_absorbance=self.dye_absorbance,
                dye_pl_area=self.dye_pl_area,
            )
        )


@frozen
class MaximumResponse(Objective):
    """One measured feature, as large as possible.

    Attributes:
        response: name of the feature.
        unit: its unit.
    """

    response: str
    unit: str = ""

    @property
    def name(self) -> str:  # type: ignore[override]
        """The feature's name."""
        return self.response

    @property
    def responses(self) -> tuple[str, ...]:  # type: ignore[override]
        """The feature alone."""
        return (self.response,)

    def value(self, responses: Array) -> Array:
        """The feature itself."""
        return np.asarray(responses[..., 0])
