"""Converts plain values of a profile into the frozen classes of `model`, with cattrs.

The TOML key of a field is its name without the unit (`flow_rate_ul_min` is `flow_rate`), and its
value is a quantity. The settings of a device are beside `driver`, those of a stage beside
`optimizer`, and so on; they become instances of the settings class in the offer of the plugin.
"""

import operator
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path as FilePath
from typing import Any, Literal, Protocol, cast

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, override

from flowrig.errors import InputError, PluginError
from flowrig.interfaces import study
from flowrig.interfaces.capabilities import Value, abilities_of
from flowrig.plugins.offers import CORE_KINDS, AnalysisOffer, DriverOffer, KindOffer, Offer
from flowrig.problem.objective import Goal, Objective, Wanted
from flowrig.problem.pareto import ParetoGoal
from flowrig.profile import model
from flowrig.profile.controls.from_toml import expression_limits, settings, variable
from flowrig.profile.controls.studies import at_of, sweep_of
from flowrig.profile.converter import NAME, Hook, as_table, as_text, quantity_hook, strict_converter
from flowrig.profile.expressions import Expression, ExpressionError, parse
from flowrig.profile.linear import RuleError, parse_rule
from flowrig.profile.mismatch import MISFITS, At, Mismatch, findings, toml_key
from flowrig.profile.model.flow import Ends, Outlets
from flowrig.profile.model.off_line import OFF_LINE
from flowrig.profile.model.off_line_table import off_line_channel
from flowrig.profile.problems import Finding, Path, nearest, shown
from flowrig.profile.quantity import QuantityError, split_suffix
from flowrig.profile.supervision import Breaks, Interlock

__all__ = ["OfferSource", "Structurer"]


class OfferSource(Protocol):
    """The part of the installed plugins that profiles need."""

    def offer(self, kind: str, name: str) -> Offer:
        """The offer of a kind and name.

        Raises:
            PluginError: no plugin has this offer.
        """
        ...

    def offers(self, kind: str) -> Mapping[str, Offer]:
        """Offers of a kind by name."""
        ...

    def drivers(self) -> Mapping[str, DriverOffer]:
        """Drivers by name."""
        ...

    def kinds(self) -> Mapping[str, KindOffer]:
        """Kinds of devices by name, without those of the core."""
        ...

    def profile_folders(self) -> tuple[FilePath, ...]:
        """Folders with profiles that plugins ship."""
        ...


