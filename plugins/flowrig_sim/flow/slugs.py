"""Slugs: how long they are, and how much of them a detector sees in one exposure."""

import math
from typing import Any

import numpy as np

__all__ = ["SlugTrain", "slug_length_in_diameters"]

SQUEEZING_ALPHA = 1.0
"""Slope of slug length over flow ratio (Garstecki et al., Lab Chip 2006, 6, 437; assumed 1)."""
LONGEST_SLUG_IN_DIAMETERS = 20.0
"""Upper limit of the slug length where hardly any carrier flows (assumed)."""
BEAM_WIDTH_MM = 0.4
"""Length of the cell that the light beam samples (assumed: a 400 µm fibre)."""
JITTER = 0.25
"""Standard deviation of one period of slug and carrier, as a fraction of the period (assumed).

The jitter makes successive frames sample the train at random. On a real rig no frame rate is locked
to the slugs; without jitter, frames at a multiple of the period would all see the same phase.
"""


def slug_length_in_diameters(reactive_share: float) -> float:
    """Length of a slug in units of the bore of the T-junction, in the squeezing regime.

    `L/d = 1 + alpha * Q_reactive / Q_carrier` (Garstecki et al., Lab Chip 2006, 6, 437).

    Args:
        reactive_share: share of the reactive phase in the total flow, 0 to 1.
    """
    carrier_share = 1.0 - reactive_share
    if carrier_share <= 0.0:
        return LONGEST_SLUG_IN_DIAMETERS
    return min(1.0 + SQUEEZING_ALPHA * reactive_share / carrier_share, LONGEST_SLUG_IN_DIAMETERS)


class SlugTrain:
    """The train of slugs and carrier that passes one flow cell; it rests when nothing flows.

    Args:
        junction_bore_mm: bore [mm] of the segmentation junction, which sets the slug length.
        cell_bore_mm: bore [mm] of the cell.
        rng: source of the irregular periods.
    """

    def __init__(
        self, junction_bore_mm: float, cell_bore_mm: float, rng: np.random.Generator
    ) -> None:
        self._beam_ul = math.pi / 4 * cell_bore_mm**2 * BEAM_WIDTH_MM
        self._slug_ul_per_length = math.pi / 4 * junction_bore_mm**3
        self._rng = rng
        self._last_total_ul = 0.0
        self._position = float(rng.random())

    def reactive_fraction(
        self, total_ul: float, reactive_share: float, flow_ul_min: float, exposure_s: float
    ) -> float:
        """Fraction of one exposure in which the beam sees reactive phase, 0 to 1.

        Args:
            total_ul: total volume [µL] that has flowed since the world began.
            reactive_share: share of the reactive phase in the flow, 0 to 1.
            flow_ul_min: total flow rate [µL/min].
            exposure_s: integration time [s].
        """
        # Drawn before the early return: every exposure takes one number, whatever it sees.
        draw = float(self._rng.standard_normal())
        passed_ul = total_ul - self._last_total_ul
        self._last_total_ul = total_ul
        if not 0.0 < reactive_share < 1.0:
            return reactive_share
        slug_ul = self._slug_ul_per_length * slug_length_in_diameters(reactive_share)
        period_ul = slug_ul / reactive_share
        periods = passed_ul / period_ul
        # abs: rounding can make the total volume of a resting liquid fall by a tiny amount.
        jitter = JITTER * math.sqrt(abs(periods))
        self._position = (self._position + periods + jitter * draw) % 1.0
        window = (self._beam_ul + flow_ul_min / 60.0 * exposure_s) / period_ul
        seen = _reactive_until(self._position + window, reactive_share)
        return (seen - _reactive_until(self._position, reactive_share)) / window

    @property
    def place(self) -> tuple[float, float]:
        """Volume [µL] that has flowed by the last exposure, and position in the train then."""
        return self._last_total_ul, self._position

    def mark(self) -> Any:
        """Where the irregular periods stand, for `rewind`."""
        return self._rng.bit_generator.state

    def rewind(self, mark: Any, exposures: int, place: tuple[float, float]) -> None:
        """Stand as a number of exposures after a mark.

        Args:
            mark: from `mark`.
            exposures: the number.
            place: `place` after the last of them.
        """
        self._rng.bit_generator.state = mark
        self._rng.standard_normal(exposures)
        self._last_total_ul, self._position = place


def _reactive_until(position: float, share: float) -> float:
    """Length of reactive phase up to a position, in a train of unit periods."""
    whole = math.floor(position)
    return whole * share + min(position - whole, share)
