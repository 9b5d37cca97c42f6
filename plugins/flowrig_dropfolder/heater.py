"""Driver for a heater that a program of the lab runs, behind a drop folder."""

import math

from flowrig.errors import ProtocolError, RefusedError
from flowrig.interfaces import Heater, HeaterLimits, HeaterReading, Quality
from flowrig_dropfolder.devices import FolderDevice
from flowrig_dropfolder.layout import TEMPERATURE, Status
from flowrig_dropfolder.settings import HeaterSettings

__all__ = ["DropFolderHeater"]

ROUNDED_C = 0.1
"""Largest difference [°C] between the set point that is told and the one that is reported."""


class DropFolderHeater(FolderDevice, Heater):
    """A heater behind a drop folder; off is the set point `idle` of the settings."""

    settings: HeaterSettings

    def _do_limits(self) -> HeaterLimits:
        return HeaterLimits(self.settings.set_point_min_c, self.settings.set_point_max_c)

    def _do_set_temperature(self, temperature_c: float) -> None:
        status: Status = self._told(
            lambda: self._folder.tell(self._member, TEMPERATURE, temperature_c)
        )
        if not self._is_at(status, temperature_c):
            raise self._fault(
                RefusedError,
                f"it was told {temperature_c:g} °C, and the program reports {status.set_point_c:g} "
                "°C",
            )

    def _do_off(self) -> None:
        idle_c = self.settings.idle_c
        self._told(
            lambda: self._folder.insist(
                self._member, TEMPERATURE, idle_c, lambda status: self._is_at(status, idle_c)
            )
        )

    def _do_read(self) -> HeaterReading:
        status = self._ask()
        if not math.isfinite(status.set_point_c):
            raise self._fault(ProtocolError, "Status.csv has no number as 'set_point'")
        is_sound = math.isfinite(status.temperature_c)
        return HeaterReading(
            time_s=self.clock.now_s(),
            quality=Quality.GOOD if is_sound else Quality.BAD,
            temperature_c=status.temperature_c,
            set_point_c=status.set_point_c,
        )

    @staticmethod
    def _is_at(status: Status, set_point_c: float) -> bool:
        return abs(status.set_point_c - set_point_c) <= ROUNDED_C
