"""Rules for streams and pumps, and for the source of each flow rate and set point."""

import re
from collections.abc import Iterator, Mapping

from flowrig.interfaces import Syringe
from flowrig.profile.controls import needs_equations
from flowrig.profile.linear import expand_rules
from flowrig.profile.model import (
    FULL,
    DeviceEntry,
    LinearRule,
    Profile,
    Refill,
    Stream,
    Variable,
)
from flowrig.profile.model.flow import GAS
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules import names

__all__ = ["RULES"]


def pumps(profile: Profile) -> Iterator[Finding]:
    """Every stream has a device of its own that drives it."""
    drives: dict[str, str] = {}
    for name, stream in profile.streams.items():
        here: Path = ("streams", name, stream.named_by)
        yield from _driving(profile, stream, here)
        other = drives.setdefault(stream.pump, name)
        if other != name:
            message = f"the pump {stream.pump!r} drives the stream {other!r} already"
            yield Finding(here, message, expected="a pump of its own")


def _driving(profile: Profile, stream: Stream, here: Path) -> Iterator[Finding]:
    """A stream names a pump, or a device of another kind that delivers."""
    entry = profile.devices.get(stream.pump)
    fitting = [
        name
        for name, one in profile.devices.items()
        if one.offer.kind == "pump" or one.abilities.is_dispensing
    ]
    if entry is None:
        yield from names.one_of(stream.pump, fitting, "pump", here)
    elif stream.pump not in fitting:
        what = "a pump" if stream.named_by == "pump" else "a pump, or a device that delivers"
        expected = what + (f": {', '.join(sorted(fitting))}" if fitting else "")
        yield Finding(here, f"{stream.pump!r} is a {entry.offer.kind}", expected=expected)
    elif entry.by_hand:
        message = f"a person works {stream.pump!r}, so that nothing could stop the stream"
        yield Finding(here, message, expected="a device that is connected")
    elif stream.named_by not in ("device", entry.offer.kind):
        kind, word = entry.offer.kind, stream.named_by
        expected = f"a {word}, or the key `device`"
        yield Finding(here, f"{stream.pump!r} is a {kind}", expected=expected)


def with_or_without_syringe(profile: Profile) -> Iterator[Finding]:
    """A pump has a syringe; another device that delivers has none, and may have a supply."""
    for name, stream in profile.streams.items():
        entry, here = profile.devices.get(stream.pump), ("streams", name)
        if entry is None:
            continue
        if entry.offer.kind == "pump":
            if stream.syringe is None:
                yield Finding(here, "missing key 'syringe'", on_key=True)
            if stream.supply_ul is not None or stream.selector or stream.vessel:
                message = f"the pump {stream.pump!r} draws from its syringe"
                yield Finding((*here, "supply"), message, expected="no key `supply`", on_key=True)
        elif stream.syringe is not None and entry.abilities.is_dispensing:
            message = f"the {entry.offer.kind} {stream.pump!r} has no syringe"
            expected = "no key `syringe`; `supply` says how much there is to deliver"
            yield Finding((*here, "syringe"), message, expected=expected, on_key=True)
        yield from _of_a_gas(stream, entry, here)
        yield from _selected(profile, stream, here)
        percent = stream.accuracy_percent
        if percent is not None and not 0.0 < percent < 100.0:
            expected = "more than 0 % and less than 100 %"
            yield Finding((*here, "accuracy"), f"got {percent:g} %", expected=expected)


def _of_a_gas(stream: Stream, entry: DeviceEntry, here: Path) -> Iterator[Finding]:
    """A pressure counts where a device counts a gas at standard conditions."""
    if stream.pressure_kpa is None:
        return
    path = (*here, "pressure")
    if stream.phase != GAS:
        message = f"the volume of {stream.name!r} does not depend on a pressure"
        expected = f'no key `pressure`, or `phase = "{GAS}"`'
        yield Finding(path, message, expected=expected, on_key=True)
    elif entry.abilities.standard_kpa is None:
        message = f"{stream.pump!r} counts the volume that really flows, at any pressure"
        yield Finding(path, message, expected="no key `pressure`", on_key=True)