class Structurer:
    """Converts parts of a profile's content into model values.

    Args:
        plugins: the source of drivers, kinds of devices, optimizers, surrogates, objectives,
            worlds and chemistries.
        lenient: whether a component may name a device by the word of a kind that no plugin of the
            source offers, as where a rig only has to be made safe.

    Attributes:
        plugins: the same source.
    """

    def __init__(self, plugins: OfferSource, *, lenient: bool = False) -> None:
        self.plugins = plugins
        self._lenient = lenient

    def structure(
        self, value: Any, wanted: Any, path: Path, unit: str = ""
    ) -> tuple[Any, list[Finding]]:
        """Structure one value.

        Args:
            value: plain content.
            wanted: a type of the model.
            path: path of the value in the profile.
            unit: unit of quantities, from the suffix of a field; "" for none.

        Returns:
            the model value, or None if the value does not fit, and the findings.
        """
        before = _reader.set(self)
        try:
            hook = quantity_hook(wanted, unit) if unit else None
            return (hook or _shared()[0].get_structure_hook(wanted))(value, wanted), []
        except MISFITS as error:
            return None, list(findings(error, path))
        finally:
            _reader.reset(before)

    def _beside(self, value: Any, own: set[str], cls: type) -> Any:
        """An instance of a settings class, from the keys that do not belong to the table itself."""
        keys = {toml_key(attribute) for attribute in attrs.fields(cls) if attribute.init}
        rest = {key: inner for key, inner in value.items() if key not in own}
        misfits: list[Exception] = [
            Mismatch(f"unknown key {key!r}", "", nearest(key, keys | own), at=(key,), on_key=True)
            for key in rest
            if key not in keys
        ]
        known = {key: inner for key, inner in rest.items() if key in keys}
        settings = None
        try:
            settings = _shared()[0].get_structure_hook(cls)(known, cls)
        except MISFITS as error:
            misfits.append(error)
        if misfits:
            raise ExceptionGroup("settings", misfits)
        return settings

    def _offer(self, value: Any, key: str, kind: Any) -> Offer:
        name = _named(value, key)
        known = self.plugins.drivers() if kind == "driver" else self.plugins.offers(kind)
        if kind == "driver" and name in known:
            return known[name]
        try:
            return self.plugins.offer(kind, name)
        except PluginError as error:
            message = f"no plugin offers the {kind} {name!r}"
            message = "; ".join([str(error) if name in known else message, *error.suspects])
            names = sorted([*known, OFF_LINE] if kind == "analysis" else known)
            expected = f"one of {', '.join(names)}" if names else "a plugin that offers one"
            raise Mismatch(message, expected, nearest(name, names), at=(key,)) from error

    def _device(self, value: Any, _type: Any) -> model.DeviceEntry:
        name = value.pop(NAME)
        offer = self._offer(value, "driver", "driver")
        if not isinstance(offer, DriverOffer):
            raise Mismatch(f"{offer.name!r} is no driver", "a driver", at=("driver",))
        if offer.kind in CORE_KINDS:
            return model.DeviceEntry(name, offer, self._beside(value, {"driver"}, offer.settings))
        settings = self._beside(value, {"driver", "safe"}, offer.settings)
        kind = self.plugins.kinds().get(offer.kind)
        if kind is None:
            message = f"no plugin offers the kind of device {offer.kind!r}, which its driver names"
            raise Mismatch(message, "a plugin that offers it", at=("driver",))
        try:
            abilities = abilities_of((offer if offer.by_hand else kind).load(), settings)
        except InputError:  # the class of the driver may say more, where its packages are installed
            abilities = abilities_of(offer.load(), settings)
        entry = model.DeviceEntry(name, offer, settings, kind=kind, abilities=abilities)
        if entry.by_hand and entry.is_controlled:
            _require_safe_anywhere(entry, value.get("safe"))
            return entry
        return attrs.evolve(entry, safe=_safe_value(entry, value.get("safe", kind.safe)))

    def _component(self, value: Any, wanted: Any) -> model.Component:
        """A component; `device`, `devices` and the words of kinds name devices at it."""
        table = as_table(value)
        own = {toml_key(one) for one in attrs.fields(model.Component)}
        words = {*self.plugins.kinds(), "device"} - own
        if self._lenient:
            words |= {key for key, one in table.items() if isinstance(one, str)} - {*own, NAME}
        found: dict[str, str] = {}
        for key in words & {*table}:
            found[as_text(table[key], key)] = key
        several = table.get("devices", [])
        if not isinstance(several, list):
            raise Mismatch(f"got {shown(several)}", "an array of names", at=("devices",))
        found |= {as_text(one, "devices", n): "device" for n, one in enumerate(several)}
        rest = {key: one for key, one in table.items() if key not in {*words, "devices"}}
        made: model.Component = self._without_unknown_kinds(model.Component, rest, own, wanted)
        return attrs.evolve(made, devices=found)

    def _stream(self, value: Any, wanted: Any) -> model.Stream:
        """A stream; `device`, or the word of a kind, stands for `pump`."""
        table = as_table(value)
        own = {toml_key(one) for one in attrs.fields(model.Stream)}
        words = {*self.plugins.kinds(), "device"} - own
        if self._lenient:
            words |= {key for key, one in table.items() if isinstance(one, str)} - {*own, NAME}
        for key in ("named_by", "selector", "vessel", "contents_at"):
            if key in table:
                raise Mismatch(f"unknown key {key!r}", at=(key,), on_key=True)
        found = [key for key in table if key in {*words, "pump"}]
        if len(found) > 1:
            message = f"{' and '.join(found)} name two devices for one stream"
            raise Mismatch(message, "one of them", at=(found[1],), on_key=True)
        named = {}
        if found:
            named = {"pump": as_text(table[found[0]], found[0]), "named_by": found[0]}
        rest = {key: one for key, one in table.items() if key not in words}
        selector, vessel, contents_at = None, None, {}
        if isinstance(table.get("supply"), dict):
            supply = rest.pop("supply")
            if "vessel" in supply:
                vessel = self._inside("supply", supply, model.VesselSupply)
            else:
                selector = self._inside("supply", supply, model.Selector)
        if isinstance(table.get("contents"), dict):
            contents_at = self._inside("contents", rest["contents"], Mapping[str, str])
            rest["contents"] = " or ".join(contents_at.values())
        made: model.Stream = self._without_unknown_kinds(
            model.Stream, {**rest, **named}, own, wanted
        )
        return attrs.evolve(made, selector=selector, vessel=vessel, contents_at=contents_at)

    def _without_unknown_kinds(
        self, cls: type, table: Mapping[str, Any], own: set[str], wanted: Any
    ) -> Any:
        """An instance of a class whose table may name devices; words of no kind are told as such.

        Args:
            cls: the class.
            table: what is left of it once devices were taken out.
            own: the keys of the class.
            wanted: as the converter passes it.
        """
        kinds = sorted(self.plugins.kinds())
        words = [
            key
            for key, one in table.items()
            if isinstance(one, str) and key not in {*own, NAME} and not nearest(key, [*own, *kinds])
        ]
        expected = (
            f"the word of a kind of device, {', '.join(kinds)}, or `device` for a device of any "
            "kind; another kind comes with a plugin: install it, or write one (kinds of your own, "
            "in docs/tutorial-driver.md)"
        )
        misfits: list[Exception] = [
            Mismatch(f"unknown key {word!r}", expected, at=(word,), on_key=True) for word in words
        ]
        made = None
        try:
            made = _shared()[1][cls]({k: one for k, one in table.items() if k not in words}, wanted)
        except MISFITS as error:
            misfits.append(error)
        if misfits:
            raise ExceptionGroup(cls.__name__, misfits)
        return made

    def _inside(self, key: str, value: Any, wanted: Any) -> Any:
        """The value of one key of a table."""
        try:
            return _shared()[0].get_structure_hook(wanted)(value, wanted)
        except MISFITS as error:
            raise ExceptionGroup("stream", [At(key, error)]) from error

    def _safe_step(self, value: Any, wanted: Any) -> model.SafeStep:
        """A step of the safe state; one word may stand for a list of one."""
        table = as_table(value)
        words = {k: [table[k]] for k in ("streams", "devices") if isinstance(table.get(k), str)}
        made: model.SafeStep = _shared()[1][model.SafeStep]({**table, **words}, wanted)
        return made

    def _interlock(self, value: Any, wanted: Any) -> Interlock:
        """An interlock; one on a reading has its limit under the word that breaks it."""
        table = dict(as_table(value))
        for key in {"breaks", "limit"} & {*table}:
            raise Mismatch(f"unknown key {key!r}", at=(key,), on_key=True)
        if "reading" not in table:
            if table.get("kind") == "reading":
                raise Mismatch("missing key 'reading'", on_key=True)
            plain: Interlock = _shared()[1][Interlock](table, wanted)
            return plain
        limits = [key for key in (*_BREAKS, _FROZEN) if key in table]
        if len(limits) != 1:
            message = f"an interlock on a reading needs one limit, and has {len(limits)}"
            expected = f"one of the keys {', '.join((*_BREAKS, _FROZEN))}"
            raise Mismatch(message, expected, on_key=True)
        key = limits[0]
        limit = "" if key == _FROZEN else _limit(table.pop(key), key)
        streams = table.pop("while_flowing", [])
        if "kind" in table:
            message = "an interlock on a reading has no kind"
            raise Mismatch(message, "no key `kind`", at=("kind",), on_key=True)
        table |= {"kind": "reading", "streams": streams}
        made: Interlock = _shared()[1][Interlock](table, wanted)
        return attrs.evolve(made, breaks=_BREAKS.get(key, "above"), limit=limit)

    def _simulation(self, value: Any, _type: Any) -> model.Simulation:
        value = {"world": model.DEFAULT_SIMULATION["world"], **as_table(value)}
        offer = self._offer(value, "world", "world")
        return model.Simulation(offer, self._beside(value, {"world"}, offer.settings))

    def _quality(self, value: Any, _type: Any) -> model.QualityRule:
        table = as_table(value)
        offer = self._offer(table, "use", "quality")
        return model.QualityRule(offer, self._beside(table, {"use"}, offer.settings))

    def _chemistry(self, value: Any, _type: Any) -> model.ChemistryChoice:
        """A table with a name and settings, or the name alone."""
        value = {"name": as_text(value)} if not isinstance(value, Mapping) else value
        offer = self._offer(value, "name", "chemistry")
        return model.ChemistryChoice(offer, self._beside(value, {"name"}, offer.settings))

    def _analysis(self, value: Any, wanted: Any) -> model.Analysis:
        """The analysis; channels whose results come later stand beside the others."""
        table, misfits = dict(as_table(value)), list[Exception]()
        if "off_line" in table:
            raise Mismatch("unknown key 'off_line'", at=("off_line",), on_key=True)
        channels = table.get("channels")
        tables = channels if isinstance(channels, dict) else {}
        later = {
            n: t for n, t in tables.items() if isinstance(t, dict) and t.get("use") == OFF_LINE
        }
        if later:
            table["channels"] = {name: one for name, one in tables.items() if name not in later}
            if not (table["channels"] or {"absorbance", "photoluminescence"} & {*table}):
                table = {"frames": 1, "frame_interval": "0 s", **table}  # nothing takes any
        made, found = None, {}
        for name, one in later.items():
            try:
                found[name] = off_line_channel(name, one, _shared()[0])
            except MISFITS as error:
                misfits.append(At("channels", At(name, error)))
        try:
            made = _shared()[1][model.Analysis](table, wanted)
        except MISFITS as error:
            misfits.append(error)
        if made is None or misfits:
            raise ExceptionGroup("analysis", misfits)
        analysis: model.Analysis = attrs.evolve(made, off_line=found)
        return analysis

    def _channel(self, value: Any, _type: Any) -> model.Channel:
        table, name = as_table(value), value.pop(NAME)
        own = {toml_key(attribute) for attribute in attrs.fields(_ChannelKeys)}
        misfits: list[Exception] = []
        offer = settings = keys = None
        try:
            offer = self._offer(table, "use", "analysis")
            settings = self._beside(table, own | {"use"}, offer.settings)
        except MISFITS as error:
            misfits.append(error)
        try:
            known = {key: inner for key, inner in table.items() if key in own}
            keys = _shared()[0].structure(known, _ChannelKeys)
        except MISFITS as error:
            misfits.append(error)
        if not isinstance(offer, AnalysisOffer) or settings is None or keys is None:
            raise ExceptionGroup("channel", misfits)
        return model.Channel(
            name=name,
            offer=offer,
            settings=settings,
            device=keys.device,
            dark=offer.dark if keys.dark is None else keys.dark,
            stored_dark=keys.stored_dark,
            pick="all" if keys.pick is None and offer.takes_all else keys.pick,
            frames=keys.frames,
            frame_interval_s=keys.frame_interval_s,
            scan=keys.scan,
            path=("analysis", "channels", name),
        )

    def _pick(self, value: Any, _type: Any) -> model.Pick | Literal["all"]:
        """A table, or "all"."""
        if value == "all":
            return "all"
        if isinstance(value, str):
            raise Mismatch(f"got {value!r}", '"all", or a table with `frames` and `darkest`')
        pick = _shared()[0].get_structure_hook(model.Pick)(as_table(value), model.Pick)
        if (pick.darkest_nm is None) == (pick.brightest_nm is None):
            raise Mismatch("frames are picked by one window", "either `darkest` or `brightest`")
        return cast("model.Pick", pick)

    def _surrogate(self, value: Any, _type: Any) -> model.SurrogateChoice:
        """A table with a name and settings, or the name alone."""
        value = {"name": value} if isinstance(value, str) else value
        offer = self._offer(value, "name", "surrogate")
        return model.SurrogateChoice(offer, self._beside(value, {"name"}, offer.settings))

    def _objective(self, value: Any, _type: Any) -> Objective:
        offer = self._offer(value, "name", "objective")
        objective = self._beside(value, {"name"}, offer.settings)
        if not isinstance(objective, Objective):
            raise Mismatch(f"{offer.name!r} is no objective", "an objective", at=("name",))
        return objective

    def _stage(self, value: Any, _type: Any) -> model.Stage:
        own = {toml_key(attribute) for attribute in attrs.fields(_StageKeys)}
        table, misfits = as_table(value), []
        if "study" in table:
            return self._study(table)
        offer, settings, stage = None, None, None
        try:
            offer = self._offer(table, "optimizer", "optimizer")
            settings = self._beside(table, own | {"optimizer"}, offer.settings)
        except MISFITS as error:
            misfits.append(error)
        try:
            known = {key: inner for key, inner in table.items() if key in own}
            stage = _shared()[0].structure(known, _StageKeys)
        except MISFITS as error:
            misfits.append(error)
        if offer is None or settings is None or stage is None:
            raise ExceptionGroup("stage", misfits)
        return model.Stage(offer=offer, settings=settings, **attrs.asdict(stage, recurse=False))

    def _study(self, table: dict[str, Any]) -> model.Stage:
        """A stage that is a study; how many points it has is known with the whole profile."""
        if "optimizer" in table:
            message = "a stage has an optimizer or a study"
            raise Mismatch(message, "one of the two keys", at=("study",), on_key=True)
        offer = self._offer(table, "study", "study")
        settings = self._beside(table, {"name", "study", "beyond"}, offer.settings)
        name = table.get("name", offer.name)
        beyond = as_table(table["beyond"], "beyond") if "beyond" in table else {}
        return model.Stage(
            name=as_text(name, "name"),
            experiments=1,
            offer=offer,
            settings=settings,
            beyond=beyond,
        )


