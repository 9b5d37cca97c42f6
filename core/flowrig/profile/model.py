"""What a rig profile says, as frozen values.

A field whose name ends in a unit is written in TOML without it, as a quantity:
`inner_diameter_mm` is `inner_diameter = "0.02 in"`. A pair is a two-element array:
`total_flow_ul_min` is `total_flow = ["600 uL/min", "900 uL/min"]`.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import field, frozen

from flowrig.interfaces.device import DeviceSettings
from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.interfaces.pump import Syringe
from flowrig.interfaces.surrogate import Surrogate, SurrogateSettings
from flowrig.objective import Objective
from flowrig.offers import DriverOffer, Offer
from flowrig.profile.attendance import Gate, HoldRules
from flowrig.profile.supervision import Interlock, Supervision
from flowrig.space import LinearConstraint, Parameter, Space

__all__ = [
    "AbsorbanceAnalysis",
    "Analysis",
    "Calibration",
    "Campaign",
    "Component",
    "DeviceEntry",
    "LimitedFlow",
    "Limits",
    "LinearRule",
    "PhotoluminescenceAnalysis",
    "Prior",
    "Profile",
    "ResidenceTime",
    "SafeStep",
    "Simulation",
    "Solute",
    "Stage",
    "Stationary",
    "Steady",
    "Stock",
    "StopRules",
    "Stream",
    "SurrogateChoice",
    "Variable",
]

Window = tuple[float, float]
StreamRole = Literal["reagent", "solvent", "carrier"]
ComponentKind = Literal["tubing", "junction", "mixer", "reactor", "flow-cell", "waste"]
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
class Solute:
    """One ingredient of a stock solution, by amount [mmol] or by volume [mL]."""

    name: str
    amount_mmol: float | None = None
    volume_ml: float | None = None


@frozen(kw_only=True)
class Stock:
    """How the content of a syringe was made.

    Attributes:
        ingredients: what was mixed.
        dilution: by which factor the mixture was then diluted.
        diluent: with what.
        preparation: in words.
    """

    ingredients: tuple[Solute, ...]
    dilution: float = 1.0
    diluent: str = ""
    preparation: str = ""


@frozen(kw_only=True)
class Stream:
    """A liquid and what drives it.

    Attributes:
        name: its name in the profile, used in flow rules and the search space.
        pump: the device that drives it.
        syringe: what sits on the pump.
        contents: what is in it, in words.
        role: reagents stop first in an emergency; solvent and carrier may flush.
        flow_rate_ul_min: operating limits of its flow rate [µL/min].
        to: the component that it enters.
        stock: recipe, where there is one.
    """

    name: str
    pump: str
    syringe: Syringe
    contents: str
    role: StreamRole
    flow_rate_ul_min: Window
    to: str
    stock: Stock | None = None


@frozen(kw_only=True)
class Component:
    """A piece of the flow path.

    Attributes:
        name: its name in the profile.
        kind: tubing, junction, mixer, reactor, flow-cell or waste.
        to: the component downstream; waste has none.
        material: wetted material, as a label.
        inner_diameter_mm: bore [mm].
        length_mm: length [mm].
        given_volume_ul: volume [µL] where it is known directly; written `volume` in a profile. Of a
            waste: how much its vessel takes.
        heater: the device that heats it; reactors only.
        spectrometer: the device that looks at it; flow cells only.
        note: where the numbers come from, in words.
    """

    name: str
    kind: ComponentKind
    to: str | None = None
    material: str = ""
    inner_diameter_mm: float | None = None
    length_mm: float | None = None
    given_volume_ul: float | None = field(default=None, metadata={"toml": "volume"})
    heater: str | None = None
    spectrometer: str | None = None
    note: str = ""

    @property
    def volume_ul(self) -> float:
        """Inner volume [µL]: as given, else from bore and length, else 0 (1 mm³ is 1 µL)."""
        if self.given_volume_ul is not None:
            return self.given_volume_ul
        if self.inner_diameter_mm is None or self.length_mm is None:
            return 0.0
        return math.pi / 4 * self.inner_diameter_mm**2 * self.length_mm


@frozen(kw_only=True)
class Stationary:
    """Look until features stand still, in the place of a fixed time; see `flowrig.stationarity`.

    Attributes:
        features: which have to.
        tolerance: largest drift over the last looks, as a share of the mean.
        looks: how many of the last looks are taken.
        frames: frames of one look.
        every: how many τ from one look to the next.
        longest: after how many τ the sample is taken although they drift; it is doubtful then.
    """

    features: tuple[str, ...]
    tolerance: float = 0.05
    looks: int = 4
    frames: int = 50
    every: float = 0.4
    longest: float = 5.0


@frozen(kw_only=True)
class ResidenceTime:
    """Between which components the residence time τ counts, and how many τ make a steady state.

    Attributes:
        start: the component at whose inlet τ starts.
        end: the component at whose inlet τ ends.
        equilibrium: how many τ to wait after the pumps start, t_E / τ.
        stationary: how to find out whether it is steady then; not at all by default.
    """

    start: str
    end: str
    equilibrium: float
    stationary: Stationary | None = None


@frozen
class LinearRule:
    """A flow rate [µL/min] that follows from others: `constant + sum(coefficient * flow rate)`.

    Attributes:
        coefficients: by stream name.
        constant_ul_min: what is added [µL/min].
        text: the rule as it was written.
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
    """A flow rate that follows from others and has limits.

    Attributes:
        stream: whose it is; None for the total of all streams.
        rule: how it follows.
        limits_ul_min: smallest and largest [µL/min].
    """

    stream: str | None
    rule: LinearRule
    limits_ul_min: Window

    @property
    def label(self) -> str:
        """What messages call it."""
        return "total flow rate" if self.stream is None else f"flow rate of {self.stream}"

    def constraint(self, names: Mapping[str, str]) -> LinearConstraint:
        """The limits as a constraint on parameters, whose names are given by stream name."""
        low, high = self.limits_ul_min
        constant = self.rule.constant_ul_min
        factors = {names[stream]: factor for stream, factor in self.rule.coefficients.items()}
        return LinearConstraint(f"{self.label} [µL/min]", factors, low - constant, high - constant)


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
class Calibration:
    """How dark and lamp reference are taken when a run begins.

    Attributes:
        flow_rates_ul_min: what flows [µL/min] so that the cells hold something transparent.
        duration_s: for how long [s] before the reference is taken.
        dark_frames: frames with the light source shut, averaged.
        reference_frames: frames with the light source open, averaged.
    """

    flow_rates_ul_min: Mapping[str, float]
    duration_s: float
    dark_frames: int = 20
    reference_frames: int = 20


