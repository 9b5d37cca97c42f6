"""Arms of a campaign: searches side by side that start from the same experiments."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from watched_rig import QUICK

from flowrig.campaign.results import results_for_optimizers
from flowrig.journal.events import AnyEvent, Decided, IncumbentFound
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.known_conditions import known_conditions
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.reader import RunRecord

pytestmark = pytest.mark.xdist_group("arms")  # what they share is made once

STAGES = """
[[campaign.stages]]
name = "improve"
arm = "model"
optimizer = "bayes"
experiments = 2

[[campaign.stages]]
name = "exploit"
arm = "model"
optimizer = "bayes"
acquisition = "exploit"
experiments = 1

[[campaign.stages]]
name = "chance"
arm = "random"
optimizer = "random"
experiments = 3

[campaign.surrogate]
name = "gp"

[labels]
objective = "in-situ PLQY"
temperature = "plate temperature"
a300 = "absorbance at 300 nm"
"""
TWO_ARMS = """
[[campaign.stages]]
name = "one"
arm = "first"
optimizer = "random"
experiments = 1

[[campaign.stages]]
name = "other"
arm = "second"
optimizer = "random"
experiments = 2
"""
ARMS = [None] * 5 + ["model"] * 3 + ["random"] * 3


@frozen
class Run:
    """A finished run with arms."""

    profile: Path
    folder: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run, which the tests only read."""
    home = tmp_path_factory.mktemp("arms")
    profile = home / "arms.toml"
    profile.write_text(QUICK.format(experiments=5) + STAGES, encoding="utf-8")
    options = RunOptions(folder=home / "run", simulate=True, seed=3)
    assert start_run(profile, options).state == "finished"
    return Run(profile, home / "run")


def test_the_journal_says_in_which_arm_conditions_were_chosen(run: Run) -> None:
    with RunRecord(run.folder) as record:
        assert [event.data.arm for event in record.journal.events(Decided)] == ARMS
        assert [one.arm for one in record.decisions()] == ARMS


def test_a_journal_without_arms_is_read() -> None:
    """What 0.1.0 wrote has no arm; what has none is written as it was then."""
    content: Mapping[str, Any] = {
        "index": 1, "stage": "explore", "conditions": {"T": 20.0}, "mean": {}, "sd": {},
        "objective_mean": None, "objective_sd": None, "reason": "",
    }  # fmt: skip
    read = Decided.from_json(content)
    assert read.arm is None
    assert read.as_json() == content


def test_a_stage_learns_from_what_has_no_arm_and_from_its_own(run: Run) -> None:
    with RunRecord(run.folder) as record:
        told = {arm: len(results_for_optimizers(record, arm=arm)) for arm in (None, "model", "x")}
        assert told == {None: 11, "model": 8, "x": 5}
        stages = {stage.name: stage for stage in record.campaign.stages}
        assert stages["improve"].learns_from(None)
        assert not stages["improve"].learns_from("random")
        assert stages["explore"].learns_from("random")


def test_what_an_arm_does_depends_on_no_other_arm(run: Run) -> None:
    """The random arm takes what it would take if the other arm were not there; a plan knows it."""
    with RunRecord(run.folder) as record:
        decided = record.decisions()
        chance = next(s for s in record.campaign.stages if s.name == "chance")
        shared = [one.conditions for one in decided if one.arm is None]
        known = known_conditions(record.profile, chance, record.seed, shared)
        assert list(known.conditions) == [
            dict(one.conditions) for one in decided if one.arm == "random"
        ]


def test_each_arm_has_a_best_a_curve_and_an_incumbent(run: Run) -> None:
    """In the JSON for programs and in the report; of its own experiments, but the model's."""
    with RunRecord(run.folder) as record:
        summary = json.loads(json.dumps(record.summary()))
        found = record.journal.last(IncumbentFound)
        page = render(content_of(record))
        measured = {e.index: e for e in record.experiments()}
    assert list(summary["arms"]) == ["model", "random"]
    for arm, places in (("model", range(6, 9)), ("random", range(9, 12))):
        told = summary["arms"][arm]
        assert told["experiments"] == told["planned"] == 3
        own = [measured[i].objective * (measured[i].quality == "good") for i in places]
        assert told["best"]["objective"] == max(own)
        assert [one or 0.0 for one in told["best_so_far"]] == [max(own[: n + 1]) for n in range(3)]
        assert told["expected_best"]["index"] in {*range(1, 6), *places}
        assert told["expected_best"]["index"] == found.data.arms[arm].index  # type: ignore[union-attr,index]
    assert "<h2>Arms</h2>" in page
    assert "best before the arms" in page