def _goal(value: Any, type_: Any) -> Wanted:
    """A goal; its values have the unit at the end of the response's name."""
    table = as_table(value)
    unit = split_suffix(str(table.get("response", "")))[1]
    goal: Wanted = _goal_hook(type_, unit)(table, type_)
    return goal


def _limits(value: Any, _type: Any) -> model.Limits:
    """The limits of the rig's own keys; every other key is an expression."""
    table = dict(as_table(value))
    if "total" in table and "total_flow" not in table:  # two words for one limit
        table["total_flow"] = table.pop("total")
    own = {toml_key(one) for one in attrs.fields(model.Limits)} - {"expressions"}
    expressions = expression_limits({k: v for k, v in table.items() if k not in own})
    known = {key: one for key, one in table.items() if key in own}
    limits: model.Limits = attrs.evolve(
        _limits_hook()(known, model.Limits), expressions=expressions
    )
    return limits


def _variable(value: Any, _type: Any) -> model.Variable:
    table = as_table(value)
    sources = [key for key in ("heater", "stream", "is") if key in table]
    if len(sources) > 1:
        message = "a variable needs exactly one source"
        raise Mismatch(message, f"either {' or '.join(f'`{one}`' for one in sources)}")
    if sources in ([], ["is"]):
        return variable(table)
    unit = "degC" if "heater" in table else "uL/min"
    plain: model.Variable = _variable_hook(unit)(table, model.Variable)
    return plain


