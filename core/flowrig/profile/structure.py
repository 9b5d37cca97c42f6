"""Plain values of a profile into the frozen classes of `model`, by cattrs.

A field's TOML key is its name without the unit (`flow_rate_ul_min` is `flow_rate`), and its value
a quantity. A device's settings stand beside `driver`, a stage's beside `optimizer`, and so on; they
become instances of the settings class that the plugin's offer names.
"""

import math
import operator
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Literal, Protocol, Union

import attrs
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from flowrig.errors import FlowrigError, PluginError
from flowrig.objective import Objective
from flowrig.offers import DriverOffer, Offer
from flowrig.profile import model
from flowrig.profile.linear import RuleError, parse_rule
from flowrig.profile.problems import Finding, Key, Path, nearest, shown
from flowrig.profile.quantity import QuantityError, parse_quantity, split_suffix

__all__ = ["OfferSource", "Structurer", "toml_key"]

_NAME = "<name>"
"""Where a table's own name is handed to cattrs; nobody writes such a key."""

Hook = Callable[[Any, Any], Any]


class OfferSource(Protocol):
    """What is needed of the installed plugins."""

    def offer(self, kind: str, name: str) -> Offer:
        """The offer of a kind and name; raises PluginError if nobody makes it."""
        ...

    def offers(self, kind: str) -> Mapping[str, Offer]:
        """Offers of a kind by name."""
        ...

    def drivers(self) -> Mapping[str, DriverOffer]:
        """Drivers by name."""
        ...

    def profile_folders(self) -> tuple[FilePath, ...]:
        """Folders with profiles that plugins ship."""
        ...


