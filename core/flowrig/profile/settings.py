"""Settings of an offer, from the words of a command line."""

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
    """The settings of an offer, with the keys and quantities of a profile.

    Args:
        offer: the offer of a driver, optimizer or surrogate.
        words: settings such as "baud=9600" and "set_point_max=250 °C".
        table: further keys with their values; a word replaces the same key.

    Returns:
        an instance of the offer's settings class.

    Raises:
        InputError: a key does not exist, or a value does not fit; the message says what would.
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
    """The value of a text in TOML; the text itself if it is no TOML value."""
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
