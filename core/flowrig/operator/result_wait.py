"""A run whose rig is in its safe state, and that goes on when results are entered."""

from collections.abc import Callable

from flowrig.errors import NeedsPersonError
from flowrig.journal.events import HoldBegun, WentOn
from flowrig.operator.hold import Hold
from flowrig.operator.requests import OperatorRequests
from flowrig.safety.actuation import Actuation
from flowrig.safety.guard import Guard

__all__ = ["ResultWait"]

LOOK_S = 60.0
"""Longest time [s] between two readings of a rig in its safe state."""

NAP_S = 1.0
"""Time [s] after which a request of a person, or a new result, is noticed."""

LOOKS_A_LEASE = 3.0
"""Readings in the time after which the watchdog takes a silent run over."""


class ResultWait:
    """Waits for results; the rig is read now and then.

    Args:
        actuation: the journalled actuators of the rig.
        guard: checks the safety rules at every reading.
        requests: holds what a person asks for.
        obey: raises the request of a person that ends the wait.
    """

    def __init__(
        self,
        actuation: Actuation,
        guard: Guard,
        requests: OperatorRequests,
        obey: Callable[[], object],
    ) -> None:
        self._actuation = actuation
        self._guard = guard
        self._requests = requests
        self._obey = obey

    def wait(
        self, hold: Hold, has_come: Callable[[], bool], due_s: Callable[[], float | None], by: str
    ) -> None:
        """Wait until enough results have come, or a person lets the run go on without them.

        Args:
            hold: what the run waits for.
            has_come: takes what was entered; whether that is enough.
            due_s: rig time [s] at which a simulated rig knows the next result; None for never.
            by: what ended the wait, for the journal, if no person did.

        Raises:
            NeedsPersonError: no result will come in simulated time, where nobody can enter one.
            StopRequested: a person asked the run to end.
            SafetyTripError: a safety rule is broken meanwhile.
        """
        with self._requests.holding(hold), self._guard.person_works():
            now_s = self._actuation.rig.clock.now_s()
            begun = HoldBegun(
                why=hold.kind.value,
                text=hold.text,
                refill=(),
                empty=(),
                gate="",
                longest_s=0.0,
                until_s=now_s,
                flows=(),
            )
            self._actuation.write_event(begun)
            while not has_come() and self._requests.answer is None:
                self._guard.look()
                self._sleep(hold, due_s())
            answer = self._requests.answer
        self._actuation.write_event(WentOn(by=by if answer is None else answer.by))

    def _sleep(self, hold: Hold, due_s: float | None) -> None:
        """Sleep until the next reading, and notice meanwhile what people ask for."""
        clock = self._actuation.rig.clock
        if clock.is_virtual:
            self._obey()
            if due_s is not None:
                clock.sleep(max(due_s - clock.now_s(), 0.0))
            elif self._requests.attended:
                self._requests.wait(NAP_S)
                clock.sleep(NAP_S)
            else:
                raise NeedsPersonError(f"{hold.text}; enter them, then resume")
            return
        lease_s = self._actuation.rig.profile.supervision.lease_s
        look_at_s = clock.now_s() + min(LOOK_S, lease_s / LOOKS_A_LEASE)
        while clock.now_s() < look_at_s and self._requests.answer is None:
            self._obey()
            clock.sleep(NAP_S)
