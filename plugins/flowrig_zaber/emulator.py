"""An emulated Zaber device on a serial port."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from flowrig.clock import Clock
from flowrig.emulation import DeviceFault, EmulatorContext, Variants
from flowrig_kinds.bodies import StageBody
from flowrig_serial.emulator import NewFront, SerialEmulator
from flowrig_zaber.protocol import NO_REFERENCE, checksum
from flowrig_zaber.settings import ZaberSettings

__all__ = ["DIALECTS", "Variant", "ZaberCore", "ZaberEmulator"]

UM_PER_MM: Final = 1e3
STALLED: Final = "FS"

_REQUEST: Final = re.compile(r"/(?:([0-9]+)(?: ([0-9]+)(?: ([0-9]{1,2}))?)?)? ?([^0-9].*|)")


@frozen(kw_only=True)
class Variant:
    """The options in which one device differs from another.

    Attributes:
        version: version of the firmware.
        speed_mm_s: how fast the carriage goes [mm/s]; 0 for at once.
        has_checksums: whether replies end with a checksum (`comm.checksum`).
        has_alerts: whether alerts come between replies (`comm.alert`).
    """

    version: str = "7.38"
    speed_mm_s: float = 0.0
    has_checksums: bool = False
    has_alerts: bool = False


DIALECTS: Final[Mapping[str, Variant]] = {
    "plain": Variant(),
    "alerts": Variant(version="6.28", has_alerts=True),
    "checksums": Variant(has_checksums=True),
    "slow": Variant(speed_mm_s=20.0),
}
"""Devices as their settings make them, by name."""


class ZaberCore:
    """A device with one axis as a protocol core.

    Args:
        body: the carriage.
        settings: address, axis, microstep and limits, which are those of the stage.
        variant: the options of this device.
        clock: the time in which the carriage moves.
    """

    def __init__(
        self, body: StageBody, settings: ZaberSettings, variant: Variant, clock: Clock
    ) -> None:
        self._body = body
        self._settings = settings
        self._variant = variant
        self._clock = clock
        self._input = b""
        self._warning = ""
        self._way: tuple[float, float, float] | None = None
        self._is_blocked = False
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            text = (self._input + data).replace(b"\n", b"\r")
            *requests, self._input = text.split(b"\r")
            return b"".join(self._reply(one.decode("latin-1").strip()) for one in requests)

    def power_cycle(self) -> None:
        """Switch the device off and on again: it does not know where its carriage is."""
        with self._lock:
            self._input, self._way, self._warning = b"", None, NO_REFERENCE

    def block(self, on: bool) -> None:
        """Put something in the way of the carriage, so that it stays where it is, or free it."""
        with self._lock:
            self._is_blocked = on
            if not on and self._warning == STALLED:
                self._warning = ""

    def _reply(self, request: str) -> bytes:
        found = _REQUEST.fullmatch(request)
        if found is None:
            return b""
        device, axis, number, command = found.groups()
        if int(device or 0) not in (0, self._settings.device):
            return b""
        self._go_on()
        scope = int(axis or 0)
        if scope in (0, self._settings.axis):
            flag, data = self._carry_out(command, scope)
        else:
            flag, data = "RJ", "BADAXIS"
        return self._line(scope, number, flag, data)

    def _carry_out(self, command: str, scope: int) -> tuple[str, str]:
        low, high = (self._microsteps(one) for one in self._settings.limits_mm)
        answers: dict[str, Callable[[], str]] = {
            "": lambda: "0",
            "get version": lambda: self._variant.version,
            "get pos": lambda: f"{self._microsteps(self._body.told)}",
            "get limit.min": lambda: f"{low}",
            "get limit.max": lambda: f"{high}",
        }
        if command == "get version" and scope:
            return "RJ", "DEVICEONLY"
        if command in answers:
            return "OK", answers[command]()
        if command == "home":
            self._warning = ""
            return self._start(self._settings.limits_mm[0])
        if not command.startswith("move abs"):
            return "RJ", "BADCOMMAND"
        goal = re.fullmatch(r"move abs (-?[0-9]{1,10})", command)
        if goal is None or self._warning == NO_REFERENCE or not low <= int(goal[1]) <= high:
            return "RJ", "BADDATA"
        return self._start(int(goal[1]) * self._settings.microstep_um / UM_PER_MM)

    def _start(self, goal_mm: float) -> tuple[str, str]:
        if self._is_blocked:
            self._warning = STALLED
        elif self._variant.speed_mm_s == 0.0:
            self._body.tell(goal_mm)
        else:
            self._way = self._clock.now_s(), self._body.told, goal_mm
        return "OK", "0"

    def _go_on(self) -> None:
        """Bring the carriage to where it is by now."""
        if self._way is None:
            return
        since_s, start_mm, goal_mm = self._way
        gone_mm = self._variant.speed_mm_s * (self._clock.now_s() - since_s)
        if gone_mm >= abs(goal_mm - start_mm):
            self._way = None
            self._body.tell(goal_mm)
        else:
            self._body.tell(start_mm + (gone_mm if goal_mm > start_mm else -gone_mm))

    def _line(self, scope: int, number: str | None, flag: str, data: str) -> bytes:
        device = f"{self._settings.device:02d}"
        status = "IDLE" if self._way is None else "BUSY"
        words = [device, f"{scope}", flag, status, self._warning or "--", data]
        if number is not None:
            words.insert(2, f"{int(number):02d}")
        text = " ".join(words)
        check = f":{checksum(text)}" if self._variant.has_checksums else ""
        alert = f"!{device} 1 IDLE --\r\n" if self._variant.has_alerts else ""
        return f"{alert}@{text}{check}\r\n".encode("ascii")

    def _microsteps(self, place_mm: float) -> int:
        return round(place_mm * UM_PER_MM / self._settings.microstep_um)


class ZaberEmulator(SerialEmulator):
    """An emulated device on a serial port; its stage goes as far as the profile's limits.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this device.
        new_front: puts the core on a wire; by default as the context says.

    Attributes:
        core: the device.
    """

    variants = Variants(Variant, named=DIALECTS)

    def __init__(
        self,
        context: EmulatorContext,
        variant: Variant | None = None,
        new_front: NewFront | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        if not isinstance(settings, ZaberSettings):
            settings = ZaberSettings(address="", microstep_um=0.5, limits_mm=(0.0, 150.0))
        body = context.world.body(context.device)
        self.core = ZaberCore(body, settings, variant or Variant(), context.clock)
        self.put_on_wire(self.core, new_front)

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every stage, and those of a Zaber."""
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "off and on: the stage does not know where it is, until it is sent home",
                lambda on: self.core.power_cycle() if on else None,
            ),
            "blocked-carriage": DeviceFault(
                "something blocks the carriage, and the motor stalls", self.core.block
            ),
        }
