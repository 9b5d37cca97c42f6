"""Devices that keep a number: flow controllers, stirrers, stages and lights.

A driver adds `_do_open`, `_do_close`, `_do_identify`, `_do_set` and `_do_setting`, and `_do_read`
where the device is read. The limits, and whatever else differs from one device to the next, are
fields or properties of its settings class: `limits`, `unit`, `quantities`.
"""

import re
from collections.abc import Sequence
from typing import Final

from flowrig.errors import InputError
from flowrig.interfaces import Device, DeviceSettings, Dispensing, Quantity, Readable, Settable
from flowrig.interfaces.capabilities import RESOLUTION, STANDARD_KPA

__all__ = ["FlowController", "Light", "Stage", "Stirrer", "ul_min_of"]

_VOLUMES_UL: Final = {"l": 1e6, "ml": 1e3, "cc": 1e3, "c": 1e3, "ul": 1.0}
"""One unit of volume [µL], by its letters in units of flow controllers."""

_FLOW = re.compile("(s|n)?(l|ml|cc|c|ul)(?:pm|m|/min|/m)", re.IGNORECASE)
"""A unit of a flow rate, as flow controllers write it: SLPM, SCCM, NLPM, LPM, mL/min."""


def ul_min_of(unit: str) -> tuple[float, bool]:
    """One unit of a flow controller [µL/min], and whether it counts a gas at 1 atm.

    Raises:
        InputError: it is no unit of a flow rate that flowrig knows.
    """
    found = _FLOW.fullmatch(unit.strip())
    if found is None:
        raise InputError(
            f"the unit {unit!r} of a flow controller is no volume in time; a stream needs one such "
            'as "SLPM", "SCCM" or "mL/min"'
        )
    standard, volume = found.groups()
    return _VOLUMES_UL[volume.lower()], standard is not None


class FlowController(Device, Settable, Readable, Dispensing):
    """A controller of the flow of a gas or a liquid; its unit is a flow rate.

    The settings give `unit`, `limits` and `quantities`; a driver reports the flow as `flow`, in the
    same unit, and may report pressure and temperature. A stream may name it: then the stream's flow
    rate is the number that it keeps.
    """

    @classmethod
    def window_ul_min(cls, settings: DeviceSettings) -> tuple[float, float]:
        """Slowest and fastest flow rate [µL/min] besides 0, from limits, resolution and unit."""
        factor, _ = ul_min_of(_unit(settings))
        low, high = settings.limits  # type: ignore[attr-defined]
        return max(low, RESOLUTION * (high - low)) * factor, high * factor

    @classmethod
    def counts_at_kpa(cls, settings: DeviceSettings) -> float | None:
        """The pressure [kPa] of standard conditions, where the unit means them."""
        _, is_standard = ul_min_of(_unit(settings))
        return STANDARD_KPA if is_standard else None

    @classmethod
    def ul_min_per_unit(cls, settings: DeviceSettings) -> float:
        """Flow rate [µL/min] of one unit."""
        return ul_min_of(_unit(settings))[0]

    @property
    def rounding_ul_min(self) -> float:
        """The resolution [µL/min] of the number that it keeps."""
        return self.resolution * self._factor

    @property
    def _factor(self) -> float:
        return self.ul_min_per_unit(self.settings)

    def _do_dispense(self, rate_ul_min: float) -> None:
        self._do_set(rate_ul_min / self._factor)

    def _do_rate_ul_min(self) -> float:
        return abs(self._do_setting()) * self._factor


def _unit(settings: DeviceSettings) -> str:
    unit: str = settings.unit  # type: ignore[attr-defined]
    return unit


class Stirrer(Device, Settable, Readable):
    """A stirrer [rpm]; it reports its speed."""

    unit = "rpm"
    quantities: Sequence[Quantity] = (Quantity("speed", "rpm"),)


class Stage(Device, Settable):
    """A stage that moves a probe or a sample [mm]; its safe value is one of the profile."""

    unit = "mm"
    settling_s = 60.0


class Light(Device, Settable):
    """A lamp or an LED with an intensity [% of the highest]."""

    unit = "%"