def _selected(profile: Profile, stream: Stream, here: Path) -> Iterator[Finding]:
    """A selector has positions, each with a liquid where the stream may flow."""
    if stream.selector is None:
        if stream.contents_at:
            message = f"{stream.name!r} has one liquid"
            expected = "a text, or a valve in `supply`"
            yield Finding((*here, "contents"), message, expected=expected)
        return
    name = stream.selector.valve
    turned = {n: one for n, one in profile.devices.items() if one.abilities.is_selectable}
    path: Path = (*here, "supply", "valve")
    yield from names.one_of(name, turned, "device with positions", path)
    if name not in turned:
        return
    if not stream.contents_at:
        expected = f"a table of liquids by position of {name!r}"
        yield Finding((*here, "contents"), f"{name!r} selects the liquid", expected=expected)
        return
    for position in stream.contents_at:
        known = turned[name].abilities.positions
        where: Path = (*here, "contents", position)
        yield from names.one_of(position, known, "position", where, on_key=True)
    yield from _outside_of_experiments(profile, stream, turned[name])
    for position, place in _used_positions(profile, stream, name):
        if position not in stream.contents_at:
            message = f"{stream.name!r} draws nothing where {name!r} is at {position!r}"
            expected = f"one of {', '.join(stream.contents_at)}"
            yield Finding(place, message, expected=expected)


def _outside_of_experiments(
    profile: Profile, stream: Stream, valve: DeviceEntry
) -> Iterator[Finding]:
    """A stream that flushes, or flows on hold, draws a liquid where its selector is safe."""
    if valve.by_hand:
        message = f"a person works {valve.name!r}, so that nobody knows what {stream.name!r} draws"
        fix = "another stream"
    elif str(valve.safe) in stream.contents_at:
        return
    else:
        message = (
            f"{stream.name!r} draws nothing where {valve.name!r} is safe, at {str(valve.safe)!r}"
        )
        liquids = ", ".join(stream.contents_at)
        fix = f"another stream, or a position with a liquid as `safe` of {valve.name!r}: {liquids}"
    flows: list[tuple[Path, Mapping[str, float] | None]] = [
        (("hold", "flow_rates"), profile.hold.flow_rates_ul_min)
    ]
    flows += [
        (("safe_state", index, "flow_rates"), step.flow_rates_ul_min)
        for index, step in enumerate(profile.safe_state)
    ]
    for path, rates_ul_min in flows:
        if stream.name in (rates_ul_min or {}):
            yield Finding((*path, stream.name), message, expected=fix, on_key=True)


def _used_positions(profile: Profile, stream: Stream, valve: str) -> Iterator[tuple[str, Path]]:
    """Positions at which a stream flows, each with the place of the profile that says so."""
    choosing = [
        (number, one) for number, one in enumerate(profile.variables) if one.device == valve
    ]
    for number, variable in choosing:
        for index, choice in enumerate(variable.choices):
            yield choice.name, ("space", number, "choices", index)
    usual = profile.device_settings.get(valve, str(profile.devices[valve].safe))
    where: Path = ("settings", valve)
    if valve not in profile.device_settings:
        where = ("devices", valve, "safe")
    is_calibrated = profile.calibration is not None and (
        stream.name in profile.calibration.flow_rates_ul_min
    )
    flows_on_hold = stream.name in (profile.hold.flow_rates_ul_min or {})
    # A choice with settings may turn the valve too.
    if is_calibrated or flows_on_hold or not any(one.choices for one in profile.variables):
        yield usual, where


def vessels(profile: Profile) -> Iterator[Finding]:
    """A vessel from which a stream draws has a volume, is filled by hand, and feeds one stream."""
    fed: dict[str, str] = {}
    for name, stream in profile.streams.items():
        if stream.vessel is None:
            continue
        here: Path = ("streams", name, "supply", "vessel")
        vessel = stream.vessel.vessel
        known = [one for one, part in profile.path.items() if part.kind == "vessel"]
        yield from names.one_of(vessel, known, "vessel", here)
        if vessel not in known:
            continue
        component = profile.path[vessel]
        leading = [one for one, part in profile.path.items() if vessel in part.outlets]
        leading += [one for one, other in profile.streams.items() if other.to == vessel]
        for is_so, message, expected in (
            (component.to is not None, f"{vessel!r} leads on, and is no supply", "no key `to`"),
            (bool(leading), f"{', '.join(leading)} leads into {vessel!r}", "a vessel of its own"),
            (vessel in fed, f"{fed.get(vessel)!r} draws from {vessel!r}", "a vessel of its own"),
            (component.given_volume_ul is None, f"{vessel!r} has no volume", "a key `volume`"),
        ):
            if is_so:
                yield Finding(here, message, expected=expected)
        fed[vessel] = name
        holds_ul = component.capacity_ul
        if holds_ul is not None and stream.vessel.rinse_ul >= holds_ul:
            message = f"{vessel!r} holds {holds_ul:g} µL, which the rinse takes alone"
            yield Finding((*here[:-1], "rinse"), message, expected="less")


