"""The chemistries of this package as offers, with their settings."""

from typing import ClassVar, Literal, get_args

from attrs import field, frozen, validators

from flowrig.plugins import Offer

__all__ = [
    "CHEMISTRIES",
    "CS3CU2I5_HEATUP",
    "FormulationName",
    "HalideExchangeSettings",
    "HeatUpSettings",
    "IdealMixingSettings",
    "NoSettings",
]

FormulationName = Literal["chem1", "chem2", "chem3"]


@frozen(kw_only=True)
class HeatUpSettings:
    """Settings of `cs3cu2i5-heatup`.

    Attributes:
        formulation: which of the three published precursor formulations of Cs3Cu2I5 fills the
            syringes (Sadeghi et al., Digital Discovery 2025, 4, 1722).
    """

    formulation: FormulationName = field(
        default="chem3", validator=validators.in_(get_args(FormulationName))
    )


@frozen(kw_only=True)
class Chem1Settings:
    """No settings: the formulation is `chem1`."""

    formulation: ClassVar[FormulationName] = "chem1"


@frozen(kw_only=True)
class Chem2Settings:
    """No settings: the formulation is `chem2`."""

    formulation: ClassVar[FormulationName] = "chem2"


@frozen(kw_only=True)
class Chem3Settings:
    """No settings: the formulation is `chem3`."""

    formulation: ClassVar[FormulationName] = "chem3"


@frozen(kw_only=True)
class IdealMixingSettings:
    """Settings of `ideal-mixing`.

    Attributes:
        dye: the species that absorbs.
        extinction_l_mol_cm: its decadic extinction [L/(mol cm)] at the peak of its absorption.
        absorption_nm: peak [nm] of its absorption.
        absorption_width_nm: full width at half maximum [nm] of its absorption.
        emission_nm: peak [nm] of its emission.
        emission_width_nm: full width at half maximum [nm] of its emission.
        quantum_yield: photons emitted for each photon absorbed.
    """

    dye: str = "dye"
    extinction_l_mol_cm: float = field(default=20_000.0, validator=validators.ge(0.0))
    absorption_nm: float = field(default=365.0, validator=validators.gt(0.0))
    absorption_width_nm: float = field(default=120.0, validator=validators.gt(0.0))
    emission_nm: float = field(default=450.0, validator=validators.gt(0.0))
    emission_width_nm: float = field(default=60.0, validator=validators.gt(0.0))
    quantum_yield: float = field(default=0.5, validator=[validators.ge(0.0), validators.le(1.0)])


@frozen(kw_only=True)
class HalideExchangeSettings:
    """Settings of `halide-exchange`.

    Attributes:
        begins_as: halide of the crystals before other halides meet them; "none" if they grow from
            the halides of the streams.
        exchange_s: time constant [s] of the exchange.
    """

    begins_as: Literal["Cl", "Br", "I", "none"] = field(
        default="Br", validator=validators.in_(("Cl", "Br", "I", "none"))
    )
    exchange_s: float = field(default=10.0, validator=validators.gt(0.0))


@frozen(kw_only=True)
class NoSettings:
    """A chemistry without settings."""


def _offer(name: str, target: str, settings: type, summary: str) -> Offer:
    return Offer(
        kind="chemistry",
        name=name,
        target=f"flowrig_sim.chemistry.{target}",
        settings=settings,
        summary=summary,
        install="flowrig",
    )


_HEATUP = "synthesis:HeatUpSynthesis"
CS3CU2I5_HEATUP = _offer(
    "cs3cu2i5-heatup", _HEATUP, HeatUpSettings, "Cs3Cu2I5 nanocrystals, heated in slugs"
)
CHEMISTRIES = (
    CS3CU2I5_HEATUP,
    *(
        _offer(name, _HEATUP, settings, f"cs3cu2i5-heatup with the formulation {name}")
        for name, settings in (
            ("chem1", Chem1Settings),
            ("chem2", Chem2Settings),
            ("chem3", Chem3Settings),
        )
    ),
    _offer(
        "hot-injection",
        "hot_injection:HotInjection",
        NoSettings,
        "Cs3Cu2I5 nanocrystals from caesium oleate in hot copper iodide",
    ),
    _offer(
        "larp",
        "larp:Larp",
        NoSettings,
        "CsPbBr3 nanocrystals by reprecipitation at room temperature",
    ),
    _offer(
        "halide-exchange",
        "halide_exchange:HalideExchange",
        HalideExchangeSettings,
        "lead halide nanocrystals whose colour follows the halides",
    ),
    _offer(
        "core-shell",
        "core_shell:CoreShell",
        NoSettings,
        "InP quantum dots that get a shell of ZnS in a later reactor",
    ),
    _offer(
        "ideal-mixing",
        "ideal_mixing:IdealMixing",
        IdealMixingSettings,
        "a dye in solvent, by Beer and Lambert",
    ),
    _offer(
        "stand-in",
        "stand_in:StandIn",
        NoSettings,
        "an invented response of any rig, so that its profile can be tried",
    ),
)
"""All of them, in the order in which they are listed."""
