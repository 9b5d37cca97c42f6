"""Off-line channels, from their tables in a profile."""

from collections.abc import Mapping
from typing import Any

import attrs
from cattrs import Converter

from flowrig.profile.converter import as_table, as_text
from flowrig.profile.mismatch import MISFITS, At, Mismatch
from flowrig.profile.model.off_line import ANALYSIS_S, Given, OffLine, value_in
from flowrig.profile.quantity import QuantityError

__all__ = ["off_line_channel"]


@attrs.frozen(kw_only=True)
class _Keys:
    """The keys of an off-line channel but for its name."""

    use: str
    gives: Mapping[str, Any]
    within_s: float | None = None
    takes_s: float = ANALYSIS_S
    files: str = ""
    series_s: Mapping[str, tuple[float, ...]] = attrs.field(factory=dict)


def off_line_channel(name: str, table: Mapping[str, Any], converter: Converter) -> OffLine:
    """The off-line channel of a table.

    Args:
        name: of the channel.
        table: its keys.
        converter: structures plain values and quantities.

    Raises:
        ValueError: a key does not fit; also as a group of several.
    """
    gives, misfits = dict[str, Given](), list[Exception]()
    keys = None
    given = table.get("gives")
    for quantity, one in (given if isinstance(given, dict) else {}).items():
        try:
            gives[quantity] = _given(one)
        except MISFITS as error:
            misfits.append(At("gives", At(quantity, error)))
    plain = {**table, "gives": {}} if isinstance(given, dict) else dict(table)
    try:
        keys = converter.structure(plain, _Keys)
    except MISFITS as error:
        misfits.append(error)
    if keys is None or misfits:
        raise ExceptionGroup("off-line channel", misfits)
    return OffLine(
        name=name,
        gives=gives,
        within_s=keys.within_s,
        takes_s=keys.takes_s,
        files=keys.files,
        series_s=keys.series_s,
        path=("analysis", "channels", name),
    )


def _given(value: Any) -> Given:
    """A quantity: its unit alone, or a table with its unit and its range."""
    if not isinstance(value, dict):
        return Given(unit=as_text(value))
    table = as_table(value)
    for key in table:
        if key not in ("unit", "range"):
            raise Mismatch(f"unknown key {key!r}", at=(key,), on_key=True)
    if "unit" not in table:
        raise Mismatch("missing key 'unit'", on_key=True)
    unit = as_text(table["unit"], "unit")
    if "range" not in table:
        return Given(unit=unit)
    bounds = table["range"]
    if not (isinstance(bounds, list) and len(bounds) == 2):
        raise Mismatch("got no pair", "smallest and largest value in an array", at=("range",))
    try:
        low, high = (value_in(as_text(one, "range"), unit) for one in bounds)
    except QuantityError as error:
        raise Mismatch(error.message, error.expected, at=("range",)) from error
    if not low < high:
        raise Mismatch("the range has no width", "the smaller value first", at=("range",))
    return Given(unit=unit, low=low, high=high)