def test_labels_stand_where_people_look_and_keys_in_tables_for_programs(
    run: Run, flowrig: Any
) -> None:
    with RunRecord(run.folder) as record:
        page = render(content_of(record))
    assert "in-situ PLQY (%)" in page
    assert "plate temperature (°C)" in page
    assert "absorbance at 300 nm" in page
    head = flowrig("report", run.folder, "--csv").stdout.splitlines()[0].split(",")
    assert {"arm", "temperature_c", "a300"} <= set(head)


def test_a_twin_learns_from_chosen_arms_and_stages(run: Run, flowrig: Any) -> None:
    """Of a run and of the table that it exports alike; what is not there is named."""
    table = run.folder.parent / "rows.csv"
    table.write_text(flowrig("report", run.folder, "--csv").stdout, encoding="utf-8")
    sources = ([run.folder], [table, "--profile", run.profile])
    for words, left in ((["--arm", "model"], 8), (["--stage", "explore"], 5)):
        for source in sources:
            out = run.folder.parent / "twin.npz"
            said = flowrig("twin", "train", *source, *words, "--out", out).stdout
            assert f"of {left} experiments" in said
    wrong = flowrig("twin", "train", run.folder, "--arm", "modle", code=2)
    assert "modle" in wrong.output


def test_a_resumed_run_goes_on_in_its_arm(tmp_path: Path) -> None:
    """Stopped in the second arm, it does the rest of it, and of nothing else."""
    arms = [None, "first", "second", "second"]
    profile = tmp_path / "arms.toml"
    profile.write_text(QUICK.format(experiments=1) + TWO_ARMS, encoding="utf-8")
    requests = OperatorRequests()

    def stop(event: AnyEvent) -> None:
        if event.kind == "experiment" and event.data.index == 3:
            requests.ask(Request.STOP)

    options = RunOptions(
        folder=tmp_path / "run", simulate=True, seed=3, requests=requests, listeners=[stop]
    )
    assert start_run(profile, options).state == "stopped"
    with RunRecord(tmp_path / "run") as record:
        decided = record.decisions()
    assert resume_run(tmp_path / "run", ResumeOptions()).state == "finished"
    with RunRecord(tmp_path / "run") as record:
        assert [one.arm for one in record.decisions()] == arms
        assert record.decisions()[: len(decided)] == decided
        stage = record.campaign.stages[-1]
        shared = [decided[0].conditions]
        known = known_conditions(record.profile, stage, record.seed, shared)
        assert list(known.conditions) == [dict(d.conditions) for d in record.decisions()[2:]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (STAGES.replace('"random"\noptimizer', '" "\noptimizer'), "an arm has a name"),
        (STAGES.replace("a300 =", "a30 ="), "unknown variable or feature 'a30'"),
        (STAGES.replace('"plate temperature"', '""'), "the label is empty"),
    ],
)
def test_arms_and_labels_that_mean_nothing_are_refused(
    text: str, says: str, tmp_path: Path
) -> None:
    profile = tmp_path / "wrong.toml"
    profile.write_text(QUICK.format(experiments=5) + text, encoding="utf-8")
    (problem,) = check_profile(profile, Plugins.discover())
    assert says in str(problem)


def test_searches_of_a_comparison_are_as_long_as_the_longest_arm(run: Run) -> None:
    campaign = load_profile(run.profile, Plugins.discover()).campaign
    assert campaign is not None
    assert campaign.arms == ("model", "random")
    assert (campaign.experiments, campaign.longest_search) == (11, 8)
