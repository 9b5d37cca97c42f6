"""The firmware of an emulated Fusion: it reads requests, commands the motors, and replies.

It knows every command that public programs send to a Fusion, more than this package's own driver
uses, so that those programs can be tried on the emulator.
"""

import operator
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from flowrig.interfaces import PumpState
from flowrig_chemyx.emulator.motor import Motor
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.wire.protocol import REJECTION, Units, parse_number, parse_steps, parse_units

__all__ = ["FusionFirmware"]

STATUS_DIGITS: Final = {
    PumpState.STOPPED: "0",
    PumpState.RUNNING: "1",
    PumpState.PAUSED: "2",
    PumpState.DELAYED: "3",
    PumpState.STALLED: "4",
    PumpState.FAULT: "5",
}
BEGUN: Final = "Pump start running..."
DELAYED: Final = "Pump delay..."
PROMPT: Final = b">"
CYCLE_CHANNEL: Final = 3
UNIT_NAMES: Final = {
    Units.ML_MIN: "mL/min",
    Units.ML_HR: "mL/hr",
    Units.UL_MIN: "uL/min",
    Units.UL_HR: "uL/hr",
}
MODES: Final = ("", " 0", " 1")
_VIEW: Final = re.compile("view parameter( [0-9])?")
UNIT_NAME: Final = re.compile(r"[^a-z0-9]{0,2}[mu]?[lL]/(min|hr)")

# The commands are those of public programs and of Chemyx's help text; the wording is not Chemyx's.
HELP: Final = {
    "help": "show these lines",
    "echo on": "repeat every request",
    "echo off": "repeat no request",
    "start": "run, or resume; 0 after it runs the first step, 1 all",
    "pause": "pause the run; start resumes it",
    "stop": "end the run",
    "set units": "0 mL/min, 1 mL/hr, 2 uL/min, 3 uL/hr, or a name",
    "set diameter": "inner diameter of the syringe, mm",
    "set rate": "flow rate; commas between steps, a slash within a ramp",
    "set volume": "volume; negative withdraws; commas between steps",
    "set time": "duration in minutes; sets the flow rate",
    "set delay": "delay before a step",
    "set primerate": "flow rate for priming",
    "set mode": "0 infuses, 1 withdraws the volumes that are set",
    "read limit parameter": "rate max, rate min, volume max, volume min",
    "view parameter": "all settings",
    "dispensed volume": "volume of this run",
    "elapsed time": "duration of this run, minutes",
    "change rate": "flow rate of the running step",
    "hexw2": "units mode diameter volume rate delay [start]; mode 1 withdraws",
}


