"""The reference of the profile names every key, with its unit and default."""

import re
from functools import cache
from typing import Any

import attrs
import pytest
import tomlkit
from docs_pages import DOCS
from profile_keys import ProfileKey, keys_of_profile, keys_of_settings

from flowrig.profile.model import NO_LIMIT
from flowrig.profile.quantity import parse_quantity, unit_factors

KEYS = sorted({*map(str, [*keys_of_profile(), *keys_of_settings()])})
NOTHING = "–"


@cache
def rows() -> dict[str, tuple[str, str]]:
    """Unit and default as documented, by heading and key."""
    found, heading = {}, ""
    for line in (DOCS / "profile.md").read_text(encoding="utf-8").splitlines():
        if title := re.fullmatch(r"### `(.+)`", line):
            heading = title[1]
        elif row := re.fullmatch(r"\| `(\w+)` \| (.+?) \| (.+?) \| .+ \|", line):
            found[f"{heading} {row[1]}"] = row[2], row[3]
    return found


@cache
def known() -> dict[str, ProfileKey]:
    return {str(key): key for key in (*keys_of_profile(), *keys_of_settings())}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_told_with_its_unit_and_default(name: str) -> None:
    """What the page says of a key is what the classes behind it say."""
    key = known()[name]
    assert name in rows(), f"docs/profile.md has no row for {name}"
    unit, default = rows()[name]
    if key.unit:
        assert unit == key.unit
    if key.default is attrs.NOTHING:
        assert default == "required"
    elif key.default in (None, "", (), {}, NO_LIMIT) or key.key == "at_most":
        assert default == NOTHING
    else:
        assert value_of(default, key.unit) == key.default


def test_no_key_is_told_that_is_not_there() -> None:
    """A key that went away goes from the page too."""
    assert set(rows()) == set(KEYS)


def value_of(shown: str, unit: str) -> Any:
    value = tomlkit.value(shown.strip("`")).unwrap()
    return parse_quantity(value, unit) if unit else value


def test_every_unit_is_told() -> None:
    """The table of units has each that a profile can use; composed ones as their parts."""
    page = (DOCS / "profile.md").read_text(encoding="utf-8")
    table = page[page.index("| kind | units |") : page.index("### Expressions")]
    told = {one for cell in re.findall("`([^`]+)`", table) for one in (cell, *cell.split("/"))}
    same = {"°C": "degC", "C": "degC", "ul": "uL", "ml": "mL", "nl": "nL", "l": "L"}
    for dimension, unit, _ in unit_factors():
        parts = [same.get(part, part) for part in unit.split("/")]
        assert unit in told or {*parts} <= told, f"{dimension}: {unit}"


def test_every_key_of_an_observer_is_told() -> None:
    page = (DOCS / "notify.md").read_text(encoding="utf-8")
    keys = {one.key for one in keys_of_settings(observers=True)}
    assert keys
    assert {one for one in keys if f"| `{one}` |" not in page} == set()
