"""Design numbers of a flow path: dimensionless groups and mixing times, at corners of the space.

The groups and their windows are those that Abdel-Latif et al. (Matter 2020, 3, 1053) collect for
flow synthesis. They rest on properties of liquids that are rarely known well, so each number has a
lower and an upper end. They are advice: a rig that works may lie outside.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from attrs import frozen

from flowrig.profile.model import Component, Profile, Section, Stream
from flowrig.profile.model.flow import Property
from flowrig.profile.topology.positions import positions_in_experiments, positions_under
from flowrig.profile.topology.topology import Topology

__all__ = ["DesignNumber", "design_numbers", "missing_properties", "space_corners"]

Ends = tuple[float, float]

MOST_CORNERS = 1024
"""Largest number of corners of the search space that are looked at."""

UNCERTAINTY = 0.2
"""Relative uncertainty of a property that is given as one value (assumed)."""

GRAVITY_M_S2 = 9.81

WINDOWS: Mapping[str, Ends] = {
    "Ca": (0.0, 0.01),
    "We": (0.0, 1.0),
    "Bo": (0.0, 0.3),
    "Pe": (1e3, 1e5),
    "Da": (0.0, 1.0),
}
"""Where segmented flow is regular and mixing faster than the reaction (Abdel-Latif et al., Matter
2020, 3, 1053). The window of Pe is for slugs."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "Re": ("density", "viscosity"),
    "Ca": ("viscosity", "interfacial_tension"),
    "We": ("density", "interfacial_tension"),
    "Bo": ("density", "interfacial_tension"),
    "Pe": ("diffusivity",),
    "mixing time": ("diffusivity",),
    "Da": ("diffusivity",),
}
"""The properties of liquids behind each number."""

OF_SLUGS = ("Ca", "We", "Bo")
"""Numbers that exist only where slugs flow in a carrier."""


@frozen(kw_only=True)
class DesignNumber:
    """One number in one section, over the corners of the search space and the section's bores.

    Attributes:
        section: name of the section.
        name: "Re", "Ca", "We", "Bo", "Pe", "mixing time" or "Da".
        unit: "" or "s".
        low: smallest value, with the uncertainty of the properties.
        high: largest value, likewise.
        window: where it should lie; None if there is no window.
        corners: number of places and conditions that were looked at.
        outside: how many of them are outside the window whatever the properties are.
        perhaps: how many are outside for some values of the properties.
    """

    section: str
    name: str
    unit: str
    low: float
    high: float
    window: Ends | None
    corners: int
    outside: int
    perhaps: int


def space_corners(profile: Profile) -> list[dict[str, Any]]:
    """Conditions at the corners of the search space that meet its limits; else its middle."""
    space = profile.space
    # Every choice of a category is a corner; a number has two.
    levels = [np.linspace(0.0, 1.0, len(one.choices) or 2) for one in space.parameters]
    if math.prod(map(len, levels)) <= MOST_CORNERS:
        units = np.array(list(product(*levels))).reshape(-1, len(levels))
    else:
        rng = np.random.default_rng(0)
        units = np.column_stack([rng.choice(some, MOST_CORNERS) for some in levels])
    corners = space.from_unit(units)
    kept = corners[space.feasible(corners)]
    if not len(kept):
        kept = ((space.low + space.high) / 2)[None]
    return [dict(row) for row in space.rows(kept)]


def design_numbers(profile: Profile) -> list[DesignNumber]:
    """Every design number that the profile's liquids are known well enough for, by section."""
    cases = {
        tuple(positions.values()): Topology(profile, positions)
        for positions in positions_in_experiments(profile)
    }
    corners = [
        (cases[tuple(positions_under(profile, corner).values())], profile.flow_rates_ul_min(corner))
        for corner in space_corners(profile)
    ]
    found = []
    for name, section in corners[0][0].sections.items():
        values: dict[str, list[tuple[Ends, bool]]] = {}
        for part in _bored(profile, cases.values(), section):
            for topology, some in corners:
                flow = _Flow.of(profile, topology, part, some)
                for number, ends in _numbers(flow, section) if flow.is_flowing else ():
                    values.setdefault(number, []).append((ends, flow.is_segmented))
        found += [_summary(name, number, some) for number, some in values.items()]
    return found


