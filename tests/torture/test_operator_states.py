"""Requests of a person, crashes and instrument faults in any order on one emulated rig.

More examples: FLOWRIG_STATES=500 pytest tests/torture/test_operator_states.py
"""

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from flowrig.errors import InputError
from flowrig.journal.events import Outcome
from flowrig.journal.journal import FILE_NAME, AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import latched_trips
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.rigs import EXPERIMENTS, REFERENCE, plugins

EXAMPLES = int(os.environ.get("FLOWRIG_STATES", "3"))
VOLUME_UL = 2.0
"""More than the step of a motor, less than any relevant volume."""
COLD_C = 40.0
SESSIONS = 12
"""After this number of resumptions of a healthy rig every campaign is finished."""

FAULTS = (
    ("pump_cui", "stall"), ("pump_ode", "power-cycle"), ("plate", "mute"),
    ("plate", "frozen-sensor"), ("plate", "open-sensor"), ("hdx_pl", "hang-up"),
    ("pump_pfo", "drop"), ("hdx_absorbance", "lamp-off"), ("pump_zni2", "nack"),
)  # fmt: skip


class Bench(RuleBasedStateMachine):
    """A campaign of three experiments that hypothesis interrupts at random."""

    def __init__(self) -> None:
        super().__init__()
        self._home = tempfile.TemporaryDirectory()
        self.rig = TortureRig()
        self.folder = Path(self._home.name) / "run"
        hold = '[hold]\nlongest = "200 ms"\n'
        self.campaign = REFERENCE.campaign.write(Path(self._home.name), more=hold)
        self.planned: list[tuple[int, str, object]] = []
        self.measured = Counter[int]()
        self.is_over = self.is_sick = self.is_gone = self.is_patient = False

    # --- plans for the next process, each for an event of its journal ---

    @rule(at=st.integers(1, 110), wish=st.sampled_from(Request), often=st.integers(1, 2))
    def press(self, at: int, wish: Request, often: int) -> None:
        """A person makes a request, once or twice."""
        self.planned += [(at, "press", wish)] * often

    @rule(patient=st.booleans())
    def person_continues_holds(self, patient: bool) -> None:
        """The person continues the run as soon as it is on hold, or never."""
        self.is_patient = patient

    @rule(at=st.integers(8, 110), fault=st.sampled_from(FAULTS))
    def instrument_fails(self, at: int, fault: tuple[str, str]) -> None:
        """An instrument fails until the next process."""
        self.planned.append((at, "fail", fault))

    @rule(at=st.integers(3, 110))
    def program_dies(self, at: int) -> None:
        """The program ends without warning; the instruments continue what was commanded."""
        self.planned.append((at, "die", None))

    @rule(at=st.integers(3, 60))
    def second_program(self, at: int) -> None:
        """A second program tries to resume the run that is under way."""
        self.planned.append((at, "intrude", None))

    # --- steps ---

    @rule(seconds=st.floats(1.0, 300.0))
    @precondition(lambda self: self.rig.is_built)
    def time_passes(self, seconds: float) -> None:
        """Time passes without a program."""
        self.rig.clock.sleep(seconds)

    @rule()
    @precondition(lambda self: not self.is_over)
    def session(self) -> None:
        """The run is started or resumed; a person resets tripped rules."""
        self.play()

    def play(self) -> None:
        """Run one process and check its results."""
        self.events: list[AnyEvent] = []
        self.accepted: list[tuple[int, Request]] = []
        self.switch, self.status = OperatorRequests(), RunStatus()
        self.is_sick = self.is_gone = False
        self.wrong: list[BaseException] = []
        self.heal()
        outcome = self.run()
        self.planned.clear()
        if self.wrong:
            raise self.wrong[0]
        if self.is_gone:
            self.after_death()
        elif outcome is not None:
            self.after(outcome)

    def run(self) -> RunOutcome | None:
        common = {
            "clock": self.rig.clock,
            "requests": self.switch,
            "listeners": [self.status, self.watch],
            "plugins": plugins(),
            "simulator": self.rig.simulator,
        }
        if not (self.folder / FILE_NAME).exists():
            return start_run(
                self.campaign, RunOptions(folder=self.folder, simulate=True, seed=1, **common)
            )
        with RunRecord(self.folder, plugins()) as record:
            tripped = tuple(trip.rule for trip in latched_trips(record.journal))
        if tripped:
            with pytest.raises(InputError, match="--reset-trip"):
                resume_run(self.folder, ResumeOptions(**common))
        return resume_run(self.folder, ResumeOptions(reset=tripped, **common))

    def heal(self) -> None:
        if self.rig.is_built:
            self.rig.heal()

    def watch(self, event: AnyEvent) -> None:
        """Keep errors of this listener until the end: a listener must not end the run."""
        if self.is_gone or self.wrong:
            return
        try:
            self.look(event)
        except BaseException as error:
            self.wrong.append(error)

    def look(self, event: AnyEvent) -> None:
        """Check the status, and carry out the plans for this event."""
        self.events.append(event)
        if event.kind == "measured":
            self.measured[event.data.index] += 1
        shown = self.status.as_json()
        assert shown["done"] == self.measured.total()
        assert shown["rig_time_s"] == event.time_s
        if event.kind == "hold" and self.is_patient:
            self.do_press(Request.GO_ON)
        due = [act for act in self.planned if act[0] <= len(self.events)]
        self.planned = [act for act in self.planned if act not in due]
        for _, kind, what in due:
            getattr(self, f"do_{kind}")(what)

    def do_press(self, wish: Request) -> None:
        try:
            self.switch.ask(wish, "person")
        except InputError:
            return
        self.accepted.append((len(self.events), wish))

    def do_fail(self, fault: tuple[str, str]) -> None:
        device, name = fault
        self.rig.rig.emulators[device].inject(name)
        self.is_sick = True

    def do_die(self, _: object) -> None:
        self.is_gone = True
        if self.rig.is_built:
            self.rig.unplug()
        self.image = self.folder.with_name(f"{self.folder.name}-image")
        self.is_sick = True
        self.image.mkdir()
        for file in self.folder.iterdir():
            if file.name in (PROFILE_NAME, FILE_NAME, f"{FILE_NAME}-wal"):
                shutil.copy2(file, self.image / file.name)

    def do_intrude(self, _: object) -> None:
        with pytest.raises(InputError, match="another process"):
            resume_run(self.folder, ResumeOptions(plugins=plugins(), simulator=self.rig.simulator))

    # --- checks ---

    def after_death(self) -> None:
        """The journal has every acknowledged event, and the run counts as interrupted."""
        self.folder = self.image
        self.heal()
        with RunRecord(self.folder, plugins()) as record:
            assert record.state == "interrupted"
            assert Counter(e.index for e in record.experiments()) == self.measured

    def after(self, outcome: RunOutcome) -> None:
        with RunRecord(self.folder, plugins()) as record:
            assert record.state == outcome.state
            assert Counter(e.index for e in record.experiments()) == self.measured
            assert not record.skipped() & set(self.measured)
            charged = Counter[str]()
            for event in record.journal.events(Outcome):
                charged.update(event.data.dispensed_ul or {})
            pump_of = {name: stream.pump for name, stream in record.profile.streams.items()}
        if outcome.state == "unknown":
            assert self.is_sick, outcome.reason
            return
        for name, moved_ul in self.moved_ul().items():
            assert moved_ul - sum(charged[s] for s, p in pump_of.items() if p == name) < VOLUME_UL
        self.at_rest()
        self.is_over = outcome.state == "finished"
        if not self.is_sick:
            self.requests_took_effect(outcome)

    def requests_took_effect(self, outcome: RunOutcome) -> None:
        """Every request took effect, and nothing else did."""
        pressed = {wish for _, wish in self.accepted}
        assert outcome.state in {"finished", "stopped", "held"}, outcome.reason
        if outcome.state == "stopped":
            assert pressed & {Request.STOP, Request.HALT}
        if outcome.state == "held":
            assert Request.PAUSE in pressed
        skipped = [event for event in self.events if event.kind == "skipped"]
        assert len(skipped) <= sum(wish is Request.SKIP for _, wish in self.accepted)
        halted = next((at for at, wish in self.accepted if wish is Request.HALT), None)
        if halted is not None and outcome.state == "stopped":
            commands = [e.data.command for e in self.events[halted:] if e.kind == "intent"]
            assert "start" not in commands[1:]

    def at_rest(self) -> None:
        """Nothing moves, and nothing heats."""
        before, hot = self.moved_ul(), self.hot()
        self.rig.clock.sleep(300.0)
        assert self.moved_ul() == before
        for name, later_c in self.hot().items():
            assert later_c <= max(hot[name], COLD_C)

    def moved_ul(self) -> dict[str, float]:
        return self.rig.physics.moved_ul() if self.rig.is_built else {}

    def hot(self) -> dict[str, float]:
        if not self.rig.is_built:
            return {}
        self.rig.physics.look()
        return {name: c.values[-1] for name, c in self.rig.physics.temperatures_c.items()}

    def teardown(self) -> None:
        """After repair and resumption every campaign finishes, with each experiment once."""
        try:
            self.planned.clear()
            for _ in range(SESSIONS):
                if self.is_over:
                    break
                self.play()
            assert self.is_over
            with RunRecord(self.folder, plugins()) as record:
                ends = Counter([*self.measured.elements(), *record.skipped()])
            assert ends == Counter(range(1, EXPERIMENTS + 1))
        finally:
            self.rig.__exit__(None, None, None)
            self._home.cleanup()


TestBench = Bench.TestCase
TestBench.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
