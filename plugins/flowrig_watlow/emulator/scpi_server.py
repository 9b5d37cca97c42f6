"""The SCPI commands of an emulated F4T.

Commands: Watlow, "F4T Setup and Operation User's Guide", 0600-0093-0000, chapter 6, and TestEquity,
"F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4. Programs that were published
use the queries for a ramp's scale and action, which neither lists.
"""

import math
import re
from collections.abc import Callable, Mapping

from flowrig_watlow.emulator.command_table import Command, CommandTable, words
from flowrig_watlow.emulator.control_loop import ControlLoop
from flowrig_watlow.emulator.controller import KEYS, OUTPUTS, PROGRAM_STEPS, F4TController
from flowrig_watlow.emulator.programs import PROGRAMS
from flowrig_watlow.registers import RampAction, RampScale
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["ScpiServer"]

IDENTITY = '"Watlow Electric","F4T","{}","{}"'
FIRMWARE, OLD_FIRMWARE = "04:05:0007", "04:01:0001"
"""Firmware versions with and without the query for the temperature unit."""
MOST_PROGRAMS = 40
NO_VALUE = "9.910000E+37"
"""What SCPI-99 has for "not a number"."""
PROGRAM_ACTIONS = words("STArt", "STOP", "PAUSe", "RESume")
RAMP_ACTIONS = words("OFF", "STArtup", "SETPoint", "BOTH")
RAMP_SCALES = words("MINutes", "HOURs")
STATES = ("IDLE", "RUN", "HOLD")
SWITCHES = words("ON", "OFF")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class ScpiServer:
    """Carries out SCPI lines on an emulated controller.

    Args:
        controller: state of the controller.
    """

    def __init__(self, controller: F4TController) -> None:
        self._controller = controller
        self._commands = CommandTable(
            [*self._general(), *self._loop(), *self._switches(), *self._programs()]
        )

    def run(self, line: str) -> str | None:
        """Carry out one line; returns the answer, or None for a command without an answer.

        Raises:
            ValueError: the command or its parameter is not accepted.
        """
        if self._controller.traits.refuses_sets and "?" not in line:
            return None
        with self._controller.moment():
            return self._commands.run(line)

    def _general(self) -> list[Command]:
        return [
            Command("*IDN?", self._identify),
            Command("UNIT:TEMPerature?", self._ask_unit),
            Command("UNIT:TEMPerature", self._set_unit),
            Command("UNIT:TEMPerature:DISPlay?", self._ask_display_unit),
            Command("UNIT:TEMPerature:DISPlay", self._set_display_unit),
        ]

    def _loop(self) -> list[Command]:
        asking, setting = self._asking, self._setting
        return [
            Command("SOURce:CLOop#:PVALue?", asking(self._process_value)),
            Command("SOURce:CLOop#:ERRor?", asking(self._input_error)),
            Command("SOURce:CLOop#:SPOint?", asking(lambda loop: loop.set_point_c)),
            Command("SOURce:CLOop#:SPOint", setting(self._set_set_point)),
            Command("SOURce:CLOop#:IDLE?", asking(lambda loop: loop.idle_c)),
            Command("SOURce:CLOop#:IDLE", setting(self._set_idle)),
            Command("SOURce:CLOop#:RACTion?", asking(lambda loop: loop.ramp_action.name)),
            Command("SOURce:CLOop#:RACTion", setting(self._set_ramp_action)),
            Command("SOURce:CLOop#:RSCAle?", asking(lambda loop: loop.ramp_scale.name)),
            Command("SOURce:CLOop#:RSCAle", setting(self._set_ramp_scale)),
            Command("SOURce:CLOop#:RRATe?", asking(self._ramp_rate)),
            Command("SOURce:CLOop#:RRATe", setting(self._set_ramp_rate)),
            Command("SOURce:CLOop#:RTIMe?", asking(lambda loop: f"{loop.ramp_time:.2f}")),
            Command("SOURce:CLOop#:RTIMe", setting(self._set_ramp_time)),
        ]

    def _switches(self) -> list[Command]:
        here = self._controller
        return [
            Command("OUTPut#:STATe?", _state_of(here.outputs)),
            Command("OUTPut#:STATe", _setter_of(here.outputs)),
            Command("OUTPut#:NAME?", lambda output, _: f'"Event {_within(output, OUTPUTS)}"'),
            Command("KEY#[:STATe]?", _state_of(here.keys)),
            Command("KEY#[:STATe]", _setter_of(here.keys)),
            Command("KEY#:NAME?", lambda key, _: f'"Key {_within(key, KEYS)}"'),
        ]

    def _programs(self) -> list[Command]:
        here = self._controller
        return [
            Command("PROGram[:SELected]:NUMBer?", lambda _suffix, _: str(here.program)),
            Command("PROGram[:SELected]:NUMBer", self._select_program),
            Command("PROGram[:SELected]:NAME?", self._ask_program_name),
            Command("PROGram[:SELected]:STEP?", lambda _suffix, _: str(self._step())),
            Command("PROGram[:SELected]:STEP", self._select_program_step),
            Command("PROGram[:SELected]:STEP:TYPE?", self._ask_step_type),
            Command("PROGram[:SELected]:STEP:TIME:ELApsed?", self._ask_step_s("passed_s")),
            Command("PROGram[:SELected]:STEP:TIME:REMain?", self._ask_step_s("left_s")),
            Command("PROGram[:SELected]:SPOint#?", self._ask_program_set_point),
            Command("PROGram[:SELected]:STATe?", self._ask_program_state),
            Command("PROGram[:SELected]:STATe", self._run_program),
        ]

    def _asking(self, ask: Callable[[ControlLoop], float | str]) -> Callable[[int, str], str]:
        """The action of a query about a loop; a number from `ask` is a temperature [°C]."""

        def action(loop: int, parameter: str) -> str:
            if parameter:
                raise ValueError("a query takes no parameter")
            answer = ask(self._of(loop))
            return answer if isinstance(answer, str) else self._show(answer)

        return action

    def _setting(self, set_value: Callable[[ControlLoop, str], None]) -> Callable[[int, str], None]:
        def action(loop: int, parameter: str) -> None:
            set_value(self._of(loop), parameter)

        return action

    def _of(self, loop: int) -> ControlLoop:
        if loop not in self._controller.loops:
            raise ValueError(f"no control loop {loop}")
        return self._controller.loops[loop]

    @property
    def _unit(self) -> TemperatureUnit:
        return self._controller.traits.unit

    def _show(self, temperature_c: float) -> str:
        return f"{self._unit.from_celsius(temperature_c):.2f}"

    def _process_value(self, loop: ControlLoop) -> float | str:
        hidden = loop.input_error and self._controller.traits.hides_open_sensor
        return NO_VALUE if hidden else loop.process_value_c

    def _input_error(self, loop: ControlLoop) -> str:
        traits = self._controller.traits
        if not traits.knows_error:
            raise ValueError("this firmware does not report the state of its sensor")
        return "ERROR" if loop.input_error and not traits.hides_open_sensor else "NONE"

    def _identify(self, _suffix: int, _parameter: str) -> str:
        knows_unit = self._controller.traits.knows_unit
        firmware = FIRMWARE if knows_unit else OLD_FIRMWARE
        return IDENTITY.format(self._controller.serial_number, firmware)

    def _ask_unit(self, _suffix: int, _parameter: str) -> str:
        self._require_unit_command()
        return self._unit.value

    def _set_unit(self, _suffix: int, parameter: str) -> None:
        self._require_unit_command()
        self._controller.traits.unit = TemperatureUnit(parameter.upper())

    def _require_unit_command(self) -> None:
        if not self._controller.traits.knows_unit:
            raise ValueError("this firmware has one unit only")

    def _ask_display_unit(self, _suffix: int, _parameter: str) -> str:
        return self._controller.display_unit.value

    def _set_display_unit(self, _suffix: int, parameter: str) -> None:
        self._controller.display_unit = TemperatureUnit(parameter.upper())

    def _set_set_point(self, loop: ControlLoop, parameter: str) -> None:
        loop.take_later(self._unit.to_celsius(_number(parameter)))

    def _set_idle(self, loop: ControlLoop, parameter: str) -> None:
        loop.idle_c = loop.accepted_c(self._unit.to_celsius(_number(parameter)))

    def _set_ramp_action(self, loop: ControlLoop, parameter: str) -> None:
        loop.ramp_action = RampAction[_one_of(parameter, RAMP_ACTIONS)]

    def _set_ramp_scale(self, loop: ControlLoop, parameter: str) -> None:
        loop.ramp_scale = RampScale[_one_of(parameter, RAMP_SCALES)]

    def _ramp_rate(self, loop: ControlLoop) -> str:
        return f"{loop.ramp_rate_c * self._unit.degrees_per_kelvin:.2f}"

    def _set_ramp_rate(self, loop: ControlLoop, parameter: str) -> None:
        loop.ramp_rate_c = _not_negative(parameter) / self._unit.degrees_per_kelvin

    def _set_ramp_time(self, loop: ControlLoop, parameter: str) -> None:
        loop.ramp_time = _not_negative(parameter)

    def _select_program(self, _suffix: int, parameter: str) -> None:
        self._controller.program = _within(_whole(parameter), MOST_PROGRAMS)

    def _step(self) -> int:
        running = self._controller.running
        return running.step if running is not None else self._controller.program_step

    def _select_program_step(self, _suffix: int, parameter: str) -> None:
        self._controller.program_step = _within(_whole(parameter), PROGRAM_STEPS)

    def _ask_program_name(self, _suffix: int, _parameter: str) -> str:
        program = PROGRAMS.get(self._controller.program)
        return f'"{program.name if program else ""}"'

    def _ask_step_type(self, _suffix: int, _parameter: str) -> str:
        running = self._controller.running
        return running.present.kind.name.replace("_", " ") if running is not None else "NONE"

    def _ask_step_s(self, what: str) -> Callable[[int, str], str]:
        return lambda _suffix, _: f"{getattr(self._controller.running, what, 0.0):.0f}"

    def _ask_program_set_point(self, loop: int, _parameter: str) -> str:
        return self._show(self._of(loop).set_point_c)

    def _ask_program_state(self, _suffix: int, _parameter: str) -> str:
        here = self._controller
        words_of = dict(zip(STATES, here.traits.state_words, strict=True))
        return words_of.get(here.program_state, here.program_state)

    def _run_program(self, _suffix: int, parameter: str) -> None:
        here = self._controller
        match _one_of(parameter, PROGRAM_ACTIONS):
            case "START":
                here.start_program(here.program, here.program_step)
            case "STOP":
                here.stop_program()
            case "PAUSE":
                here.pause_program()
            case _:
                here.resume_program()


def _state_of(switches: Mapping[int, bool]) -> Callable[[int, str], str]:
    return lambda number, _: "ON" if switches[_within(number, len(switches))] else "OFF"


def _setter_of(switches: dict[int, bool]) -> Callable[[int, str], None]:
    def switch(number: int, parameter: str) -> None:
        on = _one_of(parameter, SWITCHES) == "ON"
        switches[_within(number, len(switches))] = on

    return switch


def _number(parameter: str) -> float:
    value = float(parameter) if _NUMBER.fullmatch(parameter) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{parameter!r} is not a number")
    return value


def _not_negative(parameter: str) -> float:
    value = _number(parameter)
    if value < 0:
        raise ValueError(f"{value:g} is negative")
    return value


def _whole(parameter: str) -> int:
    value = _number(parameter)
    if not value.is_integer():
        raise ValueError(f"{parameter!r} is not a whole number")
    return int(value)


def _one_of(parameter: str, known: Mapping[str, str]) -> str:
    """The long form of a word."""
    if parameter.upper() not in known:
        raise ValueError(f"{parameter!r} is none of {', '.join(known)}")
    return known[parameter.upper()]


def _within(number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise ValueError(f"{number} is not one of 1 to {count}")
    return number
