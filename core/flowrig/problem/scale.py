"""A time that decides by what factor all flow rates grow.

Where streams join on the way, the time of plug flow is a sum of volumes over flow rates, and no
quotient of linear forms. Where all other equations are about ratios of flow rates, they decide the
flow rates but for one factor; multiplied by it, the time is divided by it.
"""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.problem.forms import Form

__all__ = ["Routes", "Scale"]

Array = NDArray[np.float64]

SECONDS_PER_MINUTE = 60.0


@frozen
class Routes:
    """The ways through a stretch of the flow path.

    Attributes:
        ways: by way, the volume [µL] of each part and the flow rate [µL/min] through it.
    """

    ways: tuple[tuple[tuple[float, Form], ...], ...]

    def seconds(self, names: Sequence[str], found: Array) -> Array:
        """Time [s] of plug flow on the longest way in which all flows, shape `n`.

        Args:
            names: of the columns.
            found: flow rates [µL/min], shape `n x names`.

        Returns:
            nan where nothing flows on any way.
        """
        columns = {name: column for column, name in enumerate(names)}
        longest = np.full(len(found), -math.inf)
        for way in self.ways:
            minutes = np.zeros(len(found))
            for volume_ul, flow in way:
                # One after the other: a sum over all would depend on how a processor groups them.
                through = np.full(len(found), flow.constant)
                for name, share in flow.factors.items():
                    through = through + share * found[:, columns[name]]
                with np.errstate(all="ignore"):
                    minutes = minutes + np.where(through > 0.0, volume_ul / through, math.inf)
            longest = np.where(np.isfinite(minutes), np.maximum(longest, minutes), longest)
        return np.where(np.isfinite(longest), SECONDS_PER_MINUTE * longest, math.nan)


@frozen
class Scale:
    """The equation that gives a stretch its time.

    Attributes:
        routes: the ways through it.
        streams: names of what is multiplied by one factor.
        value: name of the parameter with the time [s], or a constant.
        label: the equation in messages.
    """

    routes: Routes
    streams: tuple[str, ...]
    value: str | float
    label: str