@cache
def _goal_hook(cls: type[Wanted], unit: str) -> Hook:
    """A hook for a goal whose values have a unit; "" for none."""
    hook = override(struct_hook=quantity_hook(float, unit)) if unit else None
    values = {one.name for one in attrs.fields(cls)} - {"response", "objective", "weight"}
    named: dict[str, Any] = dict.fromkeys(values, hook) if hook else {}
    return make_dict_structure_fn(cls, _shared()[0], _cattrs_forbid_extra_keys=True, **named)


@cache
def _limits_hook() -> Hook:
    """A hook for the limits of the rig's own keys."""
    return make_dict_structure_fn(
        model.Limits,
        _shared()[0],
        _cattrs_forbid_extra_keys=True,
        total_flow_ul_min=override(
            rename="total_flow", struct_hook=quantity_hook(model.Window, "uL/min")
        ),
        temperature_c=override(
            rename="temperature", struct_hook=quantity_hook(model.Window, "degC")
        ),
        expressions=override(omit=True),
    )


@cache
def _variable_hook(unit: str) -> Hook:
    """A hook for a variable that is a heater's set point or a stream's flow rate, in a unit."""
    return make_dict_structure_fn(
        model.Variable,
        _shared()[0],
        _cattrs_forbid_extra_keys=True,
        range=override(struct_hook=quantity_hook(model.Window, unit)),
        step=override(struct_hook=quantity_hook(float, unit)),
        expression=override(omit=True),
        choices=override(omit=True),
        device=override(omit=True),
        quantity=override(omit=True),
    )


