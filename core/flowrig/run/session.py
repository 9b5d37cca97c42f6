"""One session of a run: opens the rig, continues the campaign, leaves the rig in its safe state."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from attrs import asdict, evolve, field, frozen
from numpy.typing import NDArray

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.final_check import check_campaign
from flowrig.campaign.later import BY_RESULT, LaterResults
from flowrig.campaign.loop import CampaignLoop
from flowrig.campaign.optimizer import (
    ConditionChooser,
    InProcessOptimizer,
    OptimizerHost,
    OptimizerProcess,
)
from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.errors import (
    FlowrigError,
    HaltRequested,
    InputError,
    JournalError,
    NeedsPersonError,
    ResultsAwaitedError,
    SafetyTripError,
    StopRequested,
    UnsafeStateError,
)
from flowrig.journal.events import (
    Calibrated,
    CutLiquid,
    Device,
    Ended,
    EventData,
    Intent,
    Notice,
    Opened,
    StepBegun,
    Suspended,
)
from flowrig.journal.journal import Event, Journal
from flowrig.learning.blas_threads import one_blas_thread
from flowrig.operator.gates import Gates
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.executor import Executor
from flowrig.rig.rig import Rig, open_rig
from flowrig.run.after_a_crash import away_s_of, stop_all
from flowrig.run.control_socket import ControlServer
from flowrig.run.disk_space import DiskSpace, experiment_bytes
from flowrig.run.lease import NOTE_NAME, Lease
from flowrig.run.options import SessionOptions
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal, event_of
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import tripped
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import SafeState, StepOutcome, reach_safe_state
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import Trip
from flowrig.trace.recorder import FOLDER_NAME, Recording

__all__ = ["GOING_SAFE", "Ending", "RunOutcome", "RunSession", "newest_s"]

ERROR_NAME = "error.txt"

GOING_SAFE = "going to the safe state"
"""The step that a run notes when it sets out for its safe state."""

SLEPT_S = 1.0
"""Shortest suspend [s] of the computer that counts; less is the resolution of its clocks."""


@frozen
class Ending:
    """How the campaign of a session ended, before the rig goes to its safe state.

    Attributes:
        state: "finished", "stopped", "held", "failed" or "unknown".
        reason: in one line; "" if the campaign is finished.
        halt: whether all flow and heat stop first, and nothing is flushed.
        trips: safety rules that tripped.
        is_untouched: whether the rig cannot do what the profile asks for, and no run has given it
            a command; it is then left as it is.
    """

    state: str
    reason: str = ""
    halt: bool = False
    trips: tuple[Trip, ...] = ()
    is_untouched: bool = False


@frozen
class RunOutcome:
    """How a run ended.

    Attributes:
        folder: the folder of the run.
        state: "finished", "stopped", "held", "failed" or "unknown".
        reason: in one line.
    """

    folder: Path
    state: str
    reason: str
    _loaded: LoadedRun | None = field(default=None, repr=False, eq=False)

    @property
    def exit_code(self) -> int:
        """0 finished, 1 failed and safe, 3 waits for a person, 4 the rig's state is unknown."""
        return {"finished": 0, "stopped": 3, "held": 3, "failed": 1}.get(self.state, 4)

    def record(self) -> RunRecord:
        """Open the folder for reading; the caller closes it.

        The profile is not parsed again, and only events of this session are examined.
        """
        return RunRecord(self.folder, loaded=self._loaded)


