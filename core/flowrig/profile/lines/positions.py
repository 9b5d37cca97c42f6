"""Writes ranges of positions out: `positions = { line = [1, 16] }` names line_1 to line_16."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from flowrig.interfaces.capabilities import SelectableSettings
from flowrig.plugins.offers import DriverOffer
from flowrig.profile.problems import Finding, Path, shown
from flowrig.profile.source import Document

__all__ = ["with_positions"]

MOST_POSITIONS = 1000
"""Most positions of one range."""

Ranges = Mapping[str, tuple[str, ...]]
"""By the name of a range, the names of its positions."""


def with_positions(
    document: Document, drivers: Mapping[str, DriverOffer]
) -> tuple[Document, list[Finding]]:
    """The content of a profile with the positions of its ranges by name, and what is wrong.

    Args:
        document: the content.
        drivers: by name. Only a device whose profile numbers its positions has ranges of them.
    """
    devices = document.content.get("devices")
    if not isinstance(devices, dict):
        return document, []
    ranges, findings = dict[str, Ranges](), list[Finding]()
    content, spots = dict(document.content), dict(document.spots)
    for name, table in devices.items():
        positions = table.get("positions") if isinstance(table, dict) else None
        if not isinstance(positions, dict) or not _numbers_positions(table, drivers):
            continue
        here: Path = ("devices", name, "positions")
        if not any(isinstance(one, list) for one in positions.values()):
            continue
        wrong = list(_wrong(positions, here))
        findings += wrong
        if wrong:  # each range becomes one position, so that nothing else is said of it
            positions = {
                key: -number if isinstance(one, list) else one
                for number, (key, one) in enumerate(positions.items(), 1)
            }
        ranges[name] = {key: _names(key, one) for key, one in positions.items()}
        written_out = {**table, "positions": _numbered(positions)}
        content["devices"] = {**content["devices"], name: written_out}
        for key, names in ranges[name].items():
            if (spot := spots.get((*here, key))) is not None:
                spots |= {(*here, one): spot for one in names}
    if ranges and isinstance(content.get("path"), dict):
        content["path"] = {n: _with_outlets(one, ranges) for n, one in content["path"].items()}
    return evolve(document, content=content, spots=spots), findings


def _with_outlets(component: Any, ranges: Mapping[str, Ranges]) -> Any:
    """A component with the outlets of its valve by position: the same for all of a range."""
    if not isinstance(component, dict) or component.get("kind") != "valve":
        return component
    turned = [one for one in component.values() if isinstance(one, str) and one in ranges]
    found = dict(component)
    for names in (ranges[one] for one in turned):
        for key in ("to", "routes"):
            outlets = found.get(key)
            if isinstance(outlets, dict):
                every = outlets.items()
                found[key] = {p: one for key_, one in every for p in names.get(key_, (key_,))}
    return found


def _numbers_positions(table: Mapping[str, Any], drivers: Mapping[str, DriverOffer]) -> bool:
    offer = drivers.get(table["driver"]) if isinstance(table.get("driver"), str) else None
    return offer is not None and issubclass(offer.settings, SelectableSettings)


def _wrong(positions: Mapping[str, Any], here: Path) -> Iterator[Finding]:
    taken = [key for key, one in positions.items() if not isinstance(one, list)]
    for key, one in positions.items():
        if not isinstance(one, list):
            continue
        numbers = [n for n in one if isinstance(n, int) and not isinstance(n, bool)]
        first, last = numbers if len(numbers) == len(one) == 2 else (0, 0)
        if not 0 < last - first < MOST_POSITIONS:
            expected = "the number of a position, or the first and the last of several, as [1, 16]"
            yield Finding((*here, key), f"got {shown(one)}", expected=expected)
            continue
        twice = next((name for name in _names(key, one) if name in taken), None)
        if twice is not None:
            message = f"{twice!r} is a position of the range {key!r} too"
            yield Finding((*here, twice), message, expected="another name", on_key=True)


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return (key,)
    first, last = value
    return tuple(f"{key}_{place}" for place in range(1, last - first + 2))


def _numbered(positions: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, one in positions.items():
        numbers = range(one[0], one[1] + 1) if isinstance(one, list) else [one]
        found |= dict(zip(_names(key, one), numbers, strict=True))
    return found
