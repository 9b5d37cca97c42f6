"""A run on hold: temperatures and carrier stay, reagents stop, and the run waits for a person."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from flowrig.errors import HoldExpiredError, InterlockError, NeedsPersonError
from flowrig.journal.events import HoldBegun, WentOn
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.operator.requests import OperatorRequests
from flowrig.safety.actuation import Actuation
from flowrig.safety.guard import Guard

__all__ = ["HoldWait"]

LOOK_S = 1.0
"""Time [s] between two readings of heaters and pumps where an answer may come."""

UNATTENDED_LOOK_S = 5.0
"""The same in simulated time, where no person can answer."""


class HoldWait:
    """Keeps a rig as it is until a person lets the run go on, or the profile's time is over.

    Args:
        actuation: the journalled actuators of the rig.
        guard: checks the safety rules at every reading and before every command.
        requests: holds what the person asks for.
        obey: raises the request of a person that ends the hold.
    """

    def __init__(
        self,
        actuation: Actuation,
        guard: Guard,
        requests: OperatorRequests,
        obey: Callable[[], object],
    ) -> None:
        self._actuation = actuation
        self._rig = actuation.rig
        self._state = actuation.ledger.rig_state
        self._guard = guard
        self._requests = requests
        self._obey = obey

    def wait(self, hold: Hold) -> Answer:
        """Wait for a person; see `Executor.hold`."""
        clock, longest_s = self._rig.clock, self._rig.profile.hold.longest_s
        carriers = self._carriers(hold, longest_s)
        self._stop(tuple(one for one in self._state.flowing if one not in carriers))
        end_s = clock.now_s() + longest_s
        with self._requests.holding(hold), self._guard.person_works():
            self._actuation.write_event(_begun(hold, longest_s, end_s, carriers))
            while (answer := self._requests.answer) is None:
                left_s = end_s - clock.now_s()
                if left_s <= 0.0:
                    raise HoldExpiredError(_expired(hold, longest_s))
                self._look(carriers)
                self._sleep(hold, left_s)
                self._obey()
        self.stop_flow()
        self._take(answer)
        return answer

    def stop_flow(self) -> None:
        """Stop all streams that flow; temperatures stay.

        Raises:
            NeedsPersonError: an interlock refuses it; the caller goes safe.
        """
        self._stop(self._state.flowing)

    def _stop(self, streams: tuple[str, ...]) -> None:
        if streams:
            try:
                self._guard.stop(streams)
            except InterlockError as error:
                raise NeedsPersonError(f"liquid must not stop here: {error}") from error

    def _carriers(self, hold: Hold, longest_s: float) -> Mapping[str, float]:
        """Streams that flow during a hold, with their flow rates [µL/min].

        None flows where a person works on the flow path, and none where nothing is hot.
        """
        is_at_the_path = hold.kind is HoldKind.GATE or hold.empty or hold.works
        if is_at_the_path or not self._state.heated:
            return {}
        ledger, minutes = self._actuation.ledger, longest_s / 60
        rates = {
            stream: self._hold_rate_ul_min(stream, rate)
            for stream, rate in self._rig.profile.hold_flow_rates_ul_min.items()
            if stream not in hold.refill and self._may_draw(stream)
        }
        rates = {s: q for s, q in rates.items() if ledger.left_ul[s] > q * minutes}
        needed_ul = {stream: rate * minutes for stream, rate in rates.items()}
        return {} if ledger.waste.too_full_for(needed_ul) else rates

    def _may_draw(self, stream: str) -> bool:
        """Whether the selector of a stream, where it has one, leads to a liquid."""
        one = self._rig.profile.streams[stream]
        if one.selector is None:
            return True
        return self._state.device(one.selector.valve).told in one.contents_at

    def _hold_rate_ul_min(self, stream: str, profile_ul_min: float) -> float:
        """Flow rate [µL/min] during a hold: a carrier that flows already keeps its own."""
        set_ul_min = self._state.stream(stream).set_rate_ul_min
        if stream not in self._state.flowing or set_ul_min is None:
            return profile_ul_min
        return set_ul_min

    def _look(self, carriers: Mapping[str, float]) -> None:
        """Read the rig, and start carriers as soon as no rule refuses it."""
        waiting = {s: q for s, q in carriers.items() if s not in self._state.flowing}
        if not waiting:
            self._guard.look()
        elif self._guard.may_start(tuple(waiting)):
            with suppress(InterlockError):  # the next reading may refuse what this one allowed
                self._guard.set_flow_rates(waiting)
                self._guard.start(tuple(waiting))

    def _sleep(self, hold: Hold, left_s: float) -> None:
        """Sleep until the next reading; real time passes as well while a person may answer."""
        clock = self._rig.clock
        may_answer = self._requests.attended or hold.kind is HoldKind.PAUSE
        if not clock.is_virtual or may_answer:
            nap_s = min(left_s, LOOK_S)
        else:
            nap_s = min(left_s, UNATTENDED_LOOK_S)
        if clock.is_virtual and may_answer and self._requests.answer is None:
            self._requests.wait(nap_s)
        clock.sleep(nap_s)

    def _take(self, answer: Answer) -> None:
        """Count what the person has filled and emptied."""
        self._rig.refilled(answer.refilled)
        went_on = WentOn(by=answer.by, refilled=answer.refilled, emptied=answer.emptied)
        self._actuation.ledger.follow(self._rig.clock.now_s(), went_on)
        self._actuation.write_event(went_on)


def _begun(hold: Hold, longest_s: float, until_s: float, flows: Iterable[str]) -> HoldBegun:
    return HoldBegun(
        why=hold.kind.value,
        text=hold.text,
        refill=hold.refill,
        empty=hold.empty,
        gate=hold.gate,
        works=hold.works,
        reads=hold.reads,
        longest_s=longest_s,
        until_s=until_s,
        flows=tuple(flows),
        supplied=hold.supplied or None,
    )


def _expired(hold: Hold, longest_s: float) -> str:
    if hold.kind is HoldKind.PAUSE:
        return f"the run was paused for {longest_s / 60:g} min, and no person let it go on"
    if hold.kind is HoldKind.GATE:
        return (
            f"the gate {hold.gate!r} was not opened within {longest_s / 60:g} min: {hold.text}; "
            f"resume, with --yes-to {hold.gate} if that is your answer"
        )
    return f"{hold.text}; then resume" + (f" with {hold.options}" if hold.options else "")
