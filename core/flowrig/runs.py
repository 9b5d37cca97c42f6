"""Runs: a folder with everything in it, started once and resumed as often as it takes."""

import platform
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray

from flowrig import __version__
from flowrig.account import account_of_cuts
from flowrig.actuation import Actuation
from flowrig.brain import Brain, Mind, OwnMind, ProcessMind
from flowrig.campaign import CampaignLoop
from flowrig.changes import changes_of
from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.control import ControlServer
from flowrig.errors import (
    FlowrigError,
    HaltRequested,
    InputError,
    JournalError,
    NeedsPersonError,
    SafetyTripError,
    StopRequested,
    UnsafeStateError,
)
from flowrig.executor import Executor
from flowrig.gates import Gates, require_gates
from flowrig.headroom import Headroom, experiment_bytes
from flowrig.journal import FILE_NAME, Event, Journal
from flowrig.lease import Lease
from flowrig.ledger import SyringeLedger
from flowrig.offers import require_installed
from flowrig.one_thread import one_thread
from flowrig.plugins import Plugins
from flowrig.prior import freeze, read_earlier
from flowrig.profile import Profile, load_profile, merged_toml
from flowrig.record import LOCK_NAME, PROFILE_NAME, RunRecord, is_busy
from flowrig.recording import FOLDER_NAME, Recording
from flowrig.rig import Rig, open_rig
from flowrig.safety import MOVING, SafeState, reach_safe_state
from flowrig.simulation import Simulator, emulated
from flowrig.status import RunStatus
from flowrig.switchboard import Switchboard
from flowrig.trips import LatchedTrip, latched_trips, trip_data
from flowrig.twin.in_place import with_twin
from flowrig.waste import WasteAccount

__all__ = ["ADRIFT", "RunOutcome", "reset_trips", "resume_run", "start_run"]

PACKAGES = (
    "numpy", "pyserial", "pyvisa", "pyvisa-py", "seabreeze", "scikit-learn", "torch",
)  # fmt: skip
"""Packages whose versions are kept with a run where they are installed."""

ERROR_NAME = "error.txt"
SEED_MAX = 2**32 - 1
"""Largest seed that every generator of random numbers takes."""

ADRIFT = ("interrupted", "unknown")
"""States of a run after which nobody knows what its rig does."""

LOCK_WAIT_S = 1.0
"""Longest wait [s, real time] for somebody who only looks whether a run is under way."""

Listener = Callable[[Event], None]


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


def start_run(
    target: str | Path,
    folder: Path | str,
    *,
    simulate: bool = False,
    twin: Path | None = None,
    record: bool = False,
    seed: int | None = None,
    clock: Clock | None = None,
    listeners: Sequence[Listener] = (),
    switch: Switchboard | None = None,
    optimizer_process: bool | None = None,
    yes_to: Sequence[str] = (),
    plugins: Plugins | None = None,
    simulator: Simulator = emulated,
) -> RunOutcome:
    """Run a campaign from its beginning.

    Args:
        target: a campaign file, or the name or path of a profile with a campaign of its own.
        folder: where everything of the run goes; must not hold a run yet.
        simulate: put emulated instruments behind the drivers.
        twin: the file of a twin that takes the place of the simulated rig's chemistry; it must stay
            where it is for the run to be resumed.
        record: keep every byte and every call of every instrument in the run's folder.
        seed: everything random follows from it; the campaign's own by default.
        clock: real by default, virtual by default when simulated.
        listeners: called with every event of the journal.
        switch: what a person wants of the run.
        optimizer_process: whether the optimizer thinks in a process of its own; by default on the
            real clock, where all that it needs is installed.
        yes_to: gates that are answered ahead, by name.
        plugins: what is installed, if it was looked up already.
        simulator: what puts emulated instruments behind the drivers of a simulated run.

    Raises:
        InputError: the input is wrong; nothing was opened and nothing was written.
    """
    plugins, folder = plugins or Plugins.discover(), Path(folder)
    planned = load_profile(target, plugins)
    if planned.campaign is None:
        raise InputError(f"{target} has no [campaign]; name a campaign file instead")
    seed = planned.campaign.seed if seed is None else seed
    if not 0 <= seed <= SEED_MAX:
        raise InputError(f"the seed must be 0 to {SEED_MAX}, got {seed}")
    require_gates(planned, yes_to)
    load_plugins_of(planned)
    earlier = read_earlier(planned, plugins)
    text = merged_toml(target, plugins)
    if twin is not None:
        text = with_twin(text, twin)
    _require_new(folder)
    with (
        locked(folder),
        _frozen(folder, text) as frozen_profile,
        Journal.create(folder / FILE_NAME) as journal,
    ):
        profile = load_profile(frozen_profile, plugins)
        assert profile.campaign is not None
        status = RunStatus()
        journal.listen(status, *listeners)
        journal.append(
            "run-started",
            0.0,
            {
                "profile": profile.name,
                "profile_digest": profile.digest,
                "campaign": profile.campaign.title or profile.title,
                "experiments": profile.campaign.experiments,
                "objective": {"name": profile.objective.name, "unit": profile.objective.unit},
                "units": profile.space.units,
                "seed": seed,
                "simulated": simulate,
                "versions": _versions(plugins),
                "profile_toml": text,
            },
        )
        freeze(journal, earlier, 0.0)
        session = _Session(
            folder,
            journal,
            plugins=plugins,
            clock=clock,
            switch=switch,
            status=status,
            optimizer_process=optimizer_process,
            yes_to=yes_to,
            simulator=simulator,
        )
        return session.run(resumed=False, record=record)


