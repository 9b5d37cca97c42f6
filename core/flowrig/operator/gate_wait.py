"""A run at a gate: the run waits until a person says yes."""

from collections.abc import Callable, Iterable, Mapping

from flowrig.journal.events import GateAsked, GateOpened
from flowrig.operator.gates import Gates, sentence
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.operator.requests import OperatorRequests
from flowrig.profile import Gate
from flowrig.safety.actuation import Actuation

__all__ = ["GateWait"]


class GateWait:
    """Has every closed gate opened before a step. Nothing flows and nothing is set meanwhile.

    Args:
        gates: the gates of the profile.
        actuation: the journalled actuators of the rig.
        requests: whether a person sits beside the run.
        hold: waits for the person.
    """

    def __init__(
        self,
        gates: Gates,
        actuation: Actuation,
        requests: OperatorRequests,
        hold: Callable[[Hold], Answer],
    ) -> None:
        self._gates = gates
        self._actuation = actuation
        self._requests = requests
        self._hold = hold

    def before_heating(self, set_points_c: Mapping[str, float]) -> None:
        """Wait at the gates before set points [°C] by heater.

        Raises:
            HoldExpiredError: no person answered in time.
        """
        self._wait_at(self._gates.before_heating(set_points_c))

    def before_flow(self, streams: Iterable[str]) -> None:
        """Wait at the gates before streams start; raises the same."""
        self._wait_at(self._gates.before_flow(streams))

    def before_stage(self, stage: str) -> None:
        """Wait at the gates before a stage of the campaign; raises the same."""
        self._wait_at(self._gates.before_stage(stage))

    def _wait_at(self, gates: Iterable[Gate]) -> None:
        for gate in gates:
            question = gate.asks or f"may it begin: {sentence(gate)}?"
            asked = GateAsked(gate=gate.name, before=sentence(gate), asks=question)
            self._actuation.write_event(asked)
            by = self._opened_by(gate, question)
            self._actuation.write_event(GateOpened(gate=gate.name, by=by))
            self._gates.opened(gate)

    def _opened_by(self, gate: Gate, question: str) -> str:
        if gate.name in self._gates.yes_to:
            return "--yes-to"
        # A rehearsal in simulated time has no person to ask, and must not stop at each gate.
        if self._actuation.rig.clock.is_virtual and not self._requests.attended:
            return "simulation"
        text = f"{sentence(gate)}: {question}" if gate.asks else question
        return self._hold(Hold(kind=HoldKind.GATE, text=text, gate=gate.name)).by
