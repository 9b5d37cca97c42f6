"""The page of a paper that was run again: claims, figures, files."""

from flowrig.report.gallery.content import DrawnFigure, GalleryContent, Made, drawn_figures
from flowrig.report.gallery.files import json_of, pictures_of
from flowrig.report.gallery.page import render_gallery

__all__ = [
    "DrawnFigure",
    "GalleryContent",
    "Made",
    "drawn_figures",
    "json_of",
    "pictures_of",
    "render_gallery",
]
