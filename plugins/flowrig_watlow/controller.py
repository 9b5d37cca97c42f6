"""The inside of an emulated F4T: what kind of unit it is, its registers and its commands.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4.
"""

import re
import threading
from collections.abc import Callable

from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import HeaterBody
from flowrig_watlow.scpi import Command, CommandTable
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["F4TController", "F4TTraits"]

IDENTITY = '"Watlow Electric","F4T","0000000001","04:05:0007"'
OUTPUTS = 7
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


@define(kw_only=True)
class F4TTraits:
    """What differs between firmwares and integrators, and what can go wrong; may change any time.

    Attributes:
        unit: unit of every temperature on the wire.
        knows_unit: whether the firmware can tell and change its unit.
        newline_on_write: whether every write is answered by a plain newline.
        tells_errors: whether a bad command is answered by `ERROR`; silence otherwise.
        input_error: whether the temperature sensor is broken.
        set_point_min_c: lowest set point [°C]; lower ones are ignored.
        set_point_max_c: highest set point [°C]; higher ones are ignored.
        reply_delay_s: time [s] that every answer takes.
        mute: whether commands are obeyed and nothing is answered.
        hangs_up: whether the connection is closed at the next command.
    """

    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    knows_unit: bool = True
    newline_on_write: bool = False
    tells_errors: bool = False
    input_error: bool = False
    set_point_min_c: float = -100.0
    set_point_max_c: float = 400.0
    reply_delay_s: float = 0.0
    mute: bool = False
    hangs_up: bool = False