class FusionFirmware:
    """The firmware of a Fusion as a protocol core: bytes in, bytes out.

    Args:
        motors: by channel: 1 and 2 on a dual pump, 0 on a single-channel pump.
        variant: the options of this Fusion.
        now_s: rig time [s].

    Attributes:
        motors: the motors, by channel.
        on_motion: called when a motor may have started or stopped.
    """

    def __init__(
        self, motors: Mapping[int, Motor], variant: Variant, now_s: Callable[[], float]
    ) -> None:
        self._now_s = now_s
        self.motors = motors
        self._keeps_old_values = False
        self._rejects = False
        self.on_motion: Callable[[], None] = lambda: None
        self._variant = variant
        self._echo = variant.echo
        self._shown: dict[Motor, tuple[tuple[object, ...], list[str]]] = {}
        self._input = b""
        self._heard_s = 0.0
        self._lock = threading.Lock()
        # A number after a command is the mode: 0 for the first step, 1 for all steps.
        self._actions: dict[str, Callable[[Motor], list[str]]] = {
            "start": self._start,
            "start 0": lambda motor: self._start(motor, basic=True),
            "start 1": self._start,
            **dict.fromkeys(("pause", "pause 0", "pause 1"), self._pause),
            **dict.fromkeys(("stop", "stop 0", "stop 1"), self._stop),
            **dict.fromkeys((f"read limit parameter{mode}" for mode in MODES), self._limits),
            "dispensed volume": lambda motor: [f"dispensed volume = {motor.dispensed:.4f}"],
            "elapsed time": lambda motor: [f"elapsed time = {motor.elapsed_min:.5f}"],
        } | dict.fromkeys(variant.status_spellings, _status)

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            late = self._end_idle()
            self._heard_s = self._now_s()
            *requests, self._input = (self._input + data).split(b"\r")
            # Some clients end a request with CR LF: the LF is then the first byte of the next one.
            replies = [self._reply(request.removeprefix(b"\n")) for request in requests]
            answer = late + self._advance() + b"".join(replies) if replies else late
        if self._input and self._variant.idle_end_s:
            self.on_motion()
        return answer

    def tick(self) -> bytes:
        """Advance the motors to the present time; return text that no request asked for."""
        with self._lock:
            return self._end_idle() + self._advance()

    def next_event_s(self) -> float | None:
        """Time [s] until `tick` has something to do; None while no motor moves."""
        with self._lock:
            waits = [motor.next_event_s for motor in self.motors.values()]
            if self._input.strip() and self._variant.idle_end_s:
                end_s = self._heard_s + self._variant.idle_end_s
                waits.append(max(end_s - self._now_s(), 0.0))
        return min((wait for wait in waits if wait is not None), default=None)

    def keep_old_values(self, on: bool) -> None:
        """Begin or end to ignore every `set`, and to answer it with the old value."""
        self._keeps_old_values = on

    def reject(self, on: bool) -> None:
        """Begin or end to reject every request."""
        self._rejects = on

    def at_the_panel(self, action: Callable[[Motor], object], on: bool = True) -> None:
        """Do something at the panel of the pump, if `on`."""
        if on:
            with self._lock:
                for motor in self.motors.values():
                    action(motor)
            self.on_motion()

    def leave_a_start(self, on: bool) -> None:
        """Receive a start without its end, from a program that dies, if `on`."""
        if on:
            with self._lock:
                self._input = b"1 start" if self._variant.dual else b"start"

    def power_cycle(self) -> None:
        """Switch the pump off and on again."""
        with self._lock:
            self._input, self._echo = b"", self._variant.echo
            for motor in self.motors.values():
                motor.power_cycle()

    def _end_idle(self) -> bytes:
        """Answer a request without a terminator, if nothing has followed it for long enough."""
        silence_s = self._now_s() - self._heard_s
        if not (self._input.strip() and 0.0 < self._variant.idle_end_s <= silence_s):
            return b""
        request, self._input = self._input, b""
        return self._reply(request.removeprefix(b"\n"))

    def _advance(self) -> bytes:
        """Advance the motors; return the text that the pump sends without a request."""
        text = b""
        for motor in self.motors.values():
            motor.advance()
            if motor.begun_late and self._variant.announces:
                text += BEGUN.encode() + self._variant.separator + PROMPT
            motor.begun_late = False
        return text

    def _reply(self, request: bytes) -> bytes:
        end = b"\r" if self._variant.dual else b"\r\n"
        if self._variant.echo_end is not None:
            end = self._variant.echo_end
        echo = request + end if self._echo else b""
        lines = self._answer(request.decode("ascii", "replace").rstrip())
        separator = self._variant.separator
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

    def _addressed(self, request: str) -> tuple[int, str]:
        """The channel number before a request, or 0, and the command after it."""
        channel, blank, command = request.partition(" ")
        if self._variant.dual and blank and channel in ("1", "2", "3"):
            return int(channel), command
        return 0, request

    def _carry_out(self, channel: int, command: str) -> list[str]:
        if command.startswith(("start", "pause", "stop")):
            # Chemyx's Python programs send "start  1", with two blanks.
            command = re.sub(r"^(start|pause|stop) +", r"\1 ", command)
            if self._variant.by_beginning:
                command = re.sub(r"^(start|pause|stop)\b(?! [0-2]$).*", r"\1", command)
        if _VIEW.fullmatch(command):
            return self._parameters()
        if channel == CYCLE_CHANNEL and command in ("start", "start 2"):
            return self._start_cycle()
        # A dual pump applies a command without channel number, or for cycle mode, to both channels.
        motors = [self.motors[channel]] if channel in self.motors else [*self.motors.values()]
        if command == "restart" and self._variant.restart != "unknown":
            return self._restart(motors)
        if command in self._actions:
            replies = [self._actions[command](motor) for motor in motors]
            return replies[0]
        if command.startswith("hexw2 "):
            return self._set_everything(motors, command)
        return self._set(motors, command)

    def _set(self, motors: list[Motor], command: str) -> list[str]:
        verb, _, rest = command.partition(" ")
        what, _, text = rest.partition(" ")
        try:
            steps = [(_unit_code(text),)] if what == "units" else parse_steps(text)
        except ValueError:
            return [REJECTION]
        if (verb, what) == ("change", "rate"):
            return self._change_rate(motors, steps)
        if verb != "set" or what not in _SETTERS:
            return [REJECTION]
        if not self._keeps_old_values:
            for motor in motors:
                _SETTERS[what](motor, steps)
        return self._kept(motors[0], what)

    def _change_rate(self, motors: list[Motor], steps: Sequence[tuple[float, ...]]) -> list[str]:
        """Change the rate of a running step; the reply is that in AFRL ARES (ChemyxPumpPlugin)."""
        if not self._keeps_old_values:
            for motor in motors:
                motor.change_rate(steps[0][0])
        self.on_motion()
        ((number, motor),) = [pair for pair in self.motors.items() if pair[1] is motors[0]]
        shown = f"change rate = {motor.present_rate:.6f}"
        return [f"pump {number} {shown}" if self._variant.dual else shown]

    def _start_cycle(self) -> list[str]:
        """Start cycle mode: one channel infuses while the other withdraws, then they change over.

        Source: Chemyx-Syringe-Pump, dualchannel_cycle.py.
        """
        for phase, motor in enumerate(self.motors.values()):
            motor.start_cycle(phase)
        self.on_motion()
        delayed = any(motor.state is PumpState.DELAYED for motor in self.motors.values())
        return [DELAYED if delayed else BEGUN]

    def _set_everything(self, motors: list[Motor], command: str) -> list[str]:
        """Set units, direction, diameter, volume, rate and delay by one `hexw2` request.

        The true reply is not published: without `start` there are no lines, only the prompt. Mode
        1 withdraws in the one public driver that names the modes.
        """
        words = command.split()[1:]
        starts = words[-1:] == ["start"]
        try:
            mode, diameter, volume, rate, delay = map(parse_number, words[1:6])
            units = _unit_code(words[0])
        except (IndexError, ValueError):
            return [REJECTION]
        if len(words) != 6 + starts or mode not in (0, 1):
            return [REJECTION]
        for motor in motors:
            motor.set_units(units)
            motor.set_diameter(diameter)
            motor.set_volumes([-volume if mode else volume])
            motor.set_rates([(rate,)])
            motor.set_delays([delay])
        replies = [self._start(motor) for motor in motors] if starts else [[]]
        return replies[0]

    def _start(self, motor: Motor, *, basic: bool = False) -> list[str]:
        motor.start(basic=basic)
        self.on_motion()
        return [DELAYED if motor.state is PumpState.DELAYED else BEGUN]

    def _pause(self, motor: Motor) -> list[str]:
        motor.pause()
        self.on_motion()
        return ["Pump pause!"]

    def _stop(self, motor: Motor) -> list[str]:
        motor.stop()
        self.on_motion()
        return ["Pump stop!"]

    def _restart(self, motors: list[Motor]) -> list[str]:
        """Resume a paused run (AFRL ARES), or switch off and on (a public class for a Fusion)."""
        if self._variant.restart == "reboots":
            for motor in self.motors.values():
                motor.power_cycle()
            return []
        paused = [motor for motor in motors if motor.state is PumpState.PAUSED]
        replies = [self._start(motor) for motor in paused]
        return replies[0] if replies else []

    def _limits(self, motor: Motor) -> list[str]:
        rate_max, rate_min, *volumes = motor.limits()
        rates = [rate_max, rate_min]
        limits = rates + volumes if self._variant.limits_first == "rate" else volumes + rates
        return [" ".join(f"{limit:.4f}" for limit in limits)]

    def _parameters(self) -> list[str]:
        if not self._variant.dual:
            unit, dia, rate, *rest = self._parameters_of(self.motors[0])
            prime = self._kept(self.motors[0], "primerate") if self._variant.primerate_line else []
            return [unit, dia, rate, *prime, *rest]
        lines = [" "]  # dual pumps begin with a line of one blank (Chemyx-Syringe-Pump)
        for channel in (1, 2):
            lines += [f"Pump {channel}:", *self._parameters_of(self.motors[channel])]
        return lines

    def _parameters_of(self, motor: Motor) -> list[str]:
        # By identity: a motor replaces its settings, and equal numbers may print differently.
        kept = motor.units, motor.diameter_mm, motor.rates, motor.volumes, motor.delays
        shown = self._shown.get(motor)
        if shown is not None and all(map(operator.is_, shown[0], kept)):
            return shown[1]
        lines = self._print_parameters(motor)
        self._shown[motor] = kept, lines
        return lines

    def _print_parameters(self, motor: Motor) -> list[str]:
        return [
            f"unit = {self._unit(motor)}",
            f"dia = {motor.diameter_mm:.3f}",
            *self._kept(motor, "rate"),
            self._kept(motor, "time")[-1],
            f"volume = {_volumes(motor, signed=self._variant.views_sign)}",
            *self._kept(motor, "delay"),
        ]

    def _kept(self, motor: Motor, what: str) -> list[str]:
        """The reply to a `set`: the value that the motor keeps."""
        if what == "units":
            return [f"units = {self._unit(motor)}"]
        if what == "time":
            times = _listed((time,) for time in motor.times_min)
            return ["", *self._kept(motor, "rate"), "", f"time = {times}"]
        return [
            {
                "diameter": lambda: f"diameter = {motor.diameter_mm:.3f}",
                "rate": lambda: f"rate = {_listed(motor.rates)}",
                "volume": lambda: f"volume = {_volumes(motor, signed=self._variant.echoes_sign)}",
                "delay": lambda: f"delay = {_listed((delay,) for delay in motor.delays)}",
                "primerate": lambda: f"primerate = {motor.primerate:.6f}",
                "mode": lambda: f"mode = {int(motor.volumes[0] < 0)}",
            }[what]()
        ]

    def _unit(self, motor: Motor) -> str:
        return UNIT_NAMES[motor.units] if self._variant.unit_names else f"{motor.units.value}"


