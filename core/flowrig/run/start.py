"""Runs: a folder with everything in it, started once and resumed as often as it takes."""

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flowrig.clock import Clock
from flowrig.errors import InputError, JournalError
from flowrig.journal.events import Objective, Resumed, RunStarted, Tripped, TripReset
from flowrig.journal.journal import FILE_NAME, Journal, Listener
from flowrig.operator.gates import require_gates
from flowrig.operator.requests import OperatorRequests
from flowrig.plugins.offers import require_installed
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile, merged_toml
from flowrig.rig.simulated import Simulator, emulated
from flowrig.run.earlier_experiments import freeze, read_earlier
from flowrig.run.lost_liquid import account_of_cuts
from flowrig.run.on_twin import with_twin
from flowrig.run.session import RunOutcome, RunSession, newest_s
from flowrig.run_record.changes import PROFILE_NAME, changes_of
from flowrig.run_record.folder import frozen_copy, require_new
from flowrig.run_record.lock import locked
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import latched_trips
from flowrig.safety.waste import WasteAccount
from flowrig.version import __version__

__all__ = ["ADRIFT", "RunOutcome", "reset_trips", "resume_run", "start_run"]

PACKAGES = (
    "numpy", "pyserial", "pyvisa", "pyvisa-py", "seabreeze", "scikit-learn", "torch",
)  # fmt: skip
"""Packages whose versions are kept with a run where they are installed."""

SEED_MAX = 2**32 - 1
"""Largest seed that every generator of random numbers takes."""

ADRIFT = ("interrupted", "unknown")
"""States of a run after which nobody knows what its rig does."""


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
    requests: OperatorRequests | None = None,
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
        requests: what a person wants of the run.
        optimizer_process: whether the optimizer thinks in a process of its own; by default on the
            real clock, where all that it needs is installed.
        yes_to: gates that are answered ahead, by name.
        plugins: what is installed, if it was looked up already.
        simulator: what puts emulated instruments behind the drivers of a simulated run.

    Raises:
        InputError: the input is wrong, or the journal cannot be written; nothing was opened.
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
    require_new(folder)
    with (
        locked(folder),
        frozen_copy(folder, text) as frozen_profile,
        Journal.create(folder / FILE_NAME) as journal,
    ):
        profile = load_profile(frozen_profile, plugins)
        assert profile.campaign is not None
        status = RunStatus()
        journal.listen(status, *listeners)
        with _nothing_opened_yet():
            journal.append(
                RunStarted(
                    profile=profile.name,
                    profile_digest=profile.digest,
                    campaign=profile.campaign.title or profile.title,
                    experiments=profile.campaign.experiments,
                    objective=Objective(name=profile.objective.name, unit=profile.objective.unit),
                    units=profile.space.units,
                    seed=seed,
                    simulated=simulate,
                    versions=_versions(plugins),
                    profile_toml=text,
                ),
                0.0,
            )
            freeze(journal, earlier, 0.0)
        session = RunSession(
            folder,
            journal,
            plugins=plugins,
            clock=clock,
            requests=requests,
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
    requests: OperatorRequests | None = None,
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
        requests: what a person wants of the run.
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
            with _nothing_opened_yet():
                _account_of_cuts(journal, folder, plugins)
                _reset(journal, reset)
                _require_reset(journal, folder)
                now_s = newest_s(journal)
                if changes.differences:
                    journal.append(changes.accepted, now_s)
                journal.append(
                    Resumed(
                        refilled=tuple(refilled),
                        emptied=tuple(emptied),
                        versions=_versions(plugins),
                        objective=Objective(**summary["objective"]),
                        units=profile.space.units,
                        planned=profile.campaign.experiments if profile.campaign else 0,
                        profile=profile.name,
                        simulated=summary["simulated"],
                        skipped=len(summary["skipped"]),
                        done=summary["experiments"],
                        best=summary["best"] and summary["best"]["objective"],
                    ),
                    now_s,
                )
            session = RunSession(
                folder,
                journal,
                plugins=plugins,
                clock=clock,
                requests=requests,
                status=status,
                optimizer_process=optimizer_process,
                yes_to=yes_to,
                simulator=simulator,
            )
            return session.run(resumed=True, record=record)


@contextmanager
def _nothing_opened_yet() -> Iterator[None]:
    """Refuse a run whose journal takes nothing from the beginning."""
    try:
        yield
    except JournalError as error:
        raise InputError(f"{error}; look after its disk, then try again") from error


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
) -> list[Tripped]:
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
        journal.append(TripReset(rules=tuple(dict.fromkeys(rules))), newest_s(journal))


def _require_reset(journal: Journal, folder: Path) -> None:
    latched = latched_trips(journal)
    if latched:
        told = "".join(f"\n  {trip.rule}: {trip}" for trip in latched)
        raise InputError(
            f"a safety rule tripped, and nobody has reset it:{told}\n"
            f"remove the cause, then: flowrig reset {folder}"
        )


def load_plugins_of(profile: Profile) -> None:
    """Import everything that a profile names: a missing package shows before anything moves.

    Raises:
        MissingDependencyError: packages are missing; the message says what to install for all.
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
