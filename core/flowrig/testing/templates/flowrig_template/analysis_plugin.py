"""The Template analysis for flowrig; this module does not import the analysis itself."""

from collections.abc import Sequence

from flowrig.plugins import AnalysisOffer, hookimpl

from .analysis_settings import TemplateAnalysisSettings


@hookimpl
def flowrig_analyses() -> Sequence[AnalysisOffer]:
    """The offer of the centroid."""
    return [
        AnalysisOffer(
            kind="analysis",
            name="template",
            target=f"{__name__}.analysis:TemplateAnalysis",
            settings=TemplateAnalysisSettings,
            summary="emission with its centroid",
            unit="counts",
            quantities={"centroid": "nm", "mean": "counts"},
        )
    ]