class Mismatch(ValueError):  # noqa: N818 - a finding on its way up through cattrs
    """A value does not fit; `finding` has its path from the value that is being structured."""

    def __init__(
        self,
        message: str,
        expected: str = "",
        nearest_name: str = "",
        *,
        at: Path = (),
        on_key: bool = False,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.finding = Finding(
            at, message, expected=expected, nearest=nearest_name, on_key=on_key, offset=offset
        )


def toml_key(attribute: "attrs.Attribute[Any]") -> str:
    """The key under which a profile writes a field."""
    key = attribute.metadata.get("toml")
    return str(key) if key else split_suffix(attribute.name)[0]


class Structurer:
    """Turns parts of a profile's content into model values.

    Args:
        plugins: where drivers, optimizers, surrogates, objectives and worlds come from.
    """

    def __init__(self, plugins: OfferSource) -> None:
        self._plugins = plugins
        self._converter = _strict_converter()
        for cls, hook in (
            (model.DeviceEntry, self._device),
            (model.Simulation, self._simulation),
            (model.SurrogateChoice, self._surrogate),
            (model.Stage, self._stage),
            (Objective, self._objective),
            (model.LinearRule, _linear_rule),
            (model.Variable, self._variable),
        ):
            self._converter.register_structure_hook_func(partial(operator.is_, cls), hook)

    def structure(self, value: Any, wanted: Any, path: Path) -> tuple[Any, list[Finding]]:
        """Structure one value.

        Args:
            value: plain content.
            wanted: a type of the model.
            path: where the value stands in the profile.

        Returns:
            the model value, or None if something is wrong, and what is wrong.
        """
        try:
            return self._converter.get_structure_hook(wanted)(value, wanted), []
        except (ValueError, TypeError, FlowrigError, ExceptionGroup) as error:
            return None, list(_findings(error, path))

    def _beside(self, value: Any, own: set[str], cls: type) -> Any:
        """An instance of a settings class from the keys that are not the table's own."""
        keys = {toml_key(attribute) for attribute in attrs.fields(cls) if attribute.init}
        rest = {key: inner for key, inner in value.items() if key not in own}
        unknown: list[Exception] = [
            Mismatch(f"unknown key {key!r}", "", nearest(key, keys | own), at=(key,), on_key=True)
            for key in rest
            if key not in keys
        ]
        known = {key: inner for key, inner in rest.items() if key in keys}
        settings = None
        try:
            settings = self._converter.get_structure_hook(cls)(known, cls)
        except (ValueError, TypeError, FlowrigError, ExceptionGroup) as error:
            unknown.append(error)
        if unknown:
            raise ExceptionGroup("settings", unknown)
        return settings

    def _offer(self, value: Any, key: str, kind: Any) -> Offer:
        name = _named(value, key)
        known = self._plugins.drivers() if kind == "driver" else self._plugins.offers(kind)
        if kind == "driver" and name in known:
            return known[name]
        try:
            return self._plugins.offer(kind, name)
        except PluginError as error:
            message = f"no plugin offers the {kind} {name!r}"
            if name in known:
                message = str(error)
            expected = f"one of {', '.join(sorted(known))}" if known else "a plugin that offers one"
            raise Mismatch(message, expected, nearest(name, known), at=(key,)) from error

    def _device(self, value: Any, _type: Any) -> model.DeviceEntry:
        name = value.pop(_NAME)
        offer = self._offer(value, "driver", "driver")
        if not isinstance(offer, DriverOffer):
            raise Mismatch(f"{offer.name!r} is no driver", "a driver", at=("driver",))
        return model.DeviceEntry(name, offer, self._beside(value, {"driver"}, offer.settings))

    def _simulation(self, value: Any, _type: Any) -> model.Simulation:
        offer = self._offer(value, "world", "world")
        return model.Simulation(offer, self._beside(value, {"world"}, offer.settings))

    def _surrogate(self, value: Any, _type: Any) -> model.SurrogateChoice:
        offer = self._offer(value, "name", "surrogate")
        return model.SurrogateChoice(offer, self._beside(value, {"name"}, offer.settings))

    def _objective(self, value: Any, _type: Any) -> Objective:
        offer = self._offer(value, "name", "objective")
        objective = self._beside(value, {"name"}, offer.settings)
        if not isinstance(objective, Objective):
            raise Mismatch(f"{offer.name!r} is no objective", "an objective", at=("name",))
        return objective

    def _stage(self, value: Any, _type: Any) -> model.Stage:
        own = {"name", "experiments", "batch", "order_by"}
        errors: list[Exception] = []
        offer, settings, stage = None, None, None
        try:
            offer = self._offer(value, "optimizer", "optimizer")
            settings = self._beside(value, own | {"optimizer"}, offer.settings)
        except (Mismatch, ExceptionGroup) as error:
            errors.append(error)
        try:
            stage = self._converter.structure(
                {key: value[key] for key in own if key in value}, _StageKeys
            )
        except ExceptionGroup as error:
            errors.append(error)
        if errors or offer is None or settings is None or stage is None:
            raise ExceptionGroup("stage", errors)
        return model.Stage(offer=offer, settings=settings, **attrs.asdict(stage, recurse=False))

    def _variable(self, value: Any, _type: Any) -> model.Variable:
        table = _table(value)
        if ("heater" in table) == ("stream" in table):
            raise Mismatch("a variable is a heater's or a stream's", "either `heater` or `stream`")
        unit = "degC" if "heater" in table else "uL/min"
        hook = make_dict_structure_fn(
            model.Variable,
            self._converter,
            _cattrs_forbid_extra_keys=True,
            range=override(struct_hook=_quantity_hook(model.Window, unit)),
        )
        return hook(table, model.Variable)


@attrs.frozen(kw_only=True)
class _StageKeys:
    """The keys of a stage that are not its optimizer's."""

    name: str
    experiments: int
    batch: int = 1
    order_by: str | None = None


def _strict_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _class_hook(cls, converter))
    converter.register_structure_hook_factory(
        lambda wanted: _origin(wanted) is tuple,
        lambda wanted: _tuple_hook(wanted, converter.get_structure_hook),
    )
    converter.register_structure_hook_factory(
        _is_mapping,
        lambda wanted: _mapping_hook(wanted, converter.get_structure_hook),
    )
    converter.register_structure_hook_factory(
        lambda wanted: _origin(wanted) is Literal,
        lambda wanted: _choice_hook(typing.get_args(wanted)),
    )
    converter.register_structure_hook_factory(
        lambda wanted: isinstance(wanted, type) and issubclass(wanted, Enum),
        _enum_hook,
    )
    for kind, hook in ((str, _text), (bool, _truth), (int, _whole), (float, _number)):
        converter.register_structure_hook(kind, hook)
    return converter


