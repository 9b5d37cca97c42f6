"""The report of a run: one HTML file that needs nothing but a browser."""

from flowrig.report.content import (
    Expectation,
    Experiment,
    Incumbent,
    Prediction,
    ReportContent,
)
from flowrig.report.from_record import content_of
from flowrig.report.html import render

__all__ = [
    "Expectation",
    "Experiment",
    "Incumbent",
    "Prediction",
    "ReportContent",
    "content_of",
    "render",
]
