"""Results as people write them: names of quantities, and values with units."""

import math
from collections.abc import Iterable, Mapping

from flowrig.errors import InputError
from flowrig.profile import Profile
from flowrig.profile.problems import nearest
from flowrig.profile.quantity import QuantityError, parse_quantity

__all__ = ["named_quantity", "series_of", "unbounded", "values_of"]


def values_of(
    profile: Profile, words: Iterable[str], *, is_stored: bool = False
) -> dict[str, float]:
    """Values of off-line quantities from words such as "plqy=61%".

    Args:
        profile: the rig.
        words: NAME=VALUE each.
        is_stored: whether they are of a stored sample.

    Returns:
        values in the units of the profile, by CHANNEL.QUANTITY.

    Raises:
        InputError: a word is no result; the message says what would be one.
    """
    found: dict[str, float] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not (name and equals and text):
            raise InputError(f"{word!r}: expected NAME=VALUE with a unit, as plqy=61%")
        quantity = named_quantity(profile, name, is_stored=is_stored)
        if quantity in found:
            raise InputError(f"{quantity} is given twice")
        found[quantity] = value_of(profile, quantity, text, name)
    return found


def value_of(profile: Profile, quantity: str, text: str, name: str) -> float:
    """A value of an off-line quantity in its unit.

    Args:
        profile: the rig.
        quantity: CHANNEL.QUANTITY.
        text: number and unit.
        name: the quantity as the person calls it, for messages.

    Raises:
        InputError: the text is no such value.
    """
    channel, _, inner = quantity.partition(".")
    given = profile.analysis.off_line[channel].gives[inner]
    try:
        return given.value(text)
    except QuantityError as error:
        hint = ""
        if given.unit and error.message.endswith("without a unit"):
            plain = text.strip()
            hint = f"; if it is in {given.unit}: {name}={plain}{given.unit}"
        raise InputError(f"{name}: expected {error.expected}, {error.message}{hint}") from error


def unbounded(profile: Profile, quantity: str) -> bool:
    """Whether any number is taken as a result of CHANNEL.QUANTITY."""
    channel, _, inner = quantity.partition(".")
    return not any(map(math.isfinite, profile.analysis.off_line[channel].gives[inner].sensible))


def series_of(
    profile: Profile, quantities: Iterable[str], series: str, text: str
) -> tuple[str, float | None]:
    """How a sample was stored, and its age [s].

    Args:
        profile: the rig.
        quantities: CHANNEL.QUANTITY of what was found of it; none of a sample that is lost.
        series: how it was stored; "" where its channel has one series.
        text: its age, such as "5 h"; "" for a sample that is lost.

    Raises:
        InputError: there is no such series, or the age is none.
    """
    stored = profile.analysis.stored
    if not stored:
        raise InputError(
            f"{profile.name} has no off-line channel of stored samples; give one of its "
            "[analysis.channels] a table `series`"
        )
    channels = {name.partition(".")[0] for name in quantities} or stored.keys()
    known = list(dict.fromkeys(n for c in stored if c in channels for n in stored[c].series_s))
    if not series and len(known) == 1:
        series = known[0]
    if not series:
        raise InputError(
            f"the series of the sample is missing, as --series {known[0]}; "
            f"there are {', '.join(known)}"
        )
    if series not in known:
        near = nearest(series, known)
        hint = f"; did you mean {near!r}?" if near else ""
        raise InputError(f"--series: expected one of {', '.join(known)}, got {series!r}{hint}")
    if not text:
        return series, None
    try:
        age_s = parse_quantity(text, "s")
    except QuantityError as error:
        raise InputError(f"--at: {error}, as --at 5h") from error
    if age_s < 0.0:
        raise InputError(f"--at: got {text}; an age is not below 0")
    return series, age_s


def named_quantity(profile: Profile, name: str, *, is_stored: bool = False) -> str:
    """The CHANNEL.QUANTITY that a person means.

    It may be written in full, as a feature that only renames it, or as the quantity alone where one
    channel gives it.

    Raises:
        InputError: nothing has this name, or several things.
    """
    analysis = profile.analysis
    units = analysis.stored_units if is_stored else analysis.off_line_units
    if name in units:
        return name
    renamed = {} if is_stored else _renamed(profile)
    if name in renamed:
        return renamed[name]
    found = [one for one in units if one.partition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name!r} can be {' or '.join(found)}; write one of them")
    if not is_stored and any(name in (n, n.partition(".")[2]) for n in analysis.stored_units):
        raise InputError(f"{name!r} is of a stored sample; say --series and --at, its age")
    if not units:
        raise InputError(
            f"{profile.name} has no off-line channel that could give {name!r}; add one to its "
            "[analysis.channels], or attach a file alone"
        )
    shown = ", ".join(f"{one} ({unit})" if unit else one for one, unit in units.items())
    near = nearest(name, [*units, *renamed])
    hint = f"; did you mean {near!r}?" if near else ""
    raise InputError(f"there is no off-line result {name!r}; there are {shown}{hint}")


def _renamed(profile: Profile) -> Mapping[str, str]:
    """By feature that only renames an off-line quantity, the quantity."""
    units = profile.analysis.off_line_units
    found = {}
    for name, feature in profile.features.items():
        text = "" if feature.expression is None else feature.expression.expression.text.strip()
        if text in units:
            found[name] = text
    return found
