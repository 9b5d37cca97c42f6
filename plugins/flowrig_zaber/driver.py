"""Driver for Zaber linear stages."""

from typing import Final

from flowrig.clock import Clock
from flowrig.errors import NotReadyError, RefusedError
from flowrig.interfaces import Identity
from flowrig_kinds import Stage
from flowrig_serial.lines import Query
from flowrig_serial.link import LineLink
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts
from flowrig_zaber.protocol import FAULTS, NO_REFERENCE, Reply, limit, move, position, version
from flowrig_zaber.settings import ZaberSettings

__all__ = ["ZaberStage"]

UM_PER_MM: Final = 1e3

FINEST_MM: Final = 0.01
"""Distance [mm] from its goal at which a stage counts as there: far less than a fibre is wide."""


class ZaberStage(Stage):
    """One axis of a Zaber device.

    The position that the device reports decides: its answer to a command to move is not looked at.
    Commands are absolute, `move abs`. Nothing moves when the driver opens or closes: after
    power-up a person sends the stage home, who sees what is in its way.

    Args:
        name: the device's name in the rig profile.
        settings: port, address, axis, microstep and limits.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: ZaberSettings

    def __init__(
        self,
        name: str,
        settings: ZaberSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._where = settings.device, settings.axis
        self._told_mm: float | None = None
        part, probe = f"/{settings.device} {settings.axis} ", version(settings.device)
        self._link = LineLink(name, part, probe, settings.deadline_s, self.wire)

    @property
    def resolution(self) -> float:
        """Distance [mm] from its goal at which it counts as there."""
        return max(FINEST_MM, self._mm(1.0))

    def _do_open(self) -> None:
        settings = self.settings
        self._told_mm = None
        self._link.open(settings.address, settings.baud, self._list_ports)
        low_mm = self._mm(self._ask(limit(*self._where, "min")).number)
        high_mm = self._mm(self._ask(limit(*self._where, "max")).number)
        first_mm, last_mm = settings.limits_mm
        if first_mm < low_mm - self.resolution or last_mm > high_mm + self.resolution:
            raise self._fault(
                RefusedError,
                f"limits are {first_mm:g} to {last_mm:g} mm, and the stage goes from {low_mm:g} to "
                f"{high_mm:g} mm: correct limits, or microstep, {settings.microstep_um:g} um",
            )
        self._do_setting()  # whether it knows where it is

    def _do_close(self) -> None:
        self._link.close()

    def _do_identify(self) -> Identity:
        firmware = self._ask(version(self.settings.device)).data
        return Identity("Zaber", f"axis {self.settings.axis}", firmware=firmware)

    def _do_set(self, value: float) -> None:
        self._told_mm = value
        microsteps = round(value * UM_PER_MM / self.settings.microstep_um)
        # It may be the way to the safe place: it waits for no answer.
        self._link.tell_at_once(move(*self._where, microsteps))

    def _do_setting(self) -> float:
        reply = self._ask(position(*self._where))
        place_mm, told_mm = self._mm(reply.number), self._told_mm
        if reply.warning == NO_REFERENCE:
            raise self._fault(
                NotReadyError,
                "it does not know where it is, as after it was switched on: clear its way and send "
                "it home, with its knob or with Zaber Launcher",
            )
        if told_mm is None or reply.is_moving or abs(place_mm - told_mm) <= self.resolution:
            return place_mm
        self._told_mm = None  # said once; then it is where it is
        if reply.warning in FAULTS:
            raise self._fault(
                RefusedError,
                f"it was told to go to {told_mm:g} mm and stands at {place_mm:g} mm: "
                f"{FAULTS[reply.warning]} ({reply.warning})",
            )
        return place_mm

    def _ask(self, query: Query[Reply]) -> Reply:
        reply = self._link.ask(query)
        if not reply.accepted:
            raise self._fault(
                RefusedError, f"it refuses a question: {reply.data}", query.request, reply.data
            )
        return reply

    def _mm(self, microsteps: float) -> float:
        return microsteps * self.settings.microstep_um / UM_PER_MM
