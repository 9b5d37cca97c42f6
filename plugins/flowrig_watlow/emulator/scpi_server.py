"""The SCPI commands of an emulated F4T.

Commands: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4. The
queries for the name of an output and for the state of a profile are known from published programs
only.
"""

import math
import re
from collections.abc import Callable, Collection

from flowrig_watlow.emulator.command_table import Command, CommandTable
from flowrig_watlow.emulator.controller import OUTPUTS, PROGRAM_STEPS, PROGRAMS, F4TController
from flowrig_watlow.registers import RampAction, RampScale
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["ScpiServer"]

IDENTITY = '"Watlow Electric","F4T","0000000001","{}"'
FIRMWARE, OLD_FIRMWARE = "04:05:0007", "04:01:0001"
"""Firmware versions with and without the query for the temperature unit."""
PROGRAM_NAMES = {1: "Heat Only"}
PROGRAM_ACTIONS = {"START": "RUN", "STOP": "IDLE", "PAUSE": "HOLD", "RESUME": "RUN"}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class ScpiServer:
    """Carries out SCPI lines on an emulated controller.

    Args:
        controller: state of the controller.
    """

    def __init__(self, controller: F4TController) -> None:
        self._controller = controller
        self._commands = CommandTable(
            [*self._general(), *self._loop(), *self._outputs(), *self._programs()]
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
            Command("UNIT:TEMPERATURE?", self._ask_unit),
            Command("UNIT:TEMPERATURE", self._set_unit),
            Command("UNIT:TEMPERATURE:DISPLAY?", self._ask_display_unit),
            Command("UNIT:TEMPERATURE:DISPLAY", self._set_display_unit),
        ]

    def _loop(self) -> list[Command]:
        here = self._controller
        return [
            Command("SOURCE:CLOOP#:PVALUE?", self._asking(lambda: here.process_value_c)),
            Command("SOURCE:CLOOP#:ERROR?", self._asking(self._input_error)),
            Command("SOURCE:CLOOP#:SPOINT?", self._asking(lambda: here.set_point_c)),
            Command("SOURCE:CLOOP#:SPOINT", self._setting(self._set_set_point)),
            Command("SOURCE:CLOOP#:IDLE?", self._asking(lambda: here.idle_c)),
            Command("SOURCE:CLOOP#:IDLE", self._setting(self._set_idle)),
            Command("SOURCE:CLOOP#:RACTION", self._setting(self._set_ramp_action)),
            Command("SOURCE:CLOOP#:RSCALE", self._setting(self._set_ramp_scale)),
            Command("SOURCE:CLOOP#:RRATE?", self._asking(self._ramp_rate)),
            Command("SOURCE:CLOOP#:RRATE", self._setting(self._set_ramp_rate)),
            Command("SOURCE:CLOOP#:RTIME?", self._asking(lambda: f"{here.ramp_time:.2f}")),
            Command("SOURCE:CLOOP#:RTIME", self._setting(self._set_ramp_time)),
        ]

    def _outputs(self) -> list[Command]:
        return [
            Command("OUTPUT#:STATE?", self._ask_output),
            Command("OUTPUT#:STATE", self._set_output),
            Command("OUTPUT#:NAME?", lambda output, _: f'"Event {_within(output, OUTPUTS)}"'),
        ]

    def _programs(self) -> list[Command]:
        here = self._controller
        return [
            Command("PROGRAM:NUMBER", self._select_program),
            Command("PROGRAM:NAME?", self._ask_program_name),
            Command("PROGRAM:STEP", self._select_program_step),
            Command("PROGRAM:SELECTED:STATE?", lambda _suffix, _: here.program_state),
            Command("PROGRAM:SELECTED:STATE", self._run_program),
            Command("PROGRAM:SELECTED:STEP?", lambda _suffix, _: str(here.program_step)),
            Command("PROGRAM:SELECTED:NAME?", self._ask_program_name),
        ]

    def _asking(self, ask: Callable[[], float | str]) -> Callable[[int, str], str]:
        """The action of a query about the loop; a number from `ask` is a temperature [°C]."""

        def action(loop: int, parameter: str) -> str:
            self._require_loop(loop)
            if parameter:
                raise ValueError("a query takes no parameter")
            answer = ask()
            return answer if isinstance(answer, str) else self._show(answer)

        return action

    def _setting(self, set_value: Callable[[str], None]) -> Callable[[int, str], None]:
        def action(loop: int, parameter: str) -> None:
            self._require_loop(loop)
            set_value(parameter)

        return action

    def _require_loop(self, loop: int) -> None:
        if loop != self._controller.loop:
            raise ValueError(f"no control loop {loop}")

    @property
    def _unit(self) -> TemperatureUnit:
        return self._controller.traits.unit

    def _show(self, temperature_c: float) -> str:
        return f"{self._unit.from_celsius(temperature_c):.2f}"

    def _input_error(self) -> str:
        return "ERROR" if self._controller.input_error else "NONE"

    def _identify(self, _suffix: int, _parameter: str) -> str:
        knows_unit = self._controller.traits.knows_unit
        return IDENTITY.format(FIRMWARE if knows_unit else OLD_FIRMWARE)

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

    def _set_set_point(self, parameter: str) -> None:
        self._controller.user_set_point_c = self._unit.to_celsius(_number(parameter))

    def _set_idle(self, parameter: str) -> None:
        idle_c = self._unit.to_celsius(_number(parameter))
        self._controller.idle_c = self._controller.accepted_c(idle_c)

    def _set_ramp_action(self, parameter: str) -> None:
        self._controller.ramp_action = RampAction[_one_of(parameter, RampAction.__members__)]

    def _set_ramp_scale(self, parameter: str) -> None:
        self._controller.ramp_scale = RampScale[_one_of(parameter, RampScale.__members__)]

    def _ramp_rate(self) -> str:
        return f"{self._controller.ramp_rate_c * self._unit.degrees_per_kelvin:.2f}"

    def _set_ramp_rate(self, parameter: str) -> None:
        self._controller.ramp_rate_c = _not_negative(parameter) / self._unit.degrees_per_kelvin

    def _set_ramp_time(self, parameter: str) -> None:
        self._controller.ramp_time = _not_negative(parameter)

    def _ask_output(self, output: int, _parameter: str) -> str:
        return "ON" if self._controller.outputs[_within(output, OUTPUTS)] else "OFF"

    def _set_output(self, output: int, parameter: str) -> None:
        on = _one_of(parameter, ("ON", "OFF")) == "ON"
        self._controller.outputs[_within(output, OUTPUTS)] = on

    def _select_program(self, _suffix: int, parameter: str) -> None:
        self._controller.program = _within(_whole(parameter), PROGRAMS)

    def _select_program_step(self, _suffix: int, parameter: str) -> None:
        self._controller.program_step = _within(_whole(parameter), PROGRAM_STEPS)

    def _ask_program_name(self, _suffix: int, _parameter: str) -> str:
        return f'"{PROGRAM_NAMES.get(self._controller.program, "")}"'

    def _run_program(self, _suffix: int, parameter: str) -> None:
        if self._controller.program not in PROGRAM_NAMES:
            raise ValueError("the selected profile does not exist")
        self._controller.program_state = PROGRAM_ACTIONS[_one_of(parameter, PROGRAM_ACTIONS)]


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


def _one_of(parameter: str, words: Collection[str]) -> str:
    word = parameter.upper()
    if word not in words:
        raise ValueError(f"{parameter!r} is none of {', '.join(words)}")
    return word


def _within(number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise ValueError(f"{number} is not one of 1 to {count}")
    return number
