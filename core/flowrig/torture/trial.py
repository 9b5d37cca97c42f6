"""One campaign with one fault: run, struck, healed and resumed, until it is done."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from attrs import define, evolve, field, frozen

from flowrig.errors import InputError
from flowrig.journal.events import D, Intent, Reading
from flowrig.journal.journal import AnyEvent, Event, Listener
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.trips import latched_trips
from flowrig.safety.waste import WasteAccount
from flowrig.torture.faults import Ending, Expected, Fault
from flowrig.torture.injections import Injection, Scene, image_of
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.phases import Phase, PhaseWatch
from flowrig.torture.points import LastBytes, Point
from flowrig.torture.reference import plugins

__all__ = ["REST_S", "ProcessObservation", "Trial", "TrialError"]

REST_S: Final = 600.0
"""For how long [s] a rig is watched after a run has ended."""

LOOK_S: Final = 10.0
"""Time [s] between two looks meanwhile."""

AWAY_S: Final = (5.0, 120.0)
"""How long [s] nobody notices that the program is gone."""

TWICE: Final = 0.5
"""Share of the points at which the resumption is killed as well."""

AGAIN_EVENTS: Final = 60
"""Within so many events of the journal the resumption is killed."""

RESUMED: Final = 2
"""Which session is the first resumption."""

SESSIONS: Final = 4
"""How often a person starts or resumes one campaign before giving up."""

OFTEN: Final = {
    Phase.HEAT_UP: (3, 25), Phase.FLOW: (3, 0), Phase.SETTLE: (3, 25), Phase.MEASURE: (6, 2),
    Phase.COMMIT: (3, 0), Phase.SUGGEST: (2, 0), Phase.PRIME: (1, 8), Phase.CLOSE: (1, 0),
}  # fmt: skip
"""How often a phase comes in the reference campaign, and how many events of the journal after its
beginning a fault may strike."""


class TrialError(Exception):
    """The board itself is wrong, not what it tests."""


@define(eq=False, kw_only=True)
class ProcessObservation:
    """One process's share of a campaign, seen from outside.

    Attributes:
        begin_s: rig time [s] of its beginning.
        end_s: and of its end.
        ending: what became of it.
        text: what the user was told.
        events: what its journal acknowledged.
        threads: names of the threads of devices that it left behind.
        moved_ul: what each plunger had pushed out at its end, and again `REST_S` later.
        temperatures_c: each plate at its end, and again `REST_S` later.
        lit: spectrometers whose light was open `REST_S` after its end.
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
        """Its events of one kind, in order."""
        for event in self.events:
            if isinstance(event.data, kind):
                yield cast("Event[D]", event)


@frozen
class _When:
    """At which event of which phase a fault strikes."""

    phase: Phase
    occurrence: int
    delay: int


