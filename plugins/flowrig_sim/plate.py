"""The heated plate: closed-loop dynamics and temperature history."""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AMBIENT_C",
    "COOLING_C_S",
    "HEATING_C_S",
    "LOSS_TIME_S",
    "SETTLING_TIME_S",
    "Plate",
]

AMBIENT_C = 25.0
"""Room temperature [°C] (assumed)."""
HEATING_C_S = 20.0 / 60.0
"""Fastest heating [°C/s] (assumed: 20 °C/min for three cartridges in an aluminium plate)."""
COOLING_C_S = 6.0 / 60.0
"""Fastest cooling [°C/s] (assumed: 6 °C/min)."""
LOSS_TIME_S = 600.0
"""Time constant [s] of cooling to the room without power (assumed).

It limits the cooling rate below 85 °C, where the loss is less than `COOLING_C_S`.
"""
SETTLING_TIME_S = 15.0
"""Time constant [s] of the closed loop near its set point, without overshoot (assumed)."""


class Plate:
    """A plate that approaches its set point on the world's time grid.

    The dynamics of the plate are not published for the rig. The model limits the heating and
    cooling rates, and approaches the set point exponentially over the last degrees.

    Args:
        start_s: rig time [s] when the world begins; the plate is at room temperature then.
        step_s: step [s] of the time grid.
    """

    def __init__(self, start_s: float, step_s: float) -> None:
        self._start_s = start_s
        self._step_s = step_s
        self._set_points: list[tuple[float, float]] = [(start_s, AMBIENT_C)]
        self._temperatures_c = [AMBIENT_C]
        self._newest: tuple[tuple[int, int], NDArray[np.float64]] | None = None

    def control(self, set_point_c: float, time_s: float) -> None:
        """Set the set point [°C] from the first grid time at or after a rig time [s]."""
        self._set_points.append((time_s, set_point_c))

    def advance(self, steps: int) -> None:
        """Compute the temperature up to a number of grid steps since the world began."""
        temperature = self._temperatures_c[-1]
        for step in range(len(self._temperatures_c) - 1, steps):
            set_point = self._set_point_c(self._start_s + step * self._step_s)
            temperature += self._step_s * _velocity_c_s(temperature, set_point)
            self._temperatures_c.append(temperature)

    @property
    def temperature_c(self) -> float:
        """Temperature [°C] at the last grid time."""
        return self._temperatures_c[-1]

    @property
    def commands(self) -> int:
        """Number of set points so far."""
        return len(self._set_points)

    def forget(self, steps: int) -> None:
        """Forget the temperatures after a number of grid steps, which were computed ahead."""
        del self._temperatures_c[steps + 1 :]
        self._newest = None

    def history_c(
        self, from_s: float, until_s: float, steps: int | None = None
    ) -> NDArray[np.float64]:
        """Temperatures [°C] at the grid times between two rig times [s], shape `n`, `n` >= 1.

        The array cannot be written to; it is the same one as long as the grid times are.

        Args:
            from_s: the earlier time.
            until_s: the later time.
            steps: number of grid steps that have passed, where more are computed; later
                temperatures are not used.
        """
        newest = len(self._temperatures_c) - 1 if steps is None else steps
        first = max(int((from_s - self._start_s) / self._step_s), 0)
        last = int((until_s - self._start_s) / self._step_s)
        first = min(first, newest)
        end = min(max(last, first), newest) + 1
        if self._newest is None or self._newest[0] != (first, end):
            history_c = np.array(self._temperatures_c[first:end])
            history_c.setflags(write=False)
            self._newest = (first, end), history_c
        return self._newest[1]

    def _set_point_c(self, time_s: float) -> float:
        index = bisect_right(self._set_points, (time_s, float("inf"))) - 1
        return self._set_points[index][1]


def _velocity_c_s(temperature_c: float, set_point_c: float) -> float:
    """Rate [°C/s] at which the temperature changes under closed-loop control."""
    wanted = (max(set_point_c, AMBIENT_C) - temperature_c) / SETTLING_TIME_S
    cooling = min(COOLING_C_S, (temperature_c - AMBIENT_C) / LOSS_TIME_S)
    return min(max(wanted, -cooling), HEATING_C_S)
