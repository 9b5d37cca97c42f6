"""Changes of the profile and plugins of a run since it began."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import frozen

from flowrig.errors import InputError
from flowrig.journal.events import ChangesAccepted, RunStarted
from flowrig.journal.journal import Journal
from flowrig.plugins.offers import Offer
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile, load_profile_text

__all__ = ["PROFILE_NAME", "Changes", "basis_of", "changes_of", "drivers_of", "profile_of"]

PROFILE_NAME = "profile.toml"

Basis = RunStarted | ChangesAccepted
"""Event that records with which profile and software a run measures from then on."""


def basis_of(journal: Journal) -> Basis:
    """Profile and versions with which a run began, or which were accepted since.

    Raises:
        InputError: the journal does not hold the beginning of a run.
    """
    newest = journal.last(RunStarted, ChangesAccepted)
    if newest is None:
        raise InputError(f"{journal.path} holds no beginning of a run")
    return newest.data


def profile_of(journal: Journal, file: Path, plugins: Plugins) -> Profile:
    """The profile with which a run measured.

    Args:
        journal: of the run; a journal that 0.1.0 wrote does not hold the text of the profile.
        file: the copy of the profile in the run's folder.
        plugins: installed plugins.

    Raises:
        ProfileError: the profile is wrong, or its file is missing.
    """
    text = basis_of(journal).profile_toml
    return (
        load_profile(file, plugins) if text is None else load_profile_text(text, str(file), plugins)
    )


@frozen
class Changes:
    """Differences between a run as it began and its profile and plugins as they are now.

    Attributes:
        profile: the profile as it is now.
        differences: one sentence each; empty if nothing changed.
        accepted: the event that records that they were accepted.
    """

    profile: Profile
    differences: tuple[str, ...]
    accepted: ChangesAccepted

    def require_accepted(self, are_accepted: bool, folder: Path) -> None:
        """Refuse to resume with changes that the caller has not accepted.

        Raises:
            InputError: something changed; the message lists the changes and what to do.
        """
        if self.differences and not are_accepted:
            listed = "".join(f"\n  {one}" for one in self.differences)
            raise InputError(
                f"the profile or the plugins of the run in {folder} were changed:{listed}\n"
                "restore them, so that all measurements of the run mean the same; or start a new "
                f"run; or accept the changes: flowrig resume {folder} --accept-changes"
            )


def changes_of(journal: Journal, file: Path, before: Profile, plugins: Plugins) -> Changes:
    """Compare the profile and plugins of a run as it began with those that are there now.

    A profile whose file is missing is written again from the journal.

    Args:
        journal: of the run.
        file: the profile in the run's folder.
        before: the profile with which the run measured.
        plugins: installed plugins.

    Raises:
        ProfileError: the profile as it is now is wrong.
    """
    basis = basis_of(journal)
    if not file.is_file() and basis.profile_toml is not None:
        file.write_text(basis.profile_toml, encoding="utf-8", newline="\n")
    text = _text_of(file)
    if text is not None and (basis.profile_toml is None or text == basis.profile_toml):
        profile = before
    else:
        profile = load_profile(file, plugins)
        text = file.read_text(encoding="utf-8")
    versions = _versions_of(profile, plugins)
    differences: list[str] = []
    if profile.digest != basis.profile_digest:
        differences += _differences(basis.profile_toml, text, file.name)
    old_versions = basis.versions
    differences += [
        f"{name} {old_versions.get(name, 'unknown')} is {now} now"
        for name, now in versions.items()
        if old_versions.get(name) != now
    ]
    accepted = ChangesAccepted(
        differences=tuple(differences),
        profile_digest=profile.digest,
        profile_toml=text,
        versions=versions,
        drivers=drivers_of(profile, plugins),
    )
    return Changes(profile, tuple(differences), accepted)


def _text_of(file: Path) -> str | None:
    """The text of a profile; None if it cannot be read, and `load_profile` says why."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _versions_of(profile: Profile, plugins: Plugins) -> dict[str, str]:
    """Versions of flowrig, and of the distributions of every plugin that a profile names."""
    offers = profile.offers
    return {"flowrig": version("flowrig")} | {
        listed.plugin.distribution: listed.plugin.version
        for listed in plugins.listed
        if listed.offer in offers
    }


def drivers_of(profile: Profile, plugins: Plugins) -> dict[str, str]:
    """Plugin and distribution of each driver and kind of a rig, and of its world.

    Returns:
        for instance "chemyx of flowrig", by name of the offer; that of a kind is "kind valve".
    """
    offers: list[Offer] = [device.offer for device in profile.devices.values()]
    if profile.simulation is not None:
        offers += profile.simulation.offers
    kinds = {device.kind.name for device in profile.devices.values() if device.kind is not None}
    found = {
        listed.offer.name: listed.plugin.key for listed in plugins.listed if listed.offer in offers
    }
    return found | {
        f"kind {listed.offer.name}": listed.plugin.key
        for listed in plugins.listed
        if listed.table == "kind" and listed.offer.name in kinds
    }


def _differences(before: str | None, now: str, name: str) -> Iterator[str]:
    if before is None:
        yield f"{name} is another profile; the journal holds only the digest of the old one"
        return
    old, new = (dict(_flat(tomllib.loads(text))) for text in (before, now))
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) != new.get(key):
            yield f"{name}: {key}: {_shown(old.get(key))} is {_shown(new.get(key))} now"


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their dotted keys; an entry of a list by its number, from 1."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, f"{path}[{number}]")
    else:
        yield path, value


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
