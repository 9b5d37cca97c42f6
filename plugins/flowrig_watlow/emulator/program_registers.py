"""The Modbus registers of the stored profiles, of the clock and of the outputs of a module.

Registers: TestEquity, "F4T Touch Screen Controller User's Guide", rev. 4.0 (2019), chapter 4; those
of times, names, the clock and the module are known from one published program only: Espec North
America, ChamberConnectLibrary, `watlowf4t.py`.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from flowrig_watlow.emulator.cell import Cell, text
from flowrig_watlow.emulator.controller import F4TController
from flowrig_watlow.emulator.programs import PROGRAMS, Program, Step
from flowrig_watlow.registers import (
    NONE,
    OFF,
    ON,
    ControlMode,
    ProgramAction,
    ProgramRegister,
)

__all__ = ["program_cells"]

CLOCK: Final = 14664
CLOCK_FIELDS: Final = ("hour", "minute", "second", "month", "day", "year")
NAMES, NAME_STRIDE, NAME_LENGTH, SLOTS = 16886, 40, 20, 40
STEP, STEP_STRIDE, TARGETS, SWITCHES = 19094, 170, 20, 44
"""First register of the first step, the distance of steps, and the places of its targets and of its
events in it."""
MOST_STEPS = max(len(program.steps) for program in PROGRAMS.values())
NO = 59
LOOP_QUANTITY, ABSOLUTE_TEMPERATURE = 16536, 1540
MODULE, MODULE_STRIDE, PIN_STRIDE, MODULES, PINS = 33718, 240, 40, 6, 6
"""State of each output of each module; the first one shows whether the controller controls."""


def program_cells(here: F4TController) -> dict[int, Cell]:
    """The cells of profiles, clock and modules by register."""
    return {**_commands(here), **_progress(here), **_names(here), **_clock(here), **_modules(here)}


def _commands(here: F4TController) -> dict[int, Cell]:
    def start(words: tuple[int, ...]) -> None:
        if words[0] in (ProgramAction.START, ProgramAction.CALENDAR_START):
            here.start_program(here.program, here.program_step)
        elif words[0] != NONE:
            raise ValueError(f"{words[0]} starts nothing")

    def resume(words: tuple[int, ...]) -> None:
        if words[0] == ProgramAction.RESUME:
            here.resume_program()
        elif words[0] != NONE:
            raise ValueError(f"{words[0]} resumes nothing")

    def end(words: tuple[int, ...]) -> None:
        actions = {
            ProgramAction.PAUSE: here.pause_program,
            ProgramAction.TERMINATE: here.stop_program,
        }
        if words[0] != NONE:
            actions[ProgramAction(words[0])]()

    return {
        ProgramRegister.NUMBER: _number(here, "program", SLOTS),
        ProgramRegister.STEP: _number(here, "program_step", 50),
        ProgramRegister.START: Cell(lambda: (NONE,), start),
        ProgramRegister.RESUME: Cell(lambda: (NONE,), resume),
        ProgramRegister.END: Cell(lambda: (NONE,), end),
    }


def _number(here: F4TController, name: str, most: int) -> Cell:
    def write(words: tuple[int, ...]) -> None:
        if not 1 <= words[0] <= most:
            raise ValueError(f"{words[0]} is not one of 1 to {most}")
        setattr(here, name, words[0])

    return Cell(lambda: (getattr(here, name),), write)


def _progress(here: F4TController) -> dict[int, Cell]:
    def shown(value: Callable[[], int]) -> Cell:
        return Cell(lambda: (value() if here.running is not None else 0,))

    def left_s() -> float:
        """Time [s] until the end of the profile."""
        running = here.running
        assert running is not None
        later = running.program.steps[running.step :]
        return running.left_s + sum(step.duration_s for step in later)

    def step_left_s() -> float:
        assert here.running is not None
        return here.running.left_s

    return {
        ProgramRegister.PRESENT: shown(lambda: here.program),
        ProgramRegister.PRESENT_STEP: shown(lambda: here.running.step if here.running else 0),
        ProgramRegister.STEP_TYPE: Cell(
            lambda: (here.running.present.kind if here.running is not None else NONE,)
        ),
        ProgramRegister.MINUTES_LEFT: shown(lambda: int(left_s() / 60) % 60),
        ProgramRegister.HOURS_LEFT: shown(lambda: int(left_s() / 3600)),
        ProgramRegister.STEP_SECONDS_LEFT: shown(lambda: int(step_left_s()) % 60),
        ProgramRegister.STEP_MINUTES_LEFT: shown(lambda: int(step_left_s() / 60) % 60),
        ProgramRegister.STEP_HOURS_LEFT: shown(lambda: int(step_left_s() / 3600)),
    }


def _names(here: F4TController) -> dict[int, Cell]:
    edited = [1]

    def name(number: int) -> str:
        return PROGRAMS[number].name if number in PROGRAMS else ""

    def edit(words: tuple[int, ...]) -> None:
        if not 1 <= words[0] <= SLOTS:
            raise ValueError(f"{words[0]} is no profile")
        edited[0] = words[0]

    cells: dict[int, Cell] = {
        ProgramRegister.EDITED: Cell(lambda: (edited[0],), edit),
        ProgramRegister.EDITED_STEPS: Cell(
            lambda: (len(PROGRAMS[edited[0]].steps) if edited[0] in PROGRAMS else 0,)
        ),
    }
    cells |= text(ProgramRegister.EDITED_NAME, lambda: name(edited[0]), NAME_LENGTH)
    cells |= _steps(here, lambda: PROGRAMS.get(edited[0]))
    cells[ProgramRegister.EDITED_LOG] = Cell(lambda: (NO,))
    for number in here.loops:
        cells[ProgramRegister.EDITED_SOAK + 2 * (number - 1)] = Cell(lambda: (0, 0))
    for number in range(1, SLOTS + 1):
        place = NAMES + NAME_STRIDE * (number - 1)
        cells |= text(place, partial(name, number), NAME_LENGTH)
    for number in here.loops:
        cells[LOOP_QUANTITY + 2 * (number - 1)] = Cell(lambda: (ABSOLUTE_TEMPERATURE,))
    return cells


def _steps(here: F4TController, edited: Callable[[], Program | None]) -> dict[int, Cell]:
    """The steps of the profile that is edited, read-only."""

    def step(number: int) -> Step | None:
        program = edited()
        steps = program.steps if program is not None else ()
        return steps[number] if number < len(steps) else None

    def kind(number: int) -> tuple[int, ...]:
        found = step(number)
        return (found.kind if found is not None else NONE,)

    def part(number: int, size_s: float, most: float) -> tuple[int, ...]:
        found = step(number)
        return (int(found.duration_s / size_s % most) if found is not None else 0,)

    def target(number: int) -> tuple[int, ...]:
        found = step(number)
        unit, order = here.traits.modbus_unit, here.traits.word_order
        return order.words(unit.from_celsius(found.target_c) if found is not None else 0.0)

    cells: dict[int, Cell] = {}
    for number in range(MOST_STEPS):
        first = STEP + STEP_STRIDE * number
        cells |= {first + place: Cell(lambda: (0,)) for place in range(STEP_STRIDE)}
        cells[first] = Cell(partial(kind, number))
        for place, size_s, most in ((2, 3600.0, 1e9), (4, 60.0, 60.0), (6, 1.0, 60.0)):
            cells[first + place] = Cell(partial(part, number, size_s, most))
        cells[first + TARGETS] = Cell(partial(target, number))
        cells |= {first + SWITCHES + place: Cell(lambda: (OFF,)) for place in range(32)}
        del cells[first + TARGETS + 1]
    return cells


def _clock(here: F4TController) -> dict[int, Cell]:
    def now() -> datetime:
        return datetime.fromtimestamp(time.time() + here.clock_offset_s, UTC)

    def write(field: str, words: tuple[int, ...]) -> None:
        changed = now().replace(**{field: words[0]})  # type: ignore[arg-type]
        here.clock_offset_s = changed.timestamp() - time.time()

    def read(field: str) -> tuple[int, ...]:
        return (getattr(now(), field),)

    return {
        CLOCK + 2 * place: Cell(partial(read, field), partial(write, field))
        for place, field in enumerate(CLOCK_FIELDS)
    }


def _modules(here: F4TController) -> dict[int, Cell]:
    def state(module: int, pin: int) -> tuple[int, ...]:
        controls = here.mode is not ControlMode.OFF
        return (ON if (module, pin) == (0, 0) and controls else OFF,)

    return {
        MODULE + MODULE_STRIDE * module + PIN_STRIDE * pin: Cell(partial(state, module, pin))
        for module in range(MODULES)
        for pin in range(PINS)
    }
