"""Each check of the kit fails on a driver or model with one fault, and its message gives advice."""

import broken_analyses
import broken_chemistries
import broken_drivers
import broken_models
import broken_quality
import broken_studies
import pytest

from flowrig.testing import (
    AnalysisConformance,
    ChemistryConformance,
    HeaterConformance,
    Level,
    OptimizerConformance,
    PumpConformance,
    QualityConformance,
    SpectrometerConformance,
    StudyConformance,
    SurrogateConformance,
)
from flowrig.testing.conformance.scorecard import Scorecard, Verdict, checks_of, score

BROKEN = [*broken_drivers.BROKEN, *broken_models.BROKEN, *broken_analyses.BROKEN]
BROKEN += [*broken_chemistries.BROKEN, *broken_studies.BROKEN, *broken_quality.BROKEN]
SUITES = (
    PumpConformance, HeaterConformance, SpectrometerConformance, OptimizerConformance,
    SurrogateConformance, AnalysisConformance, ChemistryConformance, StudyConformance,
    QualityConformance,
)  # fmt: skip


@pytest.mark.usefixtures("punctual")
@pytest.mark.parametrize(
    ("check", "suite", "new_bench", "broken"),
    BROKEN,
    ids=[f"{check}-{broken}" for check, _, _, broken in BROKEN],
)
def test_a_check_fails_on_what_it_is_for(check, suite, new_bench, broken) -> None:
    """The check raises an AssertionError with advice for the author."""
    with pytest.raises(AssertionError) as failure, new_bench() as bench:
        getattr(suite(), check)(bench)
    assert len(str(failure.value)) > 40


def test_every_check_was_seen_to_fail() -> None:
    """Every check of every suite is in the list of faults."""
    checks = {name for suite in SUITES for name, _ in checks_of(suite)}
    assert checks == {check for check, _, _, _ in BROKEN}


def test_every_test_of_a_suite_is_a_check() -> None:
    """Every test that pytest collects is a check with a level, and its docstring is a sentence."""
    for suite in SUITES:
        names = {name for name in dir(suite) if name.startswith("test_")}
        assert names == {name for name, _ in checks_of(suite)}
        assert all(getattr(suite, name).__doc__.rstrip().endswith(".") for name in names)
        assert {level for _, level in checks_of(suite)} == set(Level)


def card(**outcomes: str) -> Scorecard:
    return Scorecard(
        tuple(Verdict(f"{level} {n}", "", Level(level), outcome) for level, all_ in outcomes.items()
              for n, outcome in enumerate(all_.split()))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("earned", "scorecard"),
    [
        (Level.GOLD, card(bronze="passed", silver="passed skipped", gold="passed")),
        (Level.SILVER, card(bronze="passed", silver="passed", gold="passed failed")),
        (Level.BRONZE, card(bronze="passed", silver="failed", gold="passed")),
        (None, card(bronze="passed failed", silver="passed", gold="passed")),
    ],
)
def test_a_level_is_earned_with_those_below(earned: Level | None, scorecard: Scorecard) -> None:
    """One failed check keeps a plugin from its level and from all above; a skipped one does not."""
    assert scorecard.level is earned


def test_what_is_broken_is_scored() -> None:
    """An optimizer that repeats a point in a batch is silver, and the advice gives the reason."""
    result = score(*broken_models.optimizer(broken_models.RepeatsABatch)[:2])
    failed = [verdict for verdict in result.verdicts if verdict.outcome == "failed"]
    assert result.level is Level.SILVER
    assert [verdict.check for verdict in failed] == ["test_points_of_a_batch_differ"]
    assert "repeats a point" in failed[0].advice
    assert (result.count(Level.SILVER), result.count(Level.GOLD)) == ((3, 3), (3, 4))
