"""Starts a run in a folder of its own, and resumes it as often as needed."""

import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from attrs import evolve

from flowrig.campaign.progress import is_campaign_over
from flowrig.errors import InputError, JournalError
from flowrig.journal.events import Resumed, RunStarted, TripReset
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.operator.gates import require_gates
from flowrig.plugins.offers import require_installed
from flowrig.plugins.registry import Plugins
from flowrig.problem.pareto import goals_of
from flowrig.profile import Profile, read_profile
from flowrig.profile.rules.campaign import SEED_MAX
from flowrig.rig.claimed import claimed, require_addresses
from flowrig.rig.simulated import emulated
from flowrig.run.control_socket import lock_or_take_over
from flowrig.run.earlier_experiments import copy_to_journal, read_earlier
from flowrig.run.lost_liquid import charge_lost_liquid
from flowrig.run.on_twin import simulated_chemistry, with_twin
from flowrig.run.options import ResumeOptions, RunOptions, new_run_folder
from flowrig.run.preflight import require_acceptable
from flowrig.run.session import RunOutcome, RunSession, newest_s
from flowrig.run_record.changes import changes_of, drivers_of
from flowrig.run_record.experiment import journalled_objective
from flowrig.run_record.folder import profile_copy, require_new
from flowrig.run_record.lock import is_locked, locked
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import latched_trips
from flowrig.safety.waste import WasteAccount
from flowrig.version import __version__

__all__ = ["UNATTENDED", "RunOutcome", "resume_run", "start_run"]

PACKAGES = (
    "numpy", "pyserial", "pyvisa", "pyvisa-py", "seabreeze", "scikit-learn", "scipy", "torch",
)  # fmt: skip
"""Packages whose versions are recorded with a run if they are installed."""


PATIENCE_S = 3.0
"""Longest wait [s, real time] for a program that is about to leave the instruments."""

UNATTENDED = ("interrupted", "unknown")
"""States of a run whose rig may still heat and pump without supervision."""


def start_run(target: str | Path, options: RunOptions | None = None) -> RunOutcome:
    """Run a campaign from its beginning.

    Args:
        target: a campaign file, or the name or path of a profile with a campaign of its own.
        options: where and how to run it.

    Returns:
        how the run ended. Its exit code is 0 if the campaign is finished.

    Raises:
        InputError: the input is wrong, or the journal cannot be written; nothing was opened.
    """
    options = options or RunOptions()
    source = read_profile(target, options.plugins)
    if options.study is not None:
        source = source.with_study(options.study)
    profile = source.load()
    if profile.campaign is None:
        raise InputError(f"{target} has no [campaign]; name a campaign file instead")
    seed = _seed(profile.campaign.seed, options)
    require_gates(profile, options.yes_to)
    load_plugins_of(profile)
    if options.twin is not None:
        source = with_twin(source, options.twin)
        profile = source.load()
    emulates = options.simulate and options.simulator is emulated
    require_acceptable(profile, options.plugins, simulate=emulates)
    earlier = read_earlier(profile, options.plugins)
    folder = new_run_folder(target) if options.folder is None else Path(options.folder)
    text = source.text
    with claimed_for(profile, folder, simulated=options.simulate):
        pass  # refused before a folder is made
    require_new(folder)
    with (
        locked(folder),
        claimed_for(profile, folder, simulated=options.simulate),
        profile_copy(folder, text),
        Journal.create(folder / FILE_NAME) as journal,
    ):
        status = RunStatus.of(profile)
        journal.listen(status, *options.listeners)
        with _nothing_opened_yet():
            journal.append(_beginning(profile, text, seed, options), 0.0)
            copy_to_journal(journal, earlier, 0.0)
        loaded = LoadedRun(options.plugins, profile, journal.examined)
        with RunRecord(folder, loaded=loaded) as record:
            return RunSession(record, journal, options, status).run(resumed=False)


