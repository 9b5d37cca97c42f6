"""Settings of the fluidic world."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen, validators

from flowrig.profile.model import ChemistryChoice
from flowrig_sim.offers import CS3CU2I5_HEATUP, HeatUpSettings

__all__ = ["FluidicSettings"]


@frozen(kw_only=True)
class FluidicSettings:
    """Settings of the fluidic world in the `[simulation]` table of a profile.

    Attributes:
        chemistry: what becomes of the liquids: the name of a chemistry, or a table with its name
            and its settings.
        twin: a file that `flowrig twin train` wrote; its model replaces the chemistry.
        noise: scale of all drift and noise; 1 is the published rig, 0 is none. The irregular length
            of slugs stays.
        flow_ripple: amplitude of the periodic flow error of each pump, as a fraction of its flow
            rate.
        pl_integration_time_us: exposure [µs] at which photoluminescence areas are on the scale of
            the published reference dye; areas are proportional to the exposure.
        excitation_nm: wavelength [nm] of the light that excites photoluminescence.
        line_scatter: standard deviation of the resistance of lines side by side, as a share of
            their mean.
        blocked_line: the line, counted from 1, that blocks; None for none.
        blocked_after_s: time [s] since the world began after which it is blocked.
        lamp_fade_per_h: share of their first light that lamp and LED lose in every hour.
        delivery_loss_per_h: by stream, share of what the pump is told to deliver that is lost more
            with every hour.
    """

    chemistry: ChemistryChoice = field(
        factory=lambda: ChemistryChoice(CS3CU2I5_HEATUP, HeatUpSettings())
    )
    twin: Path | None = None
    noise: float = field(default=1.0, validator=validators.ge(0.0))
    flow_ripple: float = field(default=0.01, validator=[validators.ge(0.0), validators.lt(0.5)])
    pl_integration_time_us: float = field(default=8_000.0, validator=validators.gt(0.0))
    excitation_nm: float = field(default=300.0, validator=validators.gt(0.0))
    line_scatter: float = field(default=0.02, validator=[validators.ge(0.0), validators.lt(0.5)])
    blocked_line: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    blocked_after_s: float = field(default=0.0, validator=validators.ge(0.0))
    lamp_fade_per_h: float = field(default=0.0, validator=[validators.ge(0.0), validators.le(1.0)])
    delivery_loss_per_h: Mapping[str, float] = field(
        factory=dict,
        validator=validators.deep_mapping(
            value_validator=validators.and_(validators.ge(0.0), validators.le(1.0))
        ),
    )
