"""What people had to do in a run: degree of autonomy, and how long it went without them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod
from typing import Literal

from attrs import frozen

from flowrig.journal.events import (
    ChangedElsewhere,
    Ended,
    EventData,
    ExperimentBegun,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    OperatorAsked,
    Outcome,
    ResultEntered,
    Resumed,
    StepBegun,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.run_record.experiment import Experiment

__all__ = ["Autonomy", "Intervention", "Stretch", "autonomy_of", "interventions_in", "unassisted"]

What = Literal[
    "refill",
    "empty",
    "gate",
    "work by hand",
    "result",
    "pause",
    "need",
    "request",
    "resume",
    "change",
]

IN_THE_LOOP: tuple[What, ...] = ("gate", "work by hand", "result")
"""Interventions that are a step between the choice of a condition and its result."""

ENDS = ("stop", "halt")
"""Requests that end a run."""

IN_ADVANCE = "--yes-to"
"""Who opened a gate that the command line had opened before the run began."""


@frozen(kw_only=True)
class Intervention:
    """Something that a person did, or would have had to do in a simulated run.

    Attributes:
        what: "refill", "empty", "gate", "work by hand", "result" for an analysis off the line,
            "pause", "need" for any other hold, "request" (skip, stop, halt), "resume", or "change"
            at a panel or by another program.
        text: in words.
        begun_s: rig time [s] at which the run began to wait.
        ended_s: rig time [s] at which it went on.
        experiment: number of the experiment under way; 0 between experiments.
        by: from where the person answered; empty where nobody did.
    """

    what: What
    text: str
    begun_s: float
    ended_s: float
    experiment: int = 0
    by: str = ""


@frozen(kw_only=True)
class Autonomy:
    """The degree of autonomy of a run.

    Attributes:
        degree: "closed-loop", "semi-closed-loop", "open-loop", or "not known".
        reason: why, in one clause.
    """

    degree: str
    reason: str


@frozen
class Stretch:
    """A time without a person.

    Attributes:
        begun_s: rig time [s] at its beginning.
        ended_s: rig time [s] at its end.
    """

    begun_s: float
    ended_s: float

    @property
    def length_s(self) -> float:
        """Its length [s]."""
        return self.ended_s - self.begun_s


def interventions_in(
    events: Iterable[AnyEvent], experiments: Sequence[Experiment], end_s: float
) -> tuple[Intervention, ...]:
    """What people did in a run, in order.

    A hold counts once, also where it asks at a gate or for work by hand. A gate that the command
    line opened in advance does not count. Nor does a correction or a file that is entered after the
    run has ended, unless the run is resumed. What a simulation answers itself counts, since a rig
    waits for a person there.

    Args:
        events: of the run, in order.
        experiments: those that were measured.
        end_s: rig time [s] at the end.
    """
    people = _People(experiments)
    for event in events:
        if not isinstance(event.data, StepBegun | Outcome | ExperimentBegun):  # most of them
            people.now_s = event.time_s
            people.take(event.data)
    people.now_s = end_s
    people.end_hold("")
    return tuple(people.found)


class _People:
    """Follows the events of a run.

    Attributes:
        now_s: rig time [s] of the event.
        found: interventions so far.
    """

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        self.now_s = 0.0
        self.found: list[Intervention] = []
        self._under_way = [(one.started_s, one.ended_s, one.index) for one in experiments]
        self._hold: HoldBegun | None = None
        self._asked: HandAsked | None = None
        self._held_s = self._asked_s = 0.0
        self._went_on_s = -1.0
        self._has_ended = False
        self._entered: set[tuple[int, str]] = set()
        self._amended: list[Intervention] = []

    @singledispatchmethod
    def take(self, data: EventData) -> None:
        """Take an event into account; other kinds say nothing of people."""

    @take.register
    def _hold_begun(self, data: HoldBegun) -> None:
        self._hold, self._held_s = data, self.now_s

    @take.register
    def _went_on(self, data: WentOn) -> None:
        self.end_hold(data.by)
        self._went_on_s = self.now_s

    def end_hold(self, by: str) -> None:
        """Count the hold under way, if there is one."""
        if self._hold is not None:
            self._add(_of_hold(self._hold), self._hold.text, self._held_s, by)
            self._hold = None

    @take.register
    def _hand_asked(self, data: HandAsked) -> None:
        self._asked, self._asked_s = data, self.now_s

    @take.register
    def _hand_done(self, data: HandDone) -> None:
        if self._asked is not None and self._went_on_s < self._asked_s:  # no hold counts it
            self._add("work by hand", self._asked.asks, self._asked_s, data.by)
        self._asked = None

    @take.register
    def _result_entered(self, data: ResultEntered) -> None:
        named = {(data.index, name) for name in data.values or (data.units if data.lost else ())}
        is_new = bool(named - self._entered) or bool(data.lost and not data.units)
        self._entered |= named
        if self._has_ended and not is_new:  # a correction or a file, of which no choice was made
            self._amended.append(self._of_result(data))
        elif self._hold is None or self._hold.why != "results":  # else the hold counts it
            self.found.append(self._of_result(data))

    def _of_result(self, data: ResultEntered) -> Intervention:
        return self._made("result", f"results of experiment {data.index}", self.now_s, data.by)

    @take.register
    def _gate_opened(self, data: GateOpened) -> None:
        if data.by != IN_ADVANCE and self._went_on_s < self.now_s:
            self._add("gate", data.gate, self.now_s, data.by)

    @take.register
    def _operator_asked(self, data: OperatorAsked) -> None:
        if not data.refused and data.request in ("skip", *ENDS):
            self._add("request", data.request, self.now_s, data.by)

    @take.register
    def _ended(self, data: Ended) -> None:
        self._has_ended = True
        is_told = bool(self.found) and self.found[-1].text in ENDS
        if data.state == "stopped" and not is_told:
            self._add("request", data.reason, self.now_s)

    @take.register
    def _resumed(self, data: Resumed) -> None:
        self._has_ended = False
        self.found += self._amended  # the choices to come are made from them
        self._amended.clear()
        done = [f"{one} refilled" for one in data.refilled]
        done += [f"{one} emptied" for one in data.emptied]
        begun_s = self.now_s if self._hold is None else self._held_s
        self._add("resume", "; ".join(["the run was resumed", *done]), begun_s, "command line")
        self._hold = None

    @take.register
    def _changed_elsewhere(self, data: ChangedElsewhere) -> None:
        text = f"{data.device}: {data.setting} is {data.found} {data.unit}".strip()
        self._add("change", text, self.now_s)

    def _add(self, what: What, text: str, begun_s: float, by: str = "") -> None:
        self.found.append(self._made(what, text, begun_s, by))

    def _made(self, what: What, text: str, begun_s: float, by: str) -> Intervention:
        spans = self._under_way
        return Intervention(
            what=what,
            text=text,
            begun_s=begun_s,
            ended_s=self.now_s,
            experiment=next((i for low, high, i in spans if low <= begun_s <= high), 0),
            by=by,
        )


def _of_hold(hold: HoldBegun) -> What:
    if hold.refill:
        return "refill"
    if hold.empty:
        return "empty"
    if hold.works or hold.reads:
        return "work by hand"
    kinds: Mapping[str, What] = {"gate": "gate", "pause": "pause", "results": "result"}
    return kinds.get(hold.why, "need")


def unassisted(interventions: Iterable[Intervention], end_s: float) -> Stretch:
    """The longest time of a run, from its start to its end, in which no person did anything."""
    begun_s, longest = 0.0, Stretch(0.0, 0.0)
    for one in sorted(interventions, key=lambda one: one.begun_s):
        stretch = Stretch(begun_s, one.begun_s)
        longest = max(longest, stretch, key=lambda s: s.length_s)
        begun_s = max(begun_s, one.ended_s)
    return max(longest, Stretch(begun_s, end_s), key=lambda s: s.length_s)


def autonomy_of(
    experiments: Sequence[Experiment], interventions: Iterable[Intervention]
) -> Autonomy:
    """The degree of autonomy, by what people did between choices and results.

    A choice counts as made from results if a model was asked for it; without any such choice the
    loop is open, whatever a person did. What a person did before the first result was the start of
    the run. Refills, emptied wastes and pauses do not lower the
    degree; they shorten the unassisted lifetime.

    Args:
        experiments: those that were measured.
        interventions: what people did.
    """
    if not experiments:
        return Autonomy(degree="not known", reason="nothing was measured")
    learned = [one for one in experiments if one.decision.was_predicted]
    first_s = min(one.ended_s for one in experiments)
    later = (one for one in interventions if one.begun_s >= first_s)
    steps = [one for one in later if one.what in IN_THE_LOOP]
    if not learned:
        return Autonomy(
            degree="open-loop",
            reason="no model of results was asked for any condition; an optimizer without a model "
            "leaves no sign in the journal of what it learned",
        )
    if steps:
        kinds = " and ".join(dict.fromkeys(f"{one.what}: {one.text}" for one in steps[:2]))
        return Autonomy(
            degree="semi-closed-loop",
            reason=f"a person acted {_times(len(steps))} between choices and results ({kinds})",
        )
    return Autonomy(
        degree="closed-loop",
        reason=f"{len(learned)} of {len(experiments)} conditions were chosen by a model of the "
        "results, and no person acted between choice and result",
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
