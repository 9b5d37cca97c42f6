"""Studies as stages of a campaign: points that keep their flow, resumes, holds and plans."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click import Command
from click.testing import CliRunner
from quick_rig import LHS, ROBUSTNESS, ran, write
from watched_rig import plugins_with

from flowrig.campaign.results import results_for_optimizers
from flowrig.cli.runs.plan import plan
from flowrig.cli.runs.run import run
from flowrig.journal.events import Decided, HoldBegun, Intent, Measured, Notice, StageEnded
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.procedure.watch import Watch
from flowrig.profile import check_profile, load_profile
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.safety.guard import Guard


def starts(outcome: RunOutcome) -> int:
    """How often reagents were started."""
    with outcome.record() as record:
        intents = record.journal.events(Intent)
        return sum(
            "CuI" in (one.data.flow_rates_ul_min or {})
            for one in intents
            if one.data.command == "start"
        )


def test_the_flow_is_kept_between_points_that_continue(done: RunOutcome) -> None:
    assert starts(done) == 3  # the study once, the design twice
    with done.record() as record:
        points = [e for e in record.experiments() if e.decision.stage == "robustness"]
        begun = [point.flowing_s for point in points]
        assert [point.decision.settles for point in points] == [True, *[False] * 4]
        assert not any(point.interrupted for point in points)
    gaps = [
        after - before
        for before, after in pairwise(begun)
        if before is not None and after is not None
    ]
    assert gaps == pytest.approx([3.0] * 4, abs=0.3)


def test_pumps_are_compared_with_what_they_were_told_after_every_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short sample whose flow is kept has no other look at them; a stop looks by itself."""
    looks: list[str] = []

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured):
            looks.append("measured")

    look, stop = Guard.look, Guard.stop
    monkeypatch.setattr(Guard, "look", lambda *a, **k: (looks.append("look"), look(*a, **k))[1])
    monkeypatch.setattr(Guard, "stop", lambda *a, **k: (looks.append("stop"), stop(*a, **k))[1])
    outcome, _ = ran(tmp_path, ROBUSTNESS, listeners=[listen])
    assert outcome.state == "finished", outcome.reason
    before = [looks[place - 1] for place, one in enumerate(looks) if one == "measured"]
    assert before == ["look"] * 4 + ["stop"]


def test_optimizers_learn_from_what_settled_alone(done: RunOutcome) -> None:
    with done.record() as record:
        assert len(record.experiments()) == 7
        assert len(results_for_optimizers(record)) == len(record.settled()) == 3


