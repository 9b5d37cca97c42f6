"""The analyses of the core, offered through the same hook as those of a plugin."""

from collections.abc import Sequence

from flowrig.measurement.reductions.settings import DecaySettings, PhaseSettings
from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import AnalysisOffer
from flowrig.profile.model import ABSORBANCE, EMISSION

DECAY = AnalysisOffer(
    kind="analysis",
    name="decay",
    target="flowrig.measurement.reductions.decay:DecayAnalysis",
    settings=DecaySettings,
    summary="lifetimes of the emission, from histograms of single photons",
    axis_unit="ns",
    detector_units=("ns",),
    takes_all=True,
    dark="none",
    quantities={
        "lifetime": "ns",
        "lifetime_sd": "ns",
        "intensity_lifetime": "ns",
        "intensity_lifetime_sd": "ns",
        "fast": "ns",
        "fast_sd": "ns",
        "slow": "ns",
        "slow_sd": "ns",
        "fast_share": "",
        "offset": "counts",
        "photons": "counts",
        "misfit": "",
    },
)
PHASE = AnalysisOffer(
    kind="analysis",
    name="phase",
    target="flowrig.measurement.reductions.phase:PhaseAnalysis",
    settings=PhaseSettings,
    summary="length, velocity and share of slugs, from light gates or a spectrometer",
    unit="",
    axis_unit="s",
    detector_units=(),
    takes_all=True,
    dark="none",
    quantities={
        "reactive_share": "",
        "slugs": "",
        "frequency": "Hz",
        "velocity": "mm/s",
        "velocity_sd": "mm/s",
        "slug_length": "mm",
        "slug_length_sd": "mm",
        "carrier_length": "mm",
    },
)


@hookimpl
def flowrig_analyses() -> Sequence[AnalysisOffer]:
    """Absorbance and emission, decays and phases."""
    return [ABSORBANCE, EMISSION, DECAY, PHASE]
