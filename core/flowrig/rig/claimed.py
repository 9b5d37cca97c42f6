"""The instruments of a rig, claimed for one program."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flowrig.claims import claim, is_placeholder, places
from flowrig.errors import InputError, InUseError
from flowrig.interfaces import Identity
from flowrig.profile import Profile

__all__ = ["alone", "claimed", "require_addresses", "require_distinct"]

_UNKNOWN = ("", "na", "none", "unknown", "unavailable", "notavailable")
"""Serial numbers of instruments that do not know theirs."""


_lock = threading.Lock()
_open_rigs: dict[str, str] = {}
"""Places of the open rigs of this process, each with the name of its profile."""


@contextmanager
def alone(profile: Profile) -> Iterator[None]:
    """Keep other programs, and a second rig of this one, from the instruments of a rig.

    Raises:
        InputError: an address is a placeholder.
        InUseError: another program, or a rig that is open, uses one of the instruments.
    """
    require_addresses(profile)
    places_of = {
        name: places(entry.settings.connects_to(look=True))
        for name, entry in profile.devices.items()
        if not entry.emulated
    }
    mine = {place for some in places_of.values() for place in some}
    with _lock:
        for name, some in places_of.items():
            for place in some:
                if place in _open_rigs:
                    use = f"in use by the rig {_open_rigs[place]}, which this program has open"
                    raise InUseError(name, f"{use}; close it first")
        _open_rigs.update(dict.fromkeys(mine, profile.name))
    try:
        with claimed(profile):
            yield
    finally:
        with _lock:
            for place in mine:
                _open_rigs.pop(place, None)


@contextmanager
def claimed(
    profile: Profile, run: Path | str = "", *, partly: bool = False, patience_s: float = 0.0
) -> Iterator[Mapping[str, str]]:
    """Keep other programs of this computer from the instruments of a rig.

    Emulated instruments of this process are left out. Another claim of this process on the same
    instruments does not matter.

    Args:
        profile: the rig.
        run: folder of the run that uses it; empty for another use.
        partly: go on without instruments that another program uses, unless it uses them all.
        patience_s: longest wait [s, real time] for a program that is about to end.

    Yields:
        by device, who uses it.

    Raises:
        InUseError: another program uses an instrument, or all if `partly`; the message names it.
    """
    refused: dict[str, str] = {}
    entries = {name: entry for name, entry in profile.devices.items() if not entry.emulated}
    with ExitStack() as stack:
        for name, entry in entries.items():
            where = places(entry.settings.connects_to(look=True))
            what = f"{name} at {entry.settings.address}"
            wait_s = 0.0 if refused else patience_s
            try:
                stack.callback(claim(where, what, run=run, patience_s=wait_s).release)
            except InUseError as error:
                refused[name] = error.use
        if refused and not (partly and len(refused) < len(entries)):
            raise _in_use(refused)
        yield refused


def _in_use(refused: Mapping[str, str]) -> InUseError:
    """One line for each program, with all its instruments."""
    lines = [
        (", ".join(name for name, one in refused.items() if one == use), use)
        for use in dict.fromkeys(refused.values())
    ]
    *others, (what, use) = lines
    return InUseError("\n".join([*(f"{who}: {how}" for who, how in others), what]), use)


def require_addresses(profile: Profile) -> None:
    """Refuse a rig with addresses that a person has yet to write.

    Raises:
        InputError: an address is one that nobody has; the message names each.
    """
    lines = [
        f"devices.{name}: put the address of your instrument in the place of {address!r}"
        for name, entry in profile.devices.items()
        for address in entry.settings.connects_to()
        if is_placeholder(address)
    ]
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))


def require_distinct(profile: Profile, identities: Mapping[str, Identity]) -> None:
    """Refuse two devices that turn out to be one instrument; nothing has moved yet.

    Devices that share an address are parts of one instrument. Emulators of one kind may report one
    serial number.

    Args:
        profile: the rig.
        identities: by device.

    Raises:
        InputError: two devices at different addresses report one serial number.
    """
    seen: dict[tuple[str, ...], str] = {}
    for name, who in identities.items():
        entry = profile.devices[name]
        number = _serial_number(who)
        if entry.emulated or not number:
            continue
        other = seen.setdefault((str(who.vendor), str(who.model), number), name)
        if other == name or _share_a_place(profile, name, other):
            continue
        raise InputError(
            f"devices.{other} and devices.{name} are one instrument: at "
            f"{profile.devices[other].settings.address} and at {entry.settings.address} answers "
            f"the {who.model} with the serial number {who.serial_number}; correct an address"
        )


def _share_a_place(profile: Profile, one: str, other: str) -> bool:
    first, second = (profile.devices[name].settings.connects_to(look=True) for name in (one, other))
    return bool({*places(first)} & {*places(second)})


def _serial_number(who: Identity) -> str:
    """The serial number; empty if the instrument does not tell a real one."""
    number = str(who.serial_number or "").strip()
    letters = "".join(one for one in number.casefold() if one.isalnum())
    return "" if letters in _UNKNOWN or not letters.strip("0") else number
