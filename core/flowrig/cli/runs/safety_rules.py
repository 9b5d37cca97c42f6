"""Prints the safety rules of a rig, for `flowrig check`."""

import math
from collections.abc import Iterator, Sequence

from flowrig.cli.terminal.printing import print_paragraph, say
from flowrig.operator.gates import sentence
from flowrig.profile import Interlock, Profile

__all__ = ["print_safety"]

_DEGREES = ("degC", "°C", "C", "K")
"""Units of a device that is set to a temperature, such as a bath."""


def print_safety(profile: Profile) -> None:
    """Print the rules that hold while the rig runs, and devices without a dead-man timer."""
    for interlock in profile.interlocks:
        print_paragraph(f"interlock: {_sentence(profile, interlock)}", indent=2)
    for name, loop in profile.control.items():
        at = f"at {loop.at}" if loop.at is not None else f"at the value of {name}"
        low, high = loop.within
        text = (
            f"control of {name}: {loop.reading} is kept {at}, by {loop.by} within {low} to {high}"
        )
        print_paragraph(text, indent=2)
    for heater in _of_kind(profile, "heater"):
        print_paragraph(_supervision(profile, heater), indent=2)
    for gate in profile.gates:
        often = "each time" if gate.each_time else "once"
        print_paragraph(f"gate {gate.name}: asked {often} before {sentence(gate)}", indent=2)
    for line in _values(profile):
        print_paragraph(line, indent=2)
    for line in _supplies(profile):
        print_paragraph(line, indent=2)
    for step in profile.safe_state:
        if step.until_below_c is not None and not _of_kind(profile, "heater"):
            text = (
                f"no heater tells whether it is below {step.until_below_c:g} °C: the flush of the "
                f"safe state always takes {step.at_most_s / 60:g} min; leave `until_below` out"
            )
            say(f"  {text}", fg="yellow")
    # On hold liquid flows only while something is hot.
    rates_ul_min = profile.hold_flow_rates_ul_min if _of_kind(profile, "heater") else {}
    flows = ", ".join(rates_ul_min) or "nothing"
    print_paragraph(
        f"on hold: {flows} flows, for {profile.hold.longest_s / 60:g} min at most", indent=2
    )
    for name, device in profile.devices.items():
        if device.dead_man_s is not None:
            text = f"{name}: stops by itself after {device.dead_man_s:g} s without a request"
            print_paragraph(text, indent=2)
    unguarded = [name for name, device in profile.devices.items() if device.goes_on_alone]
    if unguarded:
        say(f"  no dead-man timer: {_what_goes_on(profile, unguarded)}", fg="red")


def _supplies(profile: Profile) -> Iterator[str]:
    """What streams draw from where that is no syringe."""
    for name, stream in profile.streams.items():
        rinse = f"{stream.rinse_ul / 1000:g} mL"
        if stream.selector is not None:
            yield (
                f"{name}: its line is rinsed with {rinse} after {stream.selector.valve} turned; "
                "what the bottles hold is not counted"
            )
        elif stream.vessel is not None:
            vessel = stream.vessel.vessel
            yield (
                f"{name}: draws from {vessel}; its line is rinsed with {rinse} when a run starts "
                f"or is resumed, and after {vessel} was filled"
            )
        elif stream.refill is not None and stream.rinse_ul:
            yield (
                f"{name}: {rinse} flow through the path to the waste after each refill, and when a "
                "run starts or is resumed"
            )
        elif math.isinf(stream.capacity_ul):
            yield f"{name}: [streams.{name}] names no `supply`, so it counts as never empty"


def _what_goes_on(profile: Profile, devices: Sequence[str]) -> str:
    """What happens to devices without a dead-man timer, and what a heater among them needs."""
    go = "goes on as it is" if len(devices) == 1 else "go on as they are"
    text = f"{', '.join(devices)} {go} if this computer loses its power"
    heats = {*_of_kind(profile, "heater")}
    heats |= {n for n, one in profile.devices.items() if one.abilities.unit in _DEGREES}
    if {*devices} & heats:
        text += "; a hardware over-temperature cut-off is needed"
    return text


def _values(profile: Profile) -> Iterator[str]:
    """Where devices stand that are set or turned, in experiments and in the safe state."""
    varied, values = {one.device: one.name for one in profile.variables}, profile.device_values()
    for name, entry in profile.devices.items():
        if not entry.is_controlled or not (name in varied or name in values):
            continue
        unit = entry.abilities.unit
        run = f"{values.get(name)} {unit}".rstrip() + " in every experiment"
        when = f"as {varied[name]} says" if name in varied else run
        if name in {step.device for step in profile.procedure}:
            when = "as the procedure says"
        if entry.by_hand:
            yield f"{name}: {when}; a person works it, and the safe state leaves it as it is"
        else:
            yield f"{name}: {when}, {f'{entry.safe} {unit}'.rstrip()} in the safe state"
    for name, (low_ul, high_ul) in profile.volumes_by_hand.items():
        yield f"{name}: {low_ul:g} to {high_ul:g} µL; a person puts it in where it changes"
    for name in profile.readings_by_hand:
        yield f"{name}: a person reads it once an experiment"


def _of_kind(profile: Profile, kind: str) -> list[str]:
    return [name for name, one in profile.devices.items() if one.offer.kind == kind]


def _sources(profile: Profile, interlock: Interlock) -> str:
    """What the streams of an interlock are drawn from, in words."""
    plurals = {"syringe": "syringes", "supply": "supplies"}
    sources = dict.fromkeys(profile.streams[name].source for name in interlock.streams)
    return " or ".join(plurals[one] for one in sources)


def _sentence(profile: Profile, interlock: Interlock) -> str:
    streams, heater = ", ".join(interlock.streams), interlock.heater
    flow = "flows" if len(interlock.streams) == 1 else "flow"
    if interlock.frozen_after_s is not None:
        return (
            f"{interlock.reading} changes within {interlock.frozen_after_s:g} s of flow of "
            f"{streams}; else {interlock.action}"
        )
    if interlock.reading is not None:
        when = (
            f"while {' or '.join(interlock.streams)} flows" if interlock.streams else "at all times"
        )
        never = f"{interlock.breaks} {interlock.limit}"
        return f"{interlock.reading} is never {never}, {when}; else {interlock.action}"
    if interlock.kind == "syringe-not-empty":
        stay = f"{interlock.remainder_ul / 1000:g} mL stay in their {_sources(profile, interlock)}"
        return f"{streams} {flow} only while {stay}"
    if interlock.kind == "heat-needs-flow":
        return f"{heater} is above {interlock.above_c:g} °C only while one of {streams} flows"
    cold = "" if interlock.or_below_c is None else f" or below {interlock.or_below_c:g} °C"
    return (
        f"{streams} {flow} only while {heater} is within {interlock.tolerance_c:g} °C of its set "
        f"point{cold}"
    )


def _supervision(profile: Profile, heater: str) -> str:
    limit_c, heating_c_min = profile.limits.set_point_c(heater)[1], profile.steady.heating_c_min
    at = profile.supervision.thresholds(heater, limit_c, heating_c_min)
    how = "measured" if heater in profile.supervision.commissioning else "assumed"
    text = (
        f"{heater}: a broken sensor is noticed within {at.detection_s:.0f} s ({how}), up to "
        f"{at.margin_c:.0f} °C above the set point"
    )
    if at.still_s is None:
        text += f"; one that stands still within {at.near_c:g} °C of its set point is not noticed"
    return text
