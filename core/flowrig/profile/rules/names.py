"""Rules for names that refer to other parts of the profile."""

from collections.abc import Iterable, Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path, nearest

__all__ = ["detector", "device", "one_of"]


def one_of(
    name: str, known: Iterable[str], what: str, path: Path, *, on_key: bool = False
) -> Iterator[Finding]:
    """A finding unless the name is known.

    Args:
        name: the name in the profile.
        known: the valid names.
        what: kind of the named part, for the message.
        path: path of the name in the profile.
        on_key: whether the name is a key.
    """
    names = sorted(known)
    if name not in names:
        expected = f"one of {', '.join(names)}" if names else ""
        near = nearest(name, names)
        yield Finding(
            path, f"unknown {what} {name!r}", expected=expected, nearest=near, on_key=on_key
        )


def detector(profile: Profile, name: str, path: Path) -> Iterator[Finding]:
    """A finding unless the name belongs to a spectrometer or another device that takes frames."""
    entry = profile.devices.get(name)
    if entry is None or not entry.axis_unit:
        yield from device(profile, name, "spectrometer", path)


def device(profile: Profile, name: str, kind: str, path: Path) -> Iterator[Finding]:
    """A finding unless the name belongs to a device of a kind."""
    entry = profile.devices.get(name)
    fitting = [one.name for one in profile.devices.values() if one.offer.kind == kind]
    if entry is None:
        yield from one_of(name, fitting, kind, path)
    elif entry.offer.kind != kind:
        expected = f"a {kind}" + (f": {', '.join(sorted(fitting))}" if fitting else "")
        yield Finding(path, f"{name!r} is a {entry.offer.kind}", expected=expected)
