"""An emulated Fusion pump: its serial language over a plunger of the simulated world."""

import re
from collections.abc import Callable, Mapping
from math import pi
from typing import Final

from attrs import define, frozen

from flowrig.emulation import (
    Emulator,
    EmulatorContext,
    Front,
    ProtocolCore,
    PumpBody,
    SocketFront,
    serial_front,
)
from flowrig.interfaces import PumpState
from flowrig_chemyx.protocol import REJECTION, Units
from flowrig_chemyx.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    FusionSettings,
)

__all__ = ["ChemyxEmulator", "Dialect", "Drive", "Faults", "FusionProtocol"]

# A Fusion with 30 mm set answered "125.9622 0.0002 106.0288 0.0141" in mL and mL/min (AFRL ARES,
# ChemyxPumpPlugin); divided by the area of the bore these are a stroke and speeds.
STROKE_MM: Final = 150.0
SPEED_MAX_MM_MIN: Final = 178.2
SPEED_MIN_MM_MIN: Final = 0.0002 / 0.706858
MOVE_MIN_MM: Final = 0.02

STATUS_DIGITS: Final = {
    PumpState.STOPPED: "0",
    PumpState.RUNNING: "1",
    PumpState.PAUSED: "2",
    PumpState.STALLED: "4",
}

_VALUE = re.compile(r"([+-]?[0-9]+\.?[0-9]*)(\s*,.*)?")  # further steps of a run are cut


@frozen(kw_only=True)
class Dialect:
    """In what real pumps differ.

    Attributes:
        dual: two channels, which take "1 " or "2 " before a command.
        echo_end: what ends the echo.
        separator: what separates lines.
        status_spellings: the spellings of the status query that are known.
        counts_on_after_pause: whether `dispensed volume` goes on when a paused run is resumed.
    """

    dual: bool = False
    echo_end: bytes = b"\r"
    separator: bytes = b"\r\n"
    status_spellings: tuple[str, ...] = ("status", "pump status")
    counts_on_after_pause: bool = True


@define
class Faults:
    """Switches for what can go wrong on the wire.

    Attributes:
        mute: everything is done, nothing is answered.
        deaf: nothing arrives.
        stubborn: every `set` is answered with the old value.
        garbled: answers arrive as they would at another line speed.
        hold_replies: so many replies come late, in front of the first that does not.
    """

    mute: bool = False
    deaf: bool = False
    stubborn: bool = False
    garbled: bool = False
    hold_replies: int = 0