def resume_run(
    folder: Path | str,
    *,
    refilled: Sequence[str] = (),
    emptied: Sequence[str] = (),
    reset: Sequence[str] = (),
    accept_changes: bool = False,
    cut: bool = False,
    record: bool = False,
    clock: Clock | None = None,
    listeners: Sequence[Listener] = (),
    switch: Switchboard | None = None,
    optimizer_process: bool | None = None,
    yes_to: Sequence[str] = (),
    plugins: Plugins | None = None,
    simulator: Simulator = emulated,
) -> RunOutcome:
    """Go on with a run that was stopped, held or interrupted; the rig goes to its safe state first.

    Args:
        folder: the run's folder.
        refilled: streams whose syringes a person has filled.
        emptied: wastes that a person has emptied.
        reset: safety rules that tripped, and whose cause a person has removed.
        accept_changes: go on though the profile, or a plugin that it names, is not as it was.
        cut: go on in front of damage in the journal, however much is behind it.
        record: keep every byte and every call of every instrument in the run's folder.
        clock: real by default, virtual by default when simulated.
        listeners: called with every event of the journal.
        switch: what a person wants of the run.
        optimizer_process: whether the optimizer thinks in a process of its own; by default on the
            real clock, where all that it needs is installed.
        yes_to: gates that are answered ahead, by name.
        plugins: what is installed, if it was looked up already.
        simulator: what puts emulated instruments behind the drivers of a simulated run.

    Raises:
        InputError: this is not the folder of a run, it runs elsewhere, something changed that
            nobody has accepted, its journal is damaged, or a safety rule tripped that nobody has
            reset.
    """
    plugins, folder = plugins or Plugins.discover(), Path(folder)
    with RunRecord(folder, plugins) as before:
        summary = before.summary()
    with _told_if_adrift(folder, summary):
        with RunRecord(folder, plugins) as before:
            changes = changes_of(before.journal, folder / PROFILE_NAME, plugins)
        changes.require_accepted(accept_changes, folder)
        profile = changes.profile
        wastes = WasteAccount(profile).capacity_ul
        for done, known, what in (
            (refilled, profile.streams, "stream"),
            (emptied, wastes, "waste with a volume"),
        ):
            for name in done:
                if name not in known:
                    there = ", ".join(known) or "none"
                    raise InputError(f"there is no {what} {name!r}; there are {there}")
        require_gates(profile, yes_to)
        load_plugins_of(profile)
        with locked(folder), Journal(folder / FILE_NAME, cut=cut) as journal:
            status = RunStatus()
            journal.listen(status, *listeners)
            _account_of_cuts(journal, folder, plugins)
            _reset(journal, reset)
            _require_reset(journal, folder)
            now_s = _newest_s(journal)
            if changes.differences:
                journal.append("changes-accepted", now_s, changes.data)
            journal.append(
                "resumed",
                now_s,
                {
                    "refilled": list(refilled),
                    "emptied": list(emptied),
                    "versions": _versions(plugins),
                    "objective": summary["objective"],
                    "units": profile.space.units,
                    "planned": profile.campaign.experiments if profile.campaign else 0,
                    "profile": profile.name,
                    "simulated": summary["simulated"],
                    "skipped": len(summary["skipped"]),
                    "done": summary["experiments"],
                    "best": summary["best"] and summary["best"]["objective"],
                },
            )
            session = _Session(
                folder,
                journal,
                plugins=plugins,
                clock=clock,
                switch=switch,
                status=status,
                optimizer_process=optimizer_process,
                yes_to=yes_to,
                simulator=simulator,
            )
            return session.run(resumed=True, record=record)