_reader: ContextVar[Structurer] = ContextVar("structurer")
"""Who reads a value at this moment, for the hooks of the converter that all share."""


def _of_the_reader(hook: Callable[[Structurer, Any, Any], Any]) -> Hook:
    return lambda value, wanted: hook(_reader.get(), value, wanted)


_NAMED = (
    model.Stream,
    model.Component,
    model.ControlLoop,
    model.DeviceEntry,
    model.Section,
    model.Channel,
)
"""Classes whose tables have their name as a field."""


@cache
def _shared() -> tuple[Converter, Mapping[type, Hook]]:
    """The converter of all structurers, and the hooks for classes whose tables are read first.

    cattrs compiles a function for each class, which takes longer than to read a profile: once a
    process, then, and not once a profile.
    """
    converter = strict_converter(named=_NAMED)
    reader = _of_the_reader
    for cls, hook in (
        (model.DeviceEntry, reader(Structurer._device)),
        (model.Simulation, reader(Structurer._simulation)),
        (model.ChemistryChoice, reader(Structurer._chemistry)),
        (model.QualityRule, reader(Structurer._quality)),
        (model.Channel, reader(Structurer._channel)),
        (model.OffLine, lambda one, _: one),  # `_analysis` reads their tables
        (_Picked, reader(Structurer._pick)),
        (Expression, _expression),
        (model.SurrogateChoice, reader(Structurer._surrogate)),
        (model.Stage, reader(Structurer._stage)),
        (Objective, reader(Structurer._objective)),
        (Goal, _goal),
        (ParetoGoal, _goal),
        (model.LinearRule, _linear_rule),
        (model.Variable, _variable),
        (model.Limits, _limits),
        (tuple[model.Setting, ...], settings),
        (Outlets, _outlets),
        (Ends, _ends),
        (study.At, at_of),
        (study.Sweep, sweep_of),
    ):
        converter.register_structure_hook_func(partial(operator.eq, cls), hook)
    read_first: tuple[tuple[type, Hook], ...] = (
        (model.Analysis, reader(Structurer._analysis)),
        (model.Component, reader(Structurer._component)),
        (model.Stream, reader(Structurer._stream)),
        (model.SafeStep, reader(Structurer._safe_step)),
        (Interlock, reader(Structurer._interlock)),
    )
    plain = {cls: converter.get_structure_hook(cls) for cls, _ in read_first}
    for one, first in read_first:
        converter.register_structure_hook_func(partial(operator.eq, one), first)
    return converter, plain


