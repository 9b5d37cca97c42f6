"""Where the liquid is: mixing before the segmentation junction, plug flow behind it.

Everything is a function of delivered volumes, so that it holds for any course of the flow rates:
tanks in series are linear in the volume that passed, and plugs stand still when nothing flows.
"""

import math

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["TANKS", "FlowRecord", "Parcel", "Premix"]

Array = NDArray[np.float64]

TANKS = 30
"""Number of tanks in series that the premixing volume counts as.

Fitted, with the volume, to the published waiting time of two residence times. Open tubing would
smear much more; the static mixer is there to prevent that.
"""
_LEAST_UL = 1e-6
"""Volume in one step below which nothing flows: far below any pump, far above rounding."""
_LONGEST_STAY = 2.5
"""Premixing volumes after which nothing is left of what came in: 1 - CDF is below 1e-9."""


class Premix:
    """Residence distribution of tanks in series, by volume.

    Args:
        volume_ul: their volume together [µL].
    """

    def __init__(self, volume_ul: float) -> None:
        self.volume_ul = volume_ul
        self._stays = np.linspace(0.0, _LONGEST_STAY, 4001)
        self._left = _erlang_cdf(self._stays)

    @property
    def longest_ul(self) -> float:
        """Volume [µL] after which nothing is left of what came in."""
        return _LONGEST_STAY * self.volume_ul

    def left(self, passed_ul: Array) -> Array:
        """How much of what came in has left again after some volume passed, shape `n`, 0 to 1."""
        if self.volume_ul <= 0.0:
            return (passed_ul > 0.0).astype(np.float64)
        return np.asarray(np.interp(passed_ul / self.volume_ul, self._stays, self._left))


@frozen(kw_only=True, eq=False)
class Parcel:
    """A thin slice of the segmented flow and how it came about.

    Attributes:
        shares: volume shares of the reactive streams in its reactive phase, in the order of the
            record, 0 to 1 and 1 together.
        reactive_share: reactive phase in the slice, 0 to 1.
        total_flow_ul_min: total flow rate when it entered the reactor [µL/min].
        entered_s: rig time at which it entered the reactor [s].
        left_s: rig time at which it left the reactor [s].
    """

    shares: Array
    reactive_share: float
    total_flow_ul_min: float
    entered_s: float
    left_s: float


