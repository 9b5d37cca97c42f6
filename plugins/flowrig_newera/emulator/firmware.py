"""The firmware of an emulated New Era pump: it reads requests, commands the motor, and replies.

It knows every request that the public programs send, more than this package's own driver uses.
"""

import re
import threading
from collections.abc import Callable
from typing import Final

from flowrig_newera.emulator.motor import NUM_STEPS, Motor, OutOfRange
from flowrig_newera.emulator.variant import Variant
from flowrig_newera.wire.protocol import (
    SAFE_MAX_S,
    STX,
    TEXT_MAX,
    RateUnit,
    VolumeUnit,
    decimal,
    packet,
    parse_number,
)

__all__ = ["Firmware"]

BYTE_GAP_S: Final = 0.5
"""Silence [s] after which a packet that is not complete is dropped (NE-1000 manual)."""

UNKNOWN, NOT_NOW, OUT_OF_RANGE, DAMAGED = "?", "?NA", "?OOR", "?COM"
SWITCHES: Final = {"AL": "0", "PF": "0", "BP": "1", "LOC": "0", "TRG": "FT", "DIN": "0"}
_ADDRESS: Final = re.compile(r"(\*|[0-9]{1,2})?(.*)", re.DOTALL)


class _NotNow(Exception):  # noqa: N818 - an answer of the pump
    """The pump does not take a command in its present state."""


