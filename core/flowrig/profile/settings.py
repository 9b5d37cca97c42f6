"""Settings of an offer, from the words of a command line."""

import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from flowrig.errors import InputError
from flowrig.plugins.offers import Offer
from flowrig.profile.converter import as_text, strict_converter
from flowrig.profile.mismatch import MISFITS, findings, toml_key
from flowrig.profile.problems import Finding
from flowrig.profile.structure import OfferSource, Structurer

__all__ = ["changed_by", "key_texts", "settings_from"]


def settings_from(offer: Offer, plugins: OfferSource, words: Iterable[str], **table: Any) -> Any:
    """The settings of an offer, with the keys and quantities of a profile.

    Args:
        offer: the offer of a driver, optimizer or surrogate.
        plugins: the installed plugins; a setting may name one of their offers, as the surrogate
            `mean-of` names others.
        words: settings such as "baud=9600" and "set_point_max=250 °C".
        table: further keys with their values; a word replaces the same key.

    Returns:
        an instance of the offer's settings class.

    Raises:
        InputError: a key does not exist, or a value does not fit; the message says what would.
    """
    table |= _table(offer.settings, words, "--set")
    settings, misfits = Structurer(plugins).structure(table, offer.settings, ())
    if misfits:
        raise InputError(_message(offer.name, misfits))
    return settings


def changed_by(words: Iterable[str], base: Any, option: str, owner: str) -> Any:
    """An instance of an attrs class with other values of some fields.

    Args:
        words: values such as "echo=false" and "delay_unit=1 s", with the keys and quantities of a
            profile; the value of a field of bytes is a text in which `\\r` is a carriage return.
        base: the instance; every field of its class has a default.
        option: the command-line option that takes the words, for messages.
        owner: the thing that has the fields, for messages.

    Raises:
        InputError: a key does not exist, or a value does not fit; the message says what would.
    """
    table = _table(type(base), words, option)
    converter = strict_converter()
    converter.register_structure_hook(bytes, lambda value, _: _bytes(as_text(value)))
    try:
        made = converter.structure(table, type(base))
    except MISFITS as error:
        raise InputError(_message(owner, findings(error, ()))) from error
    names = (one.name for one in attrs.fields(type(base)) if toml_key(one) in table)
    return attrs.evolve(base, **{name: getattr(made, name) for name in names})


def _table(cls: type, words: Iterable[str], option: str) -> dict[str, Any]:
    """The values in the words of a command line, by TOML key."""
    attributes = {toml_key(one): one for one in attrs.fields(attrs.resolve_types(cls))}
    table: dict[str, Any] = {}
    for key, text in key_texts(words, option):
        takes_text = key in attributes and attributes[key].type is str
        table[key] = text if takes_text else _value(text)
    return table


def key_texts(words: Iterable[str], option: str) -> Iterator[tuple[str, str]]:
    """Key and text of each word, such as "echo=false".

    Raises:
        InputError: a word has no key, or no text.
    """
    for word in words:
        key, equals, text = (part.strip() for part in word.partition("="))
        if not (key and equals):
            raise InputError(f"{option} {word!r}: expected key=value")
        yield key, text


def _value(text: str) -> Any:
    """The value of a text in TOML; the text itself if it is no TOML value."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _bytes(text: str) -> bytes:
    """The bytes of a text in which escapes such as `\\r` and `\\x00` are not replaced yet."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def _message(owner: str, misfits: Iterable[Finding]) -> str:
    lines = []
    for finding in misfits:
        where = "".join(f"{key}: " for key in finding.path if not finding.on_key)
        expected = f"; expected {finding.expected}" if finding.expected else ""
        near = f"; did you mean {finding.nearest!r}?" if finding.nearest else ""
        lines.append(f"{owner}: {where}{finding.message}{expected}{near}")
    return "\n".join(lines)
