"""One process's share of a run: the rig opened, the campaign gone on with, the rig left safe."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray

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
from flowrig.learning.blas_threads import one_thread
from flowrig.operator.gates import Gates
from flowrig.operator.requests import OperatorRequests
from flowrig.plugins.registry import Plugins
from flowrig.procedure.executor import Executor
from flowrig.rig.rig import Rig, open_rig
from flowrig.rig.simulated import Simulator
from flowrig.run.after_a_crash import stop_all
from flowrig.run.control_socket import ControlServer
from flowrig.run.disk_space import DiskSpace, experiment_bytes
from flowrig.run.lease import Lease
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import tripped
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import SafeState, reach_safe_state
from flowrig.safety.syringes import SyringeLedger
from flowrig.safety_rules import Trip
from flowrig.trace.recorder import FOLDER_NAME, Recording

__all__ = ["RunOutcome", "RunSession", "newest_s"]

ERROR_NAME = "error.txt"


@frozen
class RunOutcome:
    """How a run ended.

    Attributes:
        folder: where everything of it is.
        state: "finished", "stopped", "held", "failed" or "unknown".
        reason: in one line.
    """

    folder: Path
    state: str
    reason: str

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed and safe, 3 waits for a person, 4 the rig's state is unknown."""
        return {"finished": 0, "stopped": 3, "held": 3, "failed": 1}.get(self.state, 4)


