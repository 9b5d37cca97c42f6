"""Gates of a run: which of them are closed before a step."""

from collections.abc import Iterable, Iterator, Mapping

from flowrig.errors import InputError
from flowrig.profile import Gate, Profile

__all__ = ["Gates", "require_gates", "sentence"]


class Gates:
    """The gates that a person has to open before a step.

    Args:
        profile: the rig, with its gates.
        yes_to: names of gates that were answered with yes beforehand.
    """

    def __init__(self, profile: Profile, yes_to: Iterable[str] = ()) -> None:
        self._gates = profile.gates
        self.yes_to = frozenset(yes_to)
        self._open: set[str] = set()
        self._set_points_c: dict[str, float] = {}

    def before_heating(self, set_points_c: Mapping[str, float]) -> list[Gate]:
        """Gates that are closed before set points [°C], by heater, are sent.

        A heater whose set point is above a gate already does not pass the gate again.
        """
        found = [gate for gate in self._closed("heating") if self._rises(gate, set_points_c)]
        self._set_points_c.update(set_points_c)
        return found

    def before_flow(self, streams: Iterable[str]) -> list[Gate]:
        """Gates that are closed before streams start."""
        starting = set(streams)
        return [gate for gate in self._closed("flow") if starting & set(gate.streams)]

    def before_stage(self, stage: str) -> list[Gate]:
        """Gates that are closed before a stage of the campaign begins."""
        return [gate for gate in self._closed("stage") if gate.stage == stage]

    def opened(self, gate: Gate) -> None:
        """Note that a gate was answered with yes."""
        if not gate.each_time:
            self._open.add(gate.name)

    def _closed(self, before: str) -> Iterator[Gate]:
        return (g for g in self._gates if g.before == before and g.name not in self._open)

    def _rises(self, gate: Gate, set_points_c: Mapping[str, float]) -> bool:
        """Whether a set point is above a gate's temperature, and the one before it was not."""
        assert gate.above_c is not None
        return any(
            set_point_c > gate.above_c >= self._set_points_c.get(heater, gate.above_c)
            for heater, set_point_c in set_points_c.items()
            if heater in gate.heaters or not gate.heaters
        )


def sentence(gate: Gate) -> str:
    """The step before which a gate stands, in words."""
    if gate.before == "heating":
        return f"heating {' or '.join(gate.heaters) or 'anything'} above {gate.above_c:g} °C"
    if gate.before == "flow":
        return f"starting {' or '.join(gate.streams)}"
    return f"the stage {gate.stage}"


def require_gates(profile: Profile, names: Iterable[str]) -> None:
    """Refuse names of gates that a profile does not have.

    Raises:
        InputError: a name is unknown; the message names the gates that exist.
    """
    known = [gate.name for gate in profile.gates]
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise InputError(f"there is no gate {name!r}; the profile has: {there}")
