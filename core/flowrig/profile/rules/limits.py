"""Rules for limits: a profile may narrow the limits of an instrument, never widen them."""

import math
from collections.abc import Iterator, Mapping

from flowrig.interfaces import Syringe
from flowrig.problem.space import MOST_STEPS
from flowrig.profile.controls.set_points import heater_window, set_point_window
from flowrig.profile.model import NO_LIMIT, DeviceEntry, Profile, Stream, Window
from flowrig.profile.model.devices import gas_factor
from flowrig.profile.problems import Finding, Path
from flowrig.profile.quantity import split_suffix

__all__ = ["RULES", "outside"]

_SET_POINTS = ("set_point_min_c", "set_point_max_c", "idle_c")
"""Settings of heaters that are set points."""


def outside(value: float, window: Window, unit: str, whose: str, path: Path) -> Iterator[Finding]:
    """A finding unless a value lies within limits.

    Args:
        value: the value, in `unit`.
        window: lower and upper limit, in `unit`.
        unit: the unit, for the message.
        whose: name of the limits, for the message.
        path: path of the value in the profile.
    """
    low, high = window
    if not low <= value <= high:
        yield Finding(
            path,
            f"{value:g} {unit} is outside {whose}",
            expected=f"{low:g} to {high:g} {unit}",
        )


def _both(window: Window, limits: Window, unit: str, whose: str, path: Path) -> Iterator[Finding]:
    for index, value in enumerate(window):
        yield from outside(value, limits, unit, whose, (*path, index))


def settings(profile: Profile) -> Iterator[Finding]:
    """The settings of a device lie within the limits of the instrument."""
    for name, device in profile.devices.items():
        for limit, window in device.offer.limits.items():
            _, unit = split_suffix(limit)
            fields = _SET_POINTS if limit == "temperature_c" else (limit,)
            for field in fields:
                value = getattr(device.settings, field, None)
                if value is not None:
                    path: Path = ("devices", name, split_suffix(field)[0])
                    whose = f"the limits of a {device.offer.name}"
                    yield from outside(value, window, unit, whose, path)


def streams(profile: Profile) -> Iterator[Finding]:
    """Flow rate and syringe of a stream lie within the limits of the device that drives it."""
    for name, stream in profile.streams.items():
        pump = profile.devices.get(stream.pump)
        limits: Mapping[str, Window] = pump.offer.limits if pump is not None else {}
        here: Path = ("streams", name)
        whose = f"the limits of the pump {stream.pump!r}"
        if pump is not None and pump.abilities.window_ul_min is not None:
            rate, path = stream.flow_rate_ul_min, (*here, "flow_rate")
            whose = f"what the {pump.offer.kind} {stream.pump!r} can do"
            yield from _both(rate, _delivered_ul_min(stream, pump), "uL/min", whose, path)
        elif "rate_ul_min" in limits:
            rate, path = stream.flow_rate_ul_min, (*here, "flow_rate")
            yield from _both(rate, limits["rate_ul_min"], "uL/min", whose, path)
        if stream.syringe is not None:
            yield from _syringe(stream, stream.syringe, limits, here)


def _delivered_ul_min(stream: Stream, pump: DeviceEntry) -> Window:
    """Flow rates [µL/min] of a stream that a device without a syringe can deliver.

    A gas that the device counts at standard conditions takes less room at a higher pressure.
    """
    assert pump.abilities.window_ul_min is not None
    low, high = (rate / gas_factor(stream, pump) for rate in pump.abilities.window_ul_min)
    return low, high


def _syringe(
    stream: Stream, syringe: Syringe, limits: Mapping[str, Window], here: Path
) -> Iterator[Finding]:
    """Limits of a pump with its syringe."""
    if "plunger_mm_min" in limits and syringe.inner_diameter_mm > 0:
        slow, fast = limits["plunger_mm_min"]
        area_mm2 = math.pi / 4 * syringe.inner_diameter_mm**2
        able, path = (slow * area_mm2, fast * area_mm2), (*here, "flow_rate")
        what = f"what the pump {stream.pump!r} can do with this syringe"
        yield from _both(stream.flow_rate_ul_min, able, "uL/min", what, path)
    for key, unit, value in (
        ("inner_diameter_mm", "mm", syringe.inner_diameter_mm),
        ("volume_ul", "uL", syringe.volume_ul),
    ):
        if key in limits:
            path = (*here, "syringe", split_suffix(key)[0])
            whose = f"the limits of the pump {stream.pump!r}"
            yield from outside(value, limits[key], unit, whose, path)


