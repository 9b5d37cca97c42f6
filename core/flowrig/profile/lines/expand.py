"""Writes the components of `[lines]` out, once for each line, before anything else reads them.

What is behind the reader sees an ordinary path. Places of messages stay those of the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from flowrig.profile.model.lines import LINES, MOST_LINES, Lines, name_in
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.source import Document, Spot

__all__ = ["once_each", "with_lines"]

_LEAST_SUM, _LARGEST_SUM = 0.999, 1.001


def with_lines(document: Document) -> tuple[Document, list[Finding]]:
    """The content of a profile with the parts of its lines written out, and what is wrong.

    Args:
        document: the content; one without `[lines]` stays as it is, and so does one whose lines
            cannot be written out.
    """
    lines = _lines(document.content)
    path = document.content.get("path")
    if lines is None or not isinstance(path, dict):
        return document, []
    findings = [*_form(lines), *_parts(lines, path), *_ways(lines, document.content)]
    if findings:
        return document, findings
    content = {**document.content, "path": _written_out(lines, path)}
    for key in ("residence_time", "sections"):
        if isinstance(content.get(key), dict):
            content[key] = _stretches(lines, key, content[key])
    content = _with_positions(lines, content)
    return evolve(document, content=content, spots=_spots(lines, document.spots)), []


def once_each(findings: Iterable[Finding], content: Mapping[str, Any]) -> list[Finding]:
    """Findings, where one about a part of the lines stands once and not for every line.

    Args:
        findings: of a profile whose lines are written out.
        content: of the profile.
    """
    lines = _lines(content)
    if lines is None:
        return list(findings)
    found: dict[Any, Finding] = {}
    for one in findings:
        in_path = one.path[:1] == ("path",) and len(one.path) > 1
        line = lines.line_of(str(one.path[1])) if in_path else None
        if line is None:
            found[one] = one
        else:
            part = str(one.path[1]).rpartition(".")[0]
            message = one.message.replace(f".{line}'", "'")
            found.setdefault((part, one.path[2:], message), one)
    return list(found.values())


def _lines(content: Mapping[str, Any]) -> Lines | None:
    """The table `[lines]`, as far as it can be understood; its form is checked elsewhere."""
    table = content.get("lines")
    if not isinstance(table, dict):
        return None
    count, parts, shares = table.get("count"), table.get("parts"), table.get("shares", [])
    if not isinstance(count, int) or not isinstance(parts, list) or not isinstance(shares, list):
        return None
    numbers = [one for one in shares if isinstance(one, int | float)]
    if len(numbers) < len(shares) or not all(isinstance(one, str) for one in parts):
        return None
    return Lines(count=count, parts=tuple(parts), shares=tuple(map(float, numbers)))


def _form(lines: Lines) -> Iterator[Finding]:
    here: Path = ("lines",)
    if not 2 <= lines.count <= MOST_LINES:
        message = f"got {lines.count} lines"
        yield Finding((*here, "count"), message, expected=f"2 to {MOST_LINES}")
    if not lines.parts:
        yield Finding((*here, "parts"), "no component is named", expected="the names of components")
    if not lines.shares:
        return
    path = (*here, "shares")
    if len(lines.shares) != lines.count:
        message = f"there are {len(lines.shares)} shares and {lines.count} lines"
        yield Finding(path, message, expected="one share for each line, or no key `shares`")
    elif min(lines.shares) <= 0.0:
        yield Finding(path, f"got {min(lines.shares):g}", expected="shares above 0")
    elif not _LEAST_SUM <= sum(lines.shares) <= _LARGEST_SUM:
        message = f"the shares sum to {sum(lines.shares):g}"
        yield Finding(path, message, expected="shares that sum to 1, or no key for equal ones")


def _parts(lines: Lines, path: Mapping[str, Any]) -> Iterator[Finding]:
    """The parts are components, each named once, and no other component has their names."""
    for number, part in enumerate(lines.parts):
        here: Path = ("lines", "parts", number)
        if part in lines.parts[:number]:
            yield Finding(here, f"{part!r} is named twice", expected="each component once")
        elif part not in path:
            expected = f"one of {', '.join(path)}"
            near = nearest(part, path)
            message = f"there is no component {part!r}"
            yield Finding(here, message, expected=expected, nearest=near)
    taken = [one for part in lines.parts for one in lines.names(part) if one in path]
    for name in taken[:1]:
        message = f"{name!r} is the name of a part in a line"
        yield Finding(("path", name), message, expected="another name", on_key=True)
    if LINES in path:
        message = "a scan goes over `lines`, which would mean this component too"
        yield Finding(("path", LINES), message, expected="another name", on_key=True)


def _ways(lines: Lines, content: Mapping[str, Any]) -> Iterator[Finding]:
    """What leads into lines can divide: it is no stream, and no outlet for a phase or position."""
    expected = "a junction before the lines, whose flow divides into them"
    streams, path = content.get("streams"), content["path"]
    for name, stream in streams.items() if isinstance(streams, dict) else ():
        to = stream.get("to") if isinstance(stream, dict) else None
        if to in lines.parts:
            message = f"the stream {name!r} cannot divide into {lines.count} lines"
            yield Finding(("streams", name, "to"), message, expected=expected)
    for name, table in path.items():
        if not isinstance(table, dict):
            continue
        to = table.get("to")
        ways: dict[tuple[str, ...], Any] = {}
        if isinstance(to, dict):
            ways |= {("to", key): one for key, one in to.items()}
        routes = table.get("routes")
        for position, way in routes.items() if isinstance(routes, dict) else ():
            if isinstance(way, dict):
                ways |= {("routes", position, key): one for key, one in way.items()}
        inside = name in lines.parts
        for path_of, outlet in ways.items():
            leads_in = isinstance(outlet, str) and outlet in lines.parts
            if leads_in and not (inside and path_of[0] == "to"):
                message = f"{name!r} cannot divide what it leads into {lines.count} lines"
                yield Finding(("path", name, *path_of), message, expected=expected)


def _written_out(lines: Lines, path: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, table in path.items():
        if name not in lines.parts:
            found[name] = _led(table, lambda to: _divided(lines, to))
            continue
        for line in range(1, lines.count + 1):
            found[name_in(name, line)] = _led(table, lambda to, line=line: _kept(lines, line, to))
    return found


def _led(table: Any, led: Any) -> Any:
    if not isinstance(table, dict) or "to" not in table:
        return table
    return {**table, "to": led(table["to"])}


def _divided(lines: Lines, to: Any) -> Any:
    """Where a component outside of the lines leads: into each line, with its share."""
    match to:
        case str() if to in lines.parts:
            shares = {to: 1.0}
        case list() if any(one in lines.parts for one in to):
            shares = {str(one): 1.0 / len(to) for one in to}
        case dict() if any(one in lines.parts for one in to):
            shares = to
        case _:
            return to
    found: dict[str, Any] = {}
    for outlet, share in shares.items():
        if outlet in lines.parts and isinstance(share, int | float):
            every = range(1, lines.count + 1)
            found |= {name_in(outlet, line): share * lines.share(line) for line in every}
        else:
            found[outlet] = share
    return found


def _kept(lines: Lines, line: int, to: Any) -> Any:
    """Where a part leads in its line: to the parts of the same line, or out of the lines."""

    def kept(outlet: Any) -> Any:
        return name_in(outlet, line) if outlet in lines.parts else outlet

    match to:
        case str():
            return kept(to)
        case list():
            return [kept(one) for one in to]
        case dict():
            return {
                kept(key): kept(one) if isinstance(one, str) else one for key, one in to.items()
            }
    return to


def _stretches(lines: Lines, key: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """τ and sections that start or end in lines.

    One that starts in lines is that of the line with the smallest share, which takes longest.
    """
    if key == "sections":
        every = content.items()
        return {name: _stretch(lines, one) if isinstance(one, dict) else one for name, one in every}
    return _stretch(lines, content)


def _stretch(lines: Lines, table: Mapping[str, Any]) -> dict[str, Any]:
    start, found = table.get("start"), dict(table)
    starts_inside = isinstance(start, str) and start in lines.parts
    if starts_inside:
        found["start"] = name_in(str(start), lines.slowest)
    if "end" in table:
        given = table["end"]
        ends = given if isinstance(given, list) else [given]
        if any(one in lines.parts for one in ends if isinstance(one, str)):
            some = [lines.slowest] if starts_inside else range(1, lines.count + 1)
            found["end"] = [
                name
                for one in ends
                for name in ([name_in(one, n) for n in some] if one in lines.parts else [one])
            ]
    return found


def _with_positions(lines: Lines, content: Mapping[str, Any]) -> dict[str, Any]:
    """A scan over lines goes to the positions of its device: all, or all but the safe one."""
    analysis = content.get("analysis")
    channels = analysis.get("channels") if isinstance(analysis, dict) else None
    if not isinstance(channels, dict):
        return dict(content)
    devices = content.get("devices")
    found = {}
    for name, channel in channels.items():
        scan = channel.get("scan") if isinstance(channel, dict) else None
        found[name] = channel
        if not isinstance(scan, dict) or scan.get("over") != LINES:
            continue
        device = devices.get(scan.get("device")) if isinstance(devices, dict) else None
        listed = _positions(lines, device) if isinstance(device, dict) else []
        if listed and not {"positions", "from", "to", "points"} & scan.keys():
            found[name] = {**channel, "scan": {**scan, "positions": listed}}
    return {**content, "analysis": {**analysis, "channels": found}}  # type: ignore[dict-item]


def _positions(lines: Lines, device: Mapping[str, Any]) -> list[str]:
    named = device.get("positions")
    every = list(named) if isinstance(named, dict) else []
    others = [one for one in every if one != device.get("safe")]
    return next((some for some in (every, others) if len(some) == lines.count), [])


def _spots(lines: Lines, spots: Mapping[Path, Spot]) -> dict[Path, Spot]:
    """The places of what stands in the file, for every name that it has now."""
    found = dict(spots)
    for path, spot in spots.items():
        if path[:1] != ("path",) or len(path) < 2:
            continue
        named = [number for number, key in enumerate(path) if number and key in lines.parts]
        if not named:
            continue
        for line in range(1, lines.count + 1):
            copied = [name_in(str(k), line) if n in named else k for n, k in enumerate(path)]
            found[tuple(copied)] = spot
    return found