def missing_properties(profile: Profile) -> dict[str, tuple[str, ...]]:
    """By property, the streams for which the profile does not give it, in its order.

    An interfacial tension is asked of carriers only, and a diffusivity of the others.
    """
    carriers = {name for name, stream in profile.streams.items() if stream.is_carrier}
    others = set(profile.streams) - carriers
    wanted = {"density": {*carriers, *others}, "viscosity": {*carriers, *others}}
    wanted |= {"interfacial_tension": carriers if others else set(), "diffusivity": others}
    lacking = {
        key: tuple(
            n for n in profile.streams if n in names and _given(profile.streams[n], key) is None
        )
        for key, names in wanted.items()
    }
    return {key: names for key, names in lacking.items() if names}


def _summary(section: str, number: str, values: list[tuple[Ends, bool]]) -> DesignNumber:
    window = WINDOWS.get(number)
    low, high = window or (-math.inf, math.inf)
    judged = [ends for ends, segmented in values if segmented or number != "Pe"]
    return DesignNumber(
        section=section,
        name=number,
        unit="s" if number == "mixing time" else "",
        low=min(ends[0] for ends, _ in values),
        high=max(ends[1] for ends, _ in values),
        window=window if judged else None,
        corners=len(values),
        outside=sum(ends[1] < low or ends[0] > high for ends in judged),
        perhaps=sum(ends[0] < low or ends[1] > high for ends in judged),
    )


def _bored(profile: Profile, topologies: Iterable[Topology], section: Section) -> list[Component]:
    """The components on the routes of a section whose bore is known, wherever valves stand."""
    routes = (route for topology in topologies for route in topology.routes(section))
    names = dict.fromkeys(one for route in routes for one in route)
    return [profile.path[name] for name in names if profile.path[name].inner_diameter_mm]


@frozen(kw_only=True)
class _Flow:
    """What flows through one component under some conditions.

    Attributes:
        bore_m: bore [m].
        velocity_m_s: mean velocity [m/s] of all phases.
        ratio: flow rate of the other phases over that of the carrier.
        inside: streams that are no carriers, with their flow rates [µL/min].
        carrier: streams that are carriers, likewise.
    """

    bore_m: float
    velocity_m_s: float
    ratio: float
    inside: Mapping[str, tuple[Stream, float]]
    carrier: Mapping[str, tuple[Stream, float]]

    @classmethod
    def of(
        cls, profile: Profile, topology: Topology, part: Component, rates: Mapping[str, float]
    ) -> "_Flow":
        """The flow through a component whose bore is known."""
        inside: dict[str, tuple[Stream, float]] = {}
        carrier: dict[str, tuple[Stream, float]] = {}
        for name, rate in topology.flows_ul_min(rates)[part.name].items():
            stream = profile.streams[name]
            if rate > 0.0:
                (carrier if stream.is_carrier else inside)[name] = stream, rate
        flows = [sum(rate for _, rate in some.values()) for some in (inside, carrier)]
        bore_mm = part.inner_diameter_mm or math.nan
        mm_s = sum(flows) / 60.0 / (math.pi / 4 * bore_mm**2)
        ratio = flows[0] / flows[1] if flows[1] > 0 else math.inf
        return cls(
            bore_m=bore_mm / 1e3,
            velocity_m_s=mm_s / 1e3,
            ratio=ratio,
            inside=inside,
            carrier=carrier,
        )

    @property
    def is_flowing(self) -> bool:
        """Whether anything flows."""
        return self.velocity_m_s > 0.0

    @property
    def is_segmented(self) -> bool:
        """Whether slugs flow in a carrier."""
        return bool(self.inside and self.carrier)