class RunSession:
    """One process's share of a run.

    Args:
        folder: of the run.
        journal: of the run, opened for writing.
        plugins: what is installed.
        clock: real by default, virtual by default when the run is simulated.
        requests: what a person wants of the run.
        status: how the run stands, for whoever asks.
        optimizer_process: whether the optimizer thinks in a process of its own; by default on the
            real clock, where all that it needs is installed.
        yes_to: gates that are answered ahead, by name.
        simulator: what puts emulated instruments behind the drivers of a simulated run.
    """

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        *,
        plugins: Plugins,
        clock: Clock | None,
        requests: OperatorRequests | None,
        status: RunStatus,
        optimizer_process: bool | None,
        yes_to: Sequence[str],
        simulator: Simulator,
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._plugins = plugins
        self._simulator = simulator
        self._requests = requests or OperatorRequests()
        self._status = status
        self._optimizer_process = optimizer_process
        self._record = RunRecord(folder, plugins)
        self._yes_to = yes_to
        self._notices: SimpleQueue[str] = SimpleQueue()
        self._safe: SafeState | None = None  # while nothing was commanded since
        self._lease: Lease | None = None  # a simulated rig needs none
        begin_s = newest_s(journal)
        self._clock = clock or (
            VirtualClock(begin_s) if self._record.simulated else RealClock(begin_s)
        )

    def run(self, *, resumed: bool, record: bool) -> RunOutcome:
        """Open the rig, go on with the campaign, and leave the rig in its safe state.

        Args:
            resumed: whether another process has been at it before.
            record: keep every byte and every call of every instrument in the run's folder.
        """
        ledger = self._record.ledger()
        self._requests.name_vessels(self._record.profile.streams, ledger.waste.capacity_ul)
        traces = Recording(self._folder / FOLDER_NAME, self._notices.put)
        with ExitStack() as stack:
            stack.enter_context(one_thread())
            stack.callback(self._record.close)
            stack.enter_context(self._within_reach())
            if not (self._record.simulated or self._clock.is_virtual):
                lease = Lease(self._folder, self._record.profile.supervision.lease_s)
                self._lease = stack.enter_context(lease)
            try:
                rig = stack.enter_context(
                    open_rig(
                        self._record.profile,
                        simulate=self._record.simulated,
                        clock=self._clock,
                        seed=self._record.seed,
                        fill_ul=ledger.left_ul,
                        plugins=self._plugins,
                        prepare=False,
                        record=traces if record else None,
                        simulator=self._simulator,
                    )
                )
            except BaseException as error:
                state, reason = self._ended_by(error)
                if not resumed:  # nothing has moved, but before a resume anything may have
                    self._say_goodbye()
                return self._end("unknown" if resumed else state, f"the rig did not open: {reason}")
            return self._run_on(rig, ledger, resumed)

    def _renew(self) -> None:
        if self._lease is not None:
            self._lease.renew(self._clock.now_s())

    def _renew_if_possible(self) -> None:
        """As `_renew`, but a watchdog that is gone keeps no rig from its safe state."""
        with suppress(FlowrigError):
            self._renew()

    def _say_goodbye(self) -> None:
        if self._lease is not None:
            self._lease.say_goodbye()
            self._lease = None

    @contextmanager
    def _within_reach(self) -> Iterator[None]:
        """Let other processes of this computer ask how the run stands, pause it and stop it."""
        with ExitStack() as stack:
            try:
                server = ControlServer(self._folder, self._requests, self._status.as_json)
                stack.enter_context(server)
            except OSError as error:
                self._notices.put(f"this run cannot be reached from another shell: {error}")
            yield

    def _run_on(self, rig: Rig, ledger: SyringeLedger, resumed: bool) -> RunOutcome:
        actuation = Actuation(rig, self._write, ledger)
        state, reason, halt, trips = "finished", "", False, tuple[Trip, ...]()
        chooser = ConditionChooser(self._record.profile, self._record.seed, self._new_host)
        try:
            if self._lease is not None:
                self._lease.require_ready(self._clock.now_s())
            self._prepare(rig, actuation, resumed)
            self._requests.connect(self._clock.interrupt)
            loop = self._loop(rig, actuation, chooser)
            loop.run()
        except UnsafeStateError as error:
            return self._end("unknown", str(error))
        except BaseException as error:
            state, reason = self._ended_by(error)
            halt = isinstance(error, HaltRequested)
            if isinstance(error, SafetyTripError):
                halt = error.action == "halt"
                trips = tuple(error.trips)
        finally:
            chooser.close()
        safe = self._safe if state == "finished" else None
        safe = safe or self._go_safe(rig, ledger, halt, trips)
        if safe.reached:
            self._say_goodbye()
        else:
            state, reason = "unknown", f"{reason}; {safe}".lstrip("; ")
        if state == "finished":
            reason = self._check_model(loop)
        return self._end(state, reason)

    def _check_model(self, loop: CampaignLoop) -> str:
        """Check the model of a campaign that is done; returns what went wrong, if anything."""
        try:
            loop.check_model()
        except (Exception, KeyboardInterrupt) as error:
            return f"the surrogate could not be checked: {str(error) or repr(error)}"
        return ""

    def _prepare(self, rig: Rig, actuation: Actuation, resumed: bool) -> None:
        devices = {name: Device(**asdict(who)) for name, who in rig.identities.items()}
        self._write(Opened(devices=devices))
        if resumed:  # whatever was commanded and could not be written down any more
            away_s = 0.0 if self._clock.is_virtual else _away_s(self._journal)
            stop_all(rig, actuation, self._journal, away_s)
        rig.prepare()
        rig.arm_dead_men(self._record.profile.supervision.lease_s)
        if resumed and not (safe := self._go_safe(rig, actuation.ledger)).reached:
            raise UnsafeStateError(str(safe))
        self._require_same_wavelengths(rig)

    def _require_same_wavelengths(self, rig: Rig) -> None:
        """Hold a run whose spectrometers do not see as when it was calibrated.

        Raises:
            NeedsPersonError: a wavelength table is another one.
        """
        calibrations = list(self._journal.events(Calibrated))
        before = next(filter(None, map(self._calibration, reversed(calibrations))), None)
        if before is None:
            if calibrations:
                text = "no calibration is intact; that the spectrometers see as before is not known"
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

    def _ended_by(self, error: BaseException) -> tuple[str, str]:
        """State and reason of a run that an error ended."""
        if isinstance(error, HaltRequested):
            return "stopped", str(error)
        if isinstance(error, StopRequested | KeyboardInterrupt):
            return "stopped", "a person asked the run to stop"
        if isinstance(error, NeedsPersonError):
            return "held", str(error)
        if isinstance(error, SafetyTripError):
            for trip in error.trips:
                self._write_if_possible(tripped(trip))
            return ("held" if error.action == "hold" else "failed"), str(error)
        if isinstance(error, FlowrigError):
            return "failed", str(error)
        place = self._folder / ERROR_NAME
        with suppress(OSError):
            place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return "failed", f"internal error: {error!r}; see {place}"

    def _loop(self, rig: Rig, actuation: Actuation, chooser: ConditionChooser) -> CampaignLoop:
        gates = Gates(rig.profile, self._yes_to)
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
        """Whom to ask for conditions: on a real rig a process that no heater depends on."""
        profile, seed, apart = self._record.profile, self._record.seed, self._optimizer_process
        if apart is None:
            apart = not self._clock.is_virtual and self._plugins.all_installed
        if not apart:
            return InProcessOptimizer(profile, seed, self._record.surrogates())
        campaign = self._record.campaign
        return OptimizerProcess(
            self._folder, seed, campaign.optimizer_deadline_s, campaign.optimizer_memory_gb
        )

    def _go_safe(
        self, rig: Rig, ledger: SyringeLedger, halt: bool = False, trips: Sequence[Trip] = ()
    ) -> SafeState:
        self._requests.connect(lambda: None)
        self._clock.clear_interrupt()
        self._note_wishes()
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

    def _note_wishes(self) -> None:
        for told in self._requests.news():
            self._write_if_possible(told)

    def _end(self, state: str, reason: str) -> RunOutcome:
        self._note_wishes()
        self._write_if_possible(Ended(state=state, reason=reason))
        if state == "finished" and not self._is_written():
            state = "failed"
            reason = (
                f"everything is measured and the rig is safe, but {self._journal.path} cannot be "
                "written any more; free the disk, then resume"
            )
        return RunOutcome(self._folder, state, reason)

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
        """As `_write`, but a full disk keeps no rig from its safe state."""
        while not self._notices.empty():
            self._journal.keep(Notice(text=self._notices.get()), self._clock.now_s())
        if isinstance(data, Intent):
            self._safe = None
        return self._journal.keep(data, self._clock.now_s()).sequence

    def _note(self, data: EventData) -> None:
        self._journal.note(data, self._clock.now_s())


def newest_s(journal: Journal) -> float:
    """Rig time [s] of what a journal holds last, or held before it was cut."""
    newest, cut = journal.last(), journal.last(CutLiquid)
    return max((event.time_s for event in (newest, cut) if event is not None), default=0.0)


def _away_s(journal: Journal) -> float:
    """How long [s] nobody has looked at the rig of a run, by the computer's clock; at least 0."""
    newest = journal.last(Intent, Outcome, Reading)
    if newest is None:
        return 0.0
    away_s = (datetime.now(UTC) - datetime.fromisoformat(newest.wall)).total_seconds()
    return max(away_s, 0.0)