@contextmanager
def _told_if_adrift(folder: Path, summary: Mapping[str, Any]) -> Iterator[None]:
    """Tell who is refused that the rig may go on as a program that died has left it.

    It is not brought to its safe state unasked: a profile that was changed may be so because the
    rig was, and then nobody but a person knows what may move.
    """
    try:
        yield
    except InputError as error:
        if summary["simulated"] or summary["state"] not in ADRIFT:
            raise
        raise InputError(
            f"{error}\nthe run is {summary['state']}: unless somebody has stopped it, its rig "
            "heats and pumps as it was left. To bring it to the safe state now, by the profile "
            f"that the run began with: flowrig safe {folder}"
        ) from error


def reset_trips(
    folder: Path | str, rules: Sequence[str] = (), plugins: Plugins | None = None
) -> list[LatchedTrip]:
    """A person has removed the cause of what tripped; the run may be resumed then.

    Args:
        folder: the run's folder.
        rules: names of the rules; all that tripped if none is named.
        plugins: what is installed, if it was looked up already.

    Returns:
        the trips that were reset.

    Raises:
        InputError: this is not the folder of a run, it is under way, or the rule did not trip.
    """
    folder = Path(folder)
    RunRecord(folder, plugins).close()
    with locked(folder), Journal(folder / FILE_NAME) as journal:
        _account_of_cuts(journal, folder, plugins)
        latched = latched_trips(journal)
        wanted = rules or [trip.rule for trip in latched]
        _reset(journal, wanted)
        return [trip for trip in latched if trip.rule in wanted]


def _account_of_cuts(journal: Journal, folder: Path, plugins: Plugins | None) -> None:
    with RunRecord(folder, plugins) as record:
        account_of_cuts(journal, record)


def _reset(journal: Journal, rules: Sequence[str]) -> None:
    tripped = {trip.rule for trip in latched_trips(journal)}
    for rule in rules:
        if rule not in tripped:
            known = ", ".join(sorted(tripped)) or "none"
            raise InputError(f"the rule {rule!r} has not tripped; those that have: {known}")
    if rules:
        journal.append("trip-reset", _newest_s(journal), {"rules": list(dict.fromkeys(rules))})


def _require_reset(journal: Journal, folder: Path) -> None:
    latched = latched_trips(journal)
    if latched:
        told = "".join(f"\n  {trip.rule}: {trip}" for trip in latched)
        raise InputError(
            f"a safety rule tripped, and nobody has reset it:{told}\n"
            f"remove the cause, then: flowrig reset {folder}"
        )


def _newest_s(journal: Journal) -> float:
    newest, cut = journal.last(), journal.last("cut-liquid")
    return max((event.time_s for event in (newest, cut) if event is not None), default=0.0)


def _away_s(journal: Journal) -> float:
    """How long [s] nobody has looked at the rig of a run, by the computer's clock; at least 0."""
    newest = journal.last("intent", "outcome", "reading")
    if newest is None:
        return 0.0
    away_s = (datetime.now(UTC) - datetime.fromisoformat(newest.wall)).total_seconds()
    return max(away_s, 0.0)


def load_plugins_of(profile: Profile) -> None:
    """Import everything that a profile names: a missing package shows before anything moves.

    Raises:
        MissingDependencyError: packages are missing; the message says what to install for all.
    """
    require_installed(profile.offers)
    for offer in profile.offers:
        offer.load()