_SETTERS: Final[Mapping[str, Callable[[Motor, Sequence[tuple[float, ...]]], None]]] = {
    "units": lambda motor, steps: motor.set_units(steps[0][0]),
    "diameter": lambda motor, steps: motor.set_diameter(steps[0][0]),
    "rate": Motor.set_rates,
    "volume": lambda motor, steps: motor.set_volumes([step[0] for step in steps]),
    "time": lambda motor, steps: motor.set_times([step[0] for step in steps]),
    "delay": lambda motor, steps: motor.set_delays([step[0] for step in steps]),
    "primerate": lambda motor, steps: motor.set_primerate(steps[0][0]),
    "mode": lambda motor, steps: motor.set_mode(steps[0][0]),
}


def _unit_code(text: str) -> float:
    """The code of units, given as their code or as a name with any letter for micro.

    Raises:
        ValueError: the text is neither.
    """
    return parse_units(text).value if UNIT_NAME.fullmatch(text) else parse_number(text)


def _volumes(motor: Motor, *, signed: bool) -> str:
    return _listed((volume if signed else abs(volume),) for volume in motor.volumes)


def _status(motor: Motor) -> list[str]:
    return [STATUS_DIGITS[motor.state]]


def _listed(steps: Iterable[tuple[float, ...]]) -> str:
    return ",".join("/".join(f"{value:.6f}" for value in step) for step in steps)
