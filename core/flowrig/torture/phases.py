"""The phases of a campaign, derived from the events of its journal."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from flowrig.journal.events import ExperimentBegun, Intent, Measured, Opened, Outcome, StageBegun
from flowrig.journal.journal import AnyEvent

__all__ = ["Phase", "PhaseWatch"]


class Phase(StrEnum):
    """The phase of a campaign in which a fault strikes."""

    CONNECT = "connect"
    """Ports are opened."""
    IDENTIFY = "identify"
    """A device has answered, and is asked for its identity."""
    HOME = "home"
    """Pumps receive the settings of their syringes."""
    PRIME = "prime"
    """Cells are cleared and references taken."""
    HEAT_UP = "heat-up"
    """The plate goes to its set point."""
    FLOW = "flow"
    """All streams are about to be started."""
    SETTLE = "settle"
    """All streams flow, and the run waits for the steady state."""
    MEASURE = "measure"
    """Frames are taken."""
    COMMIT = "commit"
    """The streams have stopped, and the measurement is about to be written."""
    SUGGEST = "suggest"
    """The next conditions are chosen."""
    FLUSH = "flush"
    """On the way to the safe state, solvent is about to flow."""
    CLOSE = "cool-down"
    """The plate has cooled, and the last streams are about to be stopped."""


class PhaseWatch:
    """Journal listener that reports when a phase begins; for `start_run`.

    `CONNECT` and `IDENTIFY` come before the first event, and are not reported.

    Args:
        entered: called with each phase that begins, and its occurrence from 1.
        passed: called at every event, after `entered`.
    """

    def __init__(
        self, entered: Callable[[Phase, int], None], passed: Callable[[], None] = lambda: None
    ) -> None:
        self._entered = entered
        self._passed = passed
        self._counts: Counter[Phase] = Counter()
        self._in_experiment = False
        self._going_safe = False
        self._flushing = False

    def __call__(self, event: AnyEvent) -> None:
        """Take an event of the journal."""
        phase = self._phase_at(event)
        if phase is not None:
            self._counts[phase] += 1
            self._entered(phase, self._counts[phase])
        self._passed()

    def _phase_at(self, event: AnyEvent) -> Phase | None:
        match event.data:
            case Opened():
                self._in_experiment = self._going_safe = self._flushing = False
                return Phase.HOME
            case StageBegun():
                return Phase.SUGGEST
            case ExperimentBegun() | Measured() as data:
                self._in_experiment = isinstance(data, ExperimentBegun)
            case Intent(command="heater-off"):
                self._going_safe, self._in_experiment = True, False
            case Intent(command="start" | "stop" as command):
                return self._at_intent(command)
            case Outcome(command=command) if self._in_experiment:
                return self._in_experiment_after(command)
        return None

    def _at_intent(self, command: str) -> Phase | None:
        if self._going_safe:
            self._flushing |= command == "start"
            if command == "start":
                return Phase.FLUSH
            return Phase.CLOSE if self._flushing else None
        if command == "start":
            return Phase.FLOW if self._in_experiment else Phase.PRIME
        return None

    def _in_experiment_after(self, command: str) -> Phase | None:
        return {
            "set-temperatures": Phase.HEAT_UP,
            "start": Phase.SETTLE,
            "set-light": Phase.MEASURE,
            "stop": Phase.COMMIT,
        }.get(command)
