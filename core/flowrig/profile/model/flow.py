"""Liquids and their way: stocks, streams, flow path, residence time, limits of flow rates."""

import math
from collections.abc import Mapping
from typing import Literal

from attrs import evolve, field, frozen

from flowrig.interfaces.pump import Syringe
from flowrig.problem.space import LinearConstraint
from flowrig.profile.model.channels import Window
from flowrig.profile.model.refill import Refill

__all__ = [
    "GAS",
    "VOLUME",
    "Component",
    "Ends",
    "FastStart",
    "LimitedFlow",
    "LinearRule",
    "Liquid",
    "Outlets",
    "Property",
    "ResidenceTime",
    "Section",
    "Selector",
    "Solute",
    "Stationary",
    "Stock",
    "Stream",
    "VesselSupply",
    "drawn_from",
    "volumes_by_hand",
    "with_vessels",
]

StreamRole = Literal["reagent", "solvent", "carrier"]

VOLUME = ".volume"
"""What follows the name of a component where an expression means its volume."""

GAS = "gas"
"""The phase of a gas: it leaves a waste, and its volume counts at a pressure."""

ComponentKind = Literal[
    "tubing",
    "junction",
    "mixer",
    "reactor",
    "flow-cell",
    "separator",
    "valve",
    "vessel",
    "waste",
]

Outlets = str | tuple[str, ...] | Mapping[str, float] | Mapping[str, str] | None
"""Where a component leads to: one component; several in equal shares; shares by component; by phase
of a separator or position of a valve, a component; or nowhere."""

Property = float | Window
"""A property of a liquid: a value, or the window in which it lies."""

Ends = str | tuple[str, ...]
"""Where a section ends: at one component; at several; `()` for every measuring point."""


@frozen(kw_only=True)
class Solute:
    """One ingredient of a stock solution, by amount [mmol] or by volume [mL]."""

    name: str
    amount_mmol: float | None = None
    volume_ml: float | None = None


@frozen(kw_only=True)
class Stock:
    """Recipe of the liquid in a syringe; for the record only.

    Attributes:
        ingredients: ingredients of the mixture.
        dilution: factor by which the mixture was then diluted.
        diluent: liquid of the dilution.
        preparation: description in words.
    """

    ingredients: tuple[Solute, ...]
    dilution: float = 1.0
    diluent: str = ""
    preparation: str = ""


@frozen(kw_only=True)
class Liquid:
    """Properties of a liquid, for design numbers; each a value, or the window in which it lies.

    They hold at the temperatures and compositions that occur; a wide window says so.

    Attributes:
        density_kg_m3: density [kg/m³].
        viscosity_mpa_s: dynamic viscosity [mPa s].
        interfacial_tension_mn_m: of a carrier, tension [mN/m] to the liquid of the slugs.
        diffusivity_m2_s: of a reagent or solvent, diffusion coefficient [m²/s] of its solutes.
    """

    density_kg_m3: Property | None = None
    viscosity_mpa_s: Property | None = None
    interfacial_tension_mn_m: Property | None = None
    diffusivity_m2_s: Property | None = None


@frozen(kw_only=True)
class Selector:
    """A selector valve from which the pump of a stream draws; `supply` in TOML.

    Attributes:
        valve: the device; its positions name the liquids.
        rinse_ul: volume [µL] that flows to the waste after every change, before an experiment.
    """

    valve: str
    rinse_ul: float


@frozen(kw_only=True)
class VesselSupply:
    """A vessel of the path from which the pump of a stream draws; `supply` in TOML.

    Attributes:
        vessel: the component; its volume is the volume of a full supply.
        rinse_ul: volume [µL] that flows to the waste before the first experiment of a run, after a
            resumption, and when the vessel was filled, until the line holds what is in the vessel.
    """

    vessel: str
    rinse_ul: float


