"""Observations of one process of a campaign, made outside that process."""

from collections.abc import Iterator
from typing import cast

from attrs import define, field

from flowrig.journal.events import D
from flowrig.journal.journal import AnyEvent, Event
from flowrig.torture.faults import Ending

__all__ = ["ProcessObservation"]


@define(eq=False, kw_only=True)
class ProcessObservation:
    """One process of a campaign: the first start, or a resumption.

    Attributes:
        begin_s: rig time [s] at which the process began.
        end_s: rig time [s] at which it ended.
        ending: how it ended.
        text: the message to the user at its end.
        events: the events that its journal acknowledged.
        threads: names of the device threads that were left when it ended.
        moved_ul: volume [µL] that each plunger had moved when the process ended, and at the end of
            the watch after it.
        temperatures_c: temperature [°C] of each plate at the same two times.
        lit: spectrometers whose light was open at the end of the watch.
    """

    begin_s: float
    end_s: float = 0.0
    ending: Ending = Ending.ESCAPED
    text: str = ""
    events: list[AnyEvent] = field(factory=list)
    threads: tuple[str, ...] = ()
    moved_ul: tuple[dict[str, float], dict[str, float]] = ({}, {})
    temperatures_c: tuple[dict[str, float], dict[str, float]] = ({}, {})
    lit: tuple[str, ...] = ()

    def of(self, kind: type[D]) -> Iterator[Event[D]]:
        """The events of one kind, in order."""
        for event in self.events:
            if isinstance(event.data, kind):
                yield cast("Event[D]", event)
