"""One session of a run: opens the rig, continues the campaign, leaves the rig in its safe state."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from attrs import asdict, evolve, field, frozen
from numpy.typing import NDArray

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.final_check import check_campaign
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
    JournalError,
    NeedsPersonError,
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
    Outcome,
    Reading,
    SafeStateSought,
    SafeStateStep,
    StepBegun,
)
from flowrig.journal.journal import Event, Journal
from flowrig.learning.blas_threads import one_blas_thread
from flowrig.operator.gates import Gates
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.executor import Executor
from flowrig.rig.rig import Rig, open_rig
from flowrig.run.after_a_crash import stop_all
from flowrig.run.control_socket import ControlServer
from flowrig.run.disk_space import DiskSpace, experiment_bytes
from flowrig.run.lease import Lease
from flowrig.run.options import SessionOptions
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import tripped
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import SafeState, reach_safe_state
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import Trip
from flowrig.trace.recorder import FOLDER_NAME, Recording

__all__ = ["Ending", "RunOutcome", "RunSession", "newest_s"]

ERROR_NAME = "error.txt"


@frozen
class Ending:
    """How the campaign of a session ended, before the rig goes to its safe state.

    Attributes:
        state: "finished", "stopped", "held", "failed" or "unknown".
        reason: in one line; "" if the campaign is finished.
        halt: whether all flow and heat stop first, and nothing is flushed.
        trips: safety rules that tripped.
    """

    state: str
    reason: str = ""
    halt: bool = False
    trips: tuple[Trip, ...] = ()


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
        begin_s = newest_s(journal)
        self._clock: Clock = options.clock or (
            VirtualClock(begin_s) if record.simulated else RealClock(begin_s)
        )

    def run(self, *, resumed: bool) -> RunOutcome:
        """Open the rig, continue the campaign, and leave the rig in its safe state.

        Args:
            resumed: whether another session preceded this one.
        """
        ledger = self._record.ledger()
        self._requests.name_vessels(self._record.profile.streams, ledger.waste.capacity_ul)
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
                ending = self._ending_after(error)
                if not resumed:  # nothing has moved, but before a resume anything may have
                    self._say_goodbye()
                state = "unknown" if resumed else ending.state
                return self._end(Ending(state, f"the rig did not open: {ending.reason}"))
            return self._end(self._left_safe(rig, ledger, resumed))

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
        if self._lease is not None:
            self._lease.renew(self._clock.now_s())

    def _renew_if_possible(self) -> None:
        """As `_renew`; a watchdog that has ended does not prevent the safe state."""
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
        chooser = ConditionChooser(self._record.profile, self._record.seed, self._new_host)
        try:
            ending = self._campaign(rig, actuation, chooser, resumed)
        except UnsafeStateError as error:
            return Ending("unknown", str(error))
        finally:
            chooser.close()
        safe = self._safe if ending.state == "finished" else None
        safe = safe or self._go_safe(rig, ledger, ending.halt, ending.trips)
        if not safe.reached:
            return Ending("unknown", f"{ending.reason}; {safe}".lstrip("; "))
        self._say_goodbye()
        if ending.state == "finished":
            return evolve(ending, reason=self._check_campaign())
        return ending

    def _campaign(
        self, rig: Rig, actuation: Actuation, chooser: ConditionChooser, resumed: bool
    ) -> Ending:
        """Prepare the rig and run the campaign to its end.

        Raises:
            UnsafeStateError: the safe state before a resumed campaign was not confirmed.
        """
        try:
            if self._lease is not None:
                self._lease.require_ready(self._clock.now_s())
            self._prepare(rig, actuation, resumed)
            self._requests.connect(self._clock.interrupt)
            self._loop(rig, actuation, chooser).run()
        except UnsafeStateError:
            raise
        except BaseException as error:
            return self._ending_after(error)
        return Ending("finished")

    def _check_campaign(self) -> str:
        """Check a finished campaign; returns why that failed, or "" if it did not."""
        journal = CampaignJournal(self._journal, self._record.profile, self._clock.now_s)
        try:
            check_campaign(self._record, journal)
        except (Exception, KeyboardInterrupt) as error:
            return f"the surrogate could not be checked: {str(error) or repr(error)}"
        return ""

    def _prepare(self, rig: Rig, actuation: Actuation, resumed: bool) -> None:
        devices = {name: Device(**asdict(who)) for name, who in rig.identities.items()}
        self._write(Opened(devices=devices))
        if resumed:  # the last commands of the session before may not be in the journal
            away_s = 0.0 if self._clock.is_virtual else _away_s(self._journal)
            stop_all(rig, actuation, self._journal, away_s)
        rig.prepare()
        rig.arm_dead_men(self._record.profile.supervision.lease_s)
        if resumed and not (safe := self._go_safe(rig, actuation.ledger)).reached:
            raise UnsafeStateError(str(safe))
        self._require_same_wavelengths(rig)

    def _require_same_wavelengths(self, rig: Rig) -> None:
        """Hold a run whose spectrometers have other wavelengths than when it was calibrated.

        Raises:
            NeedsPersonError: the wavelength table of a spectrometer differs.
        """
        calibrations = list(self._journal.events(Calibrated))
        before = next(filter(None, map(self._calibration, reversed(calibrations))), None)
        if before is None:
            if calibrations:
                text = "no calibration is intact: the wavelength tables cannot be compared with it"
                self._write(Notice(text=text))
            return
        for name, now_nm in rig.wavelengths_nm().items():
            if not np.array_equal(before[f"{name}.wavelengths_nm"], now_nm):
                raise NeedsPersonError(
                    f"{name} has another wavelength table than when the run began; put the same "
                    "spectrometer back, or start a new run"
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

    def _loop(self, rig: Rig, actuation: Actuation, chooser: ConditionChooser) -> CampaignLoop:
        gates = Gates(rig.profile, self._options.yes_to)
        executor = Executor(actuation, self._note, self._requests, self._renew, gates)
        wavelengths_nm = rig.wavelengths_nm()
        pixels = {name: len(shown) for name, shown in wavelengths_nm.items()}
        room = DiskSpace(self._folder, experiment_bytes(rig.profile, pixels))
        return CampaignLoop(
            self._record,
            self._journal,
            executor,
            wavelengths_nm,
            self._clock.now_s,
            chooser=chooser,
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
            self._note(StepBegun(what="going to the safe state", duration_s=None))
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
        steps = tuple(SafeStateStep(**asdict(step)) for step in safe.steps)
        self._write_if_possible(SafeStateSought(reached=safe.reached, steps=steps, text=str(safe)))
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


def _away_s(journal: Journal) -> float:
    """Time [s] since the rig was last commanded or read, by the computer's clock; at least 0."""
    newest = journal.last(Intent, Outcome, Reading)
    if newest is None:
        return 0.0
    away_s = (datetime.now(UTC) - datetime.fromisoformat(newest.wall)).total_seconds()
    return max(away_s, 0.0)
