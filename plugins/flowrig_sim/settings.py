"""Settings of the fluidic world."""

from pathlib import Path
from typing import Literal

from attrs import field, frozen, validators

__all__ = ["ChemistryName", "FluidicSettings"]

ChemistryName = Literal["chem1", "chem2", "chem3"]


@frozen(kw_only=True)
class FluidicSettings:
    """Settings of the fluidic world in the `[simulation]` table of a profile.

    Attributes:
        chemistry: which of the three published precursor formulations of Cs3Cu2I5 fills the
            syringes (Sadeghi et al., Digital Discovery 2025, 4, 1722).
        twin: a file that `flowrig twin train` wrote; its model replaces the chemistry.
        noise: scale of all drift and noise; 1 is the published rig, 0 is none. The irregular length
            of slugs stays.
        flow_ripple: amplitude of the periodic flow error of each pump, as a fraction of its flow
            rate.
        pl_integration_time_us: exposure [µs] at which photoluminescence areas are on the scale of
            the published reference dye; areas are proportional to the exposure.
    """

    chemistry: ChemistryName = field(
        default="chem3", validator=validators.in_(("chem1", "chem2", "chem3"))
    )
    twin: Path | None = None
    noise: float = field(default=1.0, validator=validators.ge(0.0))
    flow_ripple: float = field(default=0.01, validator=[validators.ge(0.0), validators.lt(0.5)])
    pl_integration_time_us: float = field(default=8_000.0, validator=validators.gt(0.0))
