"""What is in the line between a pump and the selector valve, vessel or reservoir before it."""

from collections.abc import Iterable

from attrs import frozen

from flowrig.journal.events import CutLiquid, EventData, Intent, Outcome, Resumed, WentOn
from flowrig.profile import Profile

__all__ = ["SupplyLines"]

IN_VESSEL = "vessel"
"""Whence a stream draws that has no selector."""


@frozen
class _Line:
    """The liquid in a line.

    Attributes:
        position: position of the valve from which it was drawn newest, or `IN_VESSEL`; None where
            it is not known.
        drawn_ul: volume [µL] drawn from there without a change.
    """

    position: str | None = None
    drawn_ul: float = 0.0


class SupplyLines:
    """Which liquid fills the line of each stream that rinses it.

    It follows the events of a run. When a run starts, or is resumed, no line is known to hold
    anything; nor is that of a vessel that a person has filled, or of a syringe that was refilled.

    Args:
        profile: the rig.
    """

    def __init__(self, profile: Profile) -> None:
        self._streams = {name: one for name, one in profile.streams.items() if one.rinse_ul}
        self._lines = dict.fromkeys(self._streams, _Line())
        self._positions: dict[str, str | None] = {}
        self._turning: Intent | None = None

    def follow(self, data: EventData) -> None:
        """Take an event into account; events of other kinds change nothing."""
        match data:
            case Intent(command="set-values"):
                self._turning = data
            case Outcome(command="set-values"):
                self._turned(data)
            case Outcome():
                for stream, volume_ul in (data.dispensed_ul or {}).items():
                    self._drawn(stream, volume_ul)
                for stream in {*(data.drawn_ul or {}), *(data.taken_ul or {})} & {*self._lines}:
                    self._lines[stream] = _Line()
            case CutLiquid() | Resumed():  # meanwhile a person may have done anything
                self._lines = dict.fromkeys(self._streams, _Line())
                self._positions.clear()
            case WentOn(refilled=refilled):
                for stream in {*refilled} & {*self._lines}:
                    self._lines[stream] = _Line()

    def needed_ul(self, streams: Iterable[str]) -> dict[str, float]:
        """Volume [µL] by stream that has to flow until its line holds what its valve leads to.

        Args:
            streams: those that will flow; the others need nothing.
        """
        found = {}
        for stream in streams:
            if stream not in self._streams:
                continue
            position, line = self._position(stream), self._lines[stream]
            is_same = position is not None and position == line.position
            needed_ul = self._streams[stream].rinse_ul - (line.drawn_ul if is_same else 0.0)
            if needed_ul > 0.0:
                found[stream] = needed_ul
        return found

    def _position(self, stream: str) -> str | None:
        """From where a stream draws now; None where that is not known."""
        selector = self._streams[stream].selector
        return IN_VESSEL if selector is None else self._positions.get(selector.valve)

    def _turned(self, data: Outcome) -> None:
        intent, self._turning = self._turning, None
        for valve, position in ((intent and intent.positions) or {}).items():
            self._positions[valve] = position if data.outcome == "done" else None

    def _drawn(self, stream: str, volume_ul: float) -> None:
        if stream not in self._streams or volume_ul <= 0.0:
            return
        position, line = self._position(stream), self._lines[stream]
        before_ul = line.drawn_ul if position == line.position else 0.0
        self._lines[stream] = _Line(position, before_ul + volume_ul)
