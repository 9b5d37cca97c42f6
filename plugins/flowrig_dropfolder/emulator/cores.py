"""What the fake program does with the rows that it reads: bytes in, bytes out, without files."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from attrs import define, field
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.emulation import HeaterBody, PumpBody, SpectrometerBody
from flowrig_dropfolder.layout import ASK, COMMANDS, TEMPERATURE, BadRow, numbers_of

__all__ = ["Frames", "Machines"]

FIRST_US: Final = 6_000
"""Integration time [µs] of the program when it starts."""

ROUNDING_S: Final = 1e-9
"""An exposure that is due this much later [s] is due now."""


@define(eq=False)
class Machines:
    """Pumps and heater: the loop of the program that reads `FR.csv` and `Ask.csv`.

    A row with a number that is not higher than all before is not read. After the watchdog has
    stopped everything, a row is carried out only if flowrig has read an answer after that.

    Attributes:
        clock: the run's clock.
        columns: those of `FR.csv`, without the two numbers.
        idle_c: set point [°C] that stands for off.
        pumps: by column.
        heater: None for none.
    """

    clock: Clock
    columns: tuple[str, ...] = ()
    idle_c: float = 20.0
    pumps: dict[str, PumpBody] = field(factory=dict)
    heater: HeaterBody | None = None
    _told: dict[str, float] = field(factory=dict)
    _asked: int = 0
    _row: int = 0
    _watchdog_s: float = 0.0
    _heard_s: float = 0.0
    _stopped_at: int = -1
    _input: bytes = b""

    def begin(self) -> None:
        """A file begins here."""
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes of a file, with its name in front of the row; returns a new `Status.csv`."""
        *lines, self._input = (self._input + data).split(b"\n")
        answer = b""
        for line in lines:
            name, _, row = line.partition(b" ")
            try:
                values = numbers_of(row, row.count(b",") + 1)
                obey = self._ask if name == ASK.encode() else self._command
                is_read = name in (ASK.encode(), COMMANDS.encode()) and obey(values)
            except (BadRow, ValueError, OverflowError):
                is_read = False
            if is_read:
                self._heard_s = self.clock.now_s()
                answer = self._status()
        return answer

    def watch(self) -> None:
        """Stop everything, if there was no news for too long."""
        if self._watchdog_s and self.clock.now_s() - self._heard_s > self._watchdog_s:
            self._carry_out({**dict.fromkeys(self.pumps, 0.0), TEMPERATURE: self.idle_c})
            self._stopped_at = self._asked

    def _ask(self, values: list[float]) -> bool:
        if len(values) != 2 or int(values[0]) <= self._asked:
            return False
        self._asked, self._watchdog_s = int(values[0]), values[1]
        return True

    def _command(self, values: list[float]) -> bool:
        if len(values) != len(self.columns) + 2 or int(values[-2]) <= self._row:
            return False
        self._row = int(values[-2])
        if int(values[-1]) > self._stopped_at:
            self._carry_out(dict(zip(self.columns, values, strict=False)))
        return True

    def _carry_out(self, values: Mapping[str, float]) -> None:
        at_rest = {TEMPERATURE: self.idle_c}
        news = {
            name: value
            for name, value in values.items()
            if value != self._told.get(name, at_rest.get(name, 0.0))
        }
        for name, body in self.pumps.items():
            if name in news:
                body.push(news[name])
        if self.heater is not None and TEMPERATURE in news:
            self.heater.control(news[TEMPERATURE])
        self._told.update(values)

    def _status(self) -> bytes:
        found: dict[str, float] = {
            "asked": self._asked,
            "row": self._row,
            "watchdog": self._watchdog_s,
        }
        if self.heater is not None:
            found[TEMPERATURE] = self.heater.temperature_c
            found["set_point"] = self._told.get(TEMPERATURE, self.idle_c)
        for name, body in self.pumps.items():
            rate = self._told.get(name, 0.0)
            found[name] = rate
            found[f"{name}_state"] = 2 if body.stalled else int(rate > 0.0)
        values = (_text(value) for value in found.values())
        return f"{','.join(found)}\n{','.join(values)}\n".encode("ascii")


@define(eq=False)
class Frames:
    """A spectrometer: the loop of the program that reads `Take_Abs.csv`.

    Attributes:
        body: detector and light.
        clock: the run's clock.
        name: of the file that it reads.
        number: of the newest take.
    """

    body: SpectrometerBody
    clock: Clock
    name: str
    number: int = 0
    _light: int = -1
    _time_us: int = FIRST_US
    _count: int = 0
    _interval_s: float = 0.0
    _began_s: float = 0.0
    _taken: list[NDArray[np.uint16]] = field(factory=list)
    _is_done: bool = True
    _input: bytes = b""

    def begin(self) -> None:
        """A file begins here."""
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes of a file, with its name in front of the row; returns a file with frames.

        Without bytes it returns the file of a take whose last frame is exposed now.
        """
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            name, _, row = line.partition(b" ")
            if name == self.name.encode():
                self._order(row)
        if self._is_done or not self._expose():
            return b""
        self._is_done = True
        head = f"{self.number},{self._count},{self._time_us},{self._light}\n".encode("ascii")
        if not self._taken:
            return head
        rows = "\n".join(",".join(map(str, row)) for row in np.stack(self._taken, 1).tolist())
        return head + f"{rows}\n".encode("ascii")

    def is_ready(self) -> bool:
        """Whether a take is complete now that was not before; exposes the frames that are due."""
        return not self._is_done and self._expose()

    def _order(self, row: bytes) -> None:
        try:
            number, count, interval_s, time_us, light = numbers_of(row, 5)
        except BadRow:
            return
        if not math.isfinite(number) or int(number) <= self.number:
            return
        self.number, self._count = int(number), int(count)
        self._interval_s = max(interval_s, time_us * 1e-6)
        if int(time_us) != self._time_us:
            self.body.expose(self._time_us)  # the frame in which the time changes is of no use
        self._time_us = int(time_us)
        if light >= 0.0:
            self._light = int(light)
            self.body.light(bool(light))
            self.body.expose(self._time_us)  # nor is the one in which the light changes
        self._began_s = self.clock.now_s()
        self._taken, self._is_done = [], False

    def _expose(self) -> bool:
        """Expose the frames that are due; returns whether none is missing."""
        while len(self._taken) < self._count:
            due_s = self._began_s + len(self._taken) * self._interval_s
            if self.clock.now_s() < due_s - ROUNDING_S:
                return False
            self._taken.append(self.body.expose(self._time_us))
        return True


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else format(value, ".10g")
