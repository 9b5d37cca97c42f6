"""What is done when an optimizer fails: once more, without it, or not at all."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.campaign.optimizer import Choice, ConditionChooser, OptimizerHost
from flowrig.errors import DeviceFaultError, NothingLeftError, StopRequested
from flowrig.interfaces import Suggestion
from flowrig.learning.from_campaign import NoSurrogateError
from flowrig.plugins.registry import Plugins
from flowrig.problem.door import Door
from flowrig.profile import Profile, load_profile

R = TypeVar("R")
Campaign = Callable[..., tuple[Path, Profile]]
Answer = list[Suggestion] | Exception


class Scripted(OptimizerHost):
    """Answers as it is told, and remembers whether it was given up."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.closed = False

    def suggest(
        self, stage: str, rows: Sequence[Mapping[str, Any]], count: int
    ) -> list[Suggestion]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True


def think(what: str, function: Callable[[], R], at_most_s: float) -> R:
    """Nobody has to watch a rig here."""
    return function()


def asked(
    profile: Profile, answers: Sequence[Answer], count: int = 1, tried: Sequence[Any] = ()
) -> tuple[Choice, list[Scripted]]:
    """What a chooser makes of answers, one from each fresh start; and whom it asked."""
    waiting, hosts = list(answers), list[Scripted]()

    def new_host() -> OptimizerHost:
        hosts.append(Scripted(waiting.pop(0)))
        return hosts[-1]

    chooser = ConditionChooser(profile, 1, new_host)
    assert profile.campaign is not None
    choice = chooser.choose(profile.campaign.stages[0], [], tried, count, think)
    chooser.close()
    return choice, hosts


def middle(profile: Profile) -> dict[str, float]:
    """Conditions that the rig can do."""
    space = profile.space
    return space.rows((space.low + space.high)[None] / 2)[0]


def test_a_sound_answer_is_taken_as_it_is(campaign: Campaign) -> None:
    """Nothing is told, and nobody is asked twice."""
    _, profile = campaign()
    sound = [Suggestion(middle(profile), reason="the middle")]
    choice, hosts = asked(profile, [sound])
    assert (choice, len(hosts)) == (Choice(sound), 1)


def test_a_second_answer_is_taken_and_told_once(campaign: Campaign) -> None:
    """After a crash a fresh start is asked; one sentence says what happened, and where."""
    _, profile = campaign()
    sound = [Suggestion(middle(profile))]
    choice, hosts = asked(profile, [ZeroDivisionError("a bug"), sound], tried=[middle(profile)] * 3)
    assert choice.suggestions == sound
    assert choice.incident == (
        "the optimizer of stage 'spread' failed before experiment 4: a bug; the second answered"
    )
    assert [host.closed for host in hosts] == [True, True]


@pytest.mark.parametrize(
    ("what", "suggested", "says"),
    [("fallback", 3, "instead"), ("hold", 0, "holds"), ("finish", 0, "ends here")],
)
def test_the_campaign_says_what_is_done_in_the_end(
    campaign: Campaign, what: str, suggested: int, says: str
) -> None:
    """Conditions far from all others, or none: a person has to look, or the campaign is over."""
    _, profile = campaign(f'if_optimizer_fails = "{what}"')
    choice, _ = asked(profile, [ValueError("one"), ValueError("two")], count=3)
    assert len(choice.suggestions) == suggested
    assert "failed twice before experiment 1: one; then two" in choice.incident
    assert choice.incident.endswith(says)


def test_space_filling_conditions_keep_their_distance(campaign: Campaign) -> None:
    """They are never what was tried, differ from each other, and a seed gives the same ones."""
    _, profile = campaign()
    tried = [middle(profile)]
    bad: list[Answer] = [[], []]
    first, _ = asked(profile, bad, 4, tried)
    again, _ = asked(profile, bad, 4, tried)
    assert first == again
    U = profile.space.to_unit(
        profile.space.array([*tried, *(dict(s.conditions) for s in first.suggestions)])
    )
    gaps = np.linalg.norm(U[:, None] - U[None], axis=-1)[~np.eye(len(U), dtype=bool)]
    assert gaps.min() > 0.3


def test_an_optimizer_that_has_settled_has_not_failed(campaign: Campaign) -> None:
    """A budget of repeats keeps it from using up the syringes; the rest goes where least is known,
    and the message offers to end the stage."""
    _, profile = campaign("repeats_at_most = 2")
    sound = [Suggestion(middle(profile))]
    assert asked(profile, [sound], tried=[middle(profile)])[0] == Choice(sound)
    choice, hosts = asked(profile, [sound], tried=[middle(profile)] * 2)
    assert (choice.incident, choice.stage_over, len(hosts)) == ("", "", 1)
    assert "'spread' has settled: it chose temperature = 150 °C, CuI = 100" in choice.settled
    assert "2 times; the rest of the stage" in choice.settled
    assert 'if_optimizer_settles = "end-stage"' in choice.settled
    (other,) = choice.suggestions
    assert other.reason == "space-filling: the optimizer settled"
    gap = profile.space.to_unit(profile.space.array([other.conditions])) - 0.5
    assert np.linalg.norm(gap) > 0.3


def test_of_a_batch_only_repeats_are_replaced(campaign: Campaign) -> None:
    """What the optimizer suggests besides is done."""
    _, profile = campaign("repeats_at_most = 2")
    settled = Suggestion(middle(profile))
    new = Suggestion({**middle(profile), "temperature": 160.0})
    choice, _ = asked(profile, [[settled, new, settled]], 3, tried=[middle(profile)])
    assert choice.suggestions[:2] == [settled, new]
    assert len(choice.suggestions) == 3
    assert choice.suggestions[2].conditions not in (settled.conditions, new.conditions)


