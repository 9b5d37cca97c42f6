"""Rules for lines: what is at one component cannot be at many, and what looks goes around."""

from collections.abc import Iterator

from flowrig.profile.model import LINES, Component, Lines, Profile
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.problems import Finding, Path

__all__ = ["RULES"]


def at_parts(profile: Profile) -> Iterator[Finding]:
    """A part has a heater and detectors that scan over lines; other devices are elsewhere."""
    lines = profile.lines
    if lines is None:
        return
    for name, component in _first_line(profile, lines):
        for device, word in component.devices.items():
            if device in profile.devices and not profile.devices[device].axis_unit:
                message = f"{device!r} cannot be in {lines.count} lines"
                expected = "the device at a component before or behind the lines"
                yield Finding(("path", name, word), message, expected=expected, on_key=True)
        if component.by_hand:
            message = "a person would change it in every line"
            expected = "a component of one volume, or one outside of [lines]"
            yield Finding(("path", name, "by_hand"), message, expected=expected, on_key=True)


def seen_in_turn(profile: Profile) -> Iterator[Finding]:
    """A detector in the lines looks at one after the other."""
    lines = profile.lines
    if lines is None:
        return
    seen: dict[str, str] = {}
    for name, component in _first_line(profile, lines):
        for device in detectors_at(component, profile.devices):
            here: Path = ("path", name, "spectrometer")
            if seen.setdefault(device, name) != name:
                message = f"{device!r} looks at each line twice"
                yield Finding(here, message, expected="one component with this detector")
                continue
            if device in profile.devices:
                yield from _goes_around(profile, lines, device)


def _goes_around(profile: Profile, lines: Lines, device: str) -> Iterator[Finding]:
    for channel in profile.analysis.channels.values():
        if channel.device != device or (channel.scan is not None and channel.scan.over == LINES):
            continue
        message = (
            f"{device!r} is in {lines.count} lines, and the channel does not say which it sees"
        )
        expected = f'scan = {{ device = "NAME", over = "{LINES}" }} with what leads each to it'
        yield Finding(channel.path, message, expected=expected, on_key=True)


def _first_line(profile: Profile, lines: Lines) -> Iterator[tuple[str, Component]]:
    """The parts of the first line; in the others there is the same."""
    for name, component in profile.path.items():
        if lines.line_of(name) == 1:
            yield name, component


RULES = (at_parts, seen_in_turn)
