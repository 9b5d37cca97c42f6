"""A person pauses, skips, stops and halts a run, judged by journal and emulated rig."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from watched_rig import WORLD, WatchedWorld, assert_at_rest, plugins_with, run_watched

from flowrig.clock import VirtualClock
from flowrig.errors import (
    HaltRequested,
    InputError,
    PauseRequested,
    SkipRequested,
    StopRequested,
)
from flowrig.journal.events import (
    EventData,
    ExperimentBegun,
    HoldBegun,
    Intent,
    Measured,
    OperatorAsked,
    Outcome,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.run_record.reader import RunRecord

HEATING, FLOWING, MEASURING = "heating", "steady state", "sample frames"
"""Beginnings of what an experiment does, one after the other."""

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"

[analysis]
frames = 20
dark_frames = 5
frame_interval = "100 ms"
reactive_frames = 5

[hold]
longest = "{pause}"

[campaign]

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 3
batch = 3
order_by = "temperature"

"""

Ran = tuple[RunOutcome, WatchedWorld, VirtualClock]
Plan = Sequence[tuple[str, Request]]


class Person:
    """Utters one request after another, each when a certain step or event comes.

    Attributes:
        plan: what still waits for its moment.
        refused: requests that made no sense.
    """

    def __init__(self, plan: Plan) -> None:
        self.requests = OperatorRequests()
        self.plan = list(plan)
        self.refused: list[Request] = []

    def __call__(self, event: AnyEvent) -> None:
        happens = event.data.what if event.kind == "step" else event.kind
        if self.plan and self.plan[0][0] in happens:
            _, request = self.plan.pop(0)
            try:
                self.requests.ask(request)
            except InputError:
                self.refused.append(request)


def ran(folder: Path, plan: Plan, pause: str = "10 s") -> Ran:
    """A short run with a person beside it."""
    profile, person = folder / "operated.toml", Person(plan)
    profile.write_text(PROFILE.format(pause=pause) + WORLD, encoding="utf-8")
    return run_watched(profile, folder / "run", requests=person.requests, listeners=[person])


def journalled(folder: Path, *kinds: type[EventData]) -> list[AnyEvent]:
    """Events of a run, of some kinds."""
    with RunRecord(folder / "run", plugins_with()) as record:
        return list(record.journal.events(*kinds))


@pytest.mark.parametrize("moment", [pytest.param(HEATING, marks=pytest.mark.slow), FLOWING])
def test_a_paused_experiment_begins_again(tmp_path: Path, moment: str) -> None:
    """Liquid stops, the plate stays hot; go-on measures from the start, and nothing is lost."""
    outcome, world, clock = ran(tmp_path, [(moment, Request.PAUSE), ("hold", Request.GO_ON)])
    assert outcome.state == "finished"
    assert_at_rest(world, clock)
    kinds = [e.kind for e in journalled(tmp_path, ExperimentBegun, HoldBegun, WentOn, Measured)]
    begun = kinds[kinds.index("went-on") + 1 :]
    if moment == FLOWING:
        assert kinds[: kinds.index("hold")].count("experiment") <= 1
    assert begun == ["experiment", "measured"] * 3
    told = [(e.data.request, e.data.refused) for e in journalled(tmp_path, OperatorAsked)]
    assert told == [("pause", ""), ("go-on", "")]


def test_no_reagent_flows_while_a_run_is_paused(tmp_path: Path) -> None:
    """Reagents were told to stop before the wait begins; the carrier flows, the plate stays hot."""
    ran(tmp_path, [(FLOWING, Request.PAUSE), ("hold", Request.GO_ON)])
    events = journalled(tmp_path, Intent, Outcome, HoldBegun, WentOn)
    kinds = [getattr(e.data, "command", e.kind) for e in events]
    begin, end = kinds.index("hold"), kinds.index("went-on")
    flowing: set[str] = set()
    for event in events[:begin]:
        if event.kind == "intent" and event.data.command == "start":
            flowing |= set(event.data.flow_rates_ul_min)
        elif event.kind == "intent" and event.data.command == "stop":
            flowing -= set(event.data.streams)
    assert flowing == {"PFO"}
    assert events[begin].data.flows == ("PFO",)
    assert "heater-off" not in kinds[:end]
    (last,) = [e for e in events[begin:end] if e.kind == "intent"]
    assert (last.data.command, last.data.streams) == ("stop", ("PFO",))


