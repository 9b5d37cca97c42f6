"""A rig profile as frozen values.

The TOML key of a field whose name ends in a unit lacks the unit, and its value is a quantity:
`inner_diameter_mm` is `inner_diameter = "0.02 in"`. A pair is a two-element array:
`total_flow_ul_min` is `total_flow = ["600 uL/min", "900 uL/min"]`.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs
from attrs import field, frozen

from flowrig.plugins.offers import Offer
from flowrig.problem.objective import Objective
from flowrig.problem.space import Space, Value, within
from flowrig.problem.system import System
from flowrig.profile.expressions import Expression
from flowrig.profile.model.analysis import Analysis, Calibration, Window
from flowrig.profile.model.campaign import Campaign
from flowrig.profile.model.devices import DeviceEntry, read_by_hand, units_of_readings
from flowrig.profile.model.features import (
    Feature,
    bind_features,
    costs_in,
    features_of_objective,
)
from flowrig.profile.model.flow import (
    VOLUME,
    Component,
    LimitedFlow,
    LinearRule,
    ResidenceTime,
    Section,
    Stream,
    volumes_by_hand,
)
from flowrig.profile.model.lines import Lines
from flowrig.profile.model.off_line import later_features
from flowrig.profile.model.procedure import ProcedureStep
from flowrig.profile.model.refill import RESERVOIR, Refill
from flowrig.profile.model.variables import ControlLoop, ExpressionLimit, Setting, Variable
from flowrig.profile.operator import Gate, HoldRules
from flowrig.profile.supervision import Interlock, Supervision

__all__ = [
    "DEFAULT_SIMULATION",
    "NO_LIMIT",
    "ChemistryChoice",
    "Limits",
    "Profile",
    "QualityRule",
    "SafeStep",
    "Simulation",
    "Steady",
]

DEFAULT_SIMULATION: Final[Mapping[str, str]] = {"world": "fluidic", "chemistry": "stand-in"}
"""The table `[simulation]` of a profile that has none: every sound profile can be simulated."""

SafeAction = Literal["heater-off", "stop", "flush", "light-off", "safe"]


NO_LIMIT: Final[Window] = (-math.inf, math.inf)
"""The window of what has no limit."""


@frozen(kw_only=True)
class Limits:
    """Operating limits of the rig as a whole.

    Attributes:
        total_flow_ul_min: limits of the total flow rate [µL/min] in an experiment; where the
            profile has none, all that its streams can deliver.
        temperature_c: limits of all set points [°C]; `NO_LIMIT` where each heater has its own.
        expressions: windows on expressions over what is set.
    """

    total_flow_ul_min: Window = NO_LIMIT
    temperature_c: Window = NO_LIMIT
    expressions: tuple[ExpressionLimit, ...] = ()

    def set_point_c(self, heater: str) -> Window:
        """Lowest and highest set point [°C] of a heater."""
        low, high = self.temperature_c
        for one in self.expressions:
            if one.expression.text.strip() == heater:
                low, high = max(low, one.window[0]), min(high, one.window[1])
        return low, high


@frozen(kw_only=True)
class Steady:
    """Criteria for a heater that is stable at its set point, and its speed.

    Only `flowrig plan` uses the rates and the time constants; a run reads the heater instead. Their
    defaults are assumed for three cartridges in an aluminium plate that cools in still air.

    Attributes:
        tolerance_c: largest distance [°C] from the set point during `hold_s`.
        hold_s: time [s] for which the temperature must stay within the tolerance.
        timeout_s: longest wait [s]; after it the run ends in the safe state.
        poll_s: interval [s] between two readings.
        heating_c_min: heating rate [°C/min].
        cooling_c_min: cooling rate [°C/min].
        settling_s: time constant [s] of the final approach to the set point.
        loss_s: time constant [s] of the loss of heat to the room, which limits the cooling rate
            near room temperature.
    """

    tolerance_c: float = 1.0
    hold_s: float = 20.0
    timeout_s: float = 3600.0
    poll_s: float = 2.0
    heating_c_min: float = 20.0
    cooling_c_min: float = 6.0
    settling_s: float = 15.0
    loss_s: float = 600.0


@frozen(kw_only=True)
class SafeStep:
    """One step of the safe-state sequence, which is tried even if earlier steps failed.

    Attributes:
        do: heater-off, stop, flush, light-off or safe.
        heaters: heaters of a heater-off step.
        streams: streams of a stop step: their names, a role, or "rest" for all others.
        devices: devices of a safe step, which go to their safe value or position: their names, a
            kind of device, or "rest" for all others.
        spectrometers: spectrometers of a light-off step.
        flow_rates_ul_min: by stream, flow rates [µL/min] of a flush.
        until_below_c: temperature [°C] below which all heaters must be for the flush to end.
        at_most_s: longest duration [s] of the flush.
    """

    do: SafeAction
    heaters: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    spectrometers: tuple[str, ...] = ()
    flow_rates_ul_min: Mapping[str, float] = field(factory=dict)
    until_below_c: float | None = None
    at_most_s: float = 0.0


@frozen
class QualityRule:
    """A check of measured samples with its settings.

    Attributes:
        offer: its offer.
        settings: an instance of its settings class.
    """

    offer: Offer
    settings: Any


@frozen
class ChemistryChoice:
    """A chemistry with its settings; the settings of a world that takes chemistries hold one.

    Attributes:
        offer: its offer.
        settings: an instance of its settings class.
    """

    offer: Offer
    settings: Any


@frozen
class Simulation:
    """The world behind the emulators when the rig is simulated.

    Attributes:
        offer: the offer of the world.
        settings: an instance of its settings class.
    """

    offer: Offer
    settings: Any

    @property
    def chemistry(self) -> ChemistryChoice | None:
        """The chemistry in the settings of the world; None if the world takes none."""
        values = attrs.asdict(self.settings, recurse=False).values()
        return next((one for one in values if isinstance(one, ChemistryChoice)), None)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The offers of the world and of its chemistry."""
        return (self.offer, *(() if self.chemistry is None else (self.chemistry.offer,)))


