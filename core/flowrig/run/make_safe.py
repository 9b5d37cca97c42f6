"""Brings the rig of a run that is not under way to the safe state of the profile it began with."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from attrs import evolve, frozen

from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.errors import InputError
from flowrig.journal.events import Ended
from flowrig.plugins.registry import Plugins
from flowrig.rig.claimed import claimed
from flowrig.run.after_a_crash import away_s_of
from flowrig.run.control_socket import lock_or_take_over
from flowrig.run.options import SessionOptions
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal
from flowrig.run.session import RunOutcome
from flowrig.run.start import PATIENCE_S, UNATTENDED
from flowrig.run_record.changes import basis_of
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.rig_of import rig_of

__all__ = ["make_run_safe"]


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
        on_begin(record)
        run = record.loaded
    with ExitStack() as stack:
        lock_or_take_over(stack, folder)
        with RunRecord(folder, loaded=run) as record:  # who handed over has written more
            left = _LeftRun.of(record)
        state, reason = left.state, left.reason
        real_or_virtual = VirtualClock if left.simulated else RealClock
        clock = options.clock or real_or_virtual(left.newest_s)
        rig = left.served(stack, options, clock)
        journal = stack.enter_context(RescueJournal.of(folder, clock, left.loaded.examined))
        safe = Rescue(rig, journal).run("a person asks for it")
        journal.safe_state(safe, str(safe), "flowrig safe")
        if not safe.reached:
            state, reason = "unknown", f"{safe}; when it answers, try again: flowrig safe {folder}"
        elif state in UNATTENDED:
            state, reason = "stopped", "a person brought the rig to its safe state"
        journal.write(Ended(state=state, reason=reason))
    return RunOutcome(folder, state, reason, None if loaded else left.loaded)


@frozen
class _LeftRun:
    """A run as its last session left it, by the journal.

    Attributes:
        folder: its folder.
        loaded: profile of the run, and examined events.
        rig: its rig.
        state: of the run.
        reason: why the run ended.
        seed: of the run.
        simulated: whether the rig is emulated.
        newest_s: rig time [s] of the last event.
    """

    folder: Path
    loaded: LoadedRun
    rig: LeftRig
    state: str
    reason: str
    seed: int
    simulated: bool
    newest_s: float

    @classmethod
    def of(cls, record: RunRecord) -> "_LeftRun":
        newest = record.journal.last()
        state = record.ended_state
        return cls(
            folder=record.folder,
            loaded=record.loaded,
            rig=LeftRig(
                profile=record.profile,
                ledger=record.ledger(),
                references=record.lights(),
                is_unseen=state in UNATTENDED,
                away_s=away_s_of(record.journal),
            ),
            state=state,
            reason=record.reason,
            seed=record.seed,
            simulated=record.simulated,
            newest_s=0.0 if newest is None else newest.time_s,
        )

    def served(self, stack: ExitStack, options: SessionOptions, clock: Clock) -> LeftRig:
        """The rig as it is found: claimed, or a simulated one at its emulators.

        Raises:
            InUseError: another program uses every instrument.
        """
        rig = evolve(self.rig, away_s=0.0) if clock.is_virtual else self.rig
        if not self.simulated:
            mine = claimed(rig.profile, self.folder, partly=True, patience_s=PATIENCE_S)
            stack.enter_context(mine)
            return rig
        emulated = options.simulator(rig.profile, clock, self.seed, rig.ledger.left_ul)
        return evolve(rig, profile=stack.enter_context(emulated).profile)


def _require_known_profile(record: RunRecord) -> None:
    """Refuse a run of 0.1.0, whose journal has no text of the profile, if its file was changed."""
    if record.profile.digest != basis_of(record.journal).profile_digest:
        raise InputError(
            f"the profile with which the run in {record.folder} began is not known: its journal "
            "does not hold it, and the profile in the folder was changed; look at the rig"
        )
