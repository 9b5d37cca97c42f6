"""An emulated Fusion pump: its serial language over the drives of `flowrig_chemyx.drive`."""

import re
from collections.abc import Callable, Mapping
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
from flowrig_chemyx.drive import Drive
from flowrig_chemyx.protocol import REJECTION
from flowrig_chemyx.settings import FusionSettings

__all__ = ["ChemyxEmulator", "Dialect", "Faults", "FusionProtocol"]

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
        self._front = new_front(context.tap(self.core))

    def start(self) -> str:
        """Begin to answer; returns a port path, or "socket://host:port" on a TCP front."""
        address = self._front.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._front.stop()
