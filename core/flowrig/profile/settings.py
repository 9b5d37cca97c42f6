"""Settings of what a plugin offers, from the words of a command line."""

import tomllib
from collections.abc import Iterable
from typing import Any

import attrs

from flowrig.errors import InputError
from flowrig.plugins.offers import Offer
from flowrig.profile.converter import strict_converter
from flowrig.profile.mismatch import MISFITS, findings, toml_key

__all__ = ["settings_from"]


def settings_from(offer: Offer, words: Iterable[str], **table: Any) -> Any:
    """The settings of an offer as a profile would have them.

    Args:
        offer: a driver, an optimizer, a surrogate.
        words: "baud=9600", "set_point_max=250 °C"; keys and quantities are those of a profile.
        table: further keys with their values; words take their place.

    Returns:
        an instance of the offer's settings class.

    Raises:
        InputError: a key that does not exist, or a value that does not fit; it says what would.
    """
    attributes = {toml_key(one): one for one in attrs.fields(attrs.resolve_types(offer.settings))}
    for word in words:
        key, equals, text = (part.strip() for part in word.partition("="))
        if not (key and equals):
            raise InputError(f"--set {word!r}: expected key=value")
        takes_text = key in attributes and attributes[key].type is str
        table[key] = text if takes_text else _value(text)
    try:
        return strict_converter().structure(table, offer.settings)
    except MISFITS as error:
        raise InputError(_message(offer, error)) from error


def _value(text: str) -> Any:
    """What TOML makes of a text; the text itself, if that is nothing."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _message(offer: Offer, error: BaseException) -> str:
    lines = []
    for finding in findings(error, ()):
        where = "".join(f"{key}: " for key in finding.path if not finding.on_key)
        expected = f"; expected {finding.expected}" if finding.expected else ""
        near = f"; did you mean {finding.nearest!r}?" if finding.nearest else ""
        lines.append(f"{offer.name}: {where}{finding.message}{expected}{near}")
    return "\n".join(lines)