def used_pumps(profile: Profile) -> Iterator[Finding]:
    """Every device that only delivers drives a stream: nothing would stop one that does not."""
    if any(pumps(profile)):  # one mistake in a stream is reported once
        return
    driving = {stream.pump for stream in profile.streams.values()}
    for name, device in profile.devices.items():
        kind = device.offer.kind
        delivers = device.abilities.is_dispensing and not device.is_controlled
        if (kind == "pump" or delivers) and name not in driving:
            message = f"the {kind} {name!r} drives no stream, so that nothing stops it"
            word = "pump" if kind == "pump" else "device"
            expected = f'a stream with `{word} = "{name}"`'
            yield Finding(("devices", name), message, expected=expected, on_key=True)


def stream_names(profile: Profile) -> Iterator[Finding]:
    """Names of streams are valid in a flow rule."""
    for name in profile.streams:
        if not (name.isidentifier() and name.isascii()):
            yield Finding(
                ("streams", name),
                f"{name!r} cannot be written in a flow rule",
                expected="a name of letters, digits and underscores",
                on_key=True,
            )


def dependent_flows(profile: Profile) -> Iterator[Finding]:
    """Flow rules use streams, and no flow rate depends on itself."""
    for stream, rule in profile.dependent_flows.items():
        here: Path = ("dependent_flows", stream)
        yield from names.one_of(stream, profile.streams, "stream", here, on_key=True)
        for name in rule.coefficients:
            if name not in profile.streams:
                yield _unknown_in_rule(profile, name, rule, here)
    _, circular = expand_rules(profile.dependent_flows)
    for stream in circular:
        message = f"the flow rate of {stream!r} depends on itself"
        yield Finding(
            ("dependent_flows", stream), message, expected="a rule that uses other streams only"
        )


def _unknown_in_rule(profile: Profile, name: str, rule: LinearRule, here: Path) -> Finding:
    found = re.search(rf"\b{re.escape(name)}\b", rule.text)
    return Finding(
        here,
        f"unknown stream {name!r}",
        expected=f"one of {', '.join(sorted(profile.streams))}",
        nearest=nearest(name, profile.streams),
        offset=found.start() if found else None,
    )


def variables(profile: Profile) -> Iterator[Finding]:
    """Variables name streams and heaters, each at most once and none with a flow rule."""
    seen: dict[tuple[str, str], int] = {}
    for index, variable in enumerate(profile.variables):
        here: Path = ("space", index)
        marks = [("name", variable.name)]
        if variable.stream is not None:
            path = (*here, "stream")
            yield from names.one_of(variable.stream, profile.streams, "stream", path)
            marks.append(("stream", variable.stream))
            if variable.stream in profile.dependent_flows:
                message = (
                    f"the flow rate of {variable.stream!r} has a rule in [dependent_flows] already"
                )
                yield Finding(path, message, expected="a stream without a flow rule")
        if variable.heater is not None:
            yield from names.device(profile, variable.heater, "heater", (*here, "heater"))
            marks.append(("heater", variable.heater))
        if variable.device is not None:
            yield from _of_a_device(profile, variable, here)
            marks.append(("device", variable.device))
        for key, name in marks:
            if seen.setdefault((key, name), index) != index:
                yield Finding((*here, key), f"there is a variable for the {key} {name!r} already")