class Drive:
    """One motor as the pump's firmware sees it.

    The firmware knows the diameter that it was told, not the syringe: its flow rates and volumes
    are plunger travel in disguise. A change of units or diameter clears rate and volume, and while
    a run is under way nothing but the rate of a paused one can be set; real pumps may be more
    lenient. The drive infuses only and begins without delay.

    Args:
        body: the motor and the syringe that is really on it.
        now_s: rig time [s].
        counts_on_after_pause: see `Dialect`.
    """

    def __init__(
        self, body: PumpBody, now_s: Callable[[], float], *, counts_on_after_pause: bool = True
    ) -> None:
        self.units = Units.ML_MIN
        self.diameter_mm = 14.57
        self.rate = 0.0
        self.volume = 0.0
        self._body = body
        self._now_s = now_s
        self._counts_on = counts_on_after_pause
        self._state = PumpState.STOPPED
        self._zero_ul = body.moved_ul
        self._counted_ul = 0.0
        self._begin_s = self._end_s = now_s()

    @property
    def state(self) -> PumpState:
        """What the drive does; a run that has reached its volume is over."""
        if self._state is PumpState.RUNNING:
            if self._body.stalled:
                self._halt(PumpState.STALLED)
            elif self._count_ul() >= self.volume * self.units.volume_ul:
                self._halt(PumpState.STOPPED)
        return self._state

    @property
    def dispensed(self) -> float:
        """Volume of this run, or of the last, in the unit that is set."""
        running = self.state is PumpState.RUNNING
        return (self._count_ul() if running else self._counted_ul) / self.units.volume_ul

    @property
    def elapsed_min(self) -> float:
        """Length of this run, or of the last [min]."""
        running = self.state is PumpState.RUNNING
        return ((self._now_s() if running else self._end_s) - self._begin_s) / 60.0

    def limits(self) -> tuple[float, float, float, float]:
        """Fastest and slowest rate, largest and smallest volume, as printed."""
        area_ul_mm = pi / 4 * self.diameter_mm**2
        rate, volume = area_ul_mm / self.units.rate_ul_min, area_ul_mm / self.units.volume_ul
        return (
            round(SPEED_MAX_MM_MIN * rate, 4),
            round(SPEED_MIN_MM_MIN * rate, 4),
            round(STROKE_MM * volume, 4),
            round(MOVE_MIN_MM * volume, 4),
        )

    def set_units(self, value: float) -> None:
        """Take a unit code, or keep the old one."""
        if self._at_rest() and value in [unit.value for unit in Units]:
            self.units = Units(int(value))
            self.rate = self.volume = 0.0

    def set_diameter(self, value: float) -> None:
        """Take an inner diameter [mm], or keep the old one."""
        if self._at_rest() and INNER_DIAMETER_MIN_MM <= value <= INNER_DIAMETER_MAX_MM:
            self.diameter_mm = value
            self.rate = self.volume = 0.0

    def set_rate(self, value: float) -> None:
        """Take a rate, or keep the old one."""
        fastest, slowest, _, _ = self.limits()
        if self.state is not PumpState.RUNNING and slowest <= value <= fastest:
            self.rate = value

    def set_volume(self, value: float) -> None:
        """Take a volume, or keep the old one."""
        _, _, largest, smallest = self.limits()
        if self._at_rest() and smallest <= value <= largest:
            self.volume = value

    def start(self) -> None:
        """Begin a run, or go on with a paused one; without a rate or a volume nothing happens."""
        state = self.state
        if state is PumpState.RUNNING or not (self.rate and self.volume):
            return
        if state is not PumpState.PAUSED or not self._counts_on:
            self._counted_ul = 0.0
            self._begin_s = self._now_s()
        self._zero_ul = self._body.moved_ul
        self._state = PumpState.RUNNING
        self._body.push(self.rate * self.units.rate_ul_min * self._true_per_believed())

    def pause(self) -> None:
        """Interrupt a run."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.PAUSED)

    def stop(self) -> None:
        """End a run; a stall is acknowledged by it."""
        if self.state is PumpState.RUNNING:
            self._halt(PumpState.STOPPED)
        self._state = PumpState.STOPPED

    def _halt(self, state: PumpState) -> None:
        self._counted_ul = self._count_ul()
        self._body.push(0.0)
        self._end_s = self._now_s()
        self._state = state

    def _at_rest(self) -> bool:
        return self.state in (PumpState.STOPPED, PumpState.STALLED)

    def _count_ul(self) -> float:
        moved_ul = self._body.moved_ul - self._zero_ul
        return self._counted_ul + moved_ul / self._true_per_believed()

    def _true_per_believed(self) -> float:
        return (self._body.inner_diameter_mm / self.diameter_mm) ** 2


class FusionProtocol:
    """The protocol core: bytes in, bytes out.

    Args:
        drives: by channel: 1 and 2 on a dual pump, 0 on a single one.
        dialect: what kind of Fusion it is.
    """

    def __init__(self, drives: Mapping[int, Drive], dialect: Dialect) -> None:
        self.faults = Faults()
        self._drives = drives
        self._dialect = dialect
        self._echo = True
        self._input = b""
        self._late = b""
        self._actions: dict[str, Callable[[Drive], list[str]]] = {
            "start": self._start,
            "pause": self._pause,
            "stop": self._stop,
            "read limit parameter": self._limits,
            "dispensed volume": lambda drive: [f"dispensed volume = {drive.dispensed:.4f}"],
            "elapsed time": lambda drive: [f"elapsed time = {drive.elapsed_min:.5f}"],
        } | dict.fromkeys(dialect.status_spellings, self._status)
        self._setters: dict[str, Callable[[Drive, float], None]] = {
            "units": Drive.set_units,
            "diameter": Drive.set_diameter,
            "rate": Drive.set_rate,
            "volume": Drive.set_volume,
        }

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the replies to the requests they complete."""
        if self.faults.deaf:
            return b""
        *requests, self._input = (self._input + data).split(b"\r")
        return b"".join(self._reply(request.removeprefix(b"\n")) for request in requests)

    def _reply(self, request: bytes) -> bytes:
        reply = self._frame(request, self._answer(request.decode("ascii", "replace").rstrip()))
        if self.faults.mute:
            return b""
        if self.faults.garbled:
            return bytes(byte | 0x80 for byte in reply)
        self._late += reply
        if self.faults.hold_replies:
            self.faults.hold_replies -= 1
            return b""
        late, self._late = self._late, b""
        return late

    def _frame(self, request: bytes, lines: list[str]) -> bytes:
        echo = request + self._dialect.echo_end if self._echo else b""
        separator = self._dialect.separator
        return echo + b"".join(line.encode("ascii") + separator for line in lines) + b">"

    def _answer(self, request: str) -> list[str]:
        if not request:
            return []
        if request in ("echo on", "echo off"):
            self._echo = request == "echo on"
            return []
        if request == "help":
            return sorted([*self._actions, *(f"set {what}" for what in self._setters)])
        drives, command = self._addressed(request)
        command = re.sub(r"^start [01]$", "start", command)
        if command == "view parameter":
            return self._parameters()
        if command in self._actions:
            replies = [self._actions[command](drive) for drive in drives]
            return replies[0]
        return self._set(drives, command)

    def _addressed(self, request: str) -> tuple[list[Drive], str]:
        """Which drives a request is for; without a channel, a dual pump takes it for both."""
        channel, blank, command = request.partition(" ")
        if self._dialect.dual and blank and channel in ("1", "2"):
            return ([self._drives[int(channel)]], command)
        return (list(self._drives.values()), request)

    def _set(self, drives: list[Drive], command: str) -> list[str]:
        verb, _, rest = command.partition(" ")
        what, _, text = rest.partition(" ")
        value = _VALUE.fullmatch(text)
        if verb != "set" or what not in self._setters or not value:
            return [REJECTION]
        if not self.faults.stubborn:
            for drive in drives:
                self._setters[what](drive, float(value[1]))
        return [_kept(drives[0], what)]

    def _start(self, drive: Drive) -> list[str]:
        drive.start()
        return ["Pump start running..."]

    def _pause(self, drive: Drive) -> list[str]:
        drive.pause()
        return ["Pump pause!"]

    def _stop(self, drive: Drive) -> list[str]:
        drive.stop()
        return ["Pump stop!"]

    def _status(self, drive: Drive) -> list[str]:
        return [STATUS_DIGITS[drive.state]]

    def _limits(self, drive: Drive) -> list[str]:
        return [" ".join(f"{limit:.4f}" for limit in drive.limits())]

    def _parameters(self) -> list[str]:
        if not self._dialect.dual:
            unit, dia, rate, *rest = _parameters_of(self._drives[0])
            return [unit, dia, rate, "primerate = 0.000000", *rest]
        lines = [" "]
        for channel in (1, 2):
            lines += [f"Pump {channel}:", *_parameters_of(self._drives[channel])]
        return lines


