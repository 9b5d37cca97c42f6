"""Transport of liquid: mixing before the segmentation junction, plug flow of slugs behind it.

Both are functions of the delivered volumes alone, so they hold for any course of the flow rates:
the response of tanks in series depends on the volume that passed, and slugs rest when nothing
flows.
"""

import math

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

__all__ = ["TANKS", "FlowRecord", "Parcel", "Premix"]

Array = NDArray[np.float64]

TANKS = 30
"""Number of equal tanks in series that model the premixing volume.

Number and volume are fitted to the published waiting time of two residence times. Open tubing would
disperse a step much more; the static mixer of the rig prevents that.
"""
_LEAST_UL = 1e-6
"""Volume [µL] of one step that counts as no flow: far below any pump, far above rounding."""
_LONGEST_STAY = 2.5
"""Stay, in premixing volumes, after which all liquid has left: 1 - CDF is below 1e-9 there."""


class Premix:
    """Residence distribution of tanks in series, as a function of the volume that passed.

    Args:
        volume_ul: total volume [µL] of the tanks.
    """

    def __init__(self, volume_ul: float) -> None:
        self.volume_ul = volume_ul
        self._stays = np.linspace(0.0, _LONGEST_STAY, 4001)
        self._left = _erlang_cdf(self._stays)

    @property
    def longest_ul(self) -> float:
        """Passed volume [µL] after which all liquid that was inside has left."""
        return _LONGEST_STAY * self.volume_ul

    def left(self, passed_ul: Array) -> Array:
        """Fraction of an entering slice that has left after a passed volume [µL], shape `n`."""
        if self.volume_ul <= 0.0:
            return (passed_ul > 0.0).astype(np.float64)
        return np.asarray(np.interp(passed_ul / self.volume_ul, self._stays, self._left))


@frozen(kw_only=True, eq=False)
class Parcel:
    """A thin slice of the segmented flow, with its composition and its history.

    Attributes:
        shares: volume share of each reactive stream in the reactive phase, in the order of the
            record; the sum is 1.
        reactive_share: share of the reactive phase in the slice, 0 to 1.
        total_flow_ul_min: total flow rate [µL/min] when the slice entered the reactor.
        entered_s: rig time [s] at which the slice entered the reactor.
        left_s: rig time [s] at which the slice left the reactor.
    """

    shares: Array
    reactive_share: float
    total_flow_ul_min: float
    entered_s: float
    left_s: float


class FlowRecord:
    """The delivered volumes by steps of the world's time grid; steps without flow take no room.

    When the world begins, solvent fills the premixing volume and carrier fills everything behind
    it.

    Args:
        premix: the premixing volume before the segmentation junction.
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
        """Append steps.

        Args:
            times_s: rig time [s] of the end of each step, shape `n`.
            reactive_ul: volume [µL] that each reactive stream delivered in each step, shape
                `n x streams`.
            carrier_ul: volume [µL] that the carrier streams delivered together in each step, shape
                `n`.
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
        # One running sum, in order: the result must not depend on how callers group the steps.
        for volumes, added in (
            (self._total_ul, reactive_sum + carrier_ul[flowing]),
            (self._reactive_ul, reactive_sum),
        ):
            volumes[ends] = np.cumsum(np.concatenate((volumes[new.start : new.start + 1], added)))
        self._count = new.stop

    @property
    def end_ul(self) -> float:
        """Total volume [µL] at the end of the last recorded step."""
        return float(self._total_ul[self._count])

    def parcel(
        self, total_ul: float, position_ul: float, reactor_ul: tuple[float, float]
    ) -> Parcel | None:
        """The slice of liquid at a position of the segmented flow.

        Args:
            total_ul: total volume [µL] that has flowed since the world began.
            position_ul: volume [µL] from the segmentation junction to the position.
            reactor_ul: volumes [µL] from the segmentation junction to the inlet and the outlet of
                the reactor.

        Returns:
            the slice, or None if the position still holds the carrier of the beginning.
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
        """Volume shares of the liquid that leaves the premixing volume.

        Args:
            reactive_ul: reactive volume [µL] that has passed by then.
            last: the step in which it passes.
        """
        volumes = self._reactive_ul[: last + 2]
        first = int(volumes.searchsorted(reactive_ul - self._premix.longest_ul, side="right"))
        first = max(first - 1, 0)
        left = self._premix.left(np.maximum(reactive_ul - volumes[first:], 0.0))
        weights = left[:-1] - left[1:]
        shares = (weights[:, None] * self._shares[first : last + 1]).sum(axis=0)
        return np.asarray(shares + (1.0 - weights.sum()) * self._solvent)

    def _step_at(self, total_ul: float) -> int:
        """Index of the step in which the total volume passed a value [µL]."""
        ends = self._total_ul[1 : self._count + 1]
        return min(int(ends.searchsorted(total_ul)), self._count - 1)

    def _time_s(self, total_ul: float) -> float:
        """Rig time [s] at which the total volume passed a value [µL]."""
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
    """Residence distribution of `TANKS` ideal tanks in series (Erlang).

    `1 - exp(-x) sum_(k < TANKS) x^k / k!`, with `x` the stay in units of the mean stay in one tank.

    Args:
        stays: stays in units of the mean stay in all tanks, shape `n`.
    """
    x = TANKS * stays
    # In logarithms: x^k and k! overflow long before their ratio does.
    logs = [k * np.log(np.maximum(x, 1e-300)) - x - math.lgamma(k + 1) for k in range(TANKS)]
    return np.asarray(np.clip(1.0 - np.exp(logs).sum(axis=0), 0.0, 1.0))
