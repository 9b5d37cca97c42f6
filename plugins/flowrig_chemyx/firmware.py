"""The language of an emulated Fusion: requests in, replies out, over its drives."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from flowrig.interfaces import PumpState
from flowrig_chemyx.dialect import Dialect
from flowrig_chemyx.drive import Drive
from flowrig_chemyx.protocol import REJECTION, parse_steps

__all__ = ["FusionProtocol"]

STATUS_DIGITS: Final = {
    PumpState.STOPPED: "0",
    PumpState.RUNNING: "1",
    PumpState.PAUSED: "2",
    PumpState.DELAYED: "3",
    PumpState.STALLED: "4",
    PumpState.FAULT: "5",
}
BEGUN: Final = "Pump start running..."
CYCLE: Final = "start cycle"
PROMPT: Final = b">"
HELP: Final = {
    "help": "these lines",
    "echo on": "repeat every request",
    "echo off": "repeat no request",
    "start": "run; 0 behind it for the first step, 1 for all",
    "pause": "interrupt the run; start goes on",
    "stop": "end the run",
    "set units": "0 mL/min, 1 mL/hr, 2 uL/min, 3 uL/hr",
    "set diameter": "inner diameter of the syringe, mm",
    "set rate": "flow rate; commas between steps, a slash within a ramp",
    "set volume": "volume; negative withdraws; commas between steps",
    "set time": "minutes; sets the flow rate",
    "set delay": "wait before a step",
    "set primerate": "flow rate for priming",
    "read limit parameter": "fastest, slowest, largest, smallest",
    "view parameter": "what is set",
    "dispensed volume": "volume of this run",
    "elapsed time": "minutes of this run",
    "change rate": "flow rate of the step that runs",
    "hexw2": "units mode diameter volume rate delay [start]; mode 1 withdraws",
}


class FusionProtocol:
    """The protocol core of a sound pump: bytes in, bytes out.

    Args:
        drives: by channel: 1 and 2 on a dual pump, 0 on a single one.
        dialect: what kind of Fusion it is.

    Attributes:
        drives: the motors, by channel.
        on_motion: called when a motor may have begun or ended to move.
    """

    def __init__(self, drives: Mapping[int, Drive], dialect: Dialect) -> None:
        self.drives = drives
        self._keeps_old_values = False
        self._rejects = False
        self.on_motion: Callable[[], None] = lambda: None
        self._dialect = dialect
        self._echo = dialect.echo
        self._input = b""
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[Drive], list[str]]] = {
            "start": self._start,
            "start 0": lambda drive: self._start(drive, basic=True),
            "start 1": self._start,
            "pause": self._pause,
            "stop": self._stop,
            "read limit parameter": _limits,
            "dispensed volume": lambda drive: [f"dispensed volume = {drive.dispensed:.4f}"],
            "elapsed time": lambda drive: [f"elapsed time = {drive.elapsed_min:.5f}"],
        } | dict.fromkeys(dialect.status_spellings, _status)

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return the replies to the requests they complete."""
        with self._lock:
            *requests, self._input = (self._input + data).split(b"\r")
            replies = [self._reply(request.removeprefix(b"\n")) for request in requests]
            return self._news() + b"".join(replies) if replies else b""

    def follow(self) -> bytes:
        """Let the motors go on as far as the clock has; return what the pump says unasked."""
        with self._lock:
            return self._news()

    def next_event_s(self) -> float | None:
        """How long [s] it takes until `follow` has something to do; None if nothing moves."""
        with self._lock:
            waits = [drive.next_event_s for drive in self.drives.values()]
        return min((wait for wait in waits if wait is not None), default=None)

    def keep_old_values(self, on: bool) -> None:
        """From now on answer every `set` with the old value, or take new ones again."""
        self._keeps_old_values = on

    def reject(self, on: bool) -> None:
        """From now on reject every command, or take them again."""
        self._rejects = on

    def power_cycle(self) -> None:
        """Switch the pump off and on."""
        with self._lock:
            self._input, self._echo = b"", self._dialect.echo
            for drive in self.drives.values():
                drive.power_cycle()

    def _news(self) -> bytes:
        said = b""
        for drive in self.drives.values():
            drive.advance()
            if drive.begun_late and self._dialect.announces:
                said += BEGUN.encode() + self._dialect.separator + PROMPT
            drive.begun_late = False
        return said

    def _reply(self, request: bytes) -> bytes:
        echo = request + self._dialect.echo_end if self._echo else b""
        lines = self._answer(request.decode("ascii", "replace").rstrip())
        separator = self._dialect.separator
        return echo + b"".join(line.encode("ascii") + separator for line in lines) + PROMPT

    def _answer(self, request: str) -> list[str]:
        if request in ("echo on", "echo off"):
            self._echo = request == "echo on"
            return []
        if request and self._rejects:
            return [REJECTION]
        if request == "help":
            return [f"{command:<22}-{meaning}" for command, meaning in HELP.items()]
        return self._carry_out(*self._addressed(request)) if request else []

    def _addressed(self, request: str) -> tuple[list[Drive], str]:
        """Which drives a request is for; without a channel, a dual pump takes it for both.

        So does channel 3, which is cycle mode (Chemyx-Syringe-Pump, dualchannel_cycle.py).
        """
        channel, blank, command = request.partition(" ")
        if not (self._dialect.dual and blank and channel in ("1", "2", "3")):
            return (list(self.drives.values()), request)
        if channel == "3":
            return (list(self.drives.values()), re.sub("^start( +2)?$", CYCLE, command))
        return ([self.drives[int(channel)]], command)

    def _carry_out(self, drives: list[Drive], command: str) -> list[str]:
        command = re.sub(r"^start +", "start ", command)
        if re.fullmatch("view parameter( [0-9])?", command):
            return self._parameters()
        if command == CYCLE:
            return self._start_cycle()
        if command in self._actions:
            replies = [self._actions[command](drive) for drive in drives]
            return replies[0]
        if command.startswith("hexw2 "):
            return self._set_everything(drives, command)
        return self._set(drives, command)

    def _set(self, drives: list[Drive], command: str) -> list[str]:
        verb, _, rest = command.partition(" ")
        what, _, text = rest.partition(" ")
        try:
            steps = parse_steps(text)
        except ValueError:
            return [REJECTION]
        if (verb, what) == ("change", "rate"):
            return self._change_rate(drives, steps)
        if verb != "set" or what not in _SETTERS:
            return [REJECTION]
        if not self._keeps_old_values:
            for drive in drives:
                _SETTERS[what](drive, steps)
        return _kept(drives[0], what)

    def _change_rate(self, drives: list[Drive], steps: Sequence[tuple[float, ...]]) -> list[str]:
        """As AFRL ARES knows it (ChemyxPumpPlugin): with the channel in front of the answer."""
        if not self._keeps_old_values:
            for drive in drives:
                drive.change_rate(steps[0][0])
        self.on_motion()
        ((number, drive),) = [pair for pair in self.drives.items() if pair[1] is drives[0]]
        shown = f"change rate = {drive.present_rate:.6f}"
        return [f"pump {number} {shown}" if self._dialect.dual else shown]

    def _start_cycle(self) -> list[str]:
        """One channel infuses while the other fills, and then the other way round."""
        for phase, drive in enumerate(self.drives.values()):
            drive.start_cycle(phase)
        self.on_motion()
        delayed = any(drive.state is PumpState.DELAYED for drive in self.drives.values())
        return ["Pump delay..." if delayed else BEGUN]

    def _set_everything(self, drives: list[Drive], command: str) -> list[str]:
        """What `hexw2` says, in one line; it is silent where it does not start, as nobody told."""
        words = command.split()[1:]
        starts = words[-1:] == ["start"]
        try:
            units, mode, diameter, volume, rate, delay = map(float, words[:6])
        except ValueError:
            return [REJECTION]
        if len(words) != 6 + starts or mode not in (0, 1):
            return [REJECTION]
        for drive in drives:
            drive.set_units(units)
            drive.set_diameter(diameter)
            drive.set_volumes([-volume if mode else volume])
            drive.set_rates([(rate,)])
            drive.set_delays([delay])
        replies = [self._start(drive) for drive in drives] if starts else [[]]
        return replies[0]

    def _start(self, drive: Drive, *, basic: bool = False) -> list[str]:
        drive.start(basic=basic)
        self.on_motion()
        return ["Pump delay..." if drive.state is PumpState.DELAYED else BEGUN]

    def _pause(self, drive: Drive) -> list[str]:
        drive.pause()
        self.on_motion()
        return ["Pump pause!"]

    def _stop(self, drive: Drive) -> list[str]:
        drive.stop()
        self.on_motion()
        return ["Pump stop!"]

    def _parameters(self) -> list[str]:
        if not self._dialect.dual:
            unit, dia, rate, *rest = _parameters_of(self.drives[0])
            prime = [_kept(self.drives[0], "primerate")[0]] if self._dialect.primerate_line else []
            return [unit, dia, rate, *prime, *rest]
        lines = [" "]
        for channel in (1, 2):
            lines += [f"Pump {channel}:", *_parameters_of(self.drives[channel])]
        return lines


