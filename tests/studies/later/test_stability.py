"""Stored samples that are measured again, and the study `stability`."""

import math
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_rig import killed_behind

from flowrig.cli import main
from flowrig.interfaces import Aged, At, StudyPoint, StudyRig
from flowrig.journal.events import Decided, Measured, ResultEntered
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.profile.controls.studies import study_rig
from flowrig.report.exports.table import csv_rows
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.reader import RunRecord
from flowrig_studies.samples.stability import Stability
from flowrig_studies.settings import StabilitySettings

pytestmark = pytest.mark.xdist_group("stability")  # one run for all

CAMPAIGN = """
extends = "cspbbr3-larp-published"
[analysis.channels.aged]
use = "off-line"
gives = {{ plqy = "%" }}
series = {{ dark = ["0 d", "10 d", "100 d"], hot_80C = ["1 h", "3 h", "5 h"] }}
{more}
[[campaign.stages]]
study = "sweep"
sweep = {{ Toluene = ["1000 mL/h", "5000 mL/h"] }}
repeats = 1
[[campaign.stages]]
study = "stability"
repeats = 2
"""

HOUR_S = 3600.0


def written(folder: Path, more: str = "") -> Path:
    file = folder / "rig.toml"
    file.write_text(CAMPAIGN.format(more=more), encoding="utf-8")
    return file