def _of_a_device(profile: Profile, variable: Variable, here: Path) -> Iterator[Finding]:
    """A variable chooses what its device takes."""
    entry = profile.devices.get(variable.device or "")
    turned = [name for name, one in profile.devices.items() if one.abilities.is_selectable]
    if entry is None or (variable.choices and not entry.abilities.is_selectable):
        path = (*here, "is")
        if variable.device in profile.devices:
            message = f"{variable.device!r} has no positions"
            yield Finding(path, message, expected=f"one of {', '.join(turned)}" if turned else "")
        else:
            yield from names.one_of(variable.device or "", turned, "device with positions", path)
        return
    for number, choice in enumerate(variable.choices):
        path = (*here, "choices", number)
        yield from names.one_of(choice.name, entry.abilities.positions, "position", path)
    limits = entry.abilities.limits
    if limits is not None and not (
        limits[0] <= variable.range[0] and variable.range[1] <= limits[1]
    ):
        low, high = limits
        message = f"the range is beyond what {entry.name!r} takes"
        unit = f" {entry.abilities.unit}" if entry.abilities.unit else ""
        expected = f'a range within ["{low:g}{unit}", "{high:g}{unit}"]'
        yield Finding((*here, "range"), message, expected=expected)


def all_set(profile: Profile) -> Iterator[Finding]:
    """Every flow rate has a variable or a rule, every heater in use a variable or a set point."""
    if needs_equations(profile):  # their own rule finds what they leave open
        return
    flowing = {variable.stream for variable in profile.variables} | set(profile.dependent_flows)
    for name in profile.streams:
        if name not in flowing:
            message = f"nothing sets the flow rate of {name!r}"
            expected = "a variable in [[space]] or a rule in [dependent_flows]"
            yield Finding(("streams", name), message, expected=expected, on_key=True)
    set_by = {variable.heater for variable in profile.variables} | set(profile.fixed_temperatures_c)
    for name, component in profile.path.items():
        if component.heater in profile.devices and component.heater not in set_by:
            message = f"nothing sets the temperature of {component.heater!r}"
            expected = "a variable in [[space]] or a set point in [fixed_temperatures]"
            yield Finding(("path", name, "heater"), message, expected=expected)


def refills(profile: Profile) -> Iterator[Finding]:
    """A refill has a pump that draws, and a valve of its own that nothing else turns."""
    turns: dict[str, str] = {}
    for name, stream in profile.streams.items():
        refill, here = stream.refill, ("streams", name, "refill")
        if refill is None:
            continue
        if stream.syringe is None:
            message = f"{name!r} has no syringe that could be filled"
            yield Finding(here, message, expected="a key `syringe`, or no `refill`", on_key=True)
            continue
        pump = profile.devices.get(stream.pump)
        if pump is not None and pump.offer.kind == "pump" and not pump.offer.withdraws:
            message = f"the driver {pump.offer.name!r} of {stream.pump!r} cannot draw liquid in"
            able = ", ".join(_able_to_draw(profile))
            expected = "a pump whose driver says that it withdraws" + (f": {able}" if able else "")
            yield Finding(here, message, expected=expected, on_key=True)
        entries = profile.devices.items()
        valves = [n for n, one in entries if one.abilities.is_selectable and one.safe is not None]
        unknown = list(names.one_of(refill.valve, valves, "valve", (*here, "valve")))
        yield from unknown
        other = turns.setdefault(refill.valve, name)
        if other != name:
            message = f"{refill.valve!r} is the valve of {other!r} already"
            yield Finding((*here, "valve"), message, expected="a valve of its own")
        if not unknown:
            yield from _positions(profile, name, refill)
        yield from _volumes(profile, stream, stream.syringe, refill)


def _able_to_draw(profile: Profile) -> list[str]:
    """Drivers of the rig's pumps that draw liquid in."""
    return sorted({one.offer.name for one in profile.devices.values() if one.offer.withdraws})