@frozen(kw_only=True)
class Stream:
    """A liquid or a gas, and the device that drives it.

    Attributes:
        name: name in the profile, for flow rules and the search space.
        pump: the device that drives the stream; in TOML also `device`, or the word of its kind.
        named_by: the key that names the device: "pump", "device", or the word of its kind.
        syringe: the syringe on the pump; None for a device that has none.
        contents: the liquid, in words.
        role: "reagent", "solvent" or "carrier"; reagents stop first in an emergency, and only
            solvent and carrier may flush.
        flow_rate_ul_min: operating limits of the flow rate [µL/min].
        to: the component that the stream enters.
        given_phase: the phase, if it is not the usual one of the role; `phase` in TOML.
        stock: recipe of the liquid; optional.
        contains_mol_l: concentration [mol/L] by species, for simulated chemistries; optional.
        liquid: properties of the liquid; optional.
        refill: how its syringe is filled from a reservoir; None if a person does it.
        supply_ul: where there is no syringe, volume [µL] that a full supply holds; None for a
            supply without an end.
        selector: the valve from which it draws; None where there is one supply only.
        vessel: the vessel of the path from which it draws; None where it is none.
        contents_at: where there is a selector, the liquid in words by position of the valve.
        pressure_kpa: of a gas, the absolute pressure [kPa] at which its volumes and flow rates
            count; None for that at which its device counts.
        accuracy_percent: relative standard deviation [%] of its flow rate from what is set; None
            where it is not known.
        hazardous: whether the liquid has to be disposed of as hazardous; None where nothing is said
            of it.
    """

    name: str
    pump: str
    contents: str
    role: StreamRole
    flow_rate_ul_min: Window
    to: str
    named_by: str = "pump"
    syringe: Syringe | None = None
    given_phase: str | None = field(default=None, metadata={"toml": "phase"})
    stock: Stock | None = None
    contains_mol_l: Mapping[str, float] = field(factory=dict)
    liquid: Liquid | None = None
    refill: Refill | None = None
    supply_ul: float | None = None
    selector: Selector | None = None
    vessel: VesselSupply | None = None
    contents_at: Mapping[str, str] = field(factory=dict)
    pressure_kpa: float | None = None
    accuracy_percent: float | None = None
    hazardous: bool | None = None

    @property
    def is_carrier(self) -> bool:
        """Whether its phase is between the slugs of the reactive one."""
        return self.phase == "carrier" or (self.phase == GAS and self.role == "carrier")

    @property
    def is_in_product(self) -> bool:
        """Whether it is neither a carrier nor a gas, by its role."""
        return self.role != "carrier" and self.phase != GAS

    @property
    def capacity_ul(self) -> float:
        """Volume [µL] of the full syringe or supply; infinite for a supply without an end."""
        if self.syringe is not None:
            return self.syringe.volume_ul
        return math.inf if self.supply_ul is None else self.supply_ul

    @property
    def rinse_ul(self) -> float:
        """Volume [µL] that rinses its line where that may hold another liquid; 0 for none."""
        supply = self.selector or self.vessel or self.refill
        return 0.0 if supply is None else supply.rinse_ul

    @property
    def source(self) -> str:
        """What it is drawn from, in a word."""
        return "supply" if self.syringe is None else "syringe"

    @property
    def phase(self) -> str:
        """The phase that a separator tells apart: "carrier", or "reactive" for other roles."""
        if self.given_phase is not None:
            return self.given_phase
        return "carrier" if self.role == "carrier" else "reactive"


