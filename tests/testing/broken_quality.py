"""Quality checks that are wrong in one way each, and the check that finds it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from flowrig.interfaces import Doubt, QualityCheck
from flowrig.testing import QualityBench, QualityConformance
from flowrig.testing.templates.flowrig_template.quality import TemplateQuality
from flowrig.testing.templates.flowrig_template.quality_settings import TemplateQualitySettings

__all__ = ["BROKEN"]


class SaysNothing(QualityCheck):
    def doubts(self, sample, earlier):
        return None


class DoubtsTheFirst(QualityCheck):
    def doubts(self, sample, earlier):
        return [] if earlier else [Doubt(text="it is alone")]


class Remembers(QualityCheck):
    asked = 0

    def doubts(self, sample, earlier):
        self.asked += 1
        return [Doubt(text="too many")] if self.asked > 30 else []


class TrustsEverySpectrum(QualityCheck):
    def doubts(self, sample, earlier):
        low = sample.spectra["photoluminescence"].values.min()
        return [Doubt(text="negative")] if low < -1.0 else []


class DoubtsEverything(QualityCheck):
    def doubts(self, sample, earlier):
        return [Doubt(text="who knows")] if earlier else []


class GivesNoTest(TemplateQuality):
    def doubts(self, sample, earlier):
        return [Doubt(text=one.text) for one in super().doubts(sample, earlier)]


def bench(broken: type) -> Callable[[], AbstractContextManager[QualityBench]]:
    return lambda: nullcontext(QualityBench(broken, TemplateQualitySettings()))


BROKEN = [
    (check, QualityConformance, bench(broken), broken.__name__)
    for check, broken in (
        ("test_it_says_what_a_run_can_keep", SaysNothing),
        ("test_the_first_sample_is_no_error", DoubtsTheFirst),
        ("test_it_keeps_no_state", Remembers),
        ("test_missing_values_are_no_error", TrustsEverySpectrum),
        ("test_it_trusts_a_healthy_run", DoubtsEverything),
        ("test_it_names_a_reason", GivesNoTest),
    )
]
