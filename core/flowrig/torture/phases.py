"""The phases of a campaign, derived from the events of its journal."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from flowrig.journal.events import (
    EventData,
    ExperimentBegun,
    Intent,
    Measured,
    Opened,
    Outcome,
    StageBegun,
    StepBegun,
)
from flowrig.journal.journal import AnyEvent
from flowrig.profile import Profile
from flowrig.run.session import GOING_SAFE

__all__ = ["Phase", "PhaseWatch", "SafeWay", "begins_frames"]

SAMPLE_FRAMES = " sample frames"
"""End of the step that a run notes when it takes the frames of a sample."""


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
    REFILL = "refill"
    """Pumps are about to fill their syringes from reservoirs."""
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


class SafeWay:
    """Tells the commands of the safe state of a rig from those of its experiments.

    Args:
        profile: the rig.

    Attributes:
        switches_light: whether an experiment switches a light, which begins its phase `MEASURE`.
    """

    def __init__(self, profile: Profile) -> None:
        self._heats = any(step.do == "heater-off" for step in profile.safe_state)
        self._stops = [step.streams for step in profile.safe_state if step.do == "stop"]
        self._flushes = any(step.do == "flush" for step in profile.safe_state)
        self.switches_light = bool(profile.analysis.shuttered)

    def begins(self, data: EventData) -> bool:
        """Whether an event is the first of the way to the safe state.

        It is the command that switches heaters off; a rig without a heater has no such command.
        """
        if self._heats:
            return isinstance(data, Intent) and data.command == "heater-off"
        return isinstance(data, StepBegun) and data.what == GOING_SAFE

    def ends(self, intent: Intent, *, has_flushed: bool) -> bool:
        """Whether a command on the way stops the last streams."""
        if intent.command != "stop":
            return False
        return has_flushed if self._flushes else intent.streams in self._stops[-1:]


def begins_frames(data: EventData) -> bool:
    """Whether an event says that the frames of a sample begin."""
    return isinstance(data, StepBegun) and data.what.endswith(SAMPLE_FRAMES)


class PhaseWatch:
    """Journal listener that reports when a phase begins; for `start_run`.

    `CONNECT` and `IDENTIFY` come before the first event, and are not reported.

    Args:
        way: tells when the run goes to its safe state.
        entered: called with each phase that begins, and its occurrence from 1.
        passed: called at every event, after `entered`.
    """

    def __init__(
        self,
        way: SafeWay,
        entered: Callable[[Phase, int], None],
        passed: Callable[[], None] = lambda: None,
    ) -> None:
        self._way = way
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
            case data if self._way.begins(data):
                self._going_safe, self._in_experiment = True, False
            case Intent(command="draw" | "start" | "stop") as intent:
                return self._at_intent(intent)
            case StepBegun() as step if not self._way.switches_light and begins_frames(step):
                return Phase.MEASURE
            case Outcome(command=command) if self._in_experiment:
                return self._in_experiment_after(command)
        return None

    def _at_intent(self, intent: Intent) -> Phase | None:
        if intent.command == "draw":
            return Phase.REFILL
        if self._going_safe:
            self._flushing |= intent.command == "start"
            if intent.command == "start":
                return Phase.FLUSH
            return Phase.CLOSE if self._way.ends(intent, has_flushed=self._flushing) else None
        if intent.command == "start":
            return Phase.FLOW if self._in_experiment else Phase.PRIME
        return None

    def _in_experiment_after(self, command: str) -> Phase | None:
        return {
            "set-temperatures": Phase.HEAT_UP,
            "start": Phase.SETTLE,
            "set-light": Phase.MEASURE,
            "stop": Phase.COMMIT,
        }.get(command)