def _kept(drive: Drive, what: str) -> str:
    return {
        "units": f"units = {drive.units.value}",
        "diameter": f"diameter = {drive.diameter_mm:.3f}",
        "rate": f"rate = {drive.rate:.6f}",
        "volume": f"volume = {drive.volume:.6f}",
    }[what]


def _parameters_of(drive: Drive) -> list[str]:
    time_min = drive.volume / drive.rate if drive.rate else 0.0
    return [
        f"unit = {drive.units.value}",
        f"dia = {drive.diameter_mm:.3f}",
        f"rate = {drive.rate:.6f}",
        f"time = {time_min:.6f}",
        f"volume = {drive.volume:.6f}",
        "delay = 0.000000",
    ]


class _NoSyringe:
    """The motor of a channel that nothing is mounted on."""

    inner_diameter_mm = 10.0
    fill_ul = 0.0
    moved_ul = 0.0
    stalled = False

    def push(self, rate_ul_min: float) -> None:
        """Move nothing."""


class ChemyxEmulator(Emulator):
    """An emulated Fusion on a serial port; a dual one if the settings name a channel.

    Args:
        context: which device it plays, in which world.
        dialect: what kind of Fusion it is; by default what the settings call for.
        new_front: puts the core on a wire.
    """

    def __init__(
        self,
        context: EmulatorContext,
        dialect: Dialect | None = None,
        new_front: Callable[[ProtocolCore], Front] = serial_front,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        channel = (settings.channel if isinstance(settings, FusionSettings) else None) or 0
        dialect = dialect or Dialect(dual=channel > 0)
        bodies: dict[int, PumpBody] = {1: _NoSyringe(), 2: _NoSyringe()} if channel else {}
        bodies[channel] = context.world.pump(context.device)
        drives = {
            number: Drive(
                body, context.clock.now_s, counts_on_after_pause=dialect.counts_on_after_pause
            )
            for number, body in bodies.items()
        }
        self.core = FusionProtocol(drives, dialect)
        self._front = new_front(self.core)

    def start(self) -> str:
        """Begin to answer; returns a port path, or "socket://host:port" on a TCP front."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._front.stop()
