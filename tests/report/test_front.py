"""The section of a report on several goals."""

import re

from attrs import evolve

from flowrig.problem.pareto import ParetoGoal, ParetoObjective, front_of, goals_of
from flowrig.report import render
from flowrig.report.content import ReportContent

GOALS = ParetoObjective(
    (
        ParetoGoal(response="pla", worst=0.0, best=4e5),
        ParetoGoal(response="a300", worst=1.0, best=0.2),
    )
)


def of_goals(content: ReportContent) -> ReportContent:
    return evolve(content, profile=evolve(content.profile, objective=GOALS))


def test_the_front_has_a_row_for_each_of_its_experiments(content) -> None:
    """In the order of the first goal; the figure tells them from what they beat."""
    shown = of_goals(content(30))
    page = render(shown)
    section = page[page.index("Several goals") :]
    section = section[: section.index("</section>")]
    merits = {e.index: goals_of(GOALS, e.features) or {} for e in shown.trusted}
    front = front_of(merits)
    body = section[section.index("<tbody>") :]
    assert re.findall(r"<tr><td>(\d+)</td>", body) == [str(one) for one in front.members]
    assert 1 < len(front.members) < len(shown.trusted)
    assert f"{len(front.members)} of {len(shown.trusted)} trusted experiments" in section
    assert f"Hypervolume {front.hypervolume:.3g}" in section


def test_one_number_has_no_front(content) -> None:
    assert "Several goals" not in render(content(8))


def test_nothing_good_has_no_front(content) -> None:
    assert "Several goals" not in render(of_goals(content(0)))
