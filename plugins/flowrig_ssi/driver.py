"""Driver for SSI Next Generation HPLC pumps."""

from collections.abc import Mapping

from flowrig.clock import Clock
from flowrig.errors import RefusedError
from flowrig.interfaces import Identity
from flowrig_kinds import FlowSource
from flowrig_serial.link import LineLink
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts
from flowrig_ssi.protocol import (
    BAR,
    BAUD,
    END,
    RUN,
    STOP,
    conditions,
    fastest,
    identity,
    set_flow_rate,
    state,
    version,
)
from flowrig_ssi.settings import SSISettings, step_ul_min

__all__ = ["SSIPump"]


class SSIPump(FlowSource):
    """A pump that runs at a flow rate until it is stopped; it counts nothing.

    What the pump reports decides: the answers to commands are not looked at.

    Args:
        name: the device's name in the rig profile.
        settings: port and fastest flow rate.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: SSISettings

    def __init__(
        self,
        name: str,
        settings: SSISettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._step_ul_min = step_ul_min(settings.flow_rate_max_ul_min)
        self._link = LineLink(name, "", fastest(), settings.deadline_s, self.wire, reply_end=END)

    @property
    def rounding_ul_min(self) -> float:
        """The step of its flow rate [µL/min]."""
        return self._step_ul_min

    def rounded_ul_min(self, rate_ul_min: float) -> float:
        """The flow rate [µL/min] in whole steps of the pump."""
        return round(rate_ul_min / self._step_ul_min) * self._step_ul_min

    def _do_open(self) -> None:
        settings = self.settings
        found_ul_min = self._link.open(settings.address, BAUD, self._list_ports)
        if abs(found_ul_min - settings.flow_rate_max_ul_min) > self._step_ul_min:
            raise self._fault(
                RefusedError,
                f"its fastest flow rate is {found_ul_min / 1000:g} mL/min, not the "
                f"{settings.flow_rate_max_ul_min / 1000:g} mL/min of the settings",
            )
        self._step_ul_min = self._link.ask(state()).step_ul_min

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        return identity(self._link.ask(version()))

    def _do_dispense(self, rate_ul_min: float) -> None:
        if rate_ul_min == 0.0:  # a stop waits for no answer; the caller asks afterwards
            self._link.tell_blindly(STOP)
            return
        self._link.tell(set_flow_rate(rate_ul_min, self._step_ul_min))
        if not self._link.ask(state()).runs:
            self._link.tell(RUN)

    def _do_rate_ul_min(self) -> float:
        found = self._link.ask(state())
        return found.rate_ul_min if found.runs else 0.0

    def _do_read(self) -> Mapping[str, float]:
        unit = self._link.ask(state()).unit
        return {"pressure": self._link.ask(conditions()).pressure * BAR[unit]}

    def _do_send_safe_action(self) -> None:
        if not self._link.is_open:
            self._link.claim(self.settings.address, BAUD, self._list_ports)
        self._link.tell_blindly(STOP)