class Firmware:
    """The firmware of one pump, as a protocol core: bytes in, bytes out.

    Args:
        motor: the motor.
        address: address on the chain.
        variant: the options of this pump.
        now_s: rig time [s].

    Attributes:
        motor: the motor.
        safe_s: time-out [s] of the Safe mode; 0 in Basic mode. It survives a power failure.
        on_motion: called when the motor may have started or stopped.
    """

    def __init__(
        self, motor: Motor, address: int, variant: Variant, now_s: Callable[[], float]
    ) -> None:
        self.motor = motor
        self.safe_s = 0
        self.on_motion: Callable[[], None] = lambda: None
        self._address = address
        self._variant = variant
        self._now_s = now_s
        self._keeps_old_values = False
        self._input = b""
        self._heard_s = 0.0
        self._guard_from_s: float | None = None
        self._announced = True
        self._switches = dict(SWITCHES)
        self._lock = threading.Lock()
        self._commands: dict[str, Callable[[str], str]] = {
            "VER": lambda _: self._variant.version,
            "DIA": self._diameter,
            "PHN": self._phase,
            "FUN": self._function,
            "RAT": self._rate,
            "VOL": self._volume,
            "DIR": self._direction,
            "RUN": self._run,
            "PUR": self._purge,
            "STP": self._stop,
            "DIS": self._dispensed,
            "CLD": self._clear,
            "SAF": self._safe,
            "ADR": lambda _: f"{self._address:02d}",
        }
        if not variant.has_program:
            del self._commands["PHN"], self._commands["FUN"]

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            late = self._advance()
            if self._now_s() - self._heard_s > BYTE_GAP_S and self._input[:1] == bytes([STX]):
                self._input = b""
            self._heard_s = self._now_s()
            self._input += data
            replies = b""
            while (request := self._next_request()) is not None:
                replies += self._reply(request)
        self.on_motion()
        return late + replies

    def tick(self) -> bytes:
        """Advance the motor to the present time; return what the pump sends without a request."""
        with self._lock:
            return self._advance()

    def next_event_s(self) -> float | None:
        """Time [s] until `tick` has something to do; None if it has nothing."""
        with self._lock:
            waits = [self.motor.next_event_s]
            if self.safe_s and self._guard_from_s is not None:
                waits.append(max(self._guard_from_s + self.safe_s - self._now_s(), 0.0))
        return min((wait for wait in waits if wait is not None), default=None)

    def power_cycle(self) -> None:
        """Switch the pump off and on again."""
        with self._lock:
            self._input, self._guard_from_s, self._announced = b"", None, False
            self.motor.power_up()

    def keep_old_values(self, on: bool) -> None:
        """Begin or end to ignore every flow rate, diameter and volume, and to confirm them."""
        self._keeps_old_values = on

    def leave_half_a_start(self) -> None:
        """Receive a start without its end, from a program that dies."""
        with self._lock:
            self._input = f"{self._address}RUN".encode("ascii")

    def at_the_panel(self, action: Callable[[Motor], object]) -> None:
        """Do something at the panel of the pump."""
        with self._lock:
            self.motor.advance()
            action(self.motor)
        self.on_motion()

    def _advance(self) -> bytes:
        """Advance the motor; return the alarm that a pump in Safe mode sends by itself."""
        before = self.motor.alarm
        self.motor.advance()
        guard_s = self._guard_from_s
        if self.safe_s and guard_s is not None and self._now_s() >= guard_s + self.safe_s:
            self._guard_from_s = None  # until the next valid packet
            self.motor.time_out()
        if self.motor.alarm is None or (self.motor.alarm is before and self._announced):
            return b""
        self._announced = True
        return packet(self._text("")) if self.safe_s else b""

    def _next_request(self) -> bytes | None:
        """The next complete request, as a line without its end, or as a whole packet."""
        takes_packets = self.safe_s or self._variant.takes_packets
        start = self._input.find(STX)
        if takes_packets and start >= 0 and b"\r" not in self._input[:start]:
            self._input = self._input[start:]
            if len(self._input) < 2 or len(self._input) < 1 + self._input[1]:
                return None
            end = 1 + max(self._input[1], 1)
            whole, self._input = self._input[:end], self._input[end:]
            return whole
        line, end_of_line, rest = self._input.partition(b"\r")
        if not end_of_line:
            return None
        self._input = rest
        return line + b"\r"

    def _reply(self, request: bytes) -> bytes:
        is_packet = request[0] == STX
        if is_packet:
            body = request[2:-3]
            text = body.decode("ascii", "replace")
            if len(body) > TEXT_MAX or not body.isascii() or request != packet(text):
                return self._wrapped(self._text(DAMAGED))
            self._guard_from_s = self._now_s()
        elif self.safe_s:
            return self._wrapped(self._text(DAMAGED)) if self._variant.answers_basic else b""
        else:
            text = request.decode("ascii", "replace")
        # Blanks and control characters are dropped, and letters made upper case.
        found = _ADDRESS.fullmatch(re.sub(r"[\x00-\x20]", "", text).upper())
        assert found is not None
        address, command = found.groups()
        if address not in (None, "*") and int(address) != self._address:
            return b""
        if address is None and self._address:
            return b""
        if self.motor.alarm is not None:
            text = self._text("")
            self.motor.alarm = None
            return self._wrapped(text)
        data = self._carry_out(command)
        return self._wrapped(self._text(data))

    def _wrapped(self, text: str) -> bytes:
        return packet(text) if self.safe_s else b"\x02" + text.encode("ascii") + b"\x03"

    def _text(self, data: str) -> str:
        alarm = self.motor.alarm
        status = f"A?{alarm.value}" if alarm is not None else self.motor.prompt
        return f"{self._address:02d}{status}{data}"

    def _carry_out(self, command: str) -> str:
        if not command:
            return ""
        carry_out = self._commands.get(command[:3], self._switch)
        if carry_out != self._switch:
            command = command[3:]
        try:
            return carry_out(command)
        except _NotNow:
            return NOT_NOW
        except OutOfRange:
            return OUT_OF_RANGE
        except ValueError:
            return UNKNOWN

    def _switch(self, command: str) -> str:
        """Set or query something that has no effect here."""
        for name, value in self._switches.items():
            if re.fullmatch(rf"{name}[0-9A-Z]{{0,2}}", command):
                self._switches[name] = command.removeprefix(name) or value
                return "" if command != name else value
        raise ValueError(command)

    def _diameter(self, value: str) -> str:
        if not value:
            return _shown(self.motor.diameter_mm)
        self._require_rest()
        number = _number(value)
        if not self._keeps_old_values:
            self.motor.set_diameter(number)
        return ""

    def _phase(self, value: str) -> str:
        if not value:
            return f"{self.motor.selected:02d}"
        self._require_rest()
        if not 1 <= int(value) <= NUM_STEPS:
            raise OutOfRange
        self.motor.selected = int(value)
        return ""

    def _function(self, value: str) -> str:
        step = self.motor.step(self.motor.selected)
        if not value:
            return step.function
        self._require_rest()
        if value not in ("RAT", "STP"):
            raise ValueError(value)
        step.function = value
        return ""

    def _rate(self, value: str) -> str:
        motor = self.motor
        step = motor.running_step if motor.is_running else motor.step(motor.selected)
        if step.function != "RAT":
            raise _NotNow
        if not value:
            return _shown(step.rate) + step.unit.value
        found = re.fullmatch(r"([0-9.]*)(UM|MM|UH|MH)?", value)
        if found is None:
            raise ValueError(value)
        number, unit = found[1], RateUnit(found[2]) if found[2] else step.unit
        if motor.is_running and unit is not step.unit:
            raise _NotNow
        if not self._keeps_old_values:
            motor.set_rate(_number(number) if number else step.rate, unit)
        return ""

    def _volume(self, value: str) -> str:
        motor = self.motor
        step = motor.step(motor.selected)
        if not value:
            return _shown(step.volume) + motor.unit.value
        self._require_rest()
        if value in ("UL", "ML"):
            motor.unit = VolumeUnit(value)
        elif not self._keeps_old_values:
            step.volume = _number(value)
        return ""

    def _direction(self, value: str) -> str:
        motor = self.motor
        step = motor.running_step if motor.is_running else motor.step(motor.selected)
        if not value:
            return step.direction
        if value == "REV":
            value = "WDR" if step.direction == "INF" else "INF"
        if value not in ("INF", "WDR"):
            raise ValueError(value)
        if motor.is_running and step.volume:
            raise _NotNow
        motor.set_direction(value)
        return ""

    def _run(self, value: str) -> str:
        self._require_rest()
        number = int(value) if value else 1
        if not 1 <= number <= NUM_STEPS:
            raise OutOfRange
        self.motor.run(number)
        return ""

    def _purge(self, value: str) -> str:
        self._require_rest()
        if value:
            raise ValueError(value)
        self.motor.purge()
        return ""

    def _stop(self, value: str) -> str:
        if value:
            raise ValueError(value)
        if self.motor.state == "stop" and self._variant.stop_is_refused:
            raise _NotNow
        self.motor.stop()
        return ""

    def _dispensed(self, value: str) -> str:
        if value:
            raise ValueError(value)
        motor = self.motor
        volumes = {way: _shown(min(motor.volume(way), 9999.0)) for way in ("INF", "WDR")}
        return f"I{volumes['INF']}W{volumes['WDR']}{motor.unit.value}"

    def _clear(self, value: str) -> str:
        self._require_rest()
        if value not in ("INF", "WDR"):
            raise ValueError(value)
        self.motor.clear(value)
        return ""

    def _safe(self, value: str) -> str:
        if not value:
            return f"{self.safe_s}"
        if not 0 <= int(value) <= SAFE_MAX_S:
            raise OutOfRange
        self.safe_s = int(value)
        self._guard_from_s = self._now_s() if self.safe_s else None
        return ""

    def _require_rest(self) -> None:
        if self.motor.is_running:
            raise _NotNow


def _number(text: str) -> float:
    try:
        return parse_number(text)
    except ValueError as error:
        raise OutOfRange from error


def _shown(value: float) -> str:
    """A number as a pump shows it: always with a point, which nesp-lib relies on."""
    text = decimal(value)
    return text if "." in text else f"{text}."
