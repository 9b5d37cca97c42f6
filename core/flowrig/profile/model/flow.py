"""What flows and where: stocks, streams, the flow path, residence time and limits of flow rates."""

import math
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from flowrig.interfaces.pump import Syringe
from flowrig.problem.space import LinearConstraint
from flowrig.profile.model.analysis import Window

__all__ = [
    "Component",
    "LimitedFlow",
    "LinearRule",
    "ResidenceTime",
    "Solute",
    "Stationary",
    "Stock",
    "Stream",
]


StreamRole = Literal["reagent", "solvent", "carrier"]


ComponentKind = Literal["tubing", "junction", "mixer", "reactor", "flow-cell", "waste"]


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
    """Measure until features are stationary, instead of after a fixed time.

    See `flowrig.measurement.stationarity`.

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
