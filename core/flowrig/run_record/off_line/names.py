"""Results as people write them: names of quantities, and values with units."""

import math
from collections.abc import Iterable, Mapping

from flowrig.errors import InputError
from flowrig.profile import Profile
from flowrig.profile.problems import nearest
from flowrig.profile.quantity import QuantityError

__all__ = ["named_quantity", "unbounded", "values_of"]


def values_of(profile: Profile, words: Iterable[str]) -> dict[str, float]:
    """Values of off-line quantities from words such as "plqy=61%".

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
        quantity = named_quantity(profile, name)
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


def named_quantity(profile: Profile, name: str) -> str:
    """The CHANNEL.QUANTITY that a person means.

    It may be written in full, as a feature that only renames it, or as the quantity alone where one
    channel gives it.

    Raises:
        InputError: nothing has this name, or several things.
    """
    units = profile.analysis.off_line_units
    if name in units:
        return name
    renamed = _renamed(profile)
    if name in renamed:
        return renamed[name]
    found = [one for one in units if one.partition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{name!r} can be {' or '.join(found)}; write one of them")
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
