"""Which phase the detector sees: plugs and carrier alternate in front of it."""

import math

import numpy as np

from flowrig_sim.heatup import plug_length_in_diameters

__all__ = ["PlugTrain"]

BEAM_WIDTH_MM = 0.4
"""How much of the cell's length the light samples (assumed: a 400 µm fibre)."""
JITTER = 0.25
"""Standard deviation of one plug-and-carrier period, as a fraction of it (assumed).

It makes successive frames sample the train at random, as on real segmented flows, where a frame
rate is never locked to the plugs.
"""


class PlugTrain:
    """The alternating phases that pass one cell; they stand still when nothing flows.

    Args:
        junction_bore_mm: bore that sets the length of plugs [mm].
        cell_bore_mm: bore of the cell [mm].
        rng: where lengths are irregular.
    """

    def __init__(
        self, junction_bore_mm: float, cell_bore_mm: float, rng: np.random.Generator
    ) -> None:
        self._beam_ul = math.pi / 4 * cell_bore_mm**2 * BEAM_WIDTH_MM
        self._plug_ul_per_length = math.pi / 4 * junction_bore_mm**3
        self._rng = rng
        self._seen_ul = 0.0
        self._position = float(rng.random())

    def seen(
        self, total_ul: float, reactive_share: float, flow_ul_min: float, exposure_s: float
    ) -> float:
        """How much of one exposure sees reactive phase, 0 to 1.

        Args:
            total_ul: total volume that has flowed by now [µL].
            reactive_share: reactive phase in the flow, 0 to 1.
            flow_ul_min: total flow rate [µL/min].
            exposure_s: integration time [s].
        """
        wobble = float(self._rng.standard_normal())
        passed_ul = total_ul - self._seen_ul
        self._seen_ul = total_ul
        if not 0.0 < reactive_share < 1.0:
            return reactive_share
        plug_ul = self._plug_ul_per_length * plug_length_in_diameters(reactive_share)
        period_ul = plug_ul / reactive_share
        periods = passed_ul / period_ul
        jitter = JITTER * math.sqrt(abs(periods))  # rounding lets a liquid at rest move back a hair
        self._position = (self._position + periods + jitter * wobble) % 1.0
        window = (self._beam_ul + flow_ul_min / 60.0 * exposure_s) / period_ul
        seen = _reactive_until(self._position + window, reactive_share)
        return (seen - _reactive_until(self._position, reactive_share)) / window


def _reactive_until(position: float, share: float) -> float:
    """Reactive phase in a train of unit periods up to a position."""
    whole = math.floor(position)
    return whole * share + min(position - whole, share)
