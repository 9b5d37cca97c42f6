"""The chemistries of this package as offers, with their settings."""

from typing import ClassVar, Literal, get_args

from attrs import field, frozen, validators

from flowrig.plugins import Offer

__all__ = ["CHEMISTRIES", "CS3CU2I5_HEATUP", "FormulationName", "HeatUpSettings"]

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
        "stand-in",
        "stand_in:StandIn",
        NoSettings,
        "an invented response of any rig, so that its profile can be tried",
    ),
)
"""All of them, in the order in which they are listed."""