@attrs.frozen(kw_only=True)
class _StageKeys:
    """The keys of a stage that do not belong to its optimizer."""

    name: str
    experiments: int
    batch: int = 1
    order_by: str | None = None
    order: Literal["least-heating"] | None = None
    until_r2: float | None = None
    arm: str | None = None
    counts_prior: bool = False


_Picked = model.Pick | Literal["all"] | None


@attrs.frozen(kw_only=True)
class _ChannelKeys:
    """The keys of a channel that do not belong to its analysis."""

    device: str
    dark: model.Dark | None = None
    stored_dark: tuple[float, ...] = ()
    pick: _Picked = None
    frames: int | None = None
    frame_interval_s: float | None = None
    scan: model.Scan | None = None


def _expression(value: Any, _type: Any) -> Expression:
    try:
        return parse(as_text(value))
    except ExpressionError as error:
        raise Mismatch(error.message, error.expected, error.nearest, offset=error.offset) from error


_BREAKS: Mapping[str, Breaks] = {
    "above": "above",
    "below": "below",
    "rises_faster_than": "rises faster than",
}
"""When a reading breaks its interlock, by the key of its limit."""

SAFE_ANYWHERE = "any"
"""What a profile says of a device by hand that needs no safe value."""

_FROZEN = "frozen_after"
"""Key of an interlock on a reading that has to change."""