def _origin(wanted: Any) -> Any:
    """`tuple` for `tuple[int, ...]`, `Literal` for `Literal["a"]`, None for a plain class."""
    return typing.get_origin(wanted)


def _is_mapping(wanted: Any) -> bool:
    origin = _origin(wanted)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _class_hook(cls: type, converter: Converter) -> Hook:
    """Structures an attrs class from a table whose keys carry no units."""
    attrs.resolve_types(cls)
    overrides: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        unit = split_suffix(attribute.name)[1]
        hook = _quantity_hook(attribute.type, unit) if unit else None
        overrides[attribute.name] = override(rename=toml_key(attribute), struct_hook=hook)
    if cls in _NAMED:
        overrides["name"] = override(rename=_NAME)
    from_table: Hook = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, **overrides
    )
    return lambda value, wanted: from_table(_table(value), wanted)


_NAMED = (model.Stream, model.Component, model.DeviceEntry)
"""Classes whose `name` is the key of their table."""


def _quantity_hook(wanted: Any, unit: str) -> Hook | None:
    """A hook for a number, a pair or a mapping of numbers in a unit; None for other types."""
    if _origin(wanted) in (Union, types.UnionType):
        (wanted,) = (one for one in typing.get_args(wanted) if one is not types.NoneType)
    if wanted is float:
        return lambda value, _wanted: _quantity(value, unit)
    if wanted is int:
        return lambda value, _wanted: _whole_quantity(value, unit)

    def inner(part: Any) -> Hook:
        return _quantity_hook(part, unit) or _number

    if _origin(wanted) is tuple:
        return _tuple_hook(wanted, inner)
    if _is_mapping(wanted):
        return _mapping_hook(wanted, inner)
    return None


def _quantity(value: Any, unit: str) -> float:
    try:
        return parse_quantity(value, unit)
    except QuantityError as error:
        raise Mismatch(error.message, error.expected) from error


def _whole_quantity(value: Any, unit: str) -> int:
    number = _quantity(value, unit)
    if abs(number - round(number)) > 1e-6:
        raise Mismatch(
            f"got {shown(value)}, which is {number:g} {unit}", f"a whole number of {unit}"
        )
    return round(number)


def _tuple_hook(wanted: Any, hook_for: Callable[[Any], Hook]) -> Hook:
    args = typing.get_args(wanted)
    if args[-1] is Ellipsis:
        element = hook_for(args[0])
        return lambda value, _wanted: tuple(
            _each({i: (element, one, args[0]) for i, one in enumerate(_array(value))}).values()
        )
    hooks = [hook_for(arg) for arg in args]

    def fixed(value: Any, _wanted: Any) -> tuple[Any, ...]:
        array = _array(value)
        if len(array) != len(hooks):
            raise Mismatch(f"got {len(array)} values", f"an array of {len(hooks)}")
        parts = zip(hooks, array, args, strict=True)
        result = tuple(_each(dict(enumerate(parts))).values())
        if args == (float, float) and not result[0] < result[1]:
            raise Mismatch(
                f"the lower bound {shown(array[0])} is not below the upper, {shown(array[1])}"
            )
        return result

    return fixed


def _mapping_hook(wanted: Any, hook_for: Callable[[Any], Hook]) -> Hook:
    _, inner = typing.get_args(wanted)
    hook = hook_for(inner)

    def mapping(value: Any, _wanted: Any) -> dict[str, Any]:
        table = _table(value)
        if inner in _NAMED:
            table = {key: _table(one, key) | {_NAME: key} for key, one in table.items()}
        return _each({key: (hook, one, inner) for key, one in table.items()})

    return mapping


def _each(parts: Mapping[Any, tuple[Hook, Any, Any]]) -> dict[Any, Any]:
    """Structure every part, and report all that do not fit at once."""
    result, errors = {}, []
    for key, (hook, value, wanted) in parts.items():
        try:
            result[key] = hook(value, wanted)
        except (ValueError, TypeError, FlowrigError, ExceptionGroup) as error:
            errors.append(_At(key, error))
    if errors:
        raise ExceptionGroup("parts", errors)
    return result