_SETTERS: Final[Mapping[str, Callable[[Drive, Sequence[tuple[float, ...]]], None]]] = {
    "units": lambda drive, steps: drive.set_units(steps[0][0]),
    "diameter": lambda drive, steps: drive.set_diameter(steps[0][0]),
    "rate": Drive.set_rates,
    "volume": lambda drive, steps: drive.set_volumes([step[0] for step in steps]),
    "time": lambda drive, steps: drive.set_times([step[0] for step in steps]),
    "delay": lambda drive, steps: drive.set_delays([step[0] for step in steps]),
    "primerate": lambda drive, steps: drive.set_primerate(steps[0][0]),
}


def _status(drive: Drive) -> list[str]:
    return [STATUS_DIGITS[drive.state]]


def _limits(drive: Drive) -> list[str]:
    return [" ".join(f"{limit:.4f}" for limit in drive.limits())]


def _kept(drive: Drive, what: str) -> list[str]:
    rate = f"rate = {_listed(drive.rates)}"
    return {
        "units": [f"units = {drive.units.value}"],
        "diameter": [f"diameter = {drive.diameter_mm:.3f}"],
        "rate": [rate],
        "volume": [f"volume = {_listed((volume,) for volume in drive.volumes)}"],
        "time": ["", rate, "", f"time = {_listed((time,) for time in drive.times_min)}"],
        "delay": [f"delay = {_listed((delay,) for delay in drive.delays)}"],
        "primerate": [f"primerate = {drive.primerate:.6f}"],
    }[what]


def _parameters_of(drive: Drive) -> list[str]:
    return [
        f"unit = {drive.units.value}",
        f"dia = {drive.diameter_mm:.3f}",
        *_kept(drive, "rate"),
        _kept(drive, "time")[-1],
        *_kept(drive, "volume"),
        *_kept(drive, "delay"),
    ]


def _listed(steps: Iterable[tuple[float, ...]]) -> str:
    return ",".join("/".join(f"{value:.6f}" for value in step) for step in steps)
