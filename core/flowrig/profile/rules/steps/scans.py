"""Rules for scans: what moves, to which positions, and who else uses it."""

from collections.abc import Iterator

from flowrig.profile.model import LINES, Channel, Lines, Profile, Scan
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.model.scans import MOST_POSITIONS
from flowrig.profile.problems import Finding, Path
from flowrig.profile.quantity import QuantityError
from flowrig.profile.rules import names

__all__ = ["RULES"]


def scans(profile: Profile) -> Iterator[Finding]:
    """A scan moves a device that is free to move while liquid flows, to positions that it has."""
    for channel in profile.analysis.channel_tables.values():
        if channel.scan is not None:
            here = channel.key("scan")
            yield from _form(channel.scan, here)
            yield from _device(profile, channel.scan, here)
            yield from _over(profile, channel, channel.scan, here)


def _form(scan: Scan, here: Path) -> Iterator[Finding]:
    ends = (scan.start, scan.end, scan.points)
    given = [one is not None for one in ends]
    if bool(scan.positions) == any(given) or (any(given) and not all(given)):
        expected = "either an array `positions`, or `from`, `to` and `points`"
        yield Finding(here, "it is not clear where the scan goes", expected=expected, on_key=True)
    elif not 2 <= scan.count <= MOST_POSITIONS:
        message = f"the scan has {scan.count} positions"
        yield Finding(here, message, expected=f"2 to {MOST_POSITIONS}", on_key=True)
    if not scan.settle_s >= 0.0:
        yield Finding((*here, "settle"), f"got {scan.settle_s:g} s", expected="0 s or more")


def _device(profile: Profile, scan: Scan, here: Path) -> Iterator[Finding]:
    moved = {n: one for n, one in profile.devices.items() if one.is_controlled}
    path: Path = (*here, "device")
    yield from names.one_of(scan.device, moved, "device that is set or turned", path)
    entry = moved.get(scan.device)
    if entry is None:
        return
    turned = {step.device for step in profile.procedure}
    chosen = {one.device for one in profile.variables}
    for is_so, why in (
        (entry.by_hand, "a person works it, while liquid has to stand"),
        (not entry.abilities.under_flow, "it must not turn while liquid flows"),
        (scan.device in chosen, "a variable sets it"),
        (scan.device in turned, "the procedure turns it"),
    ):
        if is_so:
            message = f"a scan cannot move {scan.device!r}: {why}"
            yield Finding(path, message, expected="a device of its own that moves by itself")
    listed = scan.positions or tuple(one for one in (scan.start, scan.end) if one is not None)
    for number, text in enumerate(listed):
        place: Path = (*here, "positions", number)
        if not scan.positions:
            place = (*here, ("from", "to")[number])
        try:
            value = entry.value_of(text)
        except QuantityError as error:
            yield Finding(place, error.message, expected=error.expected)
            continue
        if isinstance(value, str) and not scan.positions:
            message = f"{scan.device!r} has positions, and no numbers"
            yield Finding(place, message, expected="an array `positions`")


def _over(profile: Profile, channel: Channel, scan: Scan, here: Path) -> Iterator[Finding]:
    if scan.over is None:
        return
    path: Path = (*here, "over")
    if scan.over == LINES and profile.lines is not None:
        yield from _over_lines(profile, profile.lines, channel, here)
        return
    yield from names.one_of(scan.over, profile.path, "component", path)
    component = profile.path.get(scan.over)
    if component is not None and channel.device not in detectors_at(component, profile.devices):
        message = f"{channel.device!r} is not at {scan.over!r}"
        expected = f'the component with `spectrometer = "{channel.device}"`'
        yield Finding(path, message, expected=expected)


def _over_lines(profile: Profile, lines: Lines, channel: Channel, here: Path) -> Iterator[Finding]:
    """A scan over lines has a position for each, and a detector that is in them."""
    assert channel.scan is not None
    if channel.scan.count != lines.count:
        message = f"the scan has {channel.scan.count} positions, and there are {lines.count} lines"
        expected = "an array `positions` with the position of each line, in order"
        yield Finding(here, message, expected=expected, on_key=True)
    at = [one for name, one in profile.path.items() if lines.line_of(name) is not None]
    if not any(channel.device in detectors_at(one, profile.devices) for one in at):
        message = f"{channel.device!r} is at no component of the lines"
        expected = f'one of {", ".join(lines.parts)} with `spectrometer = "{channel.device}"`'
        yield Finding((*here, "over"), message, expected=expected)


def one_scan(profile: Profile) -> Iterator[Finding]:
    """Channels of one detector scan alike, and a device has one scan."""
    of_detector: dict[str, Scan | None] = {}
    of_device: dict[str, Scan] = {}
    for channel in profile.analysis.channels.values():
        scan = channel.scan
        if of_detector.setdefault(channel.device, scan) != scan:
            message = f"another channel of {channel.device!r} has another scan, or none"
            yield Finding(channel.path, message, expected="the same `scan` in both", on_key=True)
        elif scan is not None and of_device.setdefault(scan.device, scan) != scan:
            message = f"another channel scans with {scan.device!r} in another way"
            yield Finding(channel.key("scan"), message, expected="the same `scan` in both")


def steady_only(profile: Profile) -> Iterator[Finding]:
    """A scan is taken at the steady state: neither over time nor again and again."""
    for channel in profile.analysis.channel_tables.values():
        if channel.scan is None:
            continue
        for is_so, what in (
            (bool(profile.procedure), "a procedure of one's own"),
            (profile.residence_time.stationary is not None, "a check of stationary features"),
        ):
            if is_so:
                message = f"a scan does not go with {what}"
                yield Finding(channel.key("scan"), message, expected="one of both", on_key=True)


RULES = (scans, one_scan, steady_only)
