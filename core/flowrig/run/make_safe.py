"""A rig whose run is gone: brought to its safe state, as the profile was when the run began."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from attrs import asdict

from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import Ended, EventData, Notice, SafeStateSought, SafeStateStep
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.measurement.light_check import LightReferences
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.rig.device_threads import Workers
from flowrig.rig.rig import Rig
from flowrig.rig.simulated import Simulator, emulated
from flowrig.run.after_a_crash import stop_all
from flowrig.run.session import RunOutcome
from flowrig.run.start import ADRIFT
from flowrig.run_record.changes import basis_of
from flowrig.run_record.lock import locked
from flowrig.run_record.reader import RunRecord
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import SafeState, StepOutcome, reach_safe_state
from flowrig.safety.syringes import SyringeLedger

__all__ = ["LastWords", "make_run_safe"]


def make_run_safe(
    folder: Path | str,
    *,
    clock: Clock | None = None,
    plugins: Plugins | None = None,
    simulator: Simulator = emulated,
) -> RunOutcome:
    """Bring the rig of a run that is not under way to the safe state that the run began with.

    What became of the profile in the folder, and of plugins, does not matter: the journal holds the
    profile. The run can be resumed afterwards.

    Args:
        folder: the run's folder.
        clock: real by default, virtual by default when the run was simulated.
        plugins: what is installed, if it was looked up already.
        simulator: what puts emulated instruments behind the drivers of a simulated run.

    Returns:
        the run's state: as it was if it had ended in a known way, else "stopped"; "unknown" if the
        safe state was not confirmed.

    Raises:
        InputError: this is not the folder of a run, it is under way, or its profile is not known
            any more.
    """
    plugins, folder = plugins or Plugins.discover(), Path(folder)
    with RunRecord(folder, plugins) as record:
        profile, ledger, references = record.profile, record.ledger(), record.lights()
        state, reason = record.state, record.reason
        newest, seed, simulated = record.journal.last(), record.seed, record.simulated
        if profile.digest != basis_of(record.journal).profile_digest:
            raise InputError(
                f"the profile that the run in {folder} began with is not known any more: its "
                "journal does not hold it, and the one in the folder is another; look at the rig"
            )
    for device in profile.devices.values():
        device.offer.load()
    with locked(folder), ExitStack() as stack:
        now_s = 0.0 if newest is None else newest.time_s
        clock = clock or (VirtualClock(now_s) if simulated else RealClock(now_s))
        if simulated:
            rig = stack.enter_context(simulator(profile, clock, seed, ledger.left_ul))
            profile = rig.profile
        words = stack.enter_context(LastWords.of(folder, clock))
        safe = words.reach(
            profile, ledger, references, "a person asks for it", unseen=state in ADRIFT
        )
        words.safe_state(safe, str(safe), "flowrig safe")
        if not safe.reached:
            state, reason = "unknown", str(safe)
        elif state in ADRIFT:
            state, reason = "stopped", "a person brought the rig to its safe state"
        words.write(Ended(state=state, reason=reason))
    return RunOutcome(folder, state, reason)


class LastWords:
    """The journal as far as it can be written: a full disk keeps no rig from its safe state.

    Args:
        journal: None where it cannot even be opened.
        clock: goes on where the run's clock was.
    """

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    @classmethod
    @contextmanager
    def of(cls, folder: Path, clock: Clock) -> Iterator["LastWords"]:
        """Those of the run in a folder."""
        try:
            journal = Journal(folder / FILE_NAME)
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
        """Write what was confirmed."""
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
        """Open what answers, stop what runs, and go through the profile's sequence.

        Args:
            profile: the rig.
            ledger: its syringes.
            references: what spectrometers saw when their lights were known.
            why: in words.
            unseen: charge also what pumps delivered that the journal knows nothing of.
        """
        self.write(Notice(text=f"{why}: the rig is brought to its safe state"))
        try:
            with Workers(self._clock) as workers:
                rig = Rig(profile, self._clock, workers)
                actuation = Actuation(rig, self.write, ledger)
                with suppress(FlowrigError):  # what does not answer is told by its step
                    rig.open()
                try:
                    return self._safe_state(rig, actuation, references, unseen)
                finally:
                    rig.close()
        except Exception as error:  # whatever a driver does, a person has to know
            return SafeState((StepOutcome("opening the rig", False, repr(error)),))

    def _safe_state(
        self, rig: Rig, actuation: Actuation, references: LightReferences, unseen: bool
    ) -> SafeState:
        """Heat and flow first: pumps have to stand still before they can be told to flush."""
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
