"""What `flowrig check` says of the safety of a rig."""

import click

from flowrig.cli.terminal.printing import print_paragraph
from flowrig.operator.gates import sentence
from flowrig.profile import Interlock, Profile

__all__ = ["tell_safety"]


def tell_safety(profile: Profile) -> None:
    """The rules that hold while the rig runs, and what the rig lacks."""
    for interlock in profile.interlocks:
        print_paragraph(f"interlock: {_sentence(interlock)}", indent=2)
    for heater in _of_kind(profile, "heater"):
        print_paragraph(_supervision(profile, heater), indent=2)
    for gate in profile.gates:
        often = "each time" if gate.each_time else "once"
        print_paragraph(f"gate {gate.name}: asked {often} before {sentence(gate)}", indent=2)
    flows = ", ".join(profile.hold_flow_rates_ul_min) or "nothing"
    print_paragraph(
        f"on hold: {flows} flows, for {profile.hold.longest_s / 60:g} min at most", indent=2
    )
    bare = [n for n, one in profile.devices.items() if _moves(one.offer.kind, one.offer.dead_man)]
    if bare:
        click.secho(
            f"  no dead-man timer: {', '.join(bare)} go on as they are if this computer loses its "
            "power; a hardware over-temperature cut-off is needed",
            fg="red",
        )


def _moves(kind: str, dead_man: bool) -> bool:
    return kind in ("pump", "heater") and not dead_man


def _of_kind(profile: Profile, kind: str) -> list[str]:
    return [name for name, one in profile.devices.items() if one.offer.kind == kind]


def _sentence(said: Interlock) -> str:
    streams = ", ".join(said.streams)
    if said.kind == "syringe-not-empty":
        return f"{streams} flow only while {said.remainder_ul / 1000:g} mL stay in their syringes"
    if said.kind == "heat-needs-flow":
        return f"{said.heater} is above {said.above_c:g} °C only while one of {streams} flows"
    cold = "" if said.or_below_c is None else f" or below {said.or_below_c:g} °C"
    return (
        f"{streams} flow only while {said.heater} is within {said.tolerance_c:g} °C of its set "
        f"point{cold}"
    )


def _supervision(profile: Profile, heater: str) -> str:
    limit_c, heating_c_min = profile.limits.temperature_c[1], profile.steady.heating_c_min
    at = profile.supervision.thresholds(heater, limit_c, heating_c_min)
    how = "measured" if heater in profile.supervision.commissioning else "assumed"
    text = (
        f"{heater}: a broken sensor is noticed within {at.detection_s:.0f} s ({how}), up to "
        f"{at.margin_c:.0f} °C above the set point"
    )
    if at.still_s is None:
        text += f"; one that stands still within {at.near_c:g} °C of its set point is not noticed"
    return text
