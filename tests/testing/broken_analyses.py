"""Analyses that are wrong in one way each, and the check that finds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from flowrig.interfaces import Looked
from flowrig.testing import AnalysisBench, AnalysisConformance
from flowrig.testing.templates.flowrig_template.analysis import TemplateAnalysis
from flowrig.testing.templates.flowrig_template.analysis_plugin import flowrig_analyses
from flowrig.testing.templates.flowrig_template.analysis_settings import TemplateAnalysisSettings

__all__ = ["BROKEN"]


class GivesAList(TemplateAnalysis):
    def reduce(self, frames, axis, dark, light):
        return Looked(axis, list(frames.mean(axis=0)))


class ForgetsANumber(TemplateAnalysis):
    def reduce(self, frames, axis, dark, light):
        return Looked(axis, frames.mean(axis=0), {"centroid": 1.0})


class SubtractsInPlace(TemplateAnalysis):
    def reduce(self, frames, axis, dark, light):
        if dark is not None:
            frames -= dark
        return super().reduce(frames, axis, None, light)


class NeedsADark(TemplateAnalysis):
    def reduce(self, frames, axis, dark, light):
        return super().reduce(frames, axis, dark + 0.0, light)


class KeepsTheLast(TemplateAnalysis):
    last = 0.0

    def reduce(self, frames, axis, dark, light):
        looked = super().reduce(frames + self.last, axis, dark, light)
        self.last = float(np.mean(frames))
        return looked


class FindsNoBand(TemplateAnalysis):
    def reduce(self, frames, axis, dark, light):
        if (frames == frames[0, 0]).all():
            raise ZeroDivisionError("no band")
        return super().reduce(frames, axis, dark, light)


def bench(broken: type) -> Callable[[], AbstractContextManager[AnalysisBench]]:
    (offer,) = flowrig_analyses()
    return lambda: nullcontext(AnalysisBench(broken, TemplateAnalysisSettings(), offer))


BROKEN = [
    (check, AnalysisConformance, bench(broken), broken.__name__)
    for check, broken in (
        ("test_the_spectrum_is_sound", GivesAList),
        ("test_its_numbers_are_those_of_the_offer", ForgetsANumber),
        ("test_frames_are_unchanged", SubtractsInPlace),
        ("test_missing_references_are_no_error", NeedsADark),
        ("test_the_same_frames_give_the_same", KeepsTheLast),
        ("test_darkness_is_no_error", FindsNoBand),
    )
]