@frozen(kw_only=True)
class Component:
    """A piece of the flow path.

    Attributes:
        name: name in the profile.
        kind: tubing, junction, mixer, reactor, flow-cell, separator, valve, vessel or waste.
        to: the component downstream; several where the flow divides; none at the end of the path.
        routes: of a valve with several ways through it, by position: where it leads each stream or
            component that leads into it.
        material: wetted material, as a label.
        inner_diameter_mm: bore [mm].
        length_mm: length [mm].
        given_volume_ul: inner volume [µL], if it is known directly; `volume` in TOML. For a waste,
            and for a vessel at the end of the path, its capacity. A window where a person changes
            the component.
        count: how many vessels these are, one of which each position of a collector leads to; the
            volume is that of each.
        by_hand: what the person is asked to do then, in words.
        heater: the device that heats the component.
        spectrometer: the device that measures in the component.
        devices: further devices at the component, each with the key that names it: "device", or the
            word of its kind.
        note: source of the numbers, in words.
    """

    name: str
    kind: ComponentKind
    to: Outlets = None
    routes: Mapping[str, Mapping[str, str]] = field(factory=dict)
    material: str = ""
    inner_diameter_mm: float | None = None
    length_mm: float | None = None
    given_volume_ul: float | Window | None = field(default=None, metadata={"toml": "volume"})
    count: int = 1
    by_hand: str = ""
    heater: str | None = None
    spectrometer: str | None = None
    devices: Mapping[str, str] = field(factory=dict)
    note: str = ""

    @property
    def volume_ul(self) -> float:
        """Inner volume [µL]: the given one, else from bore and length (1 mm³ is 1 µL), else 0.

        Of a component that a person changes the largest one, as long as none is put in.
        """
        if isinstance(self.given_volume_ul, tuple):
            return self.given_volume_ul[1]
        if self.given_volume_ul is not None:
            return self.given_volume_ul
        if self.inner_diameter_mm is None or self.length_mm is None:
            return 0.0
        return math.pi / 4 * self.inner_diameter_mm**2 * self.length_mm

    @property
    def volume_window_ul(self) -> Window | None:
        """Smallest and largest volume [µL] that a person puts in; None if nobody changes it."""
        return self.given_volume_ul if isinstance(self.given_volume_ul, tuple) else None

    @property
    def capacity_ul(self) -> float | None:
        """Of an end of the path, how much it holds [µL]; None where that is not known."""
        if not self.is_end or isinstance(self.given_volume_ul, tuple):
            return None
        return None if self.given_volume_ul is None else self.given_volume_ul * self.count

    @property
    def is_end(self) -> bool:
        """Whether the path ends here: in a waste, or in a vessel that leads nowhere."""
        return self.kind == "waste" or (self.kind == "vessel" and self.to is None)

    @property
    def outlets(self) -> tuple[str, ...]:
        """The components downstream, each once, in the order of the profile."""
        if self.routes:
            ways = [one for way in self.routes.values() for one in way.values()]
            return tuple(dict.fromkeys(ways))
        match self.to:
            case None:
                return ()
            case str():
                return (self.to,)
            case tuple():
                return tuple(dict.fromkeys(self.to))
        parts = [one if isinstance(to, float) else to for one, to in self.to.items()]
        return tuple(dict.fromkeys(parts))

    def shares(self, case: str) -> dict[str, float]:
        """Share of the flow that goes to each component downstream; the sum is 1.

        A separator or valve without an outlet for the case lets nothing through.

        Args:
            case: the phase that flows, or for a valve its position.
        """
        match self.to:
            case None | str() | tuple():
                outlets = self.outlets
                return {one: 1.0 / len(outlets) for one in outlets}
        given = {one: share for one, share in self.to.items() if isinstance(share, float)}
        if given:
            total = sum(given.values())
            return {one: share / total for one, share in given.items()} if total > 0 else {}
        way = self.to.get(case)
        return {way: 1.0} if isinstance(way, str) else {}


def drawn_from(streams: Mapping[str, Stream]) -> frozenset[str]:
    """The vessels of the path from which streams draw."""
    return frozenset(one.vessel.vessel for one in streams.values() if one.vessel is not None)


def with_vessels(streams: Mapping[str, Stream], path: Mapping[str, Component]) -> dict[str, Stream]:
    """The streams; one that draws from a vessel of the path has its volume as its supply."""
    found = dict(streams)
    for name, stream in streams.items():
        vessel = None if stream.vessel is None else path.get(stream.vessel.vessel)
        if vessel is not None and vessel.capacity_ul is not None:
            found[name] = evolve(stream, supply_ul=vessel.capacity_ul)
    return found


def volumes_by_hand(path: Mapping[str, Component]) -> dict[str, Window]:
    """By component that a person changes, its smallest and largest volume [µL]."""
    windows = ((name, one.volume_window_ul) for name, one in path.items())
    return {name: window for name, window in windows if window is not None}