class Trial:
    """One campaign on one rig with one fault.

    Args:
        fault: the row of the board.
        moment: when it strikes.
        seed: of the campaign, the rig and everything that is left to chance.
        home: where the run's folder goes.
        rig: a fresh one.

    Attributes:
        injection: what was done.
        struck_s: rig time [s] at which it struck; None if it has not.
        healed_s: rig time [s] at which it was healed.
        sessions: what was seen of each process.
        folder: of the run.
        forgotten: rules that tripped, and that a resumption did not ask to have reset.
    """

    def __init__(
        self, fault: Fault, moment: Phase | Point, seed: int, home: Path, rig: TortureRig
    ) -> None:
        assert fault.make is not None
        self.fault = fault
        self.seed = seed
        self.rig = rig
        self.injection: Injection = fault.make()
        self.struck_s: float | None = None
        self.healed_s: float | None = None
        self.sessions: list[ProcessObservation] = []
        self.folder = home / "run"
        self.forgotten: tuple[str, ...] = ()
        draw = random.Random(f"{fault.number}/{moment}/{seed}")  # noqa: S311 - to be repeatable
        phase = Phase.SETTLE
        self._when: _When | Point
        if isinstance(moment, Point):
            self._when = moment
        else:
            phase = moment
            occurrences, delays = OFTEN.get(phase, (1, 0))
            self._when = _When(phase, draw.randint(1, occurrences), draw.randint(0, delays))
        self._scene = Scene(rig, self.folder, phase, draw)
        self._again = 0
        if isinstance(moment, Point) and self.injection.kills and draw.random() < TWICE:
            self._again = draw.randint(1, AGAIN_EVENTS)
        self._killed_again = False
        self._entered = False
        self._knocked = False
        self._acknowledged = 0
        self._trouble: Exception | None = None

    def run(self) -> None:
        """Run it to its end.

        Raises:
            TrialError: the fault could not be made to happen.
        """
        campaign = self.injection.campaign(self.folder.parent, self._scene.draw)
        self.rig.on_ready = self._connecting
        with self._session() as (session, listeners):
            outcome = start_run(
                campaign,
                RunOptions(
                    folder=self.folder,
                    simulate=True,
                    seed=self.seed,
                    clock=self.rig.clock,
                    listeners=listeners,
                    plugins=plugins(),
                    simulator=self.rig.simulator,
                    optimizer_process=self.injection.optimizer_process,
                ),
            )
            self._note(session, outcome)
        self.rig.on_ready = lambda: None
        self._require_no_trouble()
        if self.injection.kills and self.struck_s is not None:
            self._killed(self.sessions[0])
        self._resume()
        self._require_no_trouble()

    def _require_no_trouble(self) -> None:
        if self._trouble is not None:
            raise TrialError(f"the fault could not be injected: {self._trouble!r}")

    @property
    def record(self) -> RunRecord:
        """What the journal says in the end."""
        return RunRecord(self.folder, plugins())

    def _killed(self, session: ProcessObservation) -> None:
        session.ending, session.text = Ending.KILLED, ""
        del session.events[self._acknowledged :]
        self.folder = image_of(self.folder)
        self._scene = Scene(self.rig, self.folder, self._scene.phase, self._scene.draw)
        self.rig.clock.sleep(self._scene.draw.uniform(*AWAY_S))
        self.injection.heal(self._scene)
        self.healed_s = self.rig.clock.now_s()
        self.injection.tamper(self._scene)

    def _resume(self) -> None:
        while self._wants_more():
            newest = self.sessions[-1]
            if newest.ending is not Ending.KILLED:
                self._repair(newest)
            rules = self._rules_to_reset()
            if rules and not self._is_refused():
                self.forgotten = rules
            with self._session() as (session, listeners):
                outcome = resume_run(
                    self.folder,
                    ResumeOptions(
                        refilled=self.injection.refilled,
                        emptied=self.injection.emptied,
                        reset=rules,
                        clock=self.rig.clock,
                        listeners=listeners,
                        plugins=self.injection.plugins(),
                        simulator=self.rig.simulator,
                        optimizer_process=self.injection.optimizer_process,
                    ),
                )
                self._note(session, outcome)
            if self._killed_again and len(self.sessions) == RESUMED:
                self._killed(session)

    def _is_refused(self) -> bool:
        """Whether a run does not go on before somebody has reset what tripped."""
        if self._knocked:
            return True
        self._knocked = True
        try:
            resume_run(
                self.folder,
                ResumeOptions(
                    clock=self.rig.clock,
                    plugins=self.injection.plugins(),
                    simulator=self.rig.simulator,
                ),
            )
        except InputError:
            return True
        return False

    def _repair(self, newest: ProcessObservation) -> None:
        if newest.ending is Ending.HELD and "--refilled" in newest.text:
            self.injection.refilled = tuple(self._scene.profile.streams)
        elif newest.ending is Ending.HELD and "--emptied" in newest.text:
            self.injection.emptied = tuple(WasteAccount(self._scene.profile).capacity_ul)
        elif self.injection.kills:
            self.injection.mend(self._scene)
        self.injection.heal(self._scene)
        self.healed_s = self.healed_s or self.rig.clock.now_s()

    def _wants_more(self) -> bool:
        newest = self.sessions[-1].ending
        if newest in (Ending.FINISHED, Ending.ESCAPED) or len(self.sessions) >= SESSIONS:
            return False
        if self.fault.expected is Expected.REFUSED:
            return False
        return newest is not Ending.REFUSED or len(self.sessions) > 1

    def _rules_to_reset(self) -> tuple[str, ...]:
        try:
            with self.record as record:
                return tuple(dict.fromkeys(trip.rule for trip in latched_trips(record.journal)))
        except InputError:  # a damaged journal, of which the resumption will tell
            return ()

    @contextmanager
    def _session(self) -> Iterator[tuple[ProcessObservation, list[Listener]]]:
        session = ProcessObservation(begin_s=self.rig.clock.now_s())
        self.sessions.append(session)
        listeners: list[Listener] = [session.events.append]
        listeners.append(lambda _: self._heard())
        if self.struck_s is None and isinstance(self._when, Point):
            listeners.append(lambda _: self._counted(len(session.events)))
        elif self.struck_s is None:
            listeners.append(PhaseWatch(self._phase, self._passed))
        elif self._again and len(self.sessions) == RESUMED:
            listeners.append(lambda _: self._strike_again(len(session.events)))
        try:
            yield session, listeners
        except InputError as error:
            session.ending, session.text = Ending.REFUSED, str(error)
        except Exception as error:
            session.ending, session.text = Ending.ESCAPED, repr(error)
        session.end_s = self.rig.clock.now_s()
        session.threads = tuple(
            thread.name for thread in threading.enumerate() if thread.name.startswith("device-")
        )
        is_killed = self.injection.kills and (
            len(self.sessions) == 1 or (self._killed_again and len(self.sessions) == RESUMED)
        )
        if self.rig.is_built and not is_killed:
            self._watch_at_rest(session)

    def _note(self, session: ProcessObservation, outcome: RunOutcome) -> None:
        session.ending, session.text = Ending(outcome.state), outcome.reason

    def _watch_at_rest(self, session: ProcessObservation) -> None:
        physics, clock = self.rig.physics, self.rig.clock
        until_s = clock.now_s() + REST_S

        def now() -> tuple[dict[str, float], dict[str, float]]:
            physics.look()
            plates = {d: c.values[-1] for d, c in physics.temperatures_c.items()}
            return physics.moved_ul(), plates

        before = now()
        while clock.now_s() < until_s:
            clock.sleep(LOOK_S)
        after = now()
        session.moved_ul = before[0], after[0]
        session.temperatures_c = before[1], after[1]
        session.lit = tuple(
            device for device, c in physics.lights.items() if c.at(clock.now_s(), before=1.0)
        )

    # --- when the fault strikes ---

    def _connecting(self) -> None:
        when = self._when
        if isinstance(when, Point):
            self._plan(when)
        elif when.phase is Phase.CONNECT:
            self._strike()
        elif when.phase is Phase.IDENTIFY:
            device = self.injection.target(self._scene)
            self.rig.trip(device, 1 + self._scene.draw.randrange(2), self._strike)

    def _plan(self, point: Point) -> None:
        if point.unit == "event":
            return
        self.injection.aim(point.device)
        if point.unit == "exchange":
            self.rig.trip(point.device, point.number, self._strike)
        else:
            wire = self.rig.rig.emulators[point.device].wire
            wire.plan(LastBytes(point.number, self._strike))

    def _counted(self, events: int) -> None:
        when = self._when
        if isinstance(when, Point) and when.unit == "event" and events >= when.number:
            self._strike()

    def _phase(self, phase: Phase, occurrence: int) -> None:
        when = self._when
        if self._entered:
            self._strike()
        elif isinstance(when, _When) and (phase, occurrence) == (when.phase, when.occurrence):
            self._entered = True
            self._left = when.delay

    def _passed(self) -> None:
        if self._entered and self.struck_s is None:
            if self._left <= 0:
                self._strike()
            self._left -= 1

    def _strike(self) -> None:
        if self.struck_s is not None or self._trouble is not None:
            return
        self.struck_s = self.rig.clock.now_s()
        self._acknowledged = len(self.sessions[-1].events)
        if isinstance(self._when, Point) and self._is_starting():
            self._scene = evolve(self._scene, phase=Phase.FLOW)
        try:
            self.injection.strike(self._scene)
        except Exception as error:
            self._trouble = error

    def _heard(self) -> None:
        if self.struck_s is None or self._trouble is not None:
            return
        try:
            self.injection.heard(self._scene)
        except Exception as error:
            self._trouble = error

    def _strike_again(self, events: int) -> None:
        if events < self._again or self._killed_again:
            return
        self._killed_again = True
        self._acknowledged = events
        phase = Phase.FLOW if self._is_starting() else Phase.SETTLE
        self.injection.strike(evolve(self._scene, phase=phase))

    def _is_starting(self) -> bool:
        """Whether a start was to be commanded, and nobody has confirmed it."""
        for event in reversed(self.sessions[-1].events):
            if not isinstance(event.data, Reading):
                return isinstance(event.data, Intent) and event.data.command == "start"
        return False
