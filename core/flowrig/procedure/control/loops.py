"""The control loops of a rig while experiments flow: what they read, change and tell."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

from attrs import define, evolve, field

from flowrig.journal.events import ControlEnded, ControlTold, Span
from flowrig.problem.space import Value
from flowrig.procedure.control.controller import Controller, Settings
from flowrig.profile import Profile
from flowrig.profile.controls.loops import gain_of, units_of
from flowrig.profile.model import ControlLoop
from flowrig.safety.actuation import Actuation
from flowrig.safety.guard import EventNoter, Guard

__all__ = ["Loops"]

ROUNDING_S = 1e-6
"""Times that differ by less [s] are equal."""

DOUBTED = 2.0
"""From this many tolerances on a measurement away from the value is in doubt."""

Trouble = Literal["", "no value", "still", "at a limit"]


@define
class _Loop:
    """One loop at work.

    Attributes:
        name: its name.
        loop: as the profile has it.
        controller: computes the output.
        unit: of the reading.
        unit_by: of the output.
        begun_s: rig time [s] of the begin.
        corrected_s: rig time [s] of the newest correction, or of the begin.
        readings: all so far.
        outputs: that at the begin, and that of each correction.
        recent: times [s] and readings since the newest correction.
        newest: the newest reading.
        unanswered: by how much readings should have changed since one did.
        trouble: what is wrong.
        since_s: rig time [s] at which that began.
        told: whether it is written down.
        troubles: what was written down.
    """

    name: str
    loop: ControlLoop
    controller: Controller
    unit: str
    unit_by: str
    begun_s: float
    corrected_s: float
    readings: list[float] = field(factory=list)
    outputs: list[float] = field(factory=list)
    recent: list[tuple[float, float]] = field(factory=list)
    newest: float = math.nan
    unanswered: float = 0.0
    trouble: Trouble = ""
    since_s: float = 0.0
    told: bool = False
    troubles: list[str] = field(factory=list)

    def read(self, now_s: float, value: float | None) -> None:
        """Take a reading; None, or not a number, is none."""
        before, self.newest = self.newest, math.nan if value is None else value
        if not math.isfinite(self.newest):
            self.recent.clear()
            return
        if self.newest != before:
            self.unanswered = 0.0
        self.readings.append(self.newest)
        self.recent.append((now_s, self.newest))

    @property
    def is_still(self) -> bool:
        """Whether the reading should have changed by now, and has not by a digit."""
        return self.unanswered > self.controller.settings.small

    def settled_readings(self, now_s: float) -> list[float]:
        """Readings of the second half of the time since the newest correction."""
        half_s = (self.corrected_s + now_s) / 2.0
        return [value for time_s, value in self.recent if time_s >= half_s - ROUNDING_S]

    def find_trouble(self, now_s: float) -> None:
        """Note what is wrong now, and since when."""
        found: Trouble = ""
        if not math.isfinite(self.newest):
            found = "no value"
        elif self.is_still:
            found = "still"
        elif self.controller.at_limit and self._wants_beyond:
            found = "at a limit"
        if found != self.trouble:
            self.trouble, self.since_s, self.told = found, now_s, False

    @property
    def _wants_beyond(self) -> bool:
        """Whether the error would move the output beyond the end where it is."""
        known, error = self.controller.settings, self.controller.settings.at - self.newest
        if abs(error) <= known.small:
            return False
        return (error / known.gain > 0.0) == (self.controller.output >= known.high)

    @property
    def text(self) -> str:
        """What is wrong, in one sentence without a full stop."""
        known, by = self.controller.settings, self.loop.by
        output = f"{self.controller.output:.4g} {self.unit_by}".rstrip()
        match self.trouble:
            case "no value":
                why = f"{self.loop.reading} has no value, and {by} stays at {output}"
            case "still":
                why = (
                    f"{self.loop.reading} has not changed by a digit although {by} has, which "
                    f"stays at {output}; check the sensor and the line"
                )
            case _:
                why = f"{by} is at its limit of {output}, and {self.loop.reading} is {self._value}"
        return f"control of {self.name}: {why}; it is to be kept at {known.at:.4g} {self.unit}"

    @property
    def _value(self) -> str:
        return f"{self.newest:.4g} {self.unit}".rstrip()

    def doubts(self, readings: Mapping[str, float]) -> str:
        """Why a sample is in doubt; empty if it is not.

        Args:
            readings: their means while its frames were taken, by DEVICE.QUANTITY.
        """
        if self.trouble and self.told:
            return self.text
        known, found = self.controller.settings, readings.get(self.loop.reading, math.nan)
        if abs(found - known.at) <= DOUBTED * known.small:
            return ""
        shown = f"{found:.4g} {self.unit}" if math.isfinite(found) else "not known"
        return (
            f"control of {self.name}: {self.loop.reading} was {shown} while frames were taken, "
            f"and it is to be kept at {known.at:.4g} {self.unit}"
        )

    def summary(self, now_s: float, why: str) -> ControlEnded:
        """What the loop has done."""
        return ControlEnded(
            loop=self.name,
            at=self.controller.settings.at,
            unit=self.unit,
            unit_by=self.unit_by,
            reading=Span.of(self.readings),
            output=Span.of(self.outputs),
            corrections=len(self.outputs) - 1,
            duration_s=now_s - self.begun_s,
            share=self.controller.share,
            troubles=tuple(self.troubles),
            reason=why,
        )


class Loops:
    """The control loops of a rig.

    A loop works from `begin` to `end`, while the waits of an experiment go by, and nowhere else.
    Each correction is a command as any other: the safety rules may refuse it, and the journal has
    its intent and its outcome.

    Args:
        actuation: the journalled actuators of the rig.
        guard: sends commands that no rule refuses.
        note_event: writes what loops tell to the journal.
    """

    def __init__(self, actuation: Actuation, guard: Guard, note_event: EventNoter) -> None:
        self._profile: Profile = actuation.rig.profile
        self._clock = actuation.rig.clock
        self._state = actuation.ledger.rig_state
        self._guard = guard
        self._note_event = note_event
        self._working: list[_Loop] = []

    def begin(self, conditions: Mapping[str, Value], at: Mapping[str, float]) -> None:
        """Let loops work from now on, from the output that was set.

        Args:
            conditions: of the experiment.
            at: by loop, the value at which it keeps its reading.
        """
        self.end("another one begins")
        now_s = self._clock.now_s()
        for name, value in at.items():
            loop = self._profile.control[name]
            unit, by = units_of(self._profile, loop)
            low, high = self._window(loop, by)
            settings = Settings(
                at=value,
                gain=gain_of(self._profile, loop, conditions),
                low=low,
                high=high,
                integral=loop.integral,
                proportional=loop.proportional,
                tolerance=loop.tolerance,
            )
            output = self._output(loop)
            self._working.append(
                _Loop(
                    name,
                    loop,
                    Controller(settings, output),
                    unit=unit,
                    unit_by=by,
                    begun_s=now_s,
                    corrected_s=now_s,
                    outputs=[output],
                )
            )

    def end(self, why: str) -> None:
        """Let no loop work any longer, and write down what they did."""
        working, self._working = self._working, []
        for one in working:
            self._note_event(one.summary(self._clock.now_s(), why))

    def follow(self) -> None:
        """Take the newest reading of each loop, and correct where it is time.

        Raises:
            FlowrigError: a command failed, or a rule refused it; the loops have ended.
        """
        for one in tuple(self._working):
            now_s = self._clock.now_s()
            one.read(now_s, self._state.readings.get(one.loop.reading))
            one.find_trouble(now_s)
            self._tell(one, now_s)
            if now_s - one.corrected_s >= one.loop.every_s - ROUNDING_S:
                self._correct(one, now_s)

    def doubts(self, readings: Mapping[str, float]) -> tuple[str, ...]:
        """Why the newest sample is in doubt, a sentence for each loop that was not at its value."""
        found = (one.doubts(readings) for one in self._working)
        return tuple(text for text in found if text)

    def _correct(self, one: _Loop, now_s: float) -> None:
        readings = one.settled_readings(now_s)
        if not readings or one.is_still:
            return
        # Another loop may have changed another stream since.
        low, high = self._window(one.loop, one.unit_by)
        one.controller.settings = evolve(one.controller.settings, low=low, high=high)
        before = one.controller.output
        after = one.controller.correct(readings)
        one.corrected_s = now_s
        one.recent.clear()
        if after == before:
            return
        self._command(one.loop)({one.loop.by: after})
        one.outputs.append(after)
        one.unanswered += abs((after - before) * one.controller.settings.gain)

    def _command(self, loop: ControlLoop) -> Callable[[Mapping[str, float]], None]:
        if loop.by in self._profile.streams:
            return self._guard.set_flow_rates
        return lambda values: self._guard.set_values(dict(values))

    def _output(self, loop: ControlLoop) -> float:
        """What was set newest."""
        if loop.by in self._profile.streams:
            found: object = self._state.stream(loop.by).set_rate_ul_min
        else:
            found = self._state.device(loop.by).told
        assert isinstance(found, float)
        return found

    def _window(self, loop: ControlLoop, unit: str) -> tuple[float, float]:
        """The window of a loop, as far as the limit of the total flow rate leaves it."""
        low, high = loop.window(unit)
        if loop.by not in self._profile.streams:
            return low, high
        least, most = self._profile.limits.total_flow_ul_min
        flows = self._state.flows.items()
        others = math.fsum(flow.rate_ul_min for name, flow in flows if name != loop.by)
        return max(low, least - others), min(high, most - others)

    def _tell(self, one: _Loop, now_s: float) -> None:
        """Write trouble down that has lasted for the grace time, once."""
        if not one.trouble or one.told or now_s - one.since_s < one.loop.grace_s:
            return
        one.told = True
        one.troubles.append(one.trouble)
        self._note_event(ControlTold(loop=one.name, trouble=one.trouble, text=one.text))