@frozen(kw_only=True)
class Stationary:
    """Sampling when features are stationary, instead of after a fixed time.

    See `flowrig.measurement.stationarity`.

    Attributes:
        features: names of the features that must be stationary.
        tolerance: largest drift over the last looks, as a fraction of the mean.
        looks: number of the last looks that are compared.
        frames: number of frames in one look.
        every: interval between two looks, in residence times τ.
        longest: time, in residence times τ, after which the sample is taken although features
            drift; the sample is then doubtful.
    """

    features: tuple[str, ...]
    tolerance: float = 0.05
    looks: int = 4
    frames: int = 50
    every: float = 0.4
    longest: float = 5.0


@frozen(kw_only=True)
class FastStart:
    """The first part of the liquid of the equilibrium time flows faster.

    As much flows as without it, so that the liquid of earlier conditions is displaced as well. Of
    what is measured, everything behind the start of τ has flowed at the flow rates of its
    conditions.

    Attributes:
        factor: how many times as fast the first part flows; less where a limit of a stream or of
            the total flow rate is reached.
        last: the last part, which flows at the flow rates of the conditions, in residence times τ.
        heated_within_c: distance [°C] of heaters from their set points from which on the first part
            may flow; they are stable before the last part begins. None: they are stable before
            anything flows.
    """

    factor: float = 2.0
    last: float = 1.1
    heated_within_c: float | None = None


@frozen(kw_only=True)
class Section:
    """A stretch of the flow path, from the inlet of one component to the inlet of another.

    Attributes:
        name: name in the profile.
        start: the component at whose inlet it starts.
        end: the component at whose inlet it ends, or several; the longest way counts.
        reaction_time_s: time scale [s] of the reaction that mixing competes with, for the Damköhler
            number; optional.
    """

    name: str
    start: str
    end: Ends = ()
    reaction_time_s: float | None = None

    @property
    def ends(self) -> tuple[str, ...]:
        """The components at whose inlets it ends; none if it ends at every measuring point."""
        return (self.end,) if isinstance(self.end, str) else self.end


@frozen(kw_only=True)
class ResidenceTime:
    """Definition of the residence time τ, and the wait for the steady state.

    Attributes:
        start: the component at whose inlet τ starts.
        end: the component at whose inlet τ ends, or several; the longest way counts.
        equilibrium: wait after the start of the pumps in residence times, t_E / τ.
        stationary: check of stationary features after the wait; None for no check.
        fast_start: how the wait is shortened; None for one at the flow rates of the conditions.
    """

    start: str
    end: Ends = ()
    equilibrium: float
    stationary: Stationary | None = None
    fast_start: FastStart | None = None

    @property
    def section(self) -> Section:
        """The section `residence`."""
        return Section(name="residence", start=self.start, end=self.end)


@frozen
class LinearRule:
    """A dependent flow rate [µL/min]: `constant + sum(coefficient * flow rate)`.

    Attributes:
        coefficients: coefficients by stream name.
        constant_ul_min: constant term [µL/min].
        text: the rule as the profile has it.
    """

    coefficients: Mapping[str, float]
    constant_ul_min: float = 0.0
    text: str = field(default="", eq=False, kw_only=True)

    def value(self, flow_rates_ul_min: Mapping[str, float]) -> float:
        """The dependent flow rate [µL/min]."""
        return self.constant_ul_min + sum(
            factor * flow_rates_ul_min[stream] for stream, factor in self.coefficients.items()
        )


@frozen
class LimitedFlow:
    """A dependent flow rate with limits.

    Attributes:
        stream: the stream; None for the total of all streams.
        rule: the rule from which the flow rate follows.
        limits_ul_min: lower and upper limit [µL/min].
    """

    stream: str | None
    rule: LinearRule
    limits_ul_min: Window

    @property
    def label(self) -> str:
        """Name of the flow rate in messages."""
        return "total flow rate" if self.stream is None else f"flow rate of {self.stream}"

    def constraint(self, names: Mapping[str, str]) -> LinearConstraint:
        """The limits as a constraint on parameters.

        Args:
            names: by stream, the name of its parameter.
        """
        low, high = self.limits_ul_min
        constant = self.rule.constant_ul_min
        factors = {names[stream]: factor for stream, factor in self.rule.coefficients.items()}
        return LinearConstraint(f"{self.label} [µL/min]", factors, low - constant, high - constant)
