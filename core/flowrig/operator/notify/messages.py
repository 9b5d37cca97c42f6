"""What people are told of the events of a run."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import singledispatchmethod

from flowrig.interfaces.observer import Message, Priority
from flowrig.journal.events import (
    Checked,
    Ended,
    EventData,
    FractionMade,
    HoldBegun,
    Resumed,
    RunStarted,
    SafeStateSought,
    SymptomFound,
    Tripped,
    WasteLevels,
)
from flowrig.journal.journal import AnyEvent
from flowrig.safety.waste import WARN, waste_text

__all__ = ["Messages"]

_Told = tuple[str, str, Priority]
"""Kind, text and priority of a message."""


class Messages:
    """Makes messages of the events of a run; each doubt and each full waste is told once.

    Args:
        run: name of the run's folder.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._rig = ""
        self._wall = ""
        self._known: set[str] = set()
        self._filling: set[str] = set()

    def of(self, event: AnyEvent) -> list[Message]:
        """What people are told of an event; of most events nothing."""
        self._wall = event.wall
        return [
            Message(
                kind=kind,
                run=self._run,
                rig=self._rig,
                text=text,
                priority=priority,
                wall=event.wall,
            )
            for kind, text, priority in self._told(event.data)
        ]

    @singledispatchmethod
    def _told(self, data: EventData) -> Iterator[_Told]:
        """Of other kinds people are told nothing."""
        yield from ()

    @_told.register
    def _begun(self, data: RunStarted | Resumed) -> Iterator[_Told]:
        self._rig = data.profile
        yield from ()

    @_told.register
    def _hold(self, data: HoldBegun) -> Iterator[_Told]:
        if data.why == "results":
            then = "the rig is in its safe state; the run goes on when results are entered"
        else:
            begun = datetime.fromisoformat(self._wall).astimezone()
            end = begun + timedelta(seconds=data.longest_s)
            then = f"the run waits until {end:%d %B %H:%M}, {data.longest_s / 60:.0f} min; "
            then += "then the rig goes to its safe state"
        yield "hold", f"{data.text}\n{then}", Priority.HIGH

    @_told.register
    def _trip(self, data: Tripped) -> Iterator[_Told]:
        yield "trip", f"{data.rule}: {data}", Priority.URGENT

    @_told.register
    def _safe_state(self, data: SafeStateSought) -> Iterator[_Told]:
        if not data.reached:
            yield "failure", data.text, Priority.URGENT

    @_told.register
    def _ended(self, data: Ended) -> Iterator[_Told]:
        text = f"{data.state}: {data.reason}".removesuffix(": ")
        if data.state in {"finished", "stopped", "held"}:
            yield "end", text, Priority.HIGH if data.state == "held" else Priority.NORMAL
        else:
            yield "failure", text, Priority.URGENT

    @_told.register
    def _waste(self, data: WasteLevels) -> Iterator[_Told]:
        for name, level in data.vessels.items():
            if level.filled_ul < WARN * level.capacity_ul:
                self._filling.discard(name)
            elif name not in self._filling:
                self._filling.add(name)
                yield "waste", f"{waste_text(name, level)}: empty it soon", Priority.HIGH

    @_told.register
    def _checked(self, data: Checked) -> Iterator[_Told]:
        for one in data.flags:
            text = f"experiment {data.index} is {one.quality}, {one.check}: {one.text}"
            yield from self._once(f"check {one.check}", text)

    @_told.register
    def _fraction(self, data: FractionMade) -> Iterator[_Told]:
        for text in data.told:
            yield "quality", f"fraction {data.number}: {text}", Priority.NORMAL

    @_told.register
    def _symptom(self, data: SymptomFound) -> Iterator[_Told]:
        yield from self._once(f"symptom {data.symptom}", data.text)

    def _once(self, what: str, text: str) -> Iterator[_Told]:
        if what not in self._known:
            self._known.add(what)
            yield "quality", text, Priority.NORMAL
