"""Every key that a profile can have, from the attrs classes that it is read into."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen

from flowrig.interfaces import At
from flowrig.plugins.offers import Offer
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import Objective
from flowrig.profile import Interlock, model
from flowrig.profile.expressions import Expression
from flowrig.profile.mismatch import toml_key
from flowrig.profile.quantity import split_suffix

__all__ = ["ProfileKey", "keys_of_profile", "keys_of_settings"]

CHOICES = {
    model.DeviceEntry: "driver",
    model.Channel: "use",
    model.Simulation: "world",
    model.QualityRule: "use",
    model.SurrogateChoice: "name",
    model.Stage: "optimizer",
    Objective: "name",
}
"""The key that names the offer whose settings stand beside it."""

BEHIND_THE_DRIVER = ("kind", "abilities", "drives")
"""What is known of a device from its driver, or from its stream, and no key."""

OF_A_READING = {"breaks": "below", "limit": "rises_faster_than"}
"""Keys of an interlock on a reading, by the fields that they become."""

OTHER_FORMS = {"selector": "supply", "vessel": "supply"}
"""Keys of fields that are another form of a key."""

NAMED_BY_THEIR_TABLE = (
    model.DeviceEntry,
    model.Stream,
    model.Component,
    model.ControlLoop,
    model.Section,
    model.Channel,
)

NOT_WRITTEN = (
    "offer",
    "settings",
    "emulated",
    "digest",
    "system",
    "equations",
    "quantity",
    "expressions",
    "named_by",
    "contents_at",
    "off_line",
)
"""Fields that are no keys: they follow from the keys."""

VALUES = (model.LinearRule, model.Choice, model.ExpressionLimit, Expression)
"""Classes of values that are no tables of keys."""


@frozen
class ProfileKey:
    """One key.

    Attributes:
        table: as a heading shows it: "[streams.NAME]", "[[space]]", or a plugin's name.
        key: the key.
        unit: of a quantity, else "".
        default: attrs.NOTHING where the key is required.
    """

    table: str
    key: str
    unit: str
    default: Any

    def __str__(self) -> str:
        return f"{self.table} {self.key}"


def keys_of_profile() -> Iterator[ProfileKey]:
    """The keys of a profile's own tables."""
    yield from _keys(model.Profile, "", "profile")
    yield ProfileKey("[[interlocks]]", "while_flowing", "", ())
    attrs.resolve_types(model.OffLine)
    for attribute in attrs.fields(model.OffLine):
        if attribute.name not in ("name", "path"):
            yield _key(attribute, model.OFF_LINE)


def keys_of_settings(*, observers: bool = False) -> Iterator[ProfileKey]:
    """The keys of the settings of everything that comes with flowrig.

    Args:
        observers: those of observers, which stand in no profile, in place of the others.
    """
    for listed in Plugins.discover().listed:
        is_wanted = (listed.offer.kind == "observer") == observers
        if listed.plugin.distribution == "flowrig" and is_wanted:
            attrs.resolve_types(listed.offer.settings)
            for attribute in attrs.fields(listed.offer.settings):
                if attribute.init:
                    yield _key(attribute, _heading(listed.offer))


def _heading(offer: Offer) -> str:
    """The heading of the settings of an offer; a study may have the name of an optimizer."""
    return f'study = "{offer.name}"' if offer.kind == "study" else offer.name


def _keys(cls: type, path: str, heading: str) -> Iterator[ProfileKey]:
    if cls in CHOICES:
        default = model.DEFAULT_SIMULATION["world"] if cls is model.Simulation else attrs.NOTHING
        yield ProfileKey(heading, CHOICES[cls], "", default)
    if cls is Objective:
        return
    if cls is model.Stage:
        yield ProfileKey(heading, "study", "", None)
    attrs.resolve_types(cls)
    for attribute in attrs.fields(cls):
        own_name = attribute.name == "name" and cls in NAMED_BY_THEIR_TABLE
        if own_name or attribute.name in NOT_WRITTEN:
            continue
        if cls is model.Channel and attribute.name == "path":  # where its table stands
            continue
        if cls is model.DeviceEntry and attribute.name in BEHIND_THE_DRIVER:
            continue
        if cls is model.Variable and attribute.name == "device":  # the key is `is`
            continue
        if cls is Interlock and attribute.name in OF_A_READING:
            yield ProfileKey(heading, OF_A_READING[attribute.name], "", None)
            continue
        inner, marks = _table_in(attribute.type)
        if inner is None or inner is At:
            yield _key(attribute, heading)
            continue
        key = OTHER_FORMS.get(attribute.name, toml_key(attribute))
        below = f"{path}.{key}".lstrip(".") + (".NAME" if marks == "{}" else "")
        yield from _keys(inner, below, f"[[{below}]]" if marks == "[]" else f"[{below}]")


def _key(attribute: "attrs.Attribute[Any]", heading: str) -> ProfileKey:
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    if isinstance(default, At):
        default = default.where
    if isinstance(default, model.ChemistryChoice):
        default = default.offer.name
    if attribute.name == "name" and heading == "profile":
        default = ""  # the file's name
    unit = split_suffix(attribute.name)[1]
    return ProfileKey(heading, toml_key(attribute), unit, default)


def _table_in(wanted: Any) -> tuple[type | None, str]:
    """The class behind a field, if it is a table, and whether there are several of it."""
    arguments = [one for one in typing.get_args(wanted) if one is not type(None)]
    origin = typing.get_origin(wanted)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return (arguments[1], "{}") if _is_table(arguments[1]) else (None, "")
    if origin is tuple:
        return (arguments[0], "[]") if _is_table(arguments[0]) else (None, "")
    plain = arguments[0] if arguments else wanted
    return (plain, "") if _is_table(plain) else (None, "")


def _is_table(cls: Any) -> bool:
    return cls is Objective or (attrs.has(cls) and cls not in VALUES)