@frozen(kw_only=True)
class AbsorbanceAnalysis:
    """Beer-Lambert absorbance of one spectrometer's frames.

    Attributes:
        spectrometer: the device.
        wavelength_nm: where the absorbance is read [nm]; the feature is named after it ("a300").
        baseline_window_nm: where absorbance counts as zero [nm].
    """

    spectrometer: str
    wavelength_nm: float
    baseline_window_nm: Window

    @property
    def feature(self) -> str:
        """Name of the feature, for instance "a300"."""
        return f"a{self.wavelength_nm:.0f}"


@frozen(kw_only=True)
class PhotoluminescenceAnalysis:
    """Photoluminescence of one spectrometer's frames.

    Features: "pli" (intensity at a wavelength), "pla" (area), and of the shape of the spectrum
    "peak_nm", "peak_ev" and "fwhm_nm".

    Attributes:
        spectrometer: the device.
        peak_nm: where the peak intensity is read [nm].
        area_window_nm: over which the area is taken, and in which the peak is looked for [nm].
        baseline_window_nm: where the emission counts as zero [nm].
    """

    spectrometer: str
    peak_nm: float
    area_window_nm: Window
    baseline_window_nm: Window


@frozen(kw_only=True)
class Analysis:
    """From raw frames to features.

    Attributes:
        frames: frames a sample.
        frame_interval_s: time [s] from one frame to the next.
        dark_frames: frames with the light source shut before each sample, averaged.
        reactive_frames: how many frames with the lowest mean counts …
        reactive_window_nm: … in this window [nm] count as reactive phase.
        absorbance: the absorbance spectrometer.
        photoluminescence: the photoluminescence spectrometer.
        repeatability_percent: by feature, the relative standard deviation [%] of measurements that
            are repeated at the same conditions, where it is known.
    """

    frames: int
    frame_interval_s: float
    dark_frames: int
    reactive_frames: int
    reactive_window_nm: Window
    absorbance: AbsorbanceAnalysis
    photoluminescence: PhotoluminescenceAnalysis
    repeatability_percent: Mapping[str, float] = field(factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of everything that is measured."""
        return (self.absorbance.feature, "pli", "pla", "peak_nm", "peak_ev", "fwhm_nm")

    def rsd(self, features: Iterable[str]) -> tuple[float, ...]:
        """Relative standard deviations of repeated measurements, as fractions; nan if not known."""
        return tuple(self.repeatability_percent.get(name, math.nan) / 100.0 for name in features)


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


@frozen
class SurrogateChoice:
    """A surrogate model with its settings.

    Attributes:
        offer: the surrogate.
        settings: an instance of its settings class; it may hold further choices, of surrogates
            that this one is made of.
    """

    offer: Offer
    settings: SurrogateSettings

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All that plugins have to bring for it: its own offer, and those of its parts."""
        values = (getattr(self.settings, one.name) for one in attrs.fields(type(self.settings)))
        listed = (value if isinstance(value, tuple) else (value,) for value in values)
        parts = (part for some in listed for part in some if isinstance(part, SurrogateChoice))
        return (self.offer, *(offer for part in parts for offer in part.offers))

    def build(self, seed: int) -> Surrogate:
        """A fresh surrogate.

        Raises:
            InputError: a package is missing, or the surrogate refuses its settings.
        """
        surrogate: Surrogate = self.offer.load()(self.settings, seed=seed)
        return surrogate


@frozen(kw_only=True)
class Stage:
    """A part of a campaign in which one optimizer chooses.

    Attributes:
        name: what reports call it.
        experiments: how many.
        offer: the optimizer.
        settings: an instance of its settings class; written beside the stage's own keys.
        batch: how many conditions are asked for at once.
        order_by: the variable by which a batch is sorted, for instance to spare heating time.
        until_r2: share of the variance of the figure of merit that the surrogate has to explain of
            experiments that it has not seen, R²; the stage ends when it does.
    """

    name: str
    experiments: int
    offer: Offer
    settings: OptimizerSettings
    batch: int = 1
    order_by: str | None = None
    until_r2: float | None = None


@frozen(kw_only=True)
class StopRules:
    """When a campaign ends before its last experiment.

    Attributes:
        objective_above: a figure of merit that is good enough.
        at_most_s: longest duration [s] of the run.
    """

    objective_above: float | None = None
    at_most_s: float | None = None


@frozen(kw_only=True)
class Prior:
    """Earlier experiments that the surrogate starts from.

    Attributes:
        source: a run's folder or a CSV file; relative to the file that says it.
        columns: by response, the column of a CSV file in which it stands if that has another name.
    """

    source: Path
    columns: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Campaign:
    """What to run on a rig: stages, surrogate and stop rules.

    Attributes:
        title: in words; may be left out.
        stages: in order.
        surrogate: the model that the stages share; optimizers of one's own may need none.
        prior: earlier experiments that it starts from.
        stop: when to end early.
        seed: everything random follows from it.
        if_optimizer_fails: what is done when an optimizer gives no usable answer, from a fresh
            start neither: conditions far from all others, hold for a person, or end the campaign.
        optimizer_deadline_s: how long [s] an optimizer may think; only in a process of its own.
        optimizer_memory_gb: memory [GB] that it may take; only in a process of its own.
        repeats_at_most: how often an optimizer may choose the same conditions.
    """

    stages: tuple[Stage, ...]
    title: str = ""
    surrogate: SurrogateChoice | None = None
    prior: tuple[Prior, ...] = ()
    stop: StopRules = StopRules()
    seed: int = 1
    if_optimizer_fails: Literal["fallback", "hold", "finish"] = "fallback"
    optimizer_deadline_s: float = 1200.0
    optimizer_memory_gb: float = 8.0
    repeats_at_most: int = 10

    @property
    def experiments(self) -> int:
        """How many experiments all stages ask for."""
        return sum(stage.experiments for stage in self.stages)


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