@pytest.mark.slow
def test_what_is_being_measured_is_finished_before_a_pause(tmp_path: Path) -> None:
    """A pause that comes with the sample frames waits for them; they are measured once."""
    ran(tmp_path, [(MEASURING, Request.PAUSE), ("hold", Request.GO_ON)])
    kinds = [e.kind for e in journalled(tmp_path, HoldBegun, Measured)]
    assert kinds == ["measured", "hold", "measured", "measured"]


@pytest.mark.slow
def test_a_pause_that_nobody_ends_leads_to_the_safe_state(tmp_path: Path) -> None:
    """After the profile's limit the run is held, in the safe state, and can be resumed."""
    outcome, world, clock = ran(tmp_path, [(FLOWING, Request.PAUSE)], pause="500 ms")
    assert (outcome.state, outcome.exit_code) == ("held", 3)
    assert "no person let it go on" in outcome.reason
    assert_at_rest(world, clock)


@pytest.mark.slow
def test_a_skipped_experiment_is_none(tmp_path: Path) -> None:
    """It has no figure of merit, not even zero; the others are measured; a resume leaves it be."""
    outcome, world, clock = ran(tmp_path, [(FLOWING, Request.SKIP), (FLOWING, Request.STOP)])
    assert outcome.state == "stopped"
    assert_at_rest(world, clock)
    resumed = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with()))
    assert resumed.state == "finished"
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        summary = record.summary()
        assert len(record.objective()) == 2
        assert set(record.skipped()).isdisjoint(e.index for e in record.experiments())
    assert (summary["experiments"], len(summary["skipped"])) == (2, 1)


def test_a_halt_flushes_nothing(tmp_path: Path) -> None:
    """Flow and heat are off, in this order of commands and no other; the reason says so."""
    outcome, world, clock = ran(tmp_path, [(FLOWING, Request.HALT)])
    assert (outcome.state, outcome.exit_code) == ("stopped", 3)
    assert "halted" in outcome.reason
    assert_at_rest(world, clock)
    commands = [e.data.command for e in journalled(tmp_path, Intent)]
    last_start = len(commands) - commands[::-1].index("start")
    assert "set-flow-rates" not in commands[last_start:]
    assert {"heater-off", "stop"} <= set(commands[last_start:])


class Board(RuleBasedStateMachine):
    """The requests of a run beside the few states that a person knows of."""

    def __init__(self) -> None:
        super().__init__()
        self.board = OperatorRequests()
        self.paused = self.skipped = self.halted = False
        self.stops = 0

    @rule(request=st.sampled_from(Request))
    def ask(self, request: Request) -> None:
        ending = self.stops > 0 or self.halted
        sensible = {
            Request.PAUSE: not ending and not self.paused,
            Request.GO_ON: not ending and self.paused,
            Request.SKIP: False,  # no experiment is under way here
            Request.STOP: True,
            Request.HALT: True,
        }[request]
        if not sensible:
            with pytest.raises(InputError):
                self.board.ask(request)
            return
        self.board.ask(request)
        self.paused = {Request.PAUSE: True, Request.GO_ON: False}.get(request, self.paused)
        self.stops += request is Request.STOP
        self.halted |= request is Request.HALT

    @rule(
        requests=st.lists(st.sampled_from([Request.SKIP, Request.PAUSE, Request.GO_ON]), max_size=3)
    )
    def experiment(self, requests: list[Request]) -> None:
        skips = False
        try:
            with self.board.experiment(7):
                for request in requests:
                    sensible = not (self.stops or self.halted) and not (
                        skips
                        if request is Request.SKIP
                        else (request is Request.PAUSE) == self.paused
                    )
                    if sensible:
                        self.board.ask(request)
                        skips |= request is Request.SKIP
                        self.paused = {Request.PAUSE: True, Request.GO_ON: False}.get(
                            request, self.paused
                        )
                    else:
                        with pytest.raises(InputError):
                            self.board.ask(request)
        except SkipRequested:
            assert skips
        else:
            assert not skips

    @invariant()
    def raises_what_weighs_most(self) -> None:
        expected = [HaltRequested] * self.halted or [StopRequested] * bool(self.stops)
        expected = expected or [PauseRequested] * self.paused
        if expected:
            with pytest.raises(expected[0]) as raised:
                self.board.obey(may_pause=True, may_skip=True)
            assert raised.type is expected[0]
        else:
            self.board.obey(may_pause=True, may_skip=True)
        assert self.board.hurried == (self.halted or self.stops > 1)


TestBoard = Board.TestCase
TestBoard.__doc__ = "A halt weighs more than a stop, a stop more than a pause; nonsense is refused."
