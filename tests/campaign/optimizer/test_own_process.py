"""The optimizer in a process of its own: the same decisions, and a process that may do anything."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from moody import measured, moody_stage

from flowrig.campaign.optimizer import (
    InProcessOptimizer,
    OptimizerFailedError,
    OptimizerHost,
    OptimizerProcess,
    memory,
)
from flowrig.campaign.optimizer.__main__ import serve
from flowrig.campaign.optimizer.messages import encoded
from flowrig.campaign.optimizer.process import _suggestions_in
from flowrig.errors import NothingLeftError
from flowrig.interfaces import Suggestion
from flowrig.learning.from_campaign import NoSurrogateError
from flowrig.profile import Profile
from flowrig_bayes.settings import BayesSettings

Campaign = Callable[..., tuple[Path, Profile]]


def decided(host: OptimizerHost, profile: Profile) -> list[list[Suggestion]]:
    """What a host decides in three stages, told everything bit by bit."""
    first = host.suggest("spread", [], 4)
    rows = measured(profile, [dict(one.conditions) for one in first])
    second = host.suggest("spread", rows, 4)
    rows += measured(profile, [dict(one.conditions) for one in second])
    answers = [first, second, host.suggest("guess", rows[:6], 1), host.suggest("guess", rows, 1)]
    # A stage of an arm does not learn from all that the stage before has learnt from.
    return [*answers, host.suggest("improve", rows[:6], 1)]


def test_decisions_are_the_same_in_a_process_of_its_own(campaign: Campaign) -> None:
    """Conditions and predictions of every optimizer are equal bit for bit."""
    folder, profile = campaign()
    apart = OptimizerProcess(folder, 3, 120.0, 8.0)
    there = decided(apart, profile)
    apart.close()
    assert decided(InProcessOptimizer(profile, 3), profile) == there


@pytest.mark.slow
def test_a_process_that_begins_in_the_middle_decides_the_same(campaign: Campaign) -> None:
    """It is told what was measured, and nothing of what was asked before."""
    folder, profile = campaign()
    host = InProcessOptimizer(profile, 3)
    first = host.suggest("spread", [], 4)
    rows = measured(profile, [dict(one.conditions) for one in first])
    rows += measured(profile, [dict(o.conditions) for o in host.suggest("spread", rows, 4)])
    apart = OptimizerProcess(folder, 3, 120.0, 8.0)
    there = apart.suggest("improve", rows, 1)
    apart.close()
    assert InProcessOptimizer(profile, 3).suggest("improve", rows, 1) == there


@pytest.mark.usefixtures("moody")
@pytest.mark.parametrize(
    ("mood", "deadline_s", "says"),
    [
        ("exits", 120.0, "exit code 9"),
        ("hangs", 0.5, "no answer within 0.5 s"),
        ("greedy", 120.0, "MemoryError"),
    ],
)
def test_whatever_becomes_of_the_process_is_told(
    campaign: Campaign, mood: str, deadline_s: float, says: str
) -> None:
    """A crash, a hang and too much memory are one kind of error, in words."""
    folder, _ = campaign(stages=moody_stage(mood))
    host = OptimizerProcess(folder, 1, deadline_s, 2.0)
    with pytest.raises(OptimizerFailedError, match=says):
        host.suggest("moody", [], 2)
    host.close()


@pytest.mark.usefixtures("moody")
def test_a_process_outlives_a_bug_and_nonsense(campaign: Campaign) -> None:
    """They are errors of the same kind; nothing left is none, and what is printed no answer."""
    moods = {"raises": "a bug", "nan": "outside", "nothing": "suggested 0 points"}
    named = [moody_stage(mood).replace('name = "moody"', f'name = "{mood}"') for mood in moods]
    named.append(moody_stage("done").replace('name = "moody"', 'name = "done"'))
    folder, profile = campaign(stages="".join(named) + moody_stage("well"))
    host = OptimizerProcess(folder, 1, 120.0, 8.0)
    for mood, says in moods.items():
        with pytest.raises(OptimizerFailedError, match=says):
            host.suggest(mood, [], 2)
    for one in (host, InProcessOptimizer(profile, 1)):
        with pytest.raises(NothingLeftError, match="all 9 points"):
            one.suggest("done", [], 2)
    suggested = host.suggest("moody", [], 2)
    host.close()
    assert [set(one.conditions) for one in suggested] == [set(profile.space.names)] * 2
    log = (folder / "optimizer.log").read_text(encoding="utf-8")
    assert "another one" in log


def test_one_that_was_ended_is_asked_in_vain(campaign: Campaign) -> None:
    """A host that was given up starts no process any more."""
    folder, _ = campaign()
    host = OptimizerProcess(folder, 1, 120.0, 8.0)
    host.close()
    with pytest.raises(OptimizerFailedError, match="was ended"):
        host.suggest("spread", [], 4)


def test_questions_are_answered_one_a_line(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's end: a beginning, questions, answers; an error is an answer too."""
    monkeypatch.setattr("flowrig.campaign.optimizer.__main__.limit_memory", lambda limit_gb: None)
    folder, profile = campaign()
    begin = {"path": sys.path, "seed": 1, "memory_gb": 8.0}
    asked = [
        {"stage": "spread", "rows": [], "count": 4},
        {"stage": "no such stage", "rows": [], "count": 1},
    ]
    answers = io.StringIO()
    serve(folder, iter([json.dumps(one) for one in [begin, *asked]]), answers)
    first, second = map(json.loads, answers.getvalue().splitlines())
    assert [one["conditions"] for one in first["suggestions"]] == [
        dict(one.conditions) for one in InProcessOptimizer(profile, 1).suggest("spread", [], 4)
    ]
    assert second["error"]


def test_a_missing_surrogate_is_the_campaigns_fault(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A campaign whose optimizer needs a model that it does not name is told so, not retried.

    Of an optimizer that does not declare its need, `check` cannot know it.
    """
    monkeypatch.setattr("flowrig.campaign.optimizer.__main__.limit_memory", lambda limit_gb: None)
    monkeypatch.setattr(BayesSettings, "needs_surrogate", False)
    folder, profile = campaign()
    text = (folder / "profile.toml").read_text(encoding="utf-8")
    assert 'name = "gp"' in text
    head, _, tail = text.partition("[campaign.surrogate]")
    (folder / "profile.toml").write_text(head + tail[tail.index("[") :], encoding="utf-8")
    points = InProcessOptimizer(profile, 1).suggest("spread", [], 8)
    rows = measured(profile, [dict(one.conditions) for one in points])
    begin = {"path": sys.path, "seed": 1, "memory_gb": 8.0}
    question = {"stage": "improve", "rows": rows, "count": 1}
    answers = io.StringIO()
    serve(folder, iter([encoded(begin), encoded(question)]), answers)
    with pytest.raises(NoSurrogateError, match="names no surrogate"):
        _suggestions_in(answers.getvalue())


def test_who_takes_too_much_is_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system keeps no limit, a look at what was taken does."""
    taken, ended = iter([10, 2_000_000_000]), list[int]()
    monkeypatch.setattr(memory, "LOOK_S", 0.0)
    memory.watch_memory(1_000_000_000, lambda: next(taken), ended.append)
    assert ended == [memory.EXIT_CODE]
    assert "1 GB" in capsys.readouterr().err