class FlowRecord:
    """What flowed, by steps of the world's time grid; standstill takes no room.

    When the world begins, the premixing volume is full of the solvent and everything behind it of
    carrier.

    Args:
        premix: what lies before the segmentation junction.
        solvent: index of the solvent among the reactive streams.
        reactive: number of reactive streams.
        step_s: step of the time grid [s].
    """

    def __init__(self, premix: Premix, solvent: int, reactive: int, step_s: float) -> None:
        self._premix = premix
        self._step_s = step_s
        self._solvent = np.zeros(reactive)
        self._solvent[solvent] = 1.0
        self._count = 0
        self._end_s = np.zeros(1024)
        self._total_ul = np.zeros(1025)
        self._reactive_ul = np.zeros(1025)
        self._shares = np.zeros((1024, reactive))

    def append(self, times_s: Array, reactive_ul: Array, carrier_ul: Array) -> None:
        """Remember steps.

        Args:
            times_s: ends of the steps [s], shape `n`.
            reactive_ul: what each reactive stream delivered in each [µL], shape `n x streams`.
            carrier_ul: what the carrier streams delivered in each [µL], shape `n`.
        """
        reactive_sum = reactive_ul.sum(axis=1)
        flowing = reactive_sum + carrier_ul > _LEAST_UL
        if not flowing.any():
            return
        reactive_sum = reactive_sum[flowing]
        new = slice(self._count, self._count + reactive_sum.size)
        self._make_room(new.stop)
        ends = slice(new.start, new.stop + 1)
        self._end_s[new] = times_s[flowing]
        self._shares[new] = (
            reactive_ul[flowing] / np.where(reactive_sum > 0, reactive_sum, 1.0)[:, None]
        )
        # One running sum, in order, so that it does not depend on how the steps were grouped.
        for volumes, added in (
            (self._total_ul, reactive_sum + carrier_ul[flowing]),
            (self._reactive_ul, reactive_sum),
        ):
            volumes[ends] = np.cumsum(np.concatenate((volumes[new.start : new.start + 1], added)))
        self._count = new.stop

    @property
    def end_ul(self) -> float:
        """Total volume [µL] until the last step that is remembered."""
        return float(self._total_ul[self._count])

    def parcel(
        self, total_ul: float, position_ul: float, reactor_ul: tuple[float, float]
    ) -> Parcel | None:
        """The slice that stands at a position of the segmented flow.

        Args:
            total_ul: total volume that has flowed by now [µL].
            position_ul: volume from the segmentation junction to the position [µL].
            reactor_ul: volumes from the segmentation junction to the reactor's inlet and outlet.

        Returns:
            the slice, or None if it is carrier from before the world began.
        """
        formed_ul = total_ul - position_ul
        if formed_ul <= 0.0 or self._count == 0:
            return None
        step = self._step_at(formed_ul)
        length_ul = self._total_ul[step + 1] - self._total_ul[step]
        share = (self._reactive_ul[step + 1] - self._reactive_ul[step]) / length_ul
        along = min((formed_ul - self._total_ul[step]) / length_ul, 1.0)
        mixed_ul = self._reactive_ul[step] + along * share * length_ul
        entered = self._step_at(formed_ul + reactor_ul[0])
        entered_ul = self._total_ul[entered + 1] - self._total_ul[entered]
        return Parcel(
            shares=self._leaving_premix(mixed_ul, step),
            reactive_share=float(share),
            total_flow_ul_min=float(entered_ul / self._step_s * 60.0),
            entered_s=self._time_s(formed_ul + reactor_ul[0]),
            left_s=self._time_s(formed_ul + reactor_ul[1]),
        )

    def _leaving_premix(self, reactive_ul: float, last: int) -> Array:
        """Volume shares that left the premixing volume when so much [µL] had passed it."""
        volumes = self._reactive_ul[: last + 2]
        first = int(volumes.searchsorted(reactive_ul - self._premix.longest_ul, side="right"))
        first = max(first - 1, 0)
        left = self._premix.left(np.maximum(reactive_ul - volumes[first:], 0.0))
        weights = left[:-1] - left[1:]
        shares = (weights[:, None] * self._shares[first : last + 1]).sum(axis=0)
        return np.asarray(shares + (1.0 - weights.sum()) * self._solvent)

    def _step_at(self, total_ul: float) -> int:
        """The step in which the total volume [µL] passed a value."""
        ends = self._total_ul[1 : self._count + 1]
        return min(int(ends.searchsorted(total_ul)), self._count - 1)

    def _time_s(self, total_ul: float) -> float:
        """When the total volume [µL] passed a value."""
        step = self._step_at(total_ul)
        start_ul, end_ul = self._total_ul[step : step + 2]
        return float(self._end_s[step] - self._step_s * (end_ul - total_ul) / (end_ul - start_ul))

    def _make_room(self, steps: int) -> None:
        room = self._end_s.size
        if steps <= room:
            return
        more = max(steps, 2 * room) - room
        self._end_s = np.pad(self._end_s, (0, more))
        self._total_ul = np.pad(self._total_ul, (0, more))
        self._reactive_ul = np.pad(self._reactive_ul, (0, more))
        self._shares = np.pad(self._shares, ((0, more), (0, 0)))


def _erlang_cdf(stays: Array) -> Array:
    """`1 - exp(-x) sum_k x^k / k!` for `TANKS` tanks, x the stay in units of one tank's."""
    x = TANKS * stays
    logs = [k * np.log(np.maximum(x, 1e-300)) - x - math.lgamma(k + 1) for k in range(TANKS)]
    return np.asarray(np.clip(1.0 - np.exp(logs).sum(axis=0), 0.0, 1.0))
