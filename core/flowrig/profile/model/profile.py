"""What a rig profile says, as frozen values.

A field whose name ends in a unit is written in TOML without it, as a quantity:
`inner_diameter_mm` is `inner_diameter = "0.02 in"`. A pair is a two-element array:
`total_flow_ul_min` is `total_flow = ["600 uL/min", "900 uL/min"]`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from flowrig.interfaces.device import DeviceSettings
from flowrig.plugins.offers import DriverOffer, Offer
from flowrig.problem.objective import Objective
from flowrig.problem.space import Parameter, Space
from flowrig.profile.model.analysis import Analysis, Calibration, Window
from flowrig.profile.model.campaign import Campaign
from flowrig.profile.model.flow import Component, LimitedFlow, LinearRule, ResidenceTime, Stream
from flowrig.profile.operator import Gate, HoldRules
from flowrig.profile.supervision import Interlock, Supervision

__all__ = ["DeviceEntry", "Limits", "Profile", "SafeStep", "Simulation", "Steady", "Variable"]

SafeAction = Literal["heater-off", "stop", "flush", "light-off"]


@frozen
class DeviceEntry:
    """An instrument of the rig.

    Attributes:
        name: its name in the profile.
        offer: the driver that opens it.
        settings: an instance of the driver's settings class.
    """

    name: str
    offer: DriverOffer
    settings: DeviceSettings


@frozen(kw_only=True)
class Limits:
    """Operating limits of the rig as a whole.

    Attributes:
        total_flow_ul_min: total flow rate [µL/min] while an experiment runs.
        temperature_c: set points [°C] that are ever allowed.
    """

    total_flow_ul_min: Window
    temperature_c: Window


@frozen(kw_only=True)
class Steady:
    """When a heater counts as stable at its set point, and how fast it gets there.

    Rates and settling time are what `flowrig plan` reckons with; a run looks at the heater instead.
    Their defaults are assumed: three cartridges in an aluminium plate that cools in still air.

    Attributes:
        tolerance_c: largest distance [°C] from the set point …
        hold_s: … that is kept for this long [s].
        timeout_s: longest wait [s]; after it the experiment fails and the rig goes safe.
        poll_s: time between looks [s].
        heating_c_min: how fast it heats [°C/min].
        cooling_c_min: how fast it cools [°C/min].
        settling_s: time constant [s] with which it approaches the set point in the end.
    """

    tolerance_c: float = 1.0
    hold_s: float = 20.0
    timeout_s: float = 3600.0
    poll_s: float = 2.0
    heating_c_min: float = 20.0
    cooling_c_min: float = 6.0
    settling_s: float = 15.0


@frozen(kw_only=True)
class SafeStep:
    """One step of the safe-state sequence; each is tried whatever became of the ones before.

    Attributes:
        do: heater-off, stop, flush or light-off.
        heaters: for heater-off.
        streams: for stop.
        spectrometers: for light-off.
        flow_rates_ul_min: for flush: what flows [µL/min] …
        until_below_c: … until every heater is below this temperature [°C] …
        at_most_s: … or for this long [s].
    """

    do: SafeAction
    heaters: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    spectrometers: tuple[str, ...] = ()
    flow_rates_ul_min: Mapping[str, float] = field(factory=dict)
    until_below_c: float | None = None
    at_most_s: float = 0.0


@frozen(kw_only=True)
class Variable:
    """One condition that may be chosen: a heater's set point or a stream's flow rate.

    Attributes:
        name: what reports call it.
        heater: the device whose set point it is …
        stream: … or the stream whose flow rate it is.
        range: lower and upper bound [°C or µL/min].
        step: distance of the values that it can take, counted from the lower bound.
    """

    name: str
    range: Window
    heater: str | None = None
    stream: str | None = None
    step: float | None = None

    @property
    def unit(self) -> str:
        """ "°C" or "µL/min"."""
        return "°C" if self.heater is not None else "µL/min"


@frozen
class Simulation:
    """The world behind the emulators when the rig is simulated.

    Attributes:
        offer: the world.
        settings: an instance of its settings class.
    """

    offer: Offer
    settings: Any


@frozen(kw_only=True)
class Profile:
    """One rig: instruments, flow path, limits, analysis, safe state and search space.

    Attributes:
        name: as the profile calls itself with `name`, else the file's name without its ending.
        title: in words.
        source: where its facts come from.
        digest: SHA-256 of the profile's content after `extends`.
        devices: by name.
        streams: by name.
        dependent_flows: flow rules by stream name, in terms of the streams of `variables`.
        fixed_temperatures_c: set points [°C] by heater of which no variable decides.
        path: components by name.
        residence_time: where τ starts and ends.
        limits: operating limits.
        steady: when a heater is stable.
        calibration: dark and lamp reference.
        analysis: from frames to features.
        objective: the figure of merit.
        safe_state: the sequence, in order.
        interlocks: rules between heat, flow and syringes.
        supervision: when a heater counts as broken.
        gates: what a person is asked before.
        hold: what goes on while a run waits for a person.
        variables: the search space as written.
        simulation: the world for `--simulate`.
        campaign: what `flowrig run PROFILE` runs.
    """

    name: str
    title: str
    digest: str
    devices: Mapping[str, DeviceEntry]
    streams: Mapping[str, Stream]
    path: Mapping[str, Component]
    residence_time: ResidenceTime
    limits: Limits
    calibration: Calibration
    analysis: Analysis
    objective: Objective
    safe_state: tuple[SafeStep, ...]
    variables: tuple[Variable, ...] = field(metadata={"toml": "space"})
    steady: Steady = Steady()
    interlocks: tuple[Interlock, ...] = ()
    supervision: Supervision = field(factory=Supervision)
    gates: tuple[Gate, ...] = ()
    hold: HoldRules = field(factory=HoldRules)
    source: str = ""
    dependent_flows: Mapping[str, LinearRule] = field(factory=dict)
    fixed_temperatures_c: Mapping[str, float] = field(factory=dict)
    simulation: Simulation | None = None
    campaign: Campaign | None = None

    @property
    def space(self) -> Space:
        """The search space, with the limits on flow rates as linear constraints."""
        parameters = tuple(Parameter(v.name, *v.range, v.unit, v.step) for v in self.variables)
        names = {v.stream: v.name for v in self.variables if v.stream is not None}
        constraints = tuple(one.constraint(names) for one in self.limited_flows)
        return Space(parameters, constraints)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All that plugins have to bring for it to run: drivers, optimizers, a surrogate."""
        offers: list[Offer] = [device.offer for device in self.devices.values()]
        if self.campaign is not None:
            if self.campaign.surrogate is not None:
                offers += self.campaign.surrogate.offers
            offers += [stage.offer for stage in self.campaign.stages]
        return tuple(offers)

    @property
    def rsd(self) -> tuple[float, ...]:
        """Relative standard deviations of repeated measurements of the objective's responses, as
        fractions; nan where one is not known."""
        return self.analysis.rsd(self.objective.responses)

    @property
    def hold_flow_rates_ul_min(self) -> dict[str, float]:
        """What flows [µL/min] while a run waits for a person."""
        if self.hold.flow_rates_ul_min is not None:
            return dict(self.hold.flow_rates_ul_min)
        flushes = (step.flow_rates_ul_min for step in self.safe_state if step.do == "flush")
        return {
            stream: rate
            for stream, rate in next(flushes, {}).items()
            if self.streams[stream].role == "carrier"
        }

    @property
    def limited_flows(self) -> tuple["LimitedFlow", ...]:
        """Flow rates that follow from the variables and have limits of their own."""
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

    def flow_rates_ul_min(self, conditions: Mapping[str, float]) -> dict[str, float]:
        """Flow rate [µL/min] of every stream under some conditions, dependent ones included."""
        rates = {v.stream: conditions[v.name] for v in self.variables if v.stream is not None}
        for stream, rule in self.dependent_flows.items():
            rates[stream] = rule.value(rates)
        return rates

    def set_points_c(self, conditions: Mapping[str, float]) -> dict[str, float]:
        """Set point [°C] of every heater under some conditions."""
        chosen = {v.heater: conditions[v.name] for v in self.variables if v.heater is not None}
        return {**self.fixed_temperatures_c, **chosen}
