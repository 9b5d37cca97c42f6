"""One campaign on one rig, with one fault: interrupted, repaired and resumed until it is done."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import evolve

from flowrig.errors import InputError
from flowrig.journal.journal import Listener
from flowrig.profile.model import Stream
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.trips import latched_trips
from flowrig.safety.waste import WasteAccount
from flowrig.torture.faults import Ending, Expected, Fault
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.injections.program import image_of
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.phases import Phase
from flowrig.torture.points import Point
from flowrig.torture.process_observation import ProcessObservation
from flowrig.torture.rehearsal import occurrences_of
from flowrig.torture.rigs import PlayedRig, plugins
from flowrig.torture.strike import Strike

__all__ = ["WATCH_S", "Trial"]

WATCH_S: Final = 600.0
"""How long [s] a rig is watched after a process has ended."""

LOOK_S: Final = 10.0
"""Interval [s] between two observations during the watch."""

UNNOTICED_S: Final = (5.0, 120.0)
"""Shortest and longest time [s] between the end of a killed program and its resumption."""

FIRST_RESUMPTION: Final = 2
"""Number of the process that is the first resumption."""

MOST_PROCESSES: Final = 4
"""After this number of starts and resumptions a campaign is given up."""


class Trial:
    """One campaign on one rig with one fault.

    Args:
        fault: the row of the board.
        moment: the phase or point at which the fault strikes.
        seed: seed of the campaign, of the rig and of all random choices.
        home: the folder in which the folder of the run is made.
        rig: a new rig.
        played: what is known of it.

    Attributes:
        played: as above.
        injection: the injected fault.
        strike: the moment of the fault.
        healed_s: rig time [s] at which the fault was healed; None before.
        processes: one observation for each process.
        folder: the folder of the run.
        ignored_trips: rules that had tripped, and that a resumption did not require to be reset.
    """

    def __init__(
        self,
        fault: Fault,
        moment: Phase | Point,
        seed: int,
        home: Path,
        rig: TortureRig,
        *,
        played: PlayedRig,
    ) -> None:
        assert fault.make is not None
        self.played = played
        self.fault = fault
        self.seed = seed
        self.rig = rig
        self.injection: Injection = fault.make()
        self.folder = home / "run"
        draw = random.Random(f"{fault.number}/{moment}/{seed}")  # noqa: S311 - to be repeatable
        scene = Scene(played, rig, self.folder, Phase.SETTLE, draw)
        self.strike = Strike(self.injection, moment, scene, occurrences_of(played))
        self.healed_s: float | None = None
        self.processes: list[ProcessObservation] = []
        self.ignored_trips: tuple[str, ...] = ()
        self._reset_was_checked = False

    @property
    def record(self) -> RunRecord:
        """The record of the run, as it is now."""
        return RunRecord(self.folder, plugins())

    @property
    def watched_streams(self) -> dict[str, Stream]:
        """The streams whose plungers are observed; there are some from the first process on."""
        if not self.rig.is_built:
            return {}
        rates = self.rig.physics.rates_ul_min
        streams = self.rig.rig.profile.streams
        return {name: stream for name, stream in streams.items() if stream.pump in rates}

    def run(self) -> None:
        """Run the campaign to its end.

        Raises:
            TrialError: the fault could not be injected.
        """
        campaign = self.injection.campaign(self.played, self.folder.parent, self.strike.scene.draw)
        self.rig.on_ready = self.strike.on_connecting
        with self._process() as (process, listeners):
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
            _note(process, outcome)
        self.rig.on_ready = lambda: None
        self.strike.require_no_error()
        if self.injection.kills and self.strike.time_s is not None:
            self._after_kill(self.processes[0])
        self._resume()
        self.strike.require_no_error()

    def ending_before(self, process: ProcessObservation) -> Ending | None:
        """The ending of the process before another; None for the first process."""
        index = self.processes.index(process)
        return self.processes[index - 1].ending if index else None

    def _after_kill(self, process: ProcessObservation) -> None:
        """Continue with the files and the events of the moment at which the program was killed."""
        process.ending, process.text = Ending.KILLED, ""
        del process.events[self.strike.acknowledged :]
        self.folder = image_of(self.folder)
        self.strike.scene = scene = evolve(self.strike.scene, folder=self.folder)
        self.rig.clock.sleep(scene.draw.uniform(*UNNOTICED_S))
        self.injection.heal(scene)
        self.healed_s = self.rig.clock.now_s()
        self.injection.tamper(scene)

    def _resume(self) -> None:
        while self._needs_resumption():
            newest = self.processes[-1]
            if newest.ending is not Ending.KILLED:
                self._repair(newest)
            rules = self._rules_to_reset()
            if rules and not self._requires_reset():
                self.ignored_trips = rules
            with self._process() as (process, listeners):
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
                _note(process, outcome)
            if self.strike.second_kill_done and len(self.processes) == FIRST_RESUMPTION:
                self._after_kill(process)

    def _needs_resumption(self) -> bool:
        newest = self.processes[-1].ending
        if newest in (Ending.FINISHED, Ending.ESCAPED) or len(self.processes) >= MOST_PROCESSES:
            return False
        if self.fault.expected is Expected.REFUSED:
            return False
        return newest is not Ending.REFUSED or len(self.processes) > 1

    def _repair(self, newest: ProcessObservation) -> None:
        scene = self.strike.scene
        if newest.ending is Ending.HELD and "--refilled" in newest.text:
            self.injection.refilled = scene.profile.refillable
            for stream in scene.profile.streams:  # emulated reservoirs have no end
                self.rig.world.refill(stream)
        elif newest.ending is Ending.HELD and "--emptied" in newest.text:
            self.injection.emptied = tuple(WasteAccount(scene.profile).capacity_ul)
        elif self.injection.kills:
            self.injection.restore(scene)
        self.injection.heal(scene)
        self.healed_s = self.healed_s or self.rig.clock.now_s()

    def _rules_to_reset(self) -> tuple[str, ...]:
        try:
            with self.record as record:
                return tuple(dict.fromkeys(trip.rule for trip in latched_trips(record.journal)))
        except InputError:  # a damaged journal, which the resumption will report
            return ()

    def _requires_reset(self) -> bool:
        """Whether a resumption without a reset of the tripped rules is refused; checked once."""
        if self._reset_was_checked:
            return True
        self._reset_was_checked = True
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

    @contextmanager
    def _process(self) -> Iterator[tuple[ProcessObservation, list[Listener]]]:
        process = ProcessObservation(begin_s=self.rig.clock.now_s())
        self.processes.append(process)
        is_first_resumption = len(self.processes) == FIRST_RESUMPTION
        listeners = [
            process.events.append,
            *self.strike.listeners(process.events, is_first_resumption=is_first_resumption),
        ]
        try:
            yield process, listeners
        except InputError as error:
            process.ending, process.text = Ending.REFUSED, str(error)
        except Exception as error:
            process.ending, process.text = Ending.ESCAPED, repr(error)
        process.end_s = self.rig.clock.now_s()
        process.threads = tuple(
            thread.name for thread in threading.enumerate() if thread.name.startswith("device-")
        )
        is_killed = self.injection.kills and (
            len(self.processes) == 1 or (self.strike.second_kill_done and is_first_resumption)
        )
        if self.rig.is_built and not is_killed:
            self._watch_at_rest(process)

    def _watch_at_rest(self, process: ProcessObservation) -> None:
        physics, clock = self.rig.physics, self.rig.clock
        until_s = clock.now_s() + WATCH_S

        def now() -> tuple[dict[str, float], dict[str, float]]:
            physics.look()
            plates = {d: c.values[-1] for d, c in physics.temperatures_c.items()}
            return physics.moved_ul(), plates

        before = now()
        while clock.now_s() < until_s:
            clock.sleep(LOOK_S)
        after = now()
        process.moved_ul = before[0], after[0]
        process.temperatures_c = before[1], after[1]
        process.lit = tuple(
            device for device, c in physics.lights.items() if c.at(clock.now_s(), before=1.0)
        )


def _note(process: ProcessObservation, outcome: RunOutcome) -> None:
    process.ending, process.text = Ending(outcome.state), outcome.reason
