"""The page about the conformance kit says what the kit does."""

import re
from pathlib import Path

import pytest

import flowrig.testing
from flowrig.testing import (
    AnalysisConformance,
    ChemistryConformance,
    DetectingConformance,
    DispensingConformance,
    HeaterConformance,
    OptimizerConformance,
    PaperConformance,
    PumpConformance,
    QualityConformance,
    ReadableConformance,
    SelectableConformance,
    SettableConformance,
    SpectrometerConformance,
    StudyConformance,
    SurrogateConformance,
)
from flowrig.testing.conformance.scorecard import checks_of

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
SUITES = (
    PumpConformance, HeaterConformance, SpectrometerConformance, OptimizerConformance,
    SurrogateConformance, ReadableConformance, SettableConformance, SelectableConformance,
    DispensingConformance, DetectingConformance,
    AnalysisConformance, ChemistryConformance, StudyConformance,
    QualityConformance, PaperConformance,
)  # fmt: skip


def rows() -> set[tuple[str, str]]:
    """Level and sentence of every check that the page lists."""
    return set(re.findall(r"^\| (bronze|silver|gold) \| ([^|]+\.) \|$", PAGE, re.MULTILINE))


def requirements() -> set[tuple[str, str]]:
    return {
        (level.value, " ".join(getattr(suite, name).__doc__.split()))
        for suite in SUITES
        for name, level in checks_of(suite)
    }


def test_every_check_is_listed_as_it_is() -> None:
    """The page has each check with its level, word for word, and no other."""
    assert rows() == requirements()


@pytest.mark.parametrize("name", flowrig.testing.__all__)
def test_every_public_name_is_told(name: str) -> None:
    """What the kit exports stands on the page as code."""
    assert re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", PAGE)