def test_a_study_is_asked_in_a_thread_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real rig it is; the journal belongs to the thread of the run."""

    def alongside(_watch: Watch, _what: str, function: Any, _at_most_s: float | None) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function).result()

    monkeypatch.setattr(Watch, "compute", alongside)
    outcome, _ = ran(tmp_path, LHS + ROBUSTNESS.replace("12 s", "6 s"))
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        assert len(record.experiments()) == 5


def test_findings_are_told_everywhere(done: RunOutcome) -> None:
    """In the summary, in the page, and as sentences of the terminal."""
    with done.record() as record:
        (study,) = record.summary()["studies"]
        page = render(content_of(record))
    assert study["points"] == study["planned"] == 5
    assert set(study["repeatability"]) == {"a300", "pla"}
    for finding in study["findings"]:
        assert finding["text"].split("(")[0].strip() in page
        assert finding["test"]
    assert "Study: robustness" in page


def test_a_plan_knows_how_long_a_study_takes(done: RunOutcome, tmp_path: Path) -> None:
    plan = plan_campaign(load_profile(write(tmp_path, ROBUSTNESS + LHS), plugins_with()))
    with done.record() as record:
        ended_s = record.experiments()[4].ended_s
        delivered = record.ledger()
    part = next(one for one in plan.parts if one.name == "robustness")
    assert (part.experiments, part.known) == (5, 5)
    assert part.ends_s == pytest.approx(ended_s, rel=0.03)
    assert delivered is not None


AT_NUMBER = """
[[campaign.stages]]
name = "again"
study = "repeatability"
conditions = 1
repeats = 2
[[campaign.stages]]
name = "there"
study = "robustness"
at = {}
duration = "6 s"
every = "3 s"
"""


def test_a_study_takes_place_at_an_experiment_by_its_number(tmp_path: Path) -> None:
    """One of a design, one of a study, and one of a flow that was kept."""
    stages = LHS + ROBUSTNESS.replace("12 s", "6 s") + AT_NUMBER
    for number in (2, 4, 6):
        folder = tmp_path / str(number)
        folder.mkdir()
        plan = plan_campaign(load_profile(write(folder, stages.format(number)), plugins_with()))
        assert next(one for one in plan.parts if one.name == "there").known == 3
    outcome, _ = ran(tmp_path / "4", stages.format(4))
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        chosen = {one.index: one.conditions for one in record.decisions()}
        there = [one for one in record.decisions() if one.stage == "there"]
    assert len(there) == 3
    assert all(one.conditions == chosen[4] for one in there)


@pytest.mark.parametrize(("number", "stages"), [(8, LHS), (1, "")])
def test_a_number_that_no_experiment_will_have_is_refused(
    tmp_path: Path, number: int, stages: str
) -> None:
    there = AT_NUMBER.format(number).split("repeats = 2")[1]
    path = write(tmp_path, stages + there)
    (problem,) = check_profile(path, plugins_with())
    line = path.read_text(encoding="utf-8").splitlines()[problem.line - 1]
    assert line == f"at = {number}"
    span = "they have 1 to 2" if stages else "they have none"
    assert f"there is no experiment {number} in the stages before; {span}" in str(problem)
    assert ("a number of 1 to 2" in str(problem)) == bool(stages)


def test_what_stands_there_twice_is_refused_at_its_place(tmp_path: Path) -> None:
    stage = '[[campaign.stages]]\nname = "s"\nstudy = "sweep"\n'
    twice = 'features = ["pla", "pla"]\nsweep = { temperature = ["26 degC", "26.0 degC"] }\n'
    told = [str(one) for one in check_profile(write(tmp_path, stage + twice), plugins_with())]
    first = len(write(tmp_path, stage).read_text(encoding="utf-8").splitlines()) + 1
    assert [one.split("quick.toml:")[1] for one in told] == [
        f"{first}:20: the feature 'pla' stands there twice; expected each feature once",
        f'{first + 1}:37: the level "26.0 degC" stands there twice; expected each level once; '
        "`repeats`, where a study has it, measures again",
    ]


@pytest.mark.parametrize(
    ("study", "setting", "told"),
    [
        ("perturbation", "repeats = 3", "`repeats` is 3; expected 4 or more"),
        ("repeatability", "repeats = 1", "`repeats` is 1; expected 2 or more"),
        ("partial-grid", "levels = 1", "`levels` is 1; expected 2 or more"),
        ("sweep", 'plateau = "x"', "unknown feature 'x'; expected one of a300"),
        ("robustness", 'duration = "1 ms"', "shorter than three points take; expected "),
        ("dynamic-residence-time", "every = 2.0", "`every` is 2; expected more than 0"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_at_its_key(
    tmp_path: Path, study: str, setting: str, told: str
) -> None:
    path = write(tmp_path, f'[[campaign.stages]]\nname = "s"\nstudy = "{study}"\n{setting}\n')
    (problem,) = check_profile(path, plugins_with())
    assert told in str(problem)
    assert path.read_text(encoding="utf-8").splitlines()[problem.line - 1] == setting


@pytest.mark.parametrize("command", [run, plan])
def test_one_study_is_named_in_place_of_a_campaign(command: Command) -> None:
    asked = ["cs3cu2i5-heatup-chem3", "--study", "sweep", "--study", "grid"]
    result = CliRunner().invoke(command, asked)
    assert result.exit_code == 2
    assert "given 2 times, sweep, grid; name one study" in " ".join(result.output.split())


def test_a_hold_interrupts_the_flow_and_the_journal_says_so(tmp_path: Path) -> None:
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == 2:
            requests.ask(Request.PAUSE, "program")
        if isinstance(event.data, HoldBegun):
            requests.ask(Request.GO_ON, "program")

    outcome, _ = ran(tmp_path, ROBUSTNESS, requests=requests, listeners=[listen])
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        assert [e.interrupted for e in record.experiments()] == [0, 0, 1, 0, 0]
        notices = [one.data.text for one in record.journal.events(Notice)]
        (study,) = record.summary()["studies"]
    assert notices == ["the flow of experiment 3 was interrupted; it settles first"]
    assert "the flow was interrupted once" in study["findings"][-1]["text"]


def stopped_after(count: int, folder: Path, stages: str) -> RunOutcome:
    """A run that a person stops after so many points."""
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == count:
            requests.ask(Request.STOP, "program")

    outcome, _ = ran(folder, stages, requests=requests, listeners=[listen])
    assert outcome.state == "stopped"
    return outcome


def decided(outcome: RunOutcome) -> list[Any]:
    with outcome.record() as record:
        return [event.data for event in record.journal.events(Decided)]


def test_a_resumed_study_asks_for_the_same_and_settles_first(
    done: RunOutcome, tmp_path: Path
) -> None:
    stopped_after(2, tmp_path, ROBUSTNESS + LHS)
    outcome = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins_with()))
    assert outcome.state == "finished", outcome.reason
    assert decided(outcome) == decided(done)
    with outcome.record() as record:
        assert [e.interrupted for e in record.experiments()][:5] == [0, 0, 1, 0, 0]
        notices = [one.data.text for one in record.journal.events(Notice)]
        assert notices == ["the flow of experiment 3 was interrupted; it settles first"]
        assert not list(record.journal.events(StageEnded))
