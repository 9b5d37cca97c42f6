"""The parts of `flowrig check` that tell sections and design numbers of the flow path."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import asdict

from flowrig.cli.terminal.printing import print_paragraph, say
from flowrig.profile import Profile
from flowrig.profile.controls.timeline import timeline
from flowrig.profile.topology import (
    Topology,
    chosen_valves,
    in_words,
    line_sentences,
    positions_in_experiments,
    section_sentences,
)
from flowrig.profile.topology.design_numbers import (
    NEEDS,
    DesignNumber,
    design_numbers,
    missing_properties,
    space_corners,
)

__all__ = ["path_as_json", "print_numbers"]


def path_as_json(profile: Profile, *, numbers: bool) -> dict[str, Any]:
    """The sections of a profile, and if wanted its design numbers, as JSON types."""
    told: dict[str, Any] = {"sections": _sections_as_json(profile)}
    if numbers:
        told["design_numbers"] = _numbers_as_json(profile)
    return told


def path_sentences(profile: Profile) -> Iterator[str]:
    """Flow, τ and sections in the middle of the search space, by where valves stand."""
    for positions, topology, rates in _middles(profile):
        with_positions = f", with {in_words(positions)}" if positions else ""
        steady = f", steady after {topology.equilibrium_time_s(rates):.0f} s"
        yield (
            f"in the middle of the search space{with_positions}: {sum(rates.values()):.0f} µL/min "
            f"in all, τ = {topology.residence_time_s(rates):.0f} s"
            f"{'' if profile.procedure else steady}"
        )
        yield from line_sentences(topology)
        yield from section_sentences(topology, rates)
    if profile.procedure:
        yield f"procedure in the middle of the search space: {', '.join(_steps(profile))}"


def _steps(profile: Profile) -> Iterator[str]:
    """Each step of the procedure in words, with its time in the middle of the search space."""
    space = profile.space
    middle = space.rows(((space.low + space.high) / 2)[None])[0]
    for moment in timeline(profile, middle):
        step, time = moment.step, f"{moment.duration_s:.3g} s"
        match step.do:
            case "select":
                yield f"{step.device} to {step.position!r}"
            case "flow" | "stop":
                yield f"{step.do} {' and '.join(step.streams) or 'all'}"
            case "wait":
                yield f"wait {time}" + (f" ({step.name})" if step.name else "")
            case "measure":
                yield f"measure for {time}"


def _middles(
    profile: Profile,
) -> Iterator[tuple[dict[str, str], Topology, dict[str, float]]]:
    """The middle of the search space by where valves stand: their positions by device, the path,
    and the flow rates [µL/min]."""
    space = profile.space
    middle = space.rows(((space.low + space.high) / 2)[None])[0]
    for positions in positions_in_experiments(profile):
        chosen = {one.name: positions[str(one.device)] for one in chosen_valves(profile)}
        conditions = {**middle, **chosen}
        yield positions, Topology.of(profile, conditions), profile.flow_rates_ul_min(conditions)


def _sections_as_json(profile: Profile) -> dict[str, Any]:
    """The sections of a profile in the middle of its search space, as JSON types.

    Where experiments choose positions of valves, `with` names the first ones in which a section is
    passed, and `also` has the others.
    """
    told: dict[str, Any] = {}
    for positions, topology, rates in _middles(profile):
        for name, section in topology.sections.items():
            if not topology.is_passed(section):
                continue
            one = {
                "ends": list(topology.ends_of(section)),
                "volume_ul": topology.section_volume_ul(section),
                "time_s": _finite(topology.section_time_s(section, rates)),
                "routes": [
                    {"components": route, "time_s": _finite(topology.route_time_s(route, rates))}
                    for route in topology.routes(section)
                ],
            }
            one |= {"with": positions} if positions else {}
            if name in told:
                told[name].setdefault("also", []).append(one)
            else:
                told[name] = one
    return told


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers_as_json(profile: Profile) -> dict[str, Any]:
    """The design numbers of a profile as JSON types."""
    return {
        "corners": len(space_corners(profile)),
        "numbers": [asdict(one) for one in design_numbers(profile)],
        "unknown": {key: list(names) for key, names in missing_properties(profile).items()},
    }


def print_numbers(profile: Profile) -> None:
    """Print the design numbers of a profile, those outside their windows as warnings."""
    found = design_numbers(profile)
    if found:
        corners = len(space_corners(profile))
        print_paragraph(f"design numbers, at {corners} corners of the search space:", indent=2)
    for one in found:
        say(f"    {_line(one)}", fg="yellow" if one.perhaps else None)
    missing = missing_properties(profile)
    for key, names in missing.items():
        print_paragraph(
            f"{key} of {', '.join(names)} is not given in [streams.NAME.liquid]: "
            f"{_consequence(key, found)}",
            indent=4,
        )


def _consequence(key: str, found: Iterable[DesignNumber]) -> str:
    known = {one.name for one in found}
    lost = [number for number, needs in NEEDS.items() if key in needs and number not in known]
    if lost:
        return f"no {', '.join(lost)}"
    return "the numbers stand on the streams for which it is given"


def _line(one: DesignNumber) -> str:
    told = f"{one.section}: {one.name} {one.low:.2g} to {one.high:.2g} {one.unit}".rstrip()
    if one.window is None:
        return told
    low, high = one.window
    told += f"; should be below {high:g}" if low <= 0.0 else f"; should be {low:g} to {high:g}"
    if not one.perhaps:
        return told
    certain = "in none for certain" if not one.outside else f"in {one.outside} for certain"
    return f"{told}: outside in {one.perhaps} of {one.corners} cases, {certain}"