def _numbers(flow: _Flow, section: Section) -> Iterator[tuple[str, Ends]]:
    """Each number with its lower and upper end."""
    d, u = flow.bore_m, flow.velocity_m_s
    liquid = flow.inside or flow.carrier
    density, viscosity = _mixed(liquid, "density", 1.0), _mixed(liquid, "viscosity", 1e-3)
    diffusivity = _mixed(flow.inside, "diffusivity", 1.0)
    yield from _over("Re", lambda rho, eta: rho * u * d / eta, density, viscosity)
    if flow.is_segmented:
        tension = _mixed(flow.carrier, "interfacial_tension", 1e-3)
        rho_c, eta_c = _mixed(flow.carrier, "density", 1.0), _mixed(flow.carrier, "viscosity", 1e-3)
        yield from _over("Ca", lambda eta, gamma: eta * u / gamma, eta_c, tension)
        yield from _over("We", lambda rho, gamma: rho * u**2 * d / gamma, rho_c, tension)
        yield from _over(
            "Bo",
            lambda rho, other, gamma: abs(rho - other) * GRAVITY_M_S2 * d**2 / gamma,
            rho_c,
            density,
            tension,
        )
    yield from _over("Pe", lambda diff: u * d / diff, diffusivity)
    mixing = partial(_mixing_s, flow)
    yield from _over("mixing time", mixing, diffusivity)
    if section.reaction_time_s is not None:
        reaction_s = section.reaction_time_s
        yield from _over("Da", lambda diff: mixing(diff) / reaction_s, diffusivity)


def _mixing_s(flow: _Flow, diffusivity_m2_s: float) -> float:
    """Time [s] in which a liquid mixes across the bore.

    In slugs chaotic advection mixes in `(a d / u) ln Pe`, with `a` the length of a slug in bores
    (Song and Ismagilov, J. Am. Chem. Soc. 2003, 125, 14613; prefactor 1), which is
    `1 + Q_reactive / Q_carrier` (Garstecki et al., Lab Chip 2006, 6, 437; slope 1). In a single
    phase diffusion mixes over half the bore in `(d/2)² / (2 D)`.
    """
    d, u = flow.bore_m, flow.velocity_m_s
    diffusive_s = (d / 2) ** 2 / (2 * diffusivity_m2_s)
    if not flow.is_segmented:
        return diffusive_s
    # Slugs never mix more slowly than by diffusion over a quarter of the bore.
    advective_s = (1 + flow.ratio) * d / u * math.log(max(u * d / diffusivity_m2_s, math.e))
    return min(advective_s, diffusive_s / 4)


def _over(
    name: str, formula: Callable[..., float], *ends: Ends | None
) -> Iterator[tuple[str, Ends]]:
    """A number over all combinations of the ends of its properties; none if one is not known."""
    known = [one for one in ends if one is not None]
    if len(known) == len(ends):
        values = [formula(*some) for some in product(*known)]
        yield name, (min(values), max(values))


def _mixed(streams: Mapping[str, tuple[Stream, float]], key: str, unit: float) -> Ends | None:
    """A property of streams that flow together, in SI units; streams without it do not count.

    Densities mix by volume; the logarithms of other properties do (for viscosities Arrhenius, Z.
    phys. Chem. 1887, 1, 285).
    """
    given = [
        (_ends(value), rate)
        for stream, rate in streams.values()
        if (value := _given(stream, key)) is not None
    ]
    total = sum(rate for _, rate in given)
    if not given or total <= 0.0:
        return None

    def mean(values: Iterable[float]) -> float:
        weighted = zip(values, (rate for _, rate in given), strict=True)
        if key == "density":
            return unit * sum(value * rate for value, rate in weighted) / total
        return unit * math.exp(sum(math.log(value) * rate for value, rate in weighted) / total)

    return mean(ends[0] for ends, _ in given), mean(ends[1] for ends, _ in given)


def _given(stream: Stream, key: str) -> Property | None:
    if stream.liquid is None:
        return None
    liquid = stream.liquid
    return {
        "density": liquid.density_kg_m3,
        "viscosity": liquid.viscosity_mpa_s,
        "interfacial_tension": liquid.interfacial_tension_mn_m,
        "diffusivity": liquid.diffusivity_m2_s,
    }[key]


def _ends(value: Property) -> Ends:
    if isinstance(value, tuple):
        return value
    return value * (1 - UNCERTAINTY), value * (1 + UNCERTAINTY)
