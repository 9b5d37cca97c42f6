"""Plugin `studies`: what papers on self-driving labs show before their campaign."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_studies import settings
from flowrig_studies.production_settings import ProductionSettings

__all__ = ["flowrig_studies"]

_STUDIES = (
    ("robustness", "robustness:Robustness", settings.RobustnessSettings,
     "one condition for half an hour: scatter and drift"),
    ("repeatability", "repeats:Repeatability", settings.RepeatabilitySettings,
     "conditions that come back: the scatter of an experiment"),
    ("perturbation", "repeats:Perturbation", settings.PerturbationSettings,
     "a condition between others: cross-contamination"),
    ("sweep", "sweeps:SweepStudy", settings.SweepSettings,
     "one variable through its range: where a plateau begins"),
    ("grid", "sweeps:GridStudy", settings.GridSettings,
     "every combination of levels: which variable matters"),
    ("partial-grid", "sweeps:PartialGridStudy", settings.PartialGridSettings,
     "one variable after the other through its range"),
    ("dynamic-residence-time", "residence:DynamicResidenceTime", settings.DynamicSettings,
     "looks while new liquid arrives: steady after how many τ"),
    ("dye", "samples.dye:Dye", settings.DyeSettings,
     "a dye of known quantum yield in place of the reagents: the numbers of the proxy"),
    ("stability", "samples.stability:Stability", settings.StabilitySettings,
     "stored samples that are measured again: which share is kept"),
    ("production", "production:Production", ProductionSettings,
     "the best condition for hours, in fractions that are watched"),
)  # fmt: skip


@hookimpl
def flowrig_studies() -> Sequence[Offer]:
    """Offer the studies."""
    return [
        Offer(
            kind="study",
            name=name,
            target=f"flowrig_studies.{target}",
            settings=its_settings,
            summary=summary,
        )
        for name, target, its_settings, summary in _STUDIES
    ]