class _At(ValueError):  # noqa: N818 - wraps the error of one element
    def __init__(self, key: Key, error: Exception) -> None:
        super().__init__(str(error))
        self.key, self.error = key, error


def _table(value: Any, *at: Key) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch(f"got {shown(value)}", "a table", at=at)
    return value


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Mismatch(f"got {shown(value)}", "an array")
    return value


def _text(value: Any, _wanted: Any) -> str:
    if not isinstance(value, str):
        raise Mismatch(f"got {shown(value)}", "a text in quotes")
    return value


def _truth(value: Any, _wanted: Any) -> bool:
    if not isinstance(value, bool):
        raise Mismatch(f"got {shown(value)}", "true or false")
    return value


def _whole(value: Any, _wanted: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mismatch(f"got {shown(value)}", "a whole number")
    return value


def _number(value: Any, _wanted: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch(f"got {shown(value)}", "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Mismatch(f"got {shown(value)}", "a finite number")
    return number


def _choice_hook(choices: tuple[Any, ...]) -> Hook:
    def choice(value: Any, _wanted: Any) -> Any:
        if isinstance(value, bool) or value not in choices:
            names = ", ".join(repr(one) for one in choices)
            raise Mismatch(f"got {shown(value)}", f"one of {names}", nearest(value, choices))
        return value

    return choice


def _enum_hook(wanted: type[Enum]) -> Hook:
    choice = _choice_hook(tuple(one.value for one in wanted))
    return lambda value, _wanted: wanted(choice(value, _wanted))


def _linear_rule(value: Any, _wanted: Any) -> model.LinearRule:
    try:
        return parse_rule(_text(value, str))
    except RuleError as error:
        raise Mismatch(error.message, error.expected, offset=error.offset) from error


def _named(value: Any, key: str) -> str:
    table = _table(value)
    if key not in table:
        raise Mismatch(f"missing key {key!r}", on_key=True)
    if not isinstance(table[key], str):
        raise Mismatch(f"got {shown(table[key])}", "a text in quotes", at=(key,))
    return str(table[key])


def _findings(error: BaseException, path: Path) -> Iterator[Finding]:
    """Every finding inside an exception of cattrs or of the hooks above."""
    match error:
        case ClassValidationError():
            yield from _class_findings(error, path)
        case IterableValidationError():
            noted, others = error.group_exceptions()
            for inner, note in noted:
                yield from _findings(inner, (*path, note.index))
            for other in others:
                yield from _findings(other, path)
        case ExceptionGroup():
            for inner in error.exceptions:
                yield from _findings(inner, path)
        case _At():
            yield from _findings(error.error, (*path, error.key))
        case Mismatch():
            yield attrs.evolve(error.finding, path=path + error.finding.path)
        case _:
            yield Finding(path, str(error))


def _class_findings(error: ClassValidationError, path: Path) -> Iterator[Finding]:
    attributes = {one.name: one for one in attrs.fields(error.cl)}
    keys = [toml_key(one) for one in attributes.values() if one.init]
    noted, others = error.group_exceptions()
    for inner, note in noted:
        key = toml_key(attributes[note.name])
        if isinstance(inner, KeyError):
            yield Finding(path, f"missing key {key!r}", on_key=True)
        else:
            yield from _findings(inner, (*path, key))
    for other in others:
        if isinstance(other, ForbiddenExtraKeysError):
            for extra in sorted(other.extra_fields):
                near = nearest(extra, keys)
                yield Finding((*path, extra), f"unknown key {extra!r}", nearest=near, on_key=True)
        elif isinstance(other, ExceptionGroup | Mismatch):
            yield from _findings(other, path)
        else:
            yield _refusal(other, attributes, path)


def _refusal(
    error: BaseException, attributes: Mapping[str, "attrs.Attribute[Any]"], path: Path
) -> Finding:
    """A finding from the error of a validator, at the field that its message names."""
    message = str(error.args[0]) if error.args else str(error)
    for name, attribute in attributes.items():
        said = re.search(rf"\b{re.escape(name)}\b", message)
        if said is not None or attribute in error.args:
            key = toml_key(attribute)
            return Finding((*path, key), re.sub(rf"'?\b{re.escape(name)}\b'?", f"`{key}`", message))
    return Finding(path, message, on_key=True)