def resume_run(folder: Path | str, options: ResumeOptions | None = None) -> RunOutcome:
    """Resume a run that was stopped, held or interrupted; the rig goes to its safe state first.

    Of a finished run that has nothing left to do, no instrument is opened.

    Args:
        folder: the run's folder.
        options: how to resume, and what a person has done since: refilled, emptied, reset.

    Returns:
        how the run ended. Its exit code is 0 if the campaign is finished.

    Raises:
        InputError: this is not the folder of a run, another process runs it, its profile or a
            plugin changed, its journal is damaged, or a safety rule tripped and was not reset.
    """
    options, folder = options or ResumeOptions(), Path(folder)
    with ExitStack() as stack:
        before = stack.enter_context(RunRecord(folder, options.plugins))
        stack.enter_context(_hint_if_unattended(before))
        changes = changes_of(before.journal, before.profile_file, before.profile, options.plugins)
        changes.require_accepted(options.accept_changes, folder)
        _require_possible(options, changes.profile)
        loaded = before.loaded
        before.close()  # Windows replaces no file that is open, and a damaged journal is replaced
        lock_or_take_over(stack, folder)
        journal = stack.enter_context(
            Journal(folder / FILE_NAME, cut=options.cut, since=loaded.examined)
        )
        loaded = evolve(loaded, examined=journal.examined)
        record = stack.enter_context(RunRecord(folder, loaded=loaded))
        state = record.ended_state
        if state != "finished" or changes.differences:  # else nothing is opened
            stack.enter_context(claimed_for(changes.profile, folder, simulated=record.simulated))
        status = RunStatus.of(changes.profile)
        journal.listen(status, *options.listeners)
        with _nothing_opened_yet():
            charge_lost_liquid(journal, record)
            _require_reset(journal, folder, options.reset)
            if changes.differences:
                journal.append(changes.accepted, newest_s(journal))
                loaded = evolve(loaded, profile=changes.profile)
                record = stack.enter_context(RunRecord(folder, loaded=loaded))
            journal.append(_resumption(record, options), newest_s(journal))
            if options.reset:
                journal.append(_reset(options), newest_s(journal))
        session = RunSession(record, journal, options, status)
        if state == "finished" and is_campaign_over(record, journal):
            return session.conclude()
        return session.run(resumed=True, is_unattended=state in UNATTENDED)


@contextmanager
def claimed_for(profile: Profile, folder: Path, *, simulated: bool) -> Iterator[None]:
    """Keep other programs from the instruments of a run, if they are real.

    Raises:
        InputError: another program uses one of them, or an address is a placeholder.
    """
    if simulated:
        yield
        return
    require_addresses(profile)
    with claimed(profile, folder, patience_s=PATIENCE_S):
        yield


def _seed(default: int, options: RunOptions) -> int:
    seed = default if options.seed is None else options.seed
    if not 0 <= seed <= SEED_MAX:
        raise InputError(f"the seed must be 0 to {SEED_MAX}, got {seed}")
    return seed


def _beginning(profile: Profile, text: str, seed: int, options: RunOptions) -> RunStarted:
    """The first event of a run."""
    assert profile.campaign is not None
    chemistry, invented = simulated_chemistry(profile) if options.simulate else ("", False)
    return RunStarted(
        profile=profile.name,
        profile_digest=profile.digest,
        campaign=profile.campaign.title or profile.title,
        experiments=profile.campaign.experiments,
        objective=journalled_objective(profile.objective, profile.percent_features),
        units=profile.space.units,
        seed=seed,
        simulated=options.simulate,
        versions=_versions(options.plugins),
        profile_toml=text,
        drivers=drivers_of(profile, options.plugins),
        readings=profile.readings or None,
        chemistry=chemistry,
        invented=invented,
    )