@frozen(kw_only=True)
class Profile:
    """One rig: instruments, flow path, limits, analysis, safe state and search space.

    Attributes:
        name: the key `name` of the profile, else the name of the file without its ending.
        title: title in words.
        source: source of its facts, for instance a DOI.
        digest: SHA-256 of the content after `extends`.
        devices: instruments by name.
        streams: streams by name.
        dependent_flows: flow rules by stream name, in terms of the streams of `variables`.
        fixed_temperatures_c: by heater, set points [°C] that no variable sets.
        path: components of the flow path by name.
        residence_time: definition of τ.
        sections: stretches of the flow path by name.
        lines: the components that exist several times; None where there are none.
        limits: operating limits of the rig.
        steady: criteria for a stable heater.
        calibration: dark frames and lamp reference; None where no analysis needs them.
        analysis: settings from frames to features.
        feature_texts: expressions of features, by name.
        labels: names for people, by the name of a variable or feature; that of the objective under
            "objective".
        objective: the objective.
        device_settings: by device, the number or position that it has in every experiment, as a
            text; a device without one stays at its safe value. `settings` in TOML.
        safe_state: the steps to the safe state, in their order.
        interlocks: rules between heat, flow and syringes.
        supervision: thresholds for a broken heater.
        gates: questions to a person before heating, flow or a stage.
        hold: flow while a run waits for a person.
        variables: variables of the search space, as in TOML.
        control: control loops by name.
        equations: what no variable decides; the other entries of `settings` in TOML.
        system: the equations of variables and settings with all limits; None where every variable
            is a set point or a flow rate, and every other flow rate has a rule.
        procedure: steps of one's own for an experiment; without any it is the steady one.
        quality: checks of measured samples by name, in the order in which they are asked.
        simulation: the world for `--simulate`; a profile without the table gets the default one,
            and None if no plugin offers it.
        campaign: the campaign that `flowrig run PROFILE` runs; optional.
    """

    name: str
    title: str
    digest: str
    devices: Mapping[str, DeviceEntry]
    streams: Mapping[str, Stream]
    path: Mapping[str, Component]
    residence_time: ResidenceTime
    analysis: Analysis
    objective: Objective
    variables: tuple[Variable, ...] = field(metadata={"toml": "space"})
    limits: Limits = Limits()
    safe_state: tuple[SafeStep, ...] = ()
    sections: Mapping[str, Section] = field(factory=dict)
    lines: Lines | None = None
    steady: Steady = Steady()
    interlocks: tuple[Interlock, ...] = ()
    supervision: Supervision = field(factory=Supervision)
    gates: tuple[Gate, ...] = ()
    hold: HoldRules = field(factory=HoldRules)
    calibration: Calibration | None = None
    feature_texts: Mapping[str, Expression] = field(factory=dict, metadata={"toml": "features"})
    labels: Mapping[str, str] = field(factory=dict)
    source: str = ""
    dependent_flows: Mapping[str, LinearRule] = field(factory=dict)
    fixed_temperatures_c: Mapping[str, float] = field(factory=dict)
    device_settings: Mapping[str, str] = field(factory=dict, metadata={"toml": "settings"})
    control: Mapping[str, ControlLoop] = field(factory=dict)
    equations: tuple[Setting, ...] = ()
    system: System | None = field(default=None, eq=False)
    procedure: tuple[ProcedureStep, ...] = ()
    quality: Mapping[str, QualityRule] = field(factory=dict)
    simulation: Simulation | None = None
    campaign: Campaign | None = None

    @property
    def features(self) -> dict[str, Feature]:
        """Every feature by name: of the older tables, of the objective, then the others."""
        return {name: one for name, one in self._bound_features.items() if not one.is_series}

    @property
    def series(self) -> dict[str, Feature]:
        """By name, what has a value for each position of a scan, and from which features come."""
        return {name: one for name, one in self._bound_features.items() if one.is_series}

    @property
    def _bound_features(self) -> dict[str, Feature]:
        analysis = self.analysis
        readings = {**self.readings, **analysis.off_line_units}
        given = (*analysis.table_features, *features_of_objective(self.objective))
        found, _ = bind_features(analysis.channels, self.feature_texts, given, readings)
        return found

    @property
    def percent_features(self) -> frozenset[str]:
        """Features that are an off-line result in percent itself; their values are fractions."""
        units = self.analysis.off_line_units
        texts = {name: one.text.strip() for name, one in self.feature_texts.items()}
        return frozenset(name for name, text in texts.items() if units.get(text) == "%")

    @property
    def later_features(self) -> dict[str, tuple[str, ...]]:
        """By feature that waits for off-line results, which CHANNEL.QUANTITY it needs."""
        units = self.analysis.off_line_units
        return later_features(self.features, units) if units else {}

    @property
    def awaited(self) -> tuple[str, ...]:
        """The off-line results, by CHANNEL.QUANTITY, without which there is no objective."""
        later = self.later_features
        needed = (one for name in self.objective.responses for one in later.get(name, ()))
        return tuple(dict.fromkeys(needed))

    @property
    def channels_that_count(self) -> tuple[str, ...]:
        """Channels whose doubts spoil an experiment.

        Those that the objective reads, through any feature; and those of the older tables of the
        analysis, which always count.
        """
        features, wanted = self._bound_features, list(self.objective.responses)
        counted = dict.fromkeys(self.analysis.channels.keys() - self.analysis.channel_tables.keys())
        for name in wanted:  # it grows while it is read
            counted |= dict.fromkeys(features[name].channels if name in features else ())
            inner = features[name].expression if name in features else None
            used = () if inner is None else inner.expression.names
            wanted += [one for one in used if one in features and one not in wanted]
        return tuple(name for name in self.analysis.channels if name in counted)

    @property
    def space(self) -> Space:
        """The search space, with the limits on flow rates as linear constraints."""
        parameters = tuple(variable.parameter for variable in self.variables)
        if self.system is not None:
            return Space(parameters, *self.system.constraints)
        names = {v.stream: v.name for v in self.variables if v.stream is not None}
        constraints = tuple(one.constraint(names) for one in self.limited_flows)
        return Space(parameters, constraints)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Offers of plugins that a run needs: drivers, analyses, optimizers and the surrogate."""
        offers: list[Offer] = [device.offer for device in self.devices.values()]
        if self.analysis is not None:  # None in a rig that is loaded to be made safe
            offers += [channel.offer for channel in self.analysis.channel_tables.values()]
        offers += [one.offer for one in self.quality.values()]
        if self.campaign is not None:
            if self.campaign.surrogate is not None:
                offers += self.campaign.surrogate.offers
            offers += [stage.offer for stage in self.campaign.stages]
        return tuple(offers)

    @property
    def rsd(self) -> tuple[float, ...]:
        """Repeatability of the objective's responses as fractions; nan where it is not known."""
        return self.analysis.rsd(self.objective.responses)

    @property
    def hold_flow_rates_ul_min(self) -> dict[str, float]:
        """Flow rates [µL/min] by stream while a run waits for a person."""
        if self.hold.flow_rates_ul_min is not None:
            return dict(self.hold.flow_rates_ul_min)
        flushes = (step.flow_rates_ul_min for step in self.safe_state if step.do == "flush")
        return {
            stream: rate
            for stream, rate in next(flushes, {}).items()
            if self.streams[stream].role == "carrier"
        }

    @property
    def limited_flows(self) -> tuple[LimitedFlow, ...]:
        """Dependent flow rates with limits: the total, and each stream with a flow rule."""
        chosen = [v.stream for v in self.variables if v.stream is not None]
        rules = self.dependent_flows.values()
        total = LinearRule(
            {one: 1.0 + sum(rule.coefficients.get(one, 0.0) for rule in rules) for one in chosen},
            sum(rule.constant_ul_min for rule in rules),
        )
        return (
            LimitedFlow(None, total, self.limits.total_flow_ul_min),
            *(
                LimitedFlow(stream, rule, self.streams[stream].flow_rate_ul_min)
                for stream, rule in self.dependent_flows.items()
            ),
        )

    @property
    def following_streams(self) -> tuple[str, ...]:
        """The streams whose flow rates follow from what is chosen."""
        if self.system is None:
            return tuple(self.dependent_flows)
        chosen = {variable.stream for variable in self.variables}
        return tuple(name for name in self.streams if name not in chosen)

    def flow_rates_ul_min(self, conditions: Mapping[str, Value]) -> dict[str, float]:
        """Flow rate [µL/min] of every stream under some conditions, also of dependent streams.

        A dependent flow rate that exceeds its limit by a rounding error is the limit.
        """
        if self.system is not None:
            controls = self.system.controls(conditions)
            return {
                name: within(controls[name], *stream.flow_rate_ul_min)
                for name, stream in self.streams.items()
            }
        rates = {
            v.stream: float(conditions[v.name]) for v in self.variables if v.stream is not None
        }
        for stream, rule in self.dependent_flows.items():
            limits = self.streams[stream].flow_rate_ul_min
            rates[stream] = within(rule.value(rates), *limits, rule.constant_ul_min)
        return rates

    def kept_at(self, conditions: Mapping[str, Value]) -> dict[str, float]:
        """By control loop, the value at which it keeps its reading, in the unit of the reading."""
        if self.system is None or not self.control:
            return {}
        controls = self.system.controls(conditions)
        return {name: controls[name] for name in self.control}

    def set_points_c(self, conditions: Mapping[str, Value]) -> dict[str, float]:
        """Set point [°C] of every heater under some conditions."""
        if self.system is not None:
            controls = self.system.controls(conditions)
            return {
                name: controls[name]
                for name, device in self.devices.items()
                if name in controls and device.offer.kind == "heater"
            }
        chosen = {
            v.heater: float(conditions[v.name]) for v in self.variables if v.heater is not None
        }
        return {**self.fixed_temperatures_c, **chosen}

    def device_values(self, conditions: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """By device that is set or turned, its value under some conditions.

        A device that no variable decides is at its setting, else at its safe value, and so is every
        device outside of experiments. A device by hand has no safe value, and stays as it is. The
        valve of a refill leads to the flow path.

        Args:
            conditions: of an experiment; None outside of experiments.
        """
        given = self.device_settings
        values: dict[str, Value] = {
            name: entry.safe for name, entry in self.devices.items() if entry.safe is not None
        }
        values |= {name: self.devices[name].value_of(text) for name, text in given.items()}
        if conditions is not None:
            if self.system is not None:
                controls = self.system.controls(conditions)
                controlled = (n for n, one in self.devices.items() if one.is_controlled)
                values |= {name: controls[name] for name in controlled if name in controls}
            values |= {
                one.device: conditions[one.name] for one in self.variables if one.device is not None
            }
        return values | {one.valve: one.run for one in self.refills.values()}

    @property
    def volumes_by_hand(self) -> dict[str, Window]:
        """By component that a person changes, its smallest and largest volume [µL]."""
        return volumes_by_hand(self.path)

    def volumes_ul(self, conditions: Mapping[str, Value]) -> dict[str, float]:
        """Volume [µL] under some conditions of every component that a person changes."""
        if self.system is None or not self.volumes_by_hand:
            return {}
        controls = self.system.controls(conditions)
        return {
            name: within(controls[f"{name}{VOLUME}"], *window)
            for name, window in self.volumes_by_hand.items()
        }

    def with_volumes(self, volumes_ul: Mapping[str, float]) -> "Profile":
        """The rig with components of some volumes [µL] in it."""
        if not volumes_ul:
            return self
        path = {
            name: attrs.evolve(one, given_volume_ul=volumes_ul[name]) if name in volumes_ul else one
            for name, one in self.path.items()
        }
        return attrs.evolve(self, path=path)

    @property
    def refills(self) -> dict[str, Refill]:
        """By stream whose syringe is filled from a reservoir, how."""
        streams = self.streams.items()
        return {name: one.refill for name, one in streams if one.refill is not None}

    @property
    def refillable(self) -> tuple[str, ...]:
        """What a person can fill: the syringes of all streams, and reservoirs with a volume."""
        counted = (n for n, one in self.refills.items() if one.reservoir_ul is not None)
        return (*self.streams, *(f"{name}{RESERVOIR}" for name in counted))

    @property
    def readings(self) -> dict[str, str]:
        """Unit of everything that devices report, by DEVICE.QUANTITY, and of the costs."""
        return {**units_of_readings(self.devices), **self.costs}

    @property
    def costs(self) -> dict[str, str]:
        """Unit of what features use of the costs of an experiment; see `COSTS`."""
        return costs_in(self.feature_texts, {*self.devices, *self.analysis.channels})

    def product_ul_min(self, conditions: Mapping[str, Value]) -> float:
        """Liquid [µL/min] that flows under conditions, without carriers and gases."""
        return sum(
            rate
            for name, rate in self.flow_rates_ul_min(conditions).items()
            if self.streams[name].is_in_product
        )

    @property
    def readings_by_hand(self) -> dict[str, str]:
        """Unit of what a person reads once an experiment, by DEVICE.QUANTITY."""
        return read_by_hand(self.devices)