def test_a_stage_can_end_where_its_optimizer_settles(campaign: Campaign) -> None:
    """Its other suggestions are done before."""
    _, profile = campaign('repeats_at_most = 2\nif_optimizer_settles = "end-stage"')
    settled = Suggestion(middle(profile))
    new = Suggestion({**middle(profile), "temperature": 160.0})
    tried = [middle(profile)] * 2
    choice, _ = asked(profile, [[settled, new]], 2, tried)
    assert (choice.suggestions, choice.stage_over) == ([new], "")
    choice, _ = asked(profile, [[settled]], 1, tried)
    assert (list(choice.suggestions), choice.stage_over) == ([], "its optimizer has settled")


def stepped(profile: Profile, steps: Mapping[str, float]) -> Profile:
    """The same rig with steps."""
    return evolve(
        profile,
        variables=tuple(evolve(v, step=steps.get(v.name)) for v in profile.variables),
    )


ALL_STEPS = {"temperature": 30.0, "CuI": 20.0, "ZnI2": 40.0, "CsOA": 60.0, "ODE": 60.0}


@pytest.mark.parametrize("how", ["fails", "settles"])
def test_without_an_optimizer_steps_are_kept_and_the_stage_ends(
    campaign: Campaign, how: str
) -> None:
    """Conditions far from all others are allowed and new, until all are done, which is told."""
    _, profile = campaign("repeats_at_most = 1")
    rig = stepped(profile, ALL_STEPS)
    allowed = Door(rig.space).untried()
    assert allowed is not None
    tried = rig.space.rows(allowed[:1])
    answer: list[Answer] = (
        [[Suggestion(tried[0])]] if how == "settles" else [ValueError("one"), ValueError("two")]
    )
    while True:
        choice, _ = asked(rig, answer, 1, tried)
        if choice.stage_over:
            break
        for suggestion in choice.suggestions:
            rig.space.require_feasible(suggestion.conditions)
            assert suggestion.conditions not in tried
            tried.append(dict(suggestion.conditions))
    assert len(tried) == len(allowed)
    assert choice.stage_over == f"all {len(allowed)} conditions of the search space were tried"
    assert not choice.suggestions


def test_a_large_batch_without_an_optimizer_is_spread(campaign: Campaign) -> None:
    """Some hundred points are found in one go, all new, where only some values have steps."""
    _, profile = campaign()
    rig = stepped(profile, {"temperature": 30.0, "CuI": 20.0})
    choice, _ = asked(rig, [ValueError("one"), ValueError("two")], 300)
    rows = [tuple(s.conditions.values()) for s in choice.suggestions]
    assert len(set(rows)) == 300
    assert {row[0] for row in rows} == {120.0, 150.0, 180.0}


def test_an_optimizer_with_nothing_left_ends_its_stage(campaign: Campaign) -> None:
    """That is no failure: nobody is asked twice, and nothing is added."""
    _, profile = campaign()
    choice, hosts = asked(profile, [NothingLeftError("all 9 points are done")])
    assert choice == Choice([], stage_over="all 9 points are done")
    assert len(hosts) == 1


def test_answers_beside_a_step_or_bound_are_moved_there(campaign: Campaign) -> None:
    """An optimizer in single precision leaves its bounds by a little; that is no failure."""
    _, profile = campaign()
    rig = stepped(profile, {"temperature": 30.0})
    point = {**middle(rig), "temperature": 180.000009, "CuI": 120.0 + 2e-6}
    choice, _ = asked(rig, [[Suggestion(point)]])
    assert choice.incident == ""
    assert dict(choice.suggestions[0].conditions) == {
        **middle(rig),
        "temperature": 180.0,
        "CuI": 120.0,
    }


@pytest.mark.parametrize(
    "error", [StopRequested("stop"), DeviceFaultError("hot", device="plate"), KeyboardInterrupt()]
)
def test_what_happens_to_the_rig_meanwhile_is_not_the_optimizers_fault(
    campaign: Campaign, error: BaseException
) -> None:
    """A wish to stop, and an instrument that fails while it thinks, are passed on untouched."""
    _, profile = campaign()

    def interrupted(what: str, function: Callable[[], R], at_most_s: float) -> R:
        raise error

    assert profile.campaign is not None
    chooser = ConditionChooser(profile, 1, lambda: Scripted([]))
    with pytest.raises(type(error)):
        chooser.choose(profile.campaign.stages[0], [], [], 1, interrupted)


def test_a_campaign_without_a_surrogate_is_told_so(campaign: Campaign) -> None:
    """What a person has to write into the campaign is no incident."""
    _, profile = campaign()
    with pytest.raises(NoSurrogateError):
        asked(profile, [NoSurrogateError("the campaign names no surrogate")])


PROFILE = load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())
SPACE = PROFILE.space
NUMBERS = st.one_of(st.floats(), st.integers(-(10**6), 10**6), st.none(), st.just("hot"))


@given(st.data())
def test_nothing_leaves_that_the_rig_cannot_do(data: st.DataObject) -> None:
    """Whatever an optimizer answers, every condition that goes on is finite, named and inside."""
    names = st.sampled_from([*SPACE.names, "unheard-of"])
    complete = st.fixed_dictionaries(dict.fromkeys(SPACE.names, NUMBERS))
    points = st.one_of(st.dictionaries(names, NUMBERS), complete)
    answers = st.lists(st.builds(Suggestion, points), max_size=4)
    count = data.draw(st.integers(1, 3))
    choice, _ = asked(PROFILE, [data.draw(answers), data.draw(answers)], count)
    assert 1 <= len(choice.suggestions) <= count
    for suggestion in choice.suggestions:
        SPACE.require_feasible(suggestion.conditions)
        assert all(np.isfinite(value) for value in suggestion.conditions.values())
