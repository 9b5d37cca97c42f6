"""The conformance suite of papers: each check can fail, and papers that are there are gold."""

from contextlib import nullcontext

import pytest
from attrs import evolve

from flowrig.interfaces.gallery import PaperRun
from flowrig.plugins.registry import Plugins
from flowrig.testing import Level, PaperBench, PaperConformance
from flowrig.testing.conformance.installed import score_offer
from flowrig.testing.conformance.scorecard import checks_of, score
from flowrig.testing.templates.flowrig_template.paper import TemplatePaper


class NamesNoProfile(TemplatePaper):
    def runs(self):
        return [PaperRun(name="flow", profile="nobody-has-this")]


class RunsNothing(TemplatePaper):
    def runs(self):
        return []


class NamesARunTwice(TemplatePaper):
    def runs(self):
        return [*super().runs(), *super().runs()]


class NamesAFigureOddly(TemplatePaper):
    def figures(self, results):
        return [evolve(one, name="Figure 1") for one in super().figures(results)]


class DrawsNothing(TemplatePaper):
    def figures(self, results):
        return []


class Remembers(TemplatePaper):
    drawn = 0

    def figures(self, results):
        self.drawn += 1
        return [evolve(one, title=f"drawn {self.drawn}") for one in super().figures(results)]


class SaysNothing(TemplatePaper):
    def figures(self, results):
        return [evolve(one, paper="") for one in super().figures(results)]


class ClaimsWithoutWords(TemplatePaper):
    def figures(self, results):
        found = super().figures(results)
        return [evolve(f, claims=[evolve(one, found="") for one in f.claims]) for f in found]


class CountsOnEveryExperiment(TemplatePaper):
    def figures(self, results):
        for one in results.runs["flow"].experiments:
            int(one.features["sphere.plqy"])
        return super().figures(results)


class AgreesAnyway(TemplatePaper):
    def figures(self, results):
        found = super().figures(results)
        return [evolve(f, claims=[evolve(one, agrees=True) for one in f.claims]) for f in found]


BROKEN = [
    ("test_what_it_ran_can_be_run", NamesNoProfile),
    ("test_what_it_ran_can_be_run", RunsNothing),
    ("test_what_it_ran_can_be_run", NamesARunTwice),
    ("test_figures_can_be_drawn", NamesAFigureOddly),
    ("test_figures_can_be_drawn", DrawsNothing),
    ("test_it_keeps_no_state", Remembers),
    ("test_every_figure_says_what_the_paper_shows", SaysNothing),
    ("test_every_figure_says_what_the_paper_shows", ClaimsWithoutWords),
    ("test_failed_experiments_are_no_error", CountsOnEveryExperiment),
    ("test_claims_can_fail", AgreesAnyway),
]


@pytest.mark.parametrize(("check", "broken"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_check_fails_on_what_it_is_for(check: str, broken: type) -> None:
    """The check raises an AssertionError with advice for the author."""
    with pytest.raises(AssertionError) as failure:
        getattr(PaperConformance(), check)(PaperBench(broken))
    assert len(str(failure.value)) > 40


def test_every_check_was_seen_to_fail() -> None:
    """Every test of the suite is a check with a level, and in the list of faults."""
    checks = {name for name, _ in checks_of(PaperConformance)}
    assert checks == {check for check, _ in BROKEN}
    assert checks == {name for name in dir(PaperConformance) if name.startswith("test_")}
    assert {level for _, level in checks_of(PaperConformance)} == set(Level)


def test_what_the_command_writes_is_gold() -> None:
    card = score(PaperConformance, lambda: nullcontext(PaperBench(TemplatePaper)))
    assert card.level is Level.GOLD, card.verdicts


@pytest.mark.parametrize(
    "name",
    [
        "maria",
        pytest.param("cspbbr3-larp", marks=pytest.mark.slow),
        pytest.param("artificial-chemist", marks=pytest.mark.slow),
        pytest.param("cs3cu2i5-heatup", marks=pytest.mark.slow),
        pytest.param("cs3cu2i5-hot-injection", marks=pytest.mark.slow),
    ],
)
def test_shipped_papers_are_gold(name: str) -> None:
    plugins = Plugins.discover()
    card = score_offer(plugins.offer("paper", name), plugins=plugins)
    assert card.level is Level.GOLD, card.verdicts