def flowrig(*words: Any) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> StudyRig:
    profile = load_profile(written(tmp_path_factory.mktemp("rig")), Plugins.discover())
    return study_rig(profile)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A sweep, and samples of its best that are stored."""
    home = tmp_path_factory.mktemp("stability")
    outcome = start_run(written(home), RunOptions(folder=home / "run", simulate=True))
    assert (outcome.state, outcome.reason) == ("finished", "")
    return outcome


@pytest.fixture
def entered(done: RunOutcome, tmp_path: Path) -> Path:
    """The folder of such a run, in which nobody has measured a stored sample."""
    with done.record() as record:
        first = next(e.sequence for e in record.journal.events(ResultEntered) if e.data.series)
    return killed_behind(done, tmp_path / "run", first - 1)


def texts(folder: Path) -> list[str]:
    with RunRecord(folder) as record:
        study = record.summary()["studies"][-1]
    return [one["text"] for one in study["findings"]]


def sample(rig: StudyRig, number: int, curve: dict[float, float]) -> StudyPoint:
    """A stored sample of which one series was measured."""
    (point, *_) = Stability(rig, StabilitySettings(at=At())).plan()
    aged = [
        Aged(channel="aged", series="hot_80C", age_s=age_s, values={"plqy": value})
        for age_s, value in curve.items()
    ]
    return StudyPoint(number=number, point=point, aged=aged)


@given(st.floats(0.05, 1.5), st.lists(st.floats(5.0, 95.0), min_size=1, max_size=4))
@settings(max_examples=25)
def test_the_share_that_is_kept_is_found(rig: StudyRig, kept: float, fresh: list[float]) -> None:
    """Whatever the samples were at first, and however many there are."""
    ages_s = [0.0, HOUR_S, 5 * HOUR_S]
    points = [
        sample(rig, number, {t: value * kept ** (t / ages_s[-1]) for t in ages_s})
        for number, value in enumerate(fresh, 1)
    ]
    (found,) = Stability(rig, StabilitySettings(at=At())).findings(points).findings
    assert found.value == pytest.approx(kept, rel=1e-6)
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


def test_its_interval_holds_as_often_as_it_says(rig: StudyRig) -> None:
    """Of 400 pairs of samples with noise, 95 % of the intervals hold the true share."""
    rng, ages_s, held = np.random.default_rng(1), HOUR_S * np.array([0.0, 1.0, 3.0, 5.0]), 0
    study = Stability(rig, StabilitySettings(at=At()))
    for _ in range(400):
        points = []
        for number, fresh in enumerate(rng.uniform(20, 80, 2), 1):
            values = fresh * 0.7 ** (ages_s / ages_s[-1]) * np.exp(0.03 * rng.standard_normal(4))
            points.append(sample(rig, number, dict(zip(ages_s, values, strict=True))))
        (found,) = study.findings(points).findings
        held += found.low <= 0.7 <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_two_ages_of_one_sample_have_no_confidence(rig: StudyRig) -> None:
    points = [sample(rig, 1, {0.0: 60.0, 5 * HOUR_S: 30.0})]
    (found,) = Stability(rig, StabilitySettings(at=At())).findings(points).findings
    assert found.value == pytest.approx(0.5)
    assert math.isnan(found.low)
    assert "a third age or a second sample" in found.text


def test_samples_of_the_best_are_stored_and_measured(done: RunOutcome) -> None:
    """The study waits for the results that say which is the best; each age is an event."""
    with done.record() as record:
        stored = [one for one in record.experiments() if one.decision.is_stored]
        assert [one.index for one in stored] == [3, 4]
        best = max(record.experiments()[:2], key=lambda one: one.objective)
        assert all(one.conditions == best.conditions for one in stored)
        aged = [e.data for e in record.journal.events(ResultEntered) if e.data.series]
        assert len(aged) == 2 * (3 + 3)
        assert {one.index for one in aged} == {3, 4}
        assert not any("aged.plqy" in one.results for one in record.experiments())
        (_, study) = record.summary()["studies"]
    assert [one["name"] for one in study["findings"]] == [
        "share of plqy kept, dark",
        "share of plqy kept, hot_80C",
    ]
    assert all(one["low"] < one["value"] < one["high"] for one in study["findings"])


def test_a_person_enters_ages_as_they_come(entered: Path) -> None:
    """Any age counts; a second entry at one age corrects; a lost sample is not waited for."""
    assert texts(entered)[0] == (
        "to be measured of experiment 3: dark at 0 h, dark at 10 d, dark at 100 d, "
        "hot_80C at 1 h, hot_80C at 3 h, hot_80C at 5 h"
    )
    assert "experiment 3: sphere.plqy" not in flowrig("result", entered, "--list").output
    for plqy, series, age in ((60, "dark", "0d"), (9, "dark", "11 d"), (54, "dark", "11d")):
        words = ("result", entered, 3, f"aged.plqy={plqy}%", "--series", series, "--at", age)
        assert flowrig(*words).exit_code == 0
    told = texts(entered)
    assert told[0].startswith("dark: 90 % of plqy is kept after 11 d")
    assert told[1].startswith("to be measured of experiment 3: dark at 100 d, hot_80C at 1 h")
    lost = flowrig("result", entered, 3, "--series", "dark", "--lost", "the vial broke")
    assert lost.exit_code == 0, lost.output
    told = texts(entered)
    assert told[0].startswith("dark: 90 % of plqy is kept after 11 d")
    assert told[1].startswith("to be measured of experiment 3: hot_80C at 1 h")
    listed = flowrig("result", entered, "--list").output
    assert "experiment 3: aged.plqy 54 %, dark at 11 d" in listed
    assert "aged of hot_80C at 5 h" in listed


def test_a_table_has_series_and_ages(entered: Path, tmp_path: Path) -> None:
    table = tmp_path / "aged.csv"
    table.write_text(
        "experiment,series,at [h],aged.plqy [%],by\n4,hot_80C,0,60,FS5\n4,hot_80C,5,30,FS5\n",
        encoding="utf-8",
    )
    done = flowrig("result", entered, "--table", table)
    assert done.exit_code == 0, done.output
    assert texts(entered)[0].startswith("hot_80C: 50 % of plqy is kept after 5 h")
    with RunRecord(entered) as record:
        head, *_, last = csv_rows(record)
    row = dict(zip(head, last, strict=True))
    assert row["aged.plqy.hot_80C.5h_percent"] == 30.0
    assert row["aged.plqy.hot_80C.0h_percent"] == 60.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["aged.plqy=50%"], "is of a stored sample; say --series and --at"),
        (["aged.plqy=50%", "--series", "dark"], "the age of the sample is missing"),
        (["aged.plqy=50%", "--series", "hot", "--at", "5h"], "did you mean 'hot_80C'?"),
        (["aged.plqy=50%", "--series", "dark", "--at", "5"], "--at: "),
        (["aged.plqy=50%", "--series", "dark", "--at=-5h"], "an age is not below 0"),
        (["sphere.plqy=50%", "--series", "dark", "--at", "5h"], "no off-line result"),
    ],
)
def test_what_is_no_result_of_a_stored_sample_is_refused(
    done: RunOutcome, words: list[str], message: str
) -> None:
    found = flowrig("result", done.folder, 3, *words)
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('within = "2 d"', "'within' says nothing of stored samples"),
        ("[features]\nold = 'aged.plqy'", "aged.plqy"),
        ("[analysis.channels.x]\nuse='off-line'\ngives={a=''}\nseries={b=['5 h', '1 h']}", "rise"),
        ("[analysis.channels.x]\nuse='off-line'\ngives={a=''}\nseries={b=[]}", "rise"),
    ],
)
def test_a_series_that_says_nothing_is_refused(tmp_path: Path, more: str, message: str) -> None:
    problems = check_profile(written(tmp_path, more), Plugins.discover())
    assert any(message in str(one) for one in problems), problems


def test_a_rig_without_a_series_cannot_store(tmp_path: Path) -> None:
    file = tmp_path / "rig.toml"
    text = 'extends = "cspbbr3-larp-published"\n[[campaign.stages]]\nstudy = "stability"\n'
    file.write_text(text, encoding="utf-8")
    (problem,) = check_profile(file, Plugins.discover())
    assert "expected an off-line channel with a table `series`" in str(problem)


@pytest.mark.parametrize(
    "place", [50, *(pytest.param(one, marks=pytest.mark.slow) for one in range(5, 100, 10))]
)
def test_a_killed_study_stores_the_same_samples(
    done: RunOutcome, tmp_path: Path, place: int
) -> None:
    """Each is measured once, and each age is entered once."""
    with done.record() as record:
        told = [event.data for event in record.journal.events(Decided)]
        (count, values) = (record.journal.last().sequence, aged_values(record))
    folder = killed_behind(done, tmp_path / "run", max(3, round(count * place / 100)))
    outcome = resume_run(folder, ResumeOptions())
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        assert [event.data for event in record.journal.events(Decided)] == told
        assert [e.data.index for e in record.journal.events(Measured)] == [1, 2, 3, 4]
        assert aged_values(record).keys() == values.keys()


def aged_values(record: RunRecord) -> dict[tuple[int, str, float | None], float]:
    """What was entered of stored samples; fails where something was entered twice."""
    events = [e.data for e in record.journal.events(ResultEntered) if e.data.series]
    found = {(one.index, one.series, one.age_s): one.values["aged.plqy"] for one in events}
    assert len(found) == len(events)
    return found


def test_the_study_has_a_default_that_fits(rig: StudyRig) -> None:
    """One sample of the best experiment, by the first channel and quantity."""
    study = Stability(rig, StabilitySettings())
    (point,) = study.plan()
    assert point.is_stored
    assert study.waits_for_results
    assert attrs.evolve(StabilitySettings(), channel="x").objection(rig)