def refills(profile: Profile) -> Iterator[Finding]:
    """A syringe is filled as fast as its pump can draw."""
    for name, stream in profile.streams.items():
        pump = profile.devices.get(stream.pump)
        if stream.refill is None or stream.syringe is None or pump is None:
            continue
        limits, path = pump.offer.limits, ("streams", name, "refill", "rate")
        area_mm2 = math.pi / 4 * stream.syringe.inner_diameter_mm**2
        slow, fast = limits.get("plunger_mm_min", (0.0, math.inf))
        low, high = limits.get("rate_ul_min", (0.0, math.inf))
        able = (max(low, slow * area_mm2), min(high, fast * area_mm2))
        whose = f"what the pump {stream.pump!r} can do with this syringe"
        yield from outside(stream.refill.rate_ul_min, able, "uL/min", whose, path)


def temperature(profile: Profile) -> Iterator[Finding]:
    """The temperature limits of the rig lie within the limits of its heaters."""
    windows = [heater_window(one) for one in profile.devices.values() if one.offer.kind == "heater"]
    if windows and profile.limits.temperature_c == NO_LIMIT:
        yield from _without_limit(profile)
    elif windows:
        hull = (min(low for low, _ in windows), max(high for _, high in windows))
        path: Path = ("limits", "temperature")
        yield from _both(
            profile.limits.temperature_c, hull, "°C", "the limits of the rig's heaters", path
        )


def _without_limit(profile: Profile) -> Iterator[Finding]:
    limited = {one.expression.text.strip() for one in profile.limits.expressions}
    for name, device in profile.devices.items():
        if device.offer.kind == "heater" and name not in limited:
            message = f"nothing limits the set point of {name!r}"
            expected = f"a window `temperature` for all heaters, or `{name}` for this one"
            yield Finding(("limits",), message, expected=expected, on_key=True)


def own_set_points(profile: Profile) -> Iterator[Finding]:
    """A window on a set point lies within the limits of its heater."""
    for one in profile.limits.expressions:
        device = profile.devices.get(one.expression.text.strip())
        if device is not None and device.offer.kind == "heater":
            path: Path = ("limits", one.expression.text)
            whose = f"the limits of the heater {device.name!r}"
            yield from _both(one.window, heater_window(device), "°C", whose, path)


def variables(profile: Profile) -> Iterator[Finding]:
    """A variable stays within the limits of its stream, of its heater and of the rig."""
    for index, variable in enumerate(profile.variables):
        path: Path = ("space", index, "range")
        low, high = variable.range
        unit = f" {variable.unit}" if variable.unit else ""
        if variable.step is not None and not 0.0 < variable.step <= high - low:
            message = f"a step of {variable.step:g}{unit} does not fit into the range"
            expected = f"more than 0{unit}, and at most {high - low:g}{unit}"
            yield Finding(("space", index, "step"), message, expected=expected)
        elif variable.step is not None and high - low > MOST_STEPS * variable.step:
            message = f"a step of {variable.step:g}{unit} makes more than {MOST_STEPS} of the range"
            least = f"at least {(high - low) / MOST_STEPS:g}{unit}"
            yield Finding(("space", index, "step"), message, expected=least)
        stream = profile.streams.get(variable.stream or "")
        if stream is not None:
            window = stream.flow_rate_ul_min
            whose = f"the limits of the stream {variable.stream!r}"
            yield from _both(variable.range, window, "uL/min", whose, path)
        device = profile.devices.get(variable.heater or "")
        if device is not None and device.offer.kind == "heater":
            whose = f"the limits of the rig and of {device.name!r}"
            yield from _both(variable.range, set_point_window(profile, device), "°C", whose, path)


def fixed_temperatures(profile: Profile) -> Iterator[Finding]:
    """A fixed set point belongs to a heater without a variable, and stays within its limits."""
    chosen = {variable.heater for variable in profile.variables}
    for heater, set_point in profile.fixed_temperatures_c.items():
        path: Path = ("fixed_temperatures", heater)
        device = profile.devices.get(heater)
        if device is None or device.offer.kind != "heater":
            heaters = [n for n, d in profile.devices.items() if d.offer.kind == "heater"]
            message = f"there is no heater {heater!r}"
            yield Finding(path, message, expected=f"one of {', '.join(heaters)}", on_key=True)
        elif heater in chosen:
            message = f"a variable in [[space]] sets the temperature of {heater!r} already"
            yield Finding(path, message, on_key=True)
        else:
            whose = f"the limits of the rig and of {heater!r}"
            yield from outside(set_point, set_point_window(profile, device), "°C", whose, path)


RULES = (settings, streams, refills, temperature, own_set_points, variables, fixed_temperatures)
