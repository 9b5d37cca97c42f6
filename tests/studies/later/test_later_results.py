"""Studies whose features are results that come later."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.journal.events import (
    Decided,
    HoldBegun,
    Measured,
    ResultEntered,
    SafeStateSought,
    StageBegun,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.profile.controls.studies import new_study, study_rig
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import RunOutcome, resume_run, start_run
from flowrig.run_record.reader import RunRecord

CAMPAIGN = """
extends = "cspbbr3-larp-published"
[campaign]
title = "a study, and one at the best"
[[campaign.stages]]
name = "flow"
study = "sweep"
sweep = { Toluene = ["1000 mL/h", "3000 mL/h", "5000 mL/h"] }
repeats = 1
[[campaign.stages]]
name = "again"
study = "repeatability"
conditions = 1
repeats = 2
[[campaign.stages]]
name = "at the best"
study = "sweep"
sweep = { Precursor = ["20 mL/h", "40 mL/h", "60 mL/h"] }
at = "best"
repeats = 1
"""


def ran(folder: Path, requests: OperatorRequests | None = None) -> RunOutcome:
    """A simulated campaign, until somebody stops it where it waits for results."""
    (folder / "short.toml").write_text(CAMPAIGN, encoding="utf-8")

    def stop(event: AnyEvent) -> None:
        if requests is not None and isinstance(event.data, HoldBegun):
            requests.ask(Request.STOP)

    options = RunOptions(folder=folder / "run", simulate=True, requests=requests, listeners=[stop])
    return start_run(folder / "short.toml", options)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """The whole campaign."""
    outcome = ran(tmp_path_factory.mktemp("later"))
    assert (outcome.state, outcome.reason) == ("finished", "")
    return outcome


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign as it waits before the study at the best."""
    outcome = ran(tmp_path_factory.mktemp("stopped"), OperatorRequests())
    assert outcome.state == "stopped"
    return outcome.folder


def test_a_study_at_the_best_waits_for_the_results_that_say_which_it_is(done: RunOutcome) -> None:
    """Studies whose points are known go on; the rig is in its safe state while one waits."""
    with done.record() as record:
        events = record.journal.events(Measured, HoldBegun, SafeStateSought, WentOn)
        story = [event.kind for event in events]
        wait = ["safe-state", "hold", "went-on"]
        assert story == [*["measured"] * 5, *wait, *["measured"] * 3, "safe-state"]
        (hold,) = record.journal.events(HoldBegun)
        assert hold.data.why == "results"
        assert "sphere.plqy of experiments 1, 2, 3, 4, 5" in hold.data.text
        best = max(record.experiments()[:5], key=lambda one: one.objective)
        after = [one for one in record.decisions() if one.stage == "at the best"]
        assert {one.conditions["Toluene"] for one in after} == {best.conditions["Toluene"]}


def test_findings_are_made_anew_when_results_come(stopped: Path, tmp_path: Path) -> None:
    """Until then it is said what is to come; also in the run that is over."""
    folder = shutil.copytree(stopped, tmp_path / "run")
    with RunRecord(folder) as record:
        before = {one["stage"]: one for one in record.summary()["studies"]}
    assert [one["text"] for one in before["flow"]["findings"]] == [
        "0 points can be used, and 3 are needed to say more",
        "results are to come: sphere.plqy of experiments 1, 2, 3",
    ]
    for number, plqy in enumerate((30, 45, 61), 1):
        CliRunner().invoke(main, ["result", str(folder), str(number), f"plqy={plqy}%"])
    with RunRecord(folder) as record:
        after = {one["stage"]: one for one in record.summary()["studies"]}
    assert not any("to come" in one["text"] for one in after["flow"]["findings"])
    assert after["flow"]["findings"][0]["name"]
    assert "to come" in after["again"]["findings"][-1]["text"]


def test_a_lost_sample_is_not_waited_for(stopped: Path, tmp_path: Path) -> None:
    """What is resumed waits for the rest alone, and takes the best of what there is."""
    folder = shutil.copytree(stopped, tmp_path / "run")
    for number in (2, 3):
        CliRunner().invoke(main, ["result", str(folder), str(number), "--lost", "spilt"])
    CliRunner().invoke(main, ["result", str(folder), "1", "plqy=99%"])
    outcome = resume_run(folder, ResumeOptions())
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        waited = [event.data.text for event in record.journal.events(HoldBegun)]
        assert "experiments 4, 5" in waited[-1]
        after = [one for one in record.decisions() if one.stage == "at the best"]
        first = record.experiment(1)
    assert {one.conditions["Toluene"] for one in after} == {first.conditions["Toluene"]}


def test_a_killed_study_waits_again(done: RunOutcome, tmp_path: Path) -> None:
    """Killed at any event of its wait it asks for the same points."""
    from quick_rig import killed_behind

    with done.record() as record:
        told = [event.data for event in record.journal.events(Decided)]
        begun = [e.sequence for e in record.journal.events(StageBegun, HoldBegun, ResultEntered)]
        places = [one for one in begun if one >= begun[2]][:6:2]
    for place in places:
        folder = killed_behind(done, tmp_path / str(place), place)
        outcome = resume_run(folder, ResumeOptions())
        assert outcome.state == "finished", outcome.reason
        with outcome.record() as record:
            assert [event.data for event in record.journal.events(Decided)] == told


@pytest.mark.parametrize(
    ("stage", "waits"),
    [
        ('study = "grid"', False),
        ('study = "grid"\nat = "best"', True),
        ('study = "robustness"\nat = { Toluene = "1000 mL/h" }', False),
        ('study = "production"\nlook_every = "5 s"\nduration = "1 min"', True),
    ],
)
def test_what_looks_by_results_waits_for_them(tmp_path: Path, stage: str, waits: bool) -> None:
    file = tmp_path / "rig.toml"
    head = CAMPAIGN[: CAMPAIGN.index("[[campaign")]
    file.write_text(f'{head}[[campaign.stages]]\nname = "s"\n{stage}\n', encoding="utf-8")
    profile = load_profile(file, Plugins.discover())
    assert profile.campaign is not None
    study = new_study(profile.campaign.stages[0], study_rig(profile))
    assert study.waits_for_results == waits
