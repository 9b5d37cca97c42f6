"""Driver for pumps that a program of the lab runs, behind a drop folder."""

import math

from flowrig.errors import DeviceFaultError, NotReadyError, ProtocolError, RefusedError
from flowrig.interfaces import Pump, PumpLimits, PumpReadBack, PumpState, Syringe
from flowrig_dropfolder.devices import FolderDevice
from flowrig_dropfolder.layout import Status
from flowrig_dropfolder.settings import PumpSettings

__all__ = ["DropFolderPump"]

RATE_SHARE = 0.005
"""Largest difference between the flow rate that is told and the one that is reported."""

STATES = {0: PumpState.STOPPED, 1: PumpState.RUNNING, 2: PumpState.STALLED}


class DropFolderPump(FolderDevice, Pump):
    """A pump behind a drop folder; state and flow rate are what its program reports.

    The syringe is one that the program knows: it is not sent, and cannot be asked.
    """

    settings: PumpSettings
    _rate_ul_min: float | None = None

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        settings = self.settings
        return PumpLimits(
            settings.flow_rate_min_ul_min, settings.flow_rate_max_ul_min, syringe.volume_ul
        )

    def _do_set_rate(self, rate_ul_min: float) -> None:
        # A pump that stands still gets its flow rate with its start, in one row for all pumps.
        if self._folder.in_force(self.settings.column) > 0.0:
            self._run_at(rate_ul_min)
        self._rate_ul_min = rate_ul_min

    def _do_start(self) -> None:
        if self._rate_ul_min is None:
            raise self._fault(NotReadyError, "set_rate() first")
        status = self._run_at(self._rate_ul_min)
        state = self._state(status)
        if state is not PumpState.RUNNING:
            raise self._fault(
                DeviceFaultError, f"the program reports after the start that it is {state.value}"
            )

    def _run_at(self, rate_ul_min: float) -> Status:
        gather = not self.clock.is_virtual
        column = self.settings.column
        status: Status = self._told(
            lambda: self._folder.tell(self._member, column, rate_ul_min, gather=gather)
        )
        found = self._rate(status)
        if not math.isclose(found, rate_ul_min, rel_tol=RATE_SHARE):
            raise self._fault(
                RefusedError,
                f"it was told {rate_ul_min:g} µL/min, and the program reports {found:g} µL/min",
            )
        return status

    def _do_stop(self) -> None:
        column = self.settings.column
        self._told(
            lambda: self._folder.insist(
                self._member, column, 0.0, lambda status: self._rate(status) == 0.0
            )
        )

    def _do_read_state(self) -> PumpState:
        return self._state(self._ask())

    def _do_read_back(self) -> PumpReadBack:
        rate = self._rate(self._ask())
        return PumpReadBack(time_s=self.clock.now_s(), rate_ul_min=rate)

    def _rate(self, status: Status) -> float:
        column = self.settings.column
        rate = status.rates_ul_min.get(column, math.nan)
        if not (math.isfinite(rate) and rate >= 0.0):
            raise self._fault(
                ProtocolError,
                f"Status.csv has no flow rate in the column {column!r}",
            )
        return rate

    def _state(self, status: Status) -> PumpState:
        rate = self._rate(status)
        number = status.states.get(self.settings.column, int(rate > 0.0))
        return STATES.get(number, PumpState.FAULT)