class F4TController:
    """The registers of one control loop; any number of connections share them.

    While a ramp is on, the active set point moves whenever the controller is asked something.

    Args:
        body: what it heats.
        clock: the run's clock.
        loop: number of the control loop.
        idle_c: the idle set point [°C], which is also the first set point.
        traits: what kind of unit this is.
    """

    def __init__(
        self, body: HeaterBody, clock: Clock, loop: int, idle_c: float, traits: F4TTraits
    ) -> None:
        self.traits = traits
        self._body = body
        self._clock = clock
        self._lock = threading.Lock()
        self._loop = loop
        self._idle_c = idle_c
        self._target_c = idle_c
        self._active_c = idle_c
        self._advanced_s = clock.now_s()
        self._ramp_action = "OFF"
        self._ramp_scale = "MINUTES"
        self._ramp_rate_c = 1.0
        self._ramp_time = 0.0
        self._display_unit = TemperatureUnit.CELSIUS
        self._outputs = dict.fromkeys(range(1, OUTPUTS + 1), "OFF")
        self._commands = CommandTable(self._list_commands())
        body.control(self._active_c)

    def run(self, line: str) -> str | None:
        """Carry out one line of SCPI; returns the answer, or None where there is none.

        Raises:
            ValueError: the command or its parameter is not accepted.
        """
        with self._lock:
            self._advance()
            answer = self._commands.run(line)
            self._advance()
            return answer

    def _list_commands(self) -> list[Command]:
        return [
            Command("*IDN?", lambda _suffix, _parameter: IDENTITY),
            Command("UNIT:TEMPERATURE?", self._ask_unit),
            Command("UNIT:TEMPERATURE", self._set_unit),
            Command("UNIT:TEMPERATURE:DISPLAY?", lambda _suffix, _: self._display_unit.value),
            Command("UNIT:TEMPERATURE:DISPLAY", self._set_display_unit),
            Command("SOURCE:CLOOP#:PVALUE?", self._asking(self._process_value)),
            Command("SOURCE:CLOOP#:ERROR?", self._asking(self._input_error)),
            Command("SOURCE:CLOOP#:SPOINT?", self._asking(lambda: self._show(self._active_c))),
            Command("SOURCE:CLOOP#:SPOINT", self._setting(self._set_set_point)),
            Command("SOURCE:CLOOP#:IDLE?", self._asking(lambda: self._show(self._idle_c))),
            Command("SOURCE:CLOOP#:IDLE", self._setting(self._set_idle)),
            Command("SOURCE:CLOOP#:RACTION", self._setting(self._set_ramp_action)),
            Command("SOURCE:CLOOP#:RSCALE", self._setting(self._set_ramp_scale)),
            Command("SOURCE:CLOOP#:RRATE?", self._asking(self._ramp_rate)),
            Command("SOURCE:CLOOP#:RRATE", self._setting(self._set_ramp_rate)),
            Command("SOURCE:CLOOP#:RTIME?", self._asking(lambda: f"{self._ramp_time:.2f}")),
            Command("SOURCE:CLOOP#:RTIME", self._setting(self._set_ramp_time)),
            Command("OUTPUT#:STATE?", lambda output, _: self._outputs[_existing(output)]),
            Command("OUTPUT#:STATE", self._set_output),
            Command("OUTPUT#:NAME?", lambda output, _: f'"Event {_existing(output)}"'),
        ]

    def _asking(self, ask: Callable[[], str]) -> Callable[[int, str], str]:
        def action(loop: int, parameter: str) -> str:
            self._require_loop(loop)
            if parameter:
                raise ValueError("a question takes no parameter")
            return ask()

        return action

    def _setting(self, set_value: Callable[[str], None]) -> Callable[[int, str], None]:
        def action(loop: int, parameter: str) -> None:
            self._require_loop(loop)
            set_value(parameter)

        return action

    def _require_loop(self, loop: int) -> None:
        if loop != self._loop:
            raise ValueError(f"no control loop {loop}")

    def _advance(self) -> None:
        """Move the active set point towards the target by the time that has passed."""
        now_s = self._clock.now_s()
        seconds = 60.0 if self._ramp_scale == "MINUTES" else 3600.0
        step_c = self._ramp_rate_c * (now_s - self._advanced_s) / seconds
        self._advanced_s = now_s
        if self._ramp_action in ("SETPOINT", "BOTH"):
            low_c, high_c = self._active_c - step_c, self._active_c + step_c
            self._active_c = min(max(self._target_c, low_c), high_c)
        else:
            self._active_c = self._target_c
        self._body.control(self._active_c)

    def _show(self, temperature_c: float) -> str:
        return f"{self.traits.unit.from_celsius(temperature_c):.2f}"

    def _process_value(self) -> str:
        return self._show(self._body.temperature_c)

    def _input_error(self) -> str:
        return "ERROR" if self.traits.input_error else "NONE"

    def _ask_unit(self, _suffix: int, _parameter: str) -> str:
        self._require_unit_command()
        return self.traits.unit.value

    def _set_unit(self, _suffix: int, parameter: str) -> None:
        self._require_unit_command()
        self.traits.unit = TemperatureUnit(parameter.upper())

    def _require_unit_command(self) -> None:
        if not self.traits.knows_unit:
            raise ValueError("this firmware has one unit only")

    def _set_display_unit(self, _suffix: int, parameter: str) -> None:
        self._display_unit = TemperatureUnit(parameter.upper())

    def _set_set_point(self, parameter: str) -> None:
        self._target_c = self._accepted_c(parameter)

    def _set_idle(self, parameter: str) -> None:
        self._idle_c = self._accepted_c(parameter)

    def _accepted_c(self, parameter: str) -> float:
        temperature_c = self.traits.unit.to_celsius(_number(parameter))
        if not self.traits.set_point_min_c <= temperature_c <= self.traits.set_point_max_c:
            raise ValueError("outside the controller's set point range")
        return temperature_c

    def _set_ramp_action(self, parameter: str) -> None:
        self._ramp_action = _one_of(parameter, "OFF", "STARTUP", "SETPOINT", "BOTH")

    def _set_ramp_scale(self, parameter: str) -> None:
        self._ramp_scale = _one_of(parameter, "MINUTES", "HOURS")

    def _ramp_rate(self) -> str:
        return f"{self._ramp_rate_c * self.traits.unit.degrees_per_kelvin:.2f}"

    def _set_ramp_rate(self, parameter: str) -> None:
        self._ramp_rate_c = _not_negative(parameter) / self.traits.unit.degrees_per_kelvin

    def _set_ramp_time(self, parameter: str) -> None:
        self._ramp_time = _not_negative(parameter)

    def _set_output(self, output: int, parameter: str) -> None:
        self._outputs[_existing(output)] = _one_of(parameter, "ON", "OFF")


def _number(parameter: str) -> float:
    if not _NUMBER.fullmatch(parameter):
        raise ValueError(f"{parameter!r} is not a number")
    return float(parameter)


def _not_negative(parameter: str) -> float:
    value = _number(parameter)
    if value < 0:
        raise ValueError(f"{value:g} is negative")
    return value


def _one_of(parameter: str, *words: str) -> str:
    word = parameter.upper()
    if word not in words:
        raise ValueError(f"{parameter!r} is none of {', '.join(words)}")
    return word


def _existing(output: int) -> int:
    if not 1 <= output <= OUTPUTS:
        raise ValueError(f"no output {output}")
    return output