def _resumption(record: RunRecord, options: ResumeOptions) -> Resumed:
    """The event of a resume: changes that a person made, and the progress of the campaign."""
    profile, best = record.profile, record.best()
    sound = [one for one in record.experiments() if one.may_be_best]
    goals = {str(e.index): goals_of(profile.objective, e.features) for e in sound}
    return Resumed(
        refilled=tuple(options.refilled),
        emptied=tuple(options.emptied),
        versions=_versions(options.plugins),
        objective=journalled_objective(profile.objective, profile.percent_features),
        units=profile.space.units,
        planned=record.planned if profile.campaign else 0,
        profile=profile.name,
        simulated=record.simulated,
        skipped=len(record.skipped()),
        done=len(record.experiments()),
        best=None if best is None else best.objective,
        waiting=tuple(one.index for one in record.waiting()),
        merits={str(e.index): e.objective for e in sound},
        goals={index: one for index, one in goals.items() if one} or None,
        sound=tuple(record.sound()),
        unsettled=tuple(_unsettled(record)),
    )


def _unsettled(record: RunRecord) -> Iterator[int]:
    """Numbers of the experiments that are decided and not over, and that do not settle."""
    over = {one.index for one in record.experiments()} | record.skipped()
    yield from (d.index for d in record.decisions() if not d.settles and d.index not in over)


def _reset(options: ResumeOptions) -> TripReset:
    """The event of the rules that a person has reset, each once."""
    return TripReset(rules=tuple(dict.fromkeys(options.reset)))


def _require_possible(options: ResumeOptions, profile: Profile) -> None:
    """Refuse names that the profile does not have, and plugins that are not installed."""
    _require_known(options.refilled, profile.refillable, "syringe or reservoir")
    _require_known(options.emptied, WasteAccount(profile).capacity_ul, "waste with a volume")
    require_gates(profile, options.yes_to)
    load_plugins_of(profile)


def _require_known(names: Sequence[str], known: Collection[str], what: str) -> None:
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise InputError(f"there is no {what} {name!r}; there are {there}")


@contextmanager
def _nothing_opened_yet() -> Iterator[None]:
    """Turn a journal that cannot be written into wrong input: no instrument was opened yet."""
    try:
        yield
    except JournalError as error:
        raise InputError(f"{error}; look after its disk, then try again") from error


@contextmanager
def _hint_if_unattended(record: RunRecord) -> Iterator[None]:
    """Add to a refusal that the rig may still heat and pump, and how to make it safe.

    The rig is not brought to its safe state without a request: if the profile was changed because
    the rig was, only a person knows what may move.
    """
    state = record.ended_state
    try:
        yield
    except InputError as error:
        if record.simulated or state not in UNATTENDED or is_locked(record.folder):
            raise
        raise InputError(
            f"{error}\nthe run is {state}: unless a person has stopped the rig, it still heats and "
            "pumps as the program left it. To bring it to the safe state now, by the profile "
            f"with which the run began: flowrig safe {record.folder}"
        ) from error


def _require_reset(journal: Journal, folder: Path, reset: Sequence[str]) -> None:
    """Refuse to resume after a trip that is not reset, and to reset a rule that has not tripped."""
    latched = latched_trips(journal)
    tripped = list(dict.fromkeys(trip.rule for trip in latched))
    for rule in reset:
        if rule not in tripped:
            known = ", ".join(sorted(tripped)) or "none"
            raise InputError(f"the rule {rule!r} has not tripped; those that have: {known}")
    if set(tripped) - set(reset):
        listed = "".join(f"\n  {trip.rule}: {trip}" for trip in latched if trip.rule not in reset)
        words = " ".join(f"--reset-trip {rule}" for rule in tripped)
        raise InputError(
            f"a safety rule tripped and was not reset:{listed}\n"
            f"remove the cause, then: flowrig resume {folder} {words}"
        )


def load_plugins_of(profile: Profile) -> None:
    """Import all plugins that a profile names: a missing package is found before anything moves.

    Raises:
        MissingDependencyError: packages are missing; the message names what to install.
    """
    require_installed(profile.offers)
    for offer in profile.offers:
        offer.load()


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
