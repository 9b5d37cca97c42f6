"""Whether heaters that are off cool: a set point of "off" does not prove that the power is off."""

import math
from collections.abc import Mapping
from contextlib import suppress

from flowrig.errors import DeviceError, FlowrigError
from flowrig.interfaces import HeaterReading, Quality
from flowrig.rig.rig import Rig

__all__ = ["HOT_C", "readings_c", "require_cooling"]

RISE_C = 3.0
"""How much hotter [°C] a heater that is off may read than before."""

HOT_C = 60.0
"""From this temperature [°C] on a heater is watched after it was switched off."""


def readings_c(rig: Rig) -> dict[str, float]:
    """Temperatures [°C] by heater; without those that do not answer or whose reading is bad."""
    readings: dict[str, HeaterReading] = {}
    try:
        readings |= rig.read_heaters(rig.heaters)
    except DeviceError:
        for name in rig.heaters:  # one that is lost must not hide the others
            with suppress(DeviceError):
                readings |= rig.read_heaters([name])
    return {n: r.temperature_c for n, r in readings.items() if r.quality is Quality.GOOD}


def require_cooling(before_c: Mapping[str, float], after_c: Mapping[str, float]) -> None:
    """Compare temperatures [°C] of heaters that are off, before and after a while.

    Raises:
        FlowrigError: a heater has become hotter.
    """
    rising = [
        f"{name} went from {before_c[name]:.0f} to {now_c:.0f} °C although it is off"
        for name, now_c in after_c.items()
        if now_c > before_c.get(name, math.inf) + RISE_C
    ]
    if rising:
        raise FlowrigError("; ".join(rising) + "; cut its power: its output may be stuck")