class RunSession:
    """One session of a run, from the opening of the rig to its safe state.

    Args:
        record: reads the folder of the run.
        journal: the journal of the run, opened for writing.
        options: chosen by the caller of the run.
        status: follows the journal; other processes may ask for it.
    """

    def __init__(
        self, record: RunRecord, journal: Journal, options: SessionOptions, status: RunStatus
    ) -> None:
        self._folder = record.folder
        self._record = record
        self._journal = journal
        self._options = options
        self._status = status
        self._requests = options.requests or OperatorRequests()
        self._notices: SimpleQueue[str] = SimpleQueue()
        self._safe: SafeState | None = None  # the newest safe state; None after a command
        self._lease: Lease | None = None  # None for a simulated rig
        self._is_flushed = False  # whether the newest way to the safe state has flushed
        begin_s = newest_s(journal)
        self._clock: Clock = options.clock or (
            VirtualClock(begin_s) if record.simulated else RealClock(begin_s)
        )
        self._slept_s = self._clock.slept_s()
        self._campaign_journal = CampaignJournal(journal, record.profile, self._clock.now_s)
        self._later = LaterResults(record, self._campaign_journal)

    def run(self, *, resumed: bool, is_unattended: bool = False) -> RunOutcome:
        """Open the rig, continue the campaign, and leave the rig in its safe state.

        Args:
            resumed: whether another session preceded this one.
            is_unattended: whether that one left the rig without a confirmed safe state.
        """
        ledger = self._record.ledger()
        self._requests.name_vessels(self._record.profile.refillable, ledger.waste.capacity_ul)
        with ExitStack() as stack:
            stack.enter_context(one_blas_thread())
            stack.callback(self._record.close)
            stack.enter_context(self._within_reach())
            if not (self._record.simulated or self._clock.is_virtual):
                lease = Lease(self._folder, self._record.profile.supervision.lease_s)
                self._lease = stack.enter_context(lease)
            try:
                rig = stack.enter_context(self._opened_rig(ledger))
            except BaseException as error:
                ending = self._not_opened(self._ending_after(error), ledger, is_unattended)
            else:
                ending = self._left_safe(rig, ledger, resumed)
            return self._end(self._handed_over(ending))

    def conclude(self) -> RunOutcome:
        """End a resumed run that has nothing left to do; no instrument is opened."""
        with ExitStack() as stack:
            stack.enter_context(one_blas_thread())
            stack.callback(self._record.close)
            self._take_last_results()
            return self._end(Ending("finished", self._check_campaign()))

    def _not_opened(self, ending: Ending, ledger: SyringeLedger, is_unattended: bool) -> Ending:
        """The ending of a session whose rig did not open: what answers is made safe first.

        A rig whose safe state was confirmed before is left alone, unless a device that answers is
        hot or pumps.
        """
        reason = f"the rig did not open: {ending.reason}"
        again = f"when it answers: flowrig resume {self._folder}"
        try:
            safe = self._rescued(ledger, is_unattended)
        except Exception as error:  # no instrument can be tried
            found = StepOutcome("switched off what answers", False, repr(error))
            safe = SafeState((found,), False) if is_unattended else None
        if safe is None:
            self._say_goodbye()
            return Ending(ending.state, f"{reason}; nothing was moved")
        if not safe.reached:
            return Ending("unknown", f"{reason}; {safe}; {again}")
        self._say_goodbye()
        return Ending(ending.state, f"{reason}; what answers is off; {again}")

    def _rescued(self, ledger: SyringeLedger, is_unattended: bool) -> SafeState | None:
        """Make safe what answers of a rig that did not open; None if there was nothing to do."""
        if not is_unattended and self._record.simulated:
            return None  # an emulated rig begins at rest
        journal = RescueJournal(self._journal, self._clock)
        with ExitStack() as stack:
            profile = self._record.profile
            if self._record.simulated:
                emulated = self._options.simulator(
                    profile, self._clock, self._record.seed, ledger.left_ul
                )
                profile = stack.enter_context(emulated).profile
            rig = LeftRig(
                profile=profile,
                ledger=ledger,
                references=self._record.lights(),
                is_unseen=True,
                away_s=0.0 if self._clock.is_virtual else away_s_of(self._journal),
            )
            rescue = Rescue(
                rig, journal, lambda: self._requests.hurried, on_tick=self._renew_if_possible
            )
            if not is_unattended:
                self._is_flushed = True
                return rescue.make_quiet()
            safe = rescue.run("not every instrument answers")
            self._is_flushed = safe.is_flushed
            self._write_if_possible(event_of(safe))
            return safe

    def _handed_over(self, ending: Ending) -> Ending:
        """The ending, with who goes on trying to make the rig safe."""
        if self._lease is None or ending.state != "unknown":
            return ending
        try:
            self._lease.hand_over(is_flushed=self._is_flushed)
        except OSError as error:
            text = f"nobody goes on trying ({error}): flowrig safe {self._folder}"
        else:
            text = f"the watchdog goes on trying, see {self._folder / NOTE_NAME}"
        return evolve(ending, reason=f"{ending.reason}; {text}")

    def _opened_rig(self, ledger: SyringeLedger) -> AbstractContextManager[Rig]:
        record, options = self._record, self._options
        traces = Recording(self._folder / FOLDER_NAME, self._notices.put)
        return open_rig(
            record.profile,
            simulate=record.simulated,
            clock=self._clock,
            seed=record.seed,
            plugins=record.plugins,
            prepare=False,
            traces=traces if options.record_traces else None,
            simulator=partial(options.simulator, fill_ul=ledger.left_ul),
        )

    def _renew(self) -> None:
        """Note that the rig was read.

        Raises:
            FlowrigError: the watchdog has ended.
            NeedsPersonError: the computer was suspended for longer than the run may be silent.
        """
        slept_s = self._clock.slept_s() - self._slept_s
        if slept_s > SLEPT_S:
            self._slept_s += slept_s
            self._write_if_possible(Suspended(slept_s=slept_s))
        if self._lease is not None:
            self._lease.renew(self._clock.now_s())
        if not self._clock.is_virtual:
            self._later.take()
        if slept_s > self._record.profile.supervision.lease_s:
            raise NeedsPersonError(
                f"the computer was suspended for {slept_s:.0f} s, and nothing watched the rig; "
                "switch its suspend off, and look at the rig"
            )

    def _renew_if_possible(self) -> None:
        """As `_renew`; neither a watchdog that has ended nor a suspend prevents the safe state."""
        with suppress(FlowrigError):
            self._renew()

    def _say_goodbye(self) -> None:
        if self._lease is not None:
            self._lease.say_goodbye()
            self._lease = None

    @contextmanager
    def _within_reach(self) -> Iterator[None]:
        """Let other processes of this computer read the status of the run and send requests."""
        with ExitStack() as stack:
            try:
                server = ControlServer(self._folder, self._requests, self._status.as_json)
                stack.enter_context(server)
            except OSError as error:
                self._notices.put(f"this run cannot be reached from another shell: {error}")
            yield

    def _left_safe(self, rig: Rig, ledger: SyringeLedger, resumed: bool) -> Ending:
        """Continue the campaign, then bring the rig to its safe state, whatever happened."""
        actuation = Actuation(rig, self._write, ledger)
        try:
            ending = self._campaign(rig, actuation, resumed)
        except UnsafeStateError as error:
            return Ending("unknown", str(error))
        if ending.is_untouched:
            self._say_goodbye()
            return ending
        safe = self._safe if ending.state == "finished" else None
        safe = safe or self._go_safe(rig, ledger, ending.halt, ending.trips)
        if not safe.reached:
            return Ending("unknown", f"{ending.reason}; {safe}".lstrip("; "))
        self._say_goodbye()
        if ending.state == "finished":
            return evolve(ending, reason=self._check_campaign())
        return ending

    def _campaign(self, rig: Rig, actuation: Actuation, resumed: bool) -> Ending:
        """Prepare the rig and run the campaign to its end.

        Raises:
            UnsafeStateError: the safe state before a resumed campaign was not confirmed.
        """
        try:
            if self._lease is not None:
                self._lease.require_ready(self._clock.now_s())
            self._prepare(rig, actuation, resumed)
            self._requests.connect(self._clock.interrupt)
            with closing(
                ConditionChooser(self._record.profile, self._record.seed, self._new_host)
            ) as chooser:
                gates = Gates(rig.profile, self._options.yes_to)
                while True:
                    try:
                        self._loop(rig, actuation, chooser, gates).run()
                        break
                    except ResultsAwaitedError:
                        self._await_results(rig, actuation)
                self._take_last_results()
        except UnsafeStateError:
            raise
        except BaseException as error:
            ending = self._ending_after(error)
            if isinstance(error, InputError) and self._journal.last(Intent) is None:
                reason = f"{ending.reason}; nothing was moved"
                return evolve(ending, reason=reason, is_untouched=True)
            return ending
        return Ending("finished")

    def _await_results(self, rig: Rig, actuation: Actuation) -> None:
        """Bring the rig to its safe state, and wait there for results.

        Raises:
            UnsafeStateError: the safe state was not confirmed.
        """
        if not (safe := self._go_safe(rig, actuation.ledger)).reached:
            raise UnsafeStateError(str(safe))
        self._requests.connect(self._clock.interrupt)
        later = self._later

        def has_come() -> bool:
            later.take()
            return not later.are_too_few

        executor = Executor(actuation, self._note, self._requests, self._renew)
        executor.await_results(later.text, has_come, lambda: later.due_s, BY_RESULT)

    def _take_last_results(self) -> None:
        """Take what was entered; in simulated time also what the last samples will show."""
        self._later.take()
        while self._clock.is_virtual and (due_s := self._later.due_s) is not None:
            if self._requests.ending:  # then the clock lets no time pass
                return
            self._clock.sleep(max(due_s - self._clock.now_s(), 0.0))
            self._later.take()

    def _check_campaign(self) -> str:
        """Check a finished campaign; returns why that was not done, or "" if it was."""
        if self._record.waiting():
            return (
                f"everything is measured, and {self._later.text}; enter them with flowrig result, "
                "then resume: no instrument is opened"
            )
        try:
            check_campaign(self._record, self._campaign_journal, self._requests.computing)
        except (Exception, KeyboardInterrupt) as error:
            return f"the surrogate could not be checked: {str(error) or repr(error)}"
        return ""

    def _prepare(self, rig: Rig, actuation: Actuation, resumed: bool) -> None:
        devices = {name: Device(**asdict(who)) for name, who in rig.identities.items()}
        self._write(Opened(devices=devices))
        if resumed:  # the last commands of the session before may not be in the journal
            away_s = 0.0 if self._clock.is_virtual else away_s_of(self._journal)
            stop_all(rig, actuation, self._journal, away_s)
        rig.prepare()
        rig.put_in(actuation.ledger.rig_state.volumes_ul)
        rig.arm_dead_men(self._record.profile.supervision.lease_s)
        if resumed and not (safe := self._go_safe(rig, actuation.ledger)).reached:
            raise UnsafeStateError(str(safe))
        self._require_same_wavelengths(rig)

    def _require_same_wavelengths(self, rig: Rig) -> None:
        """Hold a run whose detectors have other axes than when it was calibrated.

        Raises:
            NeedsPersonError: the wavelength table of a spectrometer, or another axis, differs.
        """
        calibrations = list(self._journal.events(Calibrated))
        before = next(filter(None, map(self._calibration, reversed(calibrations))), None)
        if before is None:
            if calibrations:
                text = "no calibration is intact: the wavelength tables cannot be compared with it"
                self._write(Notice(text=text))
            return
        for name, now in rig.axes().items():
            entry = rig.profile.devices[name]
            if not np.array_equal(before[f"{name}.{entry.axis_array}"], now):
                table = "wavelength table" if entry.axis_unit == "nm" else "axis"
                raise NeedsPersonError(
                    f"{name} has another {table} than when the run began; put the same "
                    f"{entry.offer.kind} back, or start a new run"
                )

    def _calibration(self, calibrated: Event[Calibrated]) -> dict[str, NDArray[Any]] | None:
        try:
            return self._journal.arrays(calibrated.sequence)
        except JournalError:
            return None

    def _ending_after(self, error: BaseException) -> Ending:
        """The ending of a campaign that an error ended; trips and internal errors are recorded."""
        if isinstance(error, HaltRequested):
            return Ending("stopped", str(error), halt=True)
        if isinstance(error, StopRequested | KeyboardInterrupt):
            return Ending("stopped", "a person asked the run to stop")
        if isinstance(error, NeedsPersonError):
            return Ending("held", str(error))
        if isinstance(error, SafetyTripError):
            for trip in error.trips:
                self._write_if_possible(tripped(trip))
            state = "held" if error.action == "hold" else "failed"
            return Ending(state, str(error), error.action == "halt", tuple(error.trips))
        if isinstance(error, FlowrigError):
            return Ending("failed", str(error))
        place = self._folder / ERROR_NAME
        with suppress(OSError):
            place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return Ending("failed", f"internal error: {error!r}; see {place}")

    def _loop(
        self, rig: Rig, actuation: Actuation, chooser: ConditionChooser, gates: Gates
    ) -> CampaignLoop:
        executor = Executor(actuation, self._note, self._requests, self._renew, gates)
        axes = rig.axes()
        pixels = {name: len(axis) for name, axis in axes.items()}
        room = DiskSpace(self._folder, experiment_bytes(rig.profile, pixels))
        return CampaignLoop(
            self._record,
            self._campaign_journal,
            executor,
            axes,
            chooser=chooser,
            later=self._later,
            requests=self._requests,
            require_room=room.require,
        )

    def _new_host(self) -> OptimizerHost:
        """The host of the optimizer; on a real rig a process of its own, so that it can fail."""
        record, apart = self._record, self._options.optimizer_process
        if apart is None:
            apart = not self._clock.is_virtual and record.plugins.all_installed
        if not apart:
            return InProcessOptimizer(record.profile, record.seed, record.surrogates())
        campaign = record.campaign
        return OptimizerProcess(
            self._folder, record.seed, campaign.optimizer_deadline_s, campaign.optimizer_memory_gb
        )

    def _go_safe(
        self, rig: Rig, ledger: SyringeLedger, halt: bool = False, trips: Sequence[Trip] = ()
    ) -> SafeState:
        self._requests.connect(lambda: None)
        self._clock.clear_interrupt()
        self._write_requests()
        with suppress(JournalError):
            self._note(StepBegun(what=GOING_SAFE, duration_s=None))
        actuation = Actuation(rig, self._write_if_possible, ledger)
        safe = reach_safe_state(
            rig,
            actuation,
            hurried=lambda: self._requests.hurried,
            halt=halt,
            on_tick=self._renew_if_possible,
            references=self._record.lights(),
            trips=trips,
        )
        self._is_flushed = halt or safe.is_flushed
        self._write_if_possible(event_of(safe))
        self._safe = safe
        return safe

    def _write_requests(self) -> None:
        for request in self._requests.news():
            self._write_if_possible(request)

    def _end(self, ending: Ending) -> RunOutcome:
        self._write_requests()
        state, reason = ending.state, ending.reason
        self._write_if_possible(Ended(state=state, reason=reason))
        if state == "finished" and not self._is_written():
            state = "failed"
            reason = (
                f"everything is measured and the rig is safe, but {self._journal.path} cannot be "
                "written; make room on the disk, then resume"
            )
        return RunOutcome(self._folder, state, reason, self._record.loaded)

    def _is_written(self) -> bool:
        try:
            self._journal.require_written()
        except JournalError:
            return False
        return True

    def _write(self, data: EventData) -> int:
        if not isinstance(data, Intent):
            sequence = self._write_if_possible(data)
            self._journal.require_written()
            return sequence
        self._safe = None
        return self._journal.append(data, self._clock.now_s()).sequence

    def _write_if_possible(self, data: EventData) -> int:
        """As `_write`, but a full disk does not prevent the safe state."""
        while not self._notices.empty():
            self._journal.keep(Notice(text=self._notices.get()), self._clock.now_s())
        if isinstance(data, Intent):
            self._safe = None
        return self._journal.keep(data, self._clock.now_s()).sequence

    def _note(self, data: EventData) -> None:
        self._journal.note(data, self._clock.now_s())


def newest_s(journal: Journal) -> float:
    """Rig time [s] of the last event of a journal, events that were cut off included."""
    newest, cut = journal.last(), journal.last(CutLiquid)
    return max((event.time_s for event in (newest, cut) if event is not None), default=0.0)
