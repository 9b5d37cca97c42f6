"""Papers whose experiments are run again on emulated rigs, and whose figures are drawn again."""

from flowrig.interfaces.gallery.paper import (
    Claim,
    GalleryFigure,
    Paper,
    PaperRun,
    PaperTwin,
    TwinDrawing,
)
from flowrig.interfaces.gallery.results import (
    GalleryExperiment,
    GalleryRun,
    GallerySurface,
    GalleryTwin,
    PaperResults,
)

__all__ = [
    "Claim",
    "GalleryExperiment",
    "GalleryFigure",
    "GalleryRun",
    "GallerySurface",
    "GalleryTwin",
    "Paper",
    "PaperResults",
    "PaperRun",
    "PaperTwin",
    "TwinDrawing",
]