class _Session:
    """One process's share of a run."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        *,
        plugins: Plugins,
        clock: Clock | None,
        switch: Switchboard | None,
        status: RunStatus,
        optimizer_process: bool | None,
        yes_to: Sequence[str],
        simulator: Simulator,
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._plugins = plugins
        self._simulator = simulator
        self._switch = switch or Switchboard()
        self._status = status
        self._optimizer_process = optimizer_process
        self._record = RunRecord(folder, plugins)
        self._yes_to = yes_to
        self._notices: SimpleQueue[str] = SimpleQueue()
        self._safe: SafeState | None = None  # while nothing was commanded since
        self._lease: Lease | None = None  # a simulated rig needs none
        begin_s = _newest_s(journal)
        self._clock = clock or (
            VirtualClock(begin_s) if self._record.simulated else RealClock(begin_s)
        )

    def run(self, *, resumed: bool, record: bool) -> RunOutcome:
        ledger = self._record.ledger()
        self._switch.name_vessels(self._record.profile.streams, ledger.waste.capacity_ul)
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
                server = ControlServer(self._folder, self._switch, self._status.as_json)
                stack.enter_context(server)
            except OSError as error:
                self._notices.put(f"this run cannot be reached from another shell: {error}")
            yield

    def _run_on(self, rig: Rig, ledger: SyringeLedger, resumed: bool) -> RunOutcome:
        actuation = Actuation(rig, self._write, ledger)
        state, reason, halt = "finished", "", False
        brain = Brain(self._record.profile, self._record.seed, self._new_mind)
        try:
            if self._lease is not None:
                self._lease.require_ready(self._clock.now_s())
            self._prepare(rig, actuation, resumed)
            self._switch.connect(self._clock.interrupt)
            loop = self._loop(rig, actuation, brain)
            loop.run()
        except UnsafeStateError as error:
            return self._end("unknown", str(error))
        except BaseException as error:
            state, reason = self._ended_by(error)
            tripped = isinstance(error, SafetyTripError) and error.action == "halt"
            halt = tripped or isinstance(error, HaltRequested)
        finally:
            brain.close()
        safe = self._safe if state == "finished" else None
        safe = safe or self._go_safe(rig, ledger, halt)
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
        identities = {name: asdict(who) for name, who in rig.identities.items()}
        self._write("opened", {"devices": identities})
        if resumed:  # whatever was commanded and could not be written down any more
            away_s = 0.0 if self._clock.is_virtual else _away_s(self._journal)
            doubted = self._doubted(rig, actuation.ledger)
            actuation.stop(rig.profile.streams, unseen=True, away_s=away_s, doubted=doubted)
        rig.prepare()
        rig.arm_dead_men(self._record.profile.supervision.lease_s)
        if resumed and not (safe := self._go_safe(rig, actuation.ledger)).reached:
            raise UnsafeStateError(str(safe))
        self._require_same_wavelengths(rig)

    def _doubted(self, rig: Rig, ledger: SyringeLedger) -> list[str]:
        """Streams that should run, and stand still: whoever stopped them told the journal nothing.

        Where the journal took nothing any more, they may have been started anew as well.
        """
        ended, newest = self._journal.last("ended"), self._journal.last("intent", "outcome")
        if newest is None or (ended is not None and ended.sequence > newest.sequence):
            return []
        ledger.expect_nothing()
        try:
            states = rig.pump_states(ledger.running)
        except FlowrigError:
            return []
        return [stream for stream, state in states.items() if state not in MOVING]

    def _require_same_wavelengths(self, rig: Rig) -> None:
        """Hold a run whose spectrometers do not see as when it was calibrated.

        Raises:
            NeedsPersonError: a wavelength table is another one.
        """
        calibrations = list(self._journal.events("calibrated"))
        before = next(filter(None, map(self._calibration, reversed(calibrations))), None)
        if before is None:
            if calibrations:
                text = "no calibration is intact; that the spectrometers see as before is not known"
                self._write("notice", {"text": text})
            return
        for name, now_nm in rig.wavelengths_nm().items():
            if not np.array_equal(before[f"{name}.wavelengths_nm"], now_nm):
                raise NeedsPersonError(
                    f"{name} has another wavelength table than when the run began; put the same "
                    "spectrometer back, or start a new run"
                )

    def _calibration(self, calibrated: Event) -> dict[str, NDArray[Any]] | None:
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
                self._write_if_possible("trip", trip_data(trip))
            return ("held" if error.action == "hold" else "failed"), str(error)
        if isinstance(error, FlowrigError):
            return "failed", str(error)
        place = self._folder / ERROR_NAME
        with suppress(OSError):
            place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return "failed", f"internal error: {error!r}; see {place}"

    def _loop(self, rig: Rig, actuation: Actuation, brain: Brain) -> CampaignLoop:
        gates = Gates(rig.profile, self._yes_to)
        executor = Executor(actuation, self._note, self._switch, self._renew, gates)
        wavelengths_nm = rig.wavelengths_nm()
        pixels = {name: len(shown) for name, shown in wavelengths_nm.items()}
        room = Headroom(self._folder, experiment_bytes(rig.profile, pixels))
        return CampaignLoop(
            self._record,
            self._journal,
            executor,
            wavelengths_nm,
            self._clock.now_s,
            brain=brain,
            switch=self._switch,
            require_room=room.require,
        )

    def _new_mind(self) -> Mind:
        """Whom to ask for conditions: on a real rig a process that no heater depends on."""
        profile, seed, apart = self._record.profile, self._record.seed, self._optimizer_process
        if apart is None:
            apart = not self._clock.is_virtual and self._plugins.all_installed
        if not apart:
            return OwnMind(profile, seed, self._record.surrogates())
        campaign = self._record.campaign
        return ProcessMind(
            self._folder, seed, campaign.optimizer_deadline_s, campaign.optimizer_memory_gb
        )

    def _go_safe(self, rig: Rig, ledger: SyringeLedger, halt: bool = False) -> SafeState:
        self._switch.connect(lambda: None)
        self._clock.clear_interrupt()
        self._note_wishes()
        with suppress(JournalError):
            self._note("step", {"what": "going to the safe state", "duration_s": None})
        actuation = Actuation(rig, self._write_if_possible, ledger)
        safe = reach_safe_state(
            rig,
            actuation,
            hurried=lambda: self._switch.hurried,
            halt=halt,
            on_tick=self._renew_if_possible,
            references=self._record.lights(),
        )
        self._write_if_possible(
            "safe-state",
            {"reached": safe.reached, "steps": [asdict(s) for s in safe.steps], "text": str(safe)},
        )
        self._safe = safe
        return safe

    def _note_wishes(self) -> None:
        for told in self._switch.news():
            self._write_if_possible("operator", told)

    def _end(self, state: str, reason: str) -> RunOutcome:
        self._note_wishes()
        is_written = self._write_if_possible("ended", {"state": state, "reason": reason})
        if state == "finished" and not is_written:
            state = "failed"
            reason = (
                f"everything is measured and the rig is safe, but {self._journal.path} cannot be "
                "written any more; free the disk, then resume"
            )
        return RunOutcome(self._folder, state, reason)

    def _write(self, kind: str, data: Any) -> int:
        while not self._notices.empty():
            self._journal.append("notice", self._clock.now_s(), {"text": self._notices.get()})
        if kind == "intent":
            self._safe = None
        return self._journal.append(kind, self._clock.now_s(), data).sequence

    def _write_if_possible(self, kind: str, data: Any) -> int:
        """As `_write`, but a full disk keeps no rig from its safe state."""
        try:
            return self._write(kind, data)
        except JournalError:
            return 0

    def _note(self, kind: str, data: Any) -> None:
        self._journal.note(kind, self._clock.now_s(), data)


def _require_new(folder: Path) -> None:
    if (folder / FILE_NAME).exists():
        with RunRecord(folder) as record:
            if record.state == "finished":
                raise InputError(
                    f"{folder} holds a finished run; look at it with: flowrig report {folder}, "
                    "or choose another folder with --out"
                )
        raise InputError(f"{folder} holds a run already; resume it with: flowrig resume {folder}")
    if (folder / PROFILE_NAME).exists():
        raise InputError(f"{folder} holds a {PROFILE_NAME} already; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error


@contextmanager
def _frozen(folder: Path, text: str) -> Iterator[Path]:
    """The run's own copy of its profile; one that leads to no journal is taken away again."""
    path = folder / PROFILE_NAME
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield path
    finally:
        if not (folder / FILE_NAME).exists():
            path.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from running this folder; the lock dies with the process."""
    try:
        connection = sqlite3.connect(folder / LOCK_NAME, timeout=LOCK_WAIT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise InputError(f"{folder} cannot be written: {error}") from error
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if is_busy(error):
                raise InputError(f"{folder} is being run by another process") from error
            raise InputError(f"{folder} cannot be written: {error}") from error
        yield


def _versions(plugins: Plugins) -> dict[str, str]:
    """Versions of flowrig, Python, every plugin's distribution, and the packages they use."""
    found = {"flowrig": __version__, "python": platform.python_version(), "system": sys.platform}
    found |= {listed.plugin.distribution: listed.plugin.version for listed in plugins.listed}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