def _positions(profile: Profile, name: str, refill: Refill) -> Iterator[Finding]:
    """The valve has both positions, and stands at no wrong one in the safe state or by others."""
    here: Path = ("streams", name, "refill")
    entry = profile.devices[refill.valve]
    known = entry.abilities.positions
    for key, position in (("fill", refill.fill), ("run", refill.run)):
        yield from names.one_of(position, known, "position", (*here, key))
    if refill.fill == refill.run:
        message = f"the valve does not turn: `fill` and `run` are both {refill.fill!r}"
        yield Finding((*here, "fill"), message, expected="two positions")
    flushes = name in _needed_when_safe(profile)
    if entry.safe == refill.fill or (flushes and entry.safe != refill.run):
        message = f"{refill.valve!r} is safe at {entry.safe!r}, "
        message += (
            f"and {name!r} has to flow in the safe state or on hold"
            if entry.safe != refill.fill
            else f"where the pump of {name!r} pushes into its reservoir"
        )
        expected = f'`safe = "{refill.run}"` in [devices.{refill.valve}]'
        yield Finding((*here, "valve"), message, expected=expected)
    elsewhere = [f"[path.{n}]" for n, one in profile.path.items() if refill.valve in one.devices]
    elsewhere += ["[settings]"] if refill.valve in profile.device_settings else []
    elsewhere += ["[[space]]" for one in profile.variables if one.device == refill.valve]
    if elsewhere:
        message = f"{refill.valve!r} is turned by {elsewhere[0]} as well"
        expected = f"a valve that only refills {name!r}"
        yield Finding((*here, "valve"), message, expected=expected)


def _needed_when_safe(profile: Profile) -> set[str]:
    """Streams that flush in the safe state, or flow while the run is on hold."""
    flushing = {one for step in profile.safe_state for one in step.flow_rates_ul_min}
    return flushing | set(profile.hold.flow_rates_ul_min or ())


def _volumes(
    profile: Profile, stream: Stream, syringe: Syringe, refill: Refill
) -> Iterator[Finding]:
    """Volumes and rates of a refill are possible with the syringe."""
    here: Path = ("streams", stream.name, "refill")
    kept_ul = [
        one.remainder_ul
        for one in profile.interlocks
        if one.kind == "syringe-not-empty" and stream.name in one.streams
    ]
    full_ul, least_ul = FULL * syringe.volume_ul, max(kept_ul, default=0.0)
    if not least_ul <= refill.below_ul < full_ul:
        yield Finding(
            (*here, "below"),
            f"got {refill.below_ul:g} µL, and the syringe is filled up to {full_ul:g} µL"
            + (f", of which an interlock keeps {least_ul:g} µL" if least_ul else ""),
            expected=f"at least {least_ul:g} µL and less than {full_ul:g} µL",
        )
    room_ul = full_ul - least_ul
    if not 0.0 <= refill.rinse_ul < room_ul:
        message = f"got {refill.rinse_ul:g} µL, and a full syringe delivers {room_ul:g} µL"
        expected = f"0 µL or more, and less than {room_ul:g} µL"
        yield Finding((*here, "rinse"), message, expected=expected)
    if not refill.rate_ul_min > 0:
        message = f"got {refill.rate_ul_min:g} µL/min"
        yield Finding((*here, "rate"), message, expected="more than 0 µL/min")
    if not refill.settle_s >= 0:
        yield Finding((*here, "settle"), f"got {refill.settle_s:g} s", expected="0 s or more")
    if refill.reservoir_ul is not None and not refill.reservoir_ul >= full_ul:
        message = f"got {refill.reservoir_ul:g} µL, which does not fill the syringe once"
        yield Finding((*here, "reservoir"), message, expected=f"at least {full_ul:g} µL")


def refills_while_hot(profile: Profile) -> Iterator[Finding]:
    """Nothing flows during a refill, which an interlock of heat and flow must allow."""
    longest_s = {
        name: FULL * one.capacity_ul / one.refill.rate_ul_min * 60 + one.refill.settle_s
        for name, one in profile.streams.items()
        if one.syringe is not None and one.refill is not None and one.refill.rate_ul_min > 0
    }
    for number, interlock in enumerate(profile.interlocks):
        if interlock.kind != "heat-needs-flow":
            continue
        for name, duration_s in longest_s.items():
            if duration_s > interlock.grace_s:
                yield Finding(
                    ("streams", name, "refill", "rate"),
                    f"nothing flows while the syringe is filled, for up to {duration_s:.0f} s, and "
                    f"interlock {number + 1} lets {interlock.heater!r} be hot for "
                    f"{interlock.grace_s:g} s without flow",
                    expected="a faster rate, or a longer `grace` of the interlock",
                )


RULES = (
    pumps,
    with_or_without_syringe,
    vessels,
    used_pumps,
    stream_names,
    dependent_flows,
    variables,
    all_set,
    refills,
    refills_while_hot,
)
