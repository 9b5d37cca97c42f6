"""The report of a run: one HTML file that needs nothing but a browser."""

from flowrig.report.content import (
    Expectation,
    ExpectedBest,
    Experiment,
    Prediction,
    ReportContent,
)
from flowrig.report.from_record import content_of
from flowrig.report.html import render

__all__ = [
    "Expectation",
    "ExpectedBest",
    "Experiment",
    "Prediction",
    "ReportContent",
    "content_of",
    "render",
]
