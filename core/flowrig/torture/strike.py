"""The moment of a campaign at which a fault strikes."""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve, frozen

from flowrig.journal.events import Intent, Reading
from flowrig.journal.journal import AnyEvent, Listener
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.phases import Phase, PhaseWatch, SafeWay
from flowrig.torture.points import LastBytes, Point

__all__ = ["Strike", "TrialError"]

SECOND_KILL_SHARE: Final = 0.5
"""Share of the points at which the first resumption is killed as well."""

SECOND_KILL_EVENTS: Final = 60
"""The first resumption is killed within this number of journal events."""

DELAYS: Final = {
    Phase.REFILL: 6,
    Phase.HEAT_UP: 25,
    Phase.SETTLE: 25,
    Phase.MEASURE: 2,
    Phase.PRIME: 8,
}
"""Largest number of journal events between the beginning of a phase and the strike."""


class TrialError(Exception):
    """The board itself failed, not the program under test."""


@frozen
class _PhaseMoment:
    """A number of events after the nth beginning of a phase."""

    phase: Phase
    occurrence: int
    delay: int


class Strike:
    """Lets an injection strike once, at its moment; at half of all points a second kill follows.

    Args:
        injection: the fault.
        moment: a phase, in which a random moment is chosen, or an exact point.
        scene: the rig and the folder of the run; its phase is replaced.
        occurrences: how often each phase occurs in a campaign of the rig.

    Attributes:
        scene: the scene of the strike.
        time_s: rig time [s] of the strike; None before it.
        acknowledged: number of events that the newest process had acknowledged at the newest
            strike.
        second_kill_done: whether the resumption was killed as well.
    """

    def __init__(
        self,
        injection: Injection,
        moment: Phase | Point,
        scene: Scene,
        occurrences: Mapping[Phase, int],
    ) -> None:
        self.time_s: float | None = None
        self.acknowledged = 0
        self.second_kill_done = False
        self._injection = injection
        draw = scene.draw
        phase = Phase.SETTLE
        self._moment: _PhaseMoment | Point
        if isinstance(moment, Point):
            self._moment = moment
        else:
            phase = moment
            occurrence = draw.randint(1, occurrences.get(phase, 1))
            delay = draw.randint(0, DELAYS.get(phase, 0))
            self._moment = _PhaseMoment(phase, occurrence, delay)
        self.scene = evolve(scene, phase=phase)
        self._second_kill_at = 0
        if (
            isinstance(moment, Point)
            and self._injection.kills
            and draw.random() < SECOND_KILL_SHARE
        ):
            self._second_kill_at = draw.randint(1, SECOND_KILL_EVENTS)
        self._is_in_phase = False
        self._delay_left = 0
        self._error: Exception | None = None
        self._events: list[AnyEvent] = []

    def require_no_error(self) -> None:
        """Check that the fault could be injected.

        Raises:
            TrialError: the injection failed.
        """
        if self._error is not None:
            raise TrialError(f"the fault could not be injected: {self._error!r}")

    def listeners(self, events: list[AnyEvent], *, is_first_resumption: bool) -> list[Listener]:
        """Journal listeners of a new process that let the fault strike at its moment.

        Args:
            events: the events of the process; the caller appends each before these listeners run.
            is_first_resumption: whether the process is the first resumption.
        """
        self._events = events
        listeners: list[Listener] = [lambda _: self._after_event()]
        if self.time_s is None and isinstance(self._moment, Point):
            listeners.append(lambda _: self._at_event_count())
        elif self.time_s is None:
            way = SafeWay(self.scene.played.profile)
            listeners.append(PhaseWatch(way, self._at_phase, self._in_phase))
        elif self._second_kill_at and is_first_resumption:
            listeners.append(lambda _: self._kill_again())
        return listeners

    def on_connecting(self) -> None:
        """Strike while the rig connects, or plan a strike on a wire."""
        moment = self._moment
        if isinstance(moment, Point):
            self._plan_on_wire(moment)
        elif moment.phase is Phase.CONNECT:
            self._strike()
        elif moment.phase is Phase.IDENTIFY:
            device = self._injection.target(self.scene)
            self.scene.rig.trip(device, 1 + self.scene.draw.randrange(2), self._strike)

    def _plan_on_wire(self, point: Point) -> None:
        if point.unit == "event":
            return
        self._injection.aim(point.device)
        rig = self.scene.rig
        if point.unit == "exchange":
            rig.trip(point.device, point.number, self._strike)
        else:
            rig.rig.emulators[point.device].wire.plan(LastBytes(point.number, self._strike))

    def _at_event_count(self) -> None:
        moment = self._moment
        if not isinstance(moment, Point) or moment.unit != "event":
            return
        if len(self._events) >= moment.number:
            self._strike()

    def _at_phase(self, phase: Phase, occurrence: int) -> None:
        moment = self._moment
        if self._is_in_phase:
            # The next phase begins: the delay was longer than the phase.
            self._strike()
        elif isinstance(moment, _PhaseMoment) and (
            (phase, occurrence) == (moment.phase, moment.occurrence)
        ):
            self._is_in_phase = True
            self._delay_left = moment.delay

    def _in_phase(self) -> None:
        if self._is_in_phase and self.time_s is None:
            if self._delay_left <= 0:
                self._strike()
            self._delay_left -= 1

    def _strike(self) -> None:
        if self.time_s is not None or self._error is not None:
            return
        self.time_s = self.scene.rig.clock.now_s()
        self.acknowledged = len(self._events)
        if isinstance(self._moment, Point) and self._is_starting():
            self.scene = evolve(self.scene, phase=Phase.FLOW)
        self._attempt(self._injection.strike)

    def _after_event(self) -> None:
        if self.time_s is not None and self._error is None:
            self._attempt(self._injection.after_event)

    def _attempt(self, inject: Callable[[Scene], None]) -> None:
        """Inject; an error is kept for `require_no_error`, as the run must not see it."""
        try:
            inject(self.scene)
        except Exception as error:
            self._error = error

    def _kill_again(self) -> None:
        if len(self._events) < self._second_kill_at or self.second_kill_done:
            return
        self.second_kill_done = True
        self.acknowledged = len(self._events)
        phase = Phase.FLOW if self._is_starting() else Phase.SETTLE
        self._injection.strike(evolve(self.scene, phase=phase))

    def _is_starting(self) -> bool:
        """Whether a start is about to be commanded and is not confirmed yet."""
        for event in reversed(self._events):
            if not isinstance(event.data, Reading):
                return isinstance(event.data, Intent) and event.data.command == "start"
        return False
