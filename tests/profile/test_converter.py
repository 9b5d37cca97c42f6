"""Settings classes of plugins: which types they may have, and how misfits are told."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import Attribute, field, frozen

from flowrig.errors import InputError
from flowrig.profile.converter import strict_converter
from flowrig.profile.mismatch import MISFITS, findings


class Mode(Enum):
    SLOW = "slow"
    FAST = "fast"


class Colour(StrEnum):
    RED = "red"


@frozen
class Inner:
    length_mm: float


def _is_even(_settings: Any, _attribute: "Attribute[int]", value: int) -> None:
    if value % 2:
        raise InputError("an odd number of things")


def _to_hundred(value: int) -> int:
    if value > 100:
        raise ValueError("share is above 100")
    return value


@frozen(kw_only=True)
class Settings:
    mode: Mode = Mode.SLOW
    colour: Colour = Colour.RED
    folder: Path = Path()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    count: int = field(default=2, validator=_is_even)
    share: int = field(default=0, converter=_to_hundred)
    window_nm: tuple[float, float] = (0.0, 1.0)
    coefficients: tuple[float, float] = (2.0, 1.0)
    doses_ul: tuple[float, ...] = ()
    rates_ul_min: Mapping[str, float] = field(factory=dict)
    labels: dict[str, str] = field(factory=dict)
    wait_s: float | None = None
    exposure_us: int = 1000
    parity: Literal["even", "odd", 1] = "odd"
    enabled: bool = True
    anything: Any = None


def structured(content: dict[str, Any]) -> Settings:
    result: Settings = strict_converter().structure(content, Settings)
    return result


def told(content: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        structured(content)
    except MISFITS as error:
        return [(*one.path, one.message) for one in findings(error, ())]
    return []


def test_every_type_of_a_settings_class() -> None:
    """Enumerations, files, tables, arrays, quantities and choices arrive as their Python types."""
    content = {
        "mode": "fast",
        "colour": "red",
        "folder": "a/b",
        "inner": {"length": "2 cm"},
        "inners": [{"length": "1 mm"}, {"length": "2 mm"}],
        "count": 4,
        "share": 50,
        "window": ["250 nm", "0.35 um"],
        "coefficients": [3, -1.5],
        "doses": ["1 uL", "2 mL"],
        "rates": {"A": "1 mL/min"},
        "labels": {"a": "b"},
        "wait": "1 h",
        "exposure": "2.5 ms",
        "parity": 1,
        "enabled": False,
        "anything": [1, {"a": 2}],
    }
    assert structured(content) == Settings(
        mode=Mode.FAST,
        colour=Colour.RED,
        folder=Path("a/b"),
        inner=Inner(20.0),
        inners=(Inner(1.0), Inner(2.0)),
        count=4,
        share=50,
        window_nm=(250.0, 350.0),
        coefficients=(3.0, -1.5),
        doses_ul=(1.0, 2000.0),
        rates_ul_min={"A": 1000.0},
        labels={"a": "b"},
        wait_s=3600.0,
        exposure_us=2500,
        parity=1,
        enabled=False,
        anything=[1, {"a": 2}],
    )


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ({"mode": "fats"}, ("mode", 'got "fats"')),
        ({"colour": "blue"}, ("colour", 'got "blue"')),
        ({"folder": 3}, ("folder", "got 3")),
        ({"inner": {"length": 3}}, ("inner", "length", "got 3 without quotes and unit")),
        ({"inners": [{"length": "1 mm"}, {}]}, ("inners", 1, "missing key 'length'")),
        ({"inners": [{"length": "1 mm", "x": 1}]}, ("inners", 0, "x", "unknown key 'x'")),
        ({"inners": {"length": "1 mm"}}, ("inners", "got a table")),
        ({"count": 3}, ("count", "an odd number of things")),
        ({"count": True}, ("count", "got true")),
        ({"count": 2.0}, ("count", "got 2.0")),
        ({"share": 101}, ("share", "`share` is above 100")),
        ({"window": ["1 nm"]}, ("window", "got 1 values")),
        ({"window": ["1 nm", "2 s"]}, ("window", 1, 'got "2 s"')),
        ({"doses": "1 uL"}, ("doses", 'got "1 uL"')),
        ({"rates": {"A": "1 uL"}}, ("rates", "A", 'got "1 uL"')),
        ({"labels": {"a": 1}}, ("labels", "a", "got 1")),
        ({"wait": 3600}, ("wait", "got 3600 without quotes and unit")),
        ({"exposure": "0.5 us"}, ("exposure", 'got "0.5 us", which is 0.5 us')),
        ({"parity": True}, ("parity", "got true")),
        ({"enabled": "yes"}, ("enabled", 'got "yes"')),
    ],
)
def test_a_misfit_is_told_at_its_path(content: dict[str, Any], finding: tuple[Any, ...]) -> None:
    """Nothing is converted by force; the path leads to the very element."""
    assert told(content) == [finding]


def test_all_misfits_are_told_at_once() -> None:
    """One misfit does not hide another."""
    assert told({"mode": 1, "wait": 2, "doses": ["1 s", "1 uL", 3]}) == [
        ("mode", "got 1"),
        ("doses", 0, 'got "1 s"'),
        ("doses", 2, "got 3 without quotes and unit"),
        ("wait", "got 2 without quotes and unit"),
    ]