def _require_safe_anywhere(entry: model.DeviceEntry, given: object) -> None:
    """A profile says of a device by hand that it needs no safe value: nobody may be there."""
    if given != SAFE_ANYWHERE:
        message = (
            f"the safe state cannot wait for a person who brings {entry.name!r} to a safe value"
        )
        expected = (
            f'`safe = "{SAFE_ANYWHERE}"` where the device is safe at every value, or a driver that '
            "can set it"
        )
        at: tuple[str, ...] = () if given is None else ("safe",)
        raise Mismatch(message, expected, at=at, on_key=given is None)


def _limit(value: Any, key: str) -> str:
    """The limit of an interlock on a reading, whose unit is not known yet."""
    if not isinstance(value, str):
        expected = 'a text with a unit, such as "6 bar" or "1 bar/min"'
        raise Mismatch(f"got {shown(value)}", expected, at=(key,))
    return value


def _safe_value(entry: model.DeviceEntry, given: object) -> Value | None:
    """The safe value or position of a device, from the profile or from its kind."""
    assert entry.kind is not None
    if not entry.is_controlled:
        if given is not None:
            message = f"a {entry.kind.name} is only read, and has no safe value"
            raise Mismatch(message, "no key `safe`", at=("safe",), on_key=True)
        return None
    abilities = entry.abilities
    if given is None:
        what = "position" if abilities.is_selectable else "value"
        one = abilities.positions[0] if abilities.is_selectable else f"0 {abilities.unit}".rstrip()
        message = f"the safe {what} of the {entry.kind.name} {entry.name!r} is not known"
        raise Mismatch(message, f'a key `safe`, such as `safe = "{one}"`', on_key=True)
    try:
        number = isinstance(given, int | float) and not isinstance(given, bool)
        # A number is that of the kind, in its unit; a profile writes the unit.
        text = f"{given:g} {abilities.unit}" if number and given is entry.kind.safe else given
        return entry.value_of(text)
    except QuantityError as error:
        raise Mismatch(error.message, error.expected, at=("safe",)) from error


def _linear_rule(value: Any, _type: Any) -> model.LinearRule:
    try:
        return parse_rule(as_text(value))
    except RuleError as error:
        raise Mismatch(error.message, error.expected, offset=error.offset) from error


def _ends(value: Any, _type: Any) -> Ends:
    """Where a section ends: a name, or an array of them."""
    return _names(value) if isinstance(value, list) else as_text(value)


def _outlets(value: Any, _type: Any) -> Outlets:
    """Where a component leads to: a name, an array of them, shares by name, or names by phase."""
    if isinstance(value, list):
        return _names(value)
    if not isinstance(value, dict):
        return as_text(value)
    if not value:
        raise Mismatch("the table is empty", "a share for each component downstream")
    by_phase = isinstance(next(iter(value.values())), str)
    for key, one in value.items():
        is_number = isinstance(one, int | float) and not isinstance(one, bool)
        if isinstance(one, str) != by_phase or not (by_phase or is_number):
            expected = "the name of a component, as for the others" if by_phase else "a number"
            raise Mismatch(f"got {shown(one)}", expected, at=(key,))
    return dict(value) if by_phase else {key: float(one) for key, one in value.items()}


def _names(value: list[Any]) -> tuple[str, ...]:
    if not value:
        raise Mismatch("the array is empty", "at least one name")
    return tuple(as_text(one, number) for number, one in enumerate(value))


def _named(value: Any, key: str) -> str:
    table = as_table(value)
    if key not in table:
        raise Mismatch(f"missing key {key!r}", on_key=True)
    return as_text(table[key], key)
