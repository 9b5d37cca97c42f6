"""The repeatability that a study found goes into a profile, and nothing else changes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from watched_rig import plugins_with

from flowrig.cli.results.write_back import write_repeatability
from flowrig.errors import InputError
from flowrig.profile import load_profile
from flowrig.run.start import RunOutcome
from flowrig.run_record.studies import findings_of

MINE = """\
# my rig
extends = "cs3cu2i5-heatup-chem3"  # as published

[analysis]
frames = 100   # enough here
repeatability = { a300 = "9 %", pli = "8 %" } # from the paper

[steady]
hold = "4 s"
"""


@pytest.fixture
def measured(done: RunOutcome) -> Any:
    """The record as if its rig were real."""
    with done.record() as record:
        yield SimpleNamespace(
            folder=record.folder,
            simulated=False,
            plugins=plugins_with(),
            start=record.start,
            campaign=record.campaign,
            profile=record.profile,
            seed=record.seed,
            experiments=record.experiments,
            settled=record.settled,
            skipped=record.skipped,
            decisions=record.decisions,
        )


def percent(record: Any, feature: str) -> str:
    (study,) = findings_of(record)
    return f"{100 * study.findings.repeatability[feature]:.2g} %"


def test_only_what_was_found_changes(tmp_path: Path, measured: Any) -> None:
    """Comments, order and other features stay; the old text is kept, the difference shown."""
    file = tmp_path / "mine.toml"
    file.write_text(MINE, encoding="utf-8")
    shown = list(write_repeatability(measured, file))
    a300, pla = percent(measured, "a300"), percent(measured, "pla")
    line = 'repeatability = { a300 = "9 %", pli = "8 %" } # from the paper'
    other = f'repeatability = {{ a300 = "{a300}", pli = "8 %" , pla = "{pla}"}} # from the paper'
    assert [one.replace(" ", "") for one in file.read_text("utf-8").splitlines()] == [
        one.replace(" ", "") for one in MINE.replace(line, other).splitlines()
    ]
    assert (tmp_path / "mine.toml.bak").read_text("utf-8") == MINE
    assert f"-{line}" in shown
    profile = load_profile(file, plugins_with())
    assert f"{profile.analysis.repeatability_percent['pla']:.2g} %" == pla


def test_a_second_time_keeps_both_old_texts(tmp_path: Path, measured: Any) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE, encoding="utf-8")
    for _ in range(2):
        list(write_repeatability(measured, file))
    assert {one.name for one in tmp_path.iterdir()} == {
        "mine.toml",
        "mine.toml.bak",
        "mine.toml.bak2",
    }


def test_what_is_no_profile_stays_as_it_is(tmp_path: Path, measured: Any) -> None:
    file = tmp_path / "mine.toml"
    for text in ('extends = "nobody"\n', "analysis = 3\n", "= broken\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError):
            list(write_repeatability(measured, file))
        assert file.read_text("utf-8") == text
        assert len(list(tmp_path.iterdir())) == 1


def test_an_emulated_rig_says_nothing_of_a_real_one(done: RunOutcome, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE, encoding="utf-8")
    with done.record() as record, pytest.raises(InputError, match="was simulated"):
        list(write_repeatability(record, file))
    assert file.read_text("utf-8") == MINE
