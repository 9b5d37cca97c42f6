"""Brings the rig of a run that is not under way to the safe state of the profile it began with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from attrs import asdict, frozen

from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.errors import FlowrigError, InputError
from flowrig.journal.check import Examined
from flowrig.journal.events import Ended, EventData, Notice, SafeStateSought, SafeStateStep
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.measurement.light_check import LightReferences
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.rig.claimed import claimed
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.rig import Rig
from flowrig.run.after_a_crash import stop_all
from flowrig.run.options import SessionOptions
from flowrig.run.session import RunOutcome
from flowrig.run.start import UNATTENDED
from flowrig.run_record.changes import basis_of
from flowrig.run_record.lock import locked
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.rig_of import rig_of
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import SafeState, StepOutcome, reach_safe_state
from flowrig.safety.syringes import SyringeLedger

__all__ = ["RescueJournal", "make_run_safe"]

PATIENCE_S = 3.0
"""Longest wait [s, real time] for a program that is about to leave the instruments."""


def make_run_safe(
    folder: Path | str,
    options: SessionOptions | None = None,
    on_begin: Callable[[RunRecord], object] = lambda record: None,
) -> RunOutcome:
    """Bring the rig of a run that is not under way to its safe state.

    The safe state is that of the profile with which the run began, or of accepted changes since.
    The journal holds this profile, so that the profile in the folder and changed plugins do not
    matter. The run can be resumed afterwards.

    Args:
        folder: the run's folder.
        options: of these, clock, plugins and simulator are used. Without options only the plugins
            of the rig's drivers are loaded, and none of them can keep the others from their work.
        on_begin: called with the record of the run before anything is opened or moved.

    Returns:
        the run's state: as it was if it had ended in a known way, else "stopped"; "unknown" if the
        safe state was not confirmed.

    Raises:
        InputError: this is not the folder of a run, it is under way, another program uses its
            instruments, or its profile is not known.
    """
    folder = Path(folder)
    loaded = rig_of(folder) if options is None else None
    options = options or SessionOptions(plugins=Plugins(()))
    with RunRecord(folder, options.plugins, loaded=loaded) as record:
        _require_known_profile(record)
        left = _LeftRig.of(record)
        on_begin(record)
    profile, ledger, state, reason = left.run.profile, left.ledger, left.state, left.reason
    with locked(folder), ExitStack() as stack:
        if not left.simulated:
            stack.enter_context(claimed(profile, folder, partly=True, patience_s=PATIENCE_S))
        real_or_virtual = VirtualClock if left.simulated else RealClock
        clock = options.clock or real_or_virtual(left.newest_s)
        if left.simulated:
            emulated = options.simulator(profile, clock, left.seed, ledger.left_ul)
            profile = stack.enter_context(emulated).profile
        journal = stack.enter_context(RescueJournal.of(folder, clock, left.run.examined))
        is_unattended = state in UNATTENDED
        safe = journal.reach(
            profile, ledger, left.references, "a person asks for it", unseen=is_unattended
        )
        journal.safe_state(safe, str(safe), "flowrig safe")
        if not safe.reached:
            state, reason = "unknown", str(safe)
        elif is_unattended:
            state, reason = "stopped", "a person brought the rig to its safe state"
        journal.write(Ended(state=state, reason=reason))
    return RunOutcome(folder, state, reason, None if loaded else left.run)


@frozen
class _LeftRig:
    """A rig as the last session of its run left it, by the journal.

    Attributes:
        run: profile of the run, and examined events.
        ledger: ledger of its syringes.
        references: dark and lamp reference by spectrometer.
        state: of the run.
        reason: why the run ended.
        seed: of the run.
        simulated: whether the rig is emulated.
        newest_s: rig time [s] of the last event.
    """

    run: LoadedRun
    ledger: SyringeLedger
    references: LightReferences
    state: str
    reason: str
    seed: int
    simulated: bool
    newest_s: float

    @classmethod
    def of(cls, record: RunRecord) -> "_LeftRig":
        newest = record.journal.last()
        return cls(
            run=record.loaded,
            ledger=record.ledger(),
            references=record.lights(),
            state=record.state,
            reason=record.reason,
            seed=record.seed,
            simulated=record.simulated,
            newest_s=0.0 if newest is None else newest.time_s,
        )


def _require_known_profile(record: RunRecord) -> None:
    """Refuse a run of 0.1.0, whose journal has no text of the profile, if its file was changed."""
    if record.profile.digest != basis_of(record.journal).profile_digest:
        raise InputError(
            f"the profile with which the run in {record.folder} began is not known: its journal "
            "does not hold it, and the profile in the folder was changed; look at the rig"
        )


class RescueJournal:
    """Brings a rig to its safe state, and writes events as far as the disk allows.

    Args:
        journal: None if it cannot be opened.
        clock: continues the clock of the run.
    """

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    @classmethod
    @contextmanager
    def of(cls, folder: Path, clock: Clock, since: Examined) -> Iterator["RescueJournal"]:
        """Open the journal of a run, if that is possible.

        Args:
            folder: the run's folder.
            clock: continues the clock of the run.
            since: events of the journal that this process has examined.
        """
        try:
            journal = Journal(folder / FILE_NAME, since=since)
        except FlowrigError:
            yield cls(None, clock)
            return
        with journal:
            yield cls(journal, clock)

    def write(self, data: EventData) -> int:
        """Write an event as soon as that is possible; returns its number, or 0."""
        if self._journal is None:
            return 0
        return self._journal.keep(data, self._clock.now_s()).sequence

    def safe_state(self, safe: SafeState, text: str, by: str) -> None:
        """Write which steps of the safe state were confirmed."""
        steps = tuple(SafeStateStep(**asdict(step)) for step in safe.steps)
        self.write(SafeStateSought(reached=safe.reached, steps=steps, text=text, by=by))

    def reach(
        self,
        profile: Profile,
        ledger: SyringeLedger,
        references: LightReferences,
        why: str,
        *,
        unseen: bool = False,
    ) -> SafeState:
        """Open every device that answers, stop all streams, and follow the profile's sequence.

        Args:
            profile: profile of the rig.
            ledger: ledger of its syringes.
            references: dark and lamp reference by spectrometer.
            why: the reason, in words.
            unseen: also charge volumes that pumps delivered and the journal does not hold.
        """
        self.write(Notice(text=f"{why}: the rig is brought to its safe state"))
        try:
            with DeviceThreads(self._clock) as workers:
                rig = Rig(profile, self._clock, workers)
                actuation = Actuation(rig, self.write, ledger)
                with suppress(FlowrigError):  # the steps report the devices that do not answer
                    rig.open()
                try:
                    return self._safe_state(rig, actuation, references, unseen)
                finally:
                    rig.close()
        except Exception as error:  # an internal error of a driver is reported, too
            return SafeState((StepOutcome("opening the rig", False, repr(error)),))

    def _safe_state(
        self, rig: Rig, actuation: Actuation, references: LightReferences, unseen: bool
    ) -> SafeState:
        """Switch heat and flow off first: a pump takes the rate of a flush only when stopped."""
        with suppress(FlowrigError):
            actuation.heaters_off(rig.heaters)
        with suppress(FlowrigError):
            if unseen:
                stop_all(rig, actuation, self._journal)
            else:
                actuation.stop(rig.profile.streams)
        with suppress(FlowrigError):
            rig.prepare()
        return reach_safe_state(rig, actuation, references=references)
