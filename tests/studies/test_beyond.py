"""Studies beyond the search space: wider ranges, within everything else that a profile limits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrig.campaign.results import results_for_optimizers
from flowrig.interfaces.study import At, Point, StudyPoint
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, check_profile, load_profile
from flowrig.profile.controls.beyond import in_stage
from flowrig.profile.controls.studies import study_rig
from flowrig.run_record.reader import RunRecord

STAGES = """
extends = "cspbbr3-larp"
{more}
[campaign]
[[campaign.stages]]
name = "look around"
study = "sweep"
sweep = {{ {sweep} }}
repeats = 1
beyond = {{ {beyond} }}
[[campaign.stages]]
name = "spread"
optimizer = "lhs"
experiments = 2
"""

Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(beyond: str, sweep: str, more: str = "") -> Path:
        path = tmp_path / "rig.toml"
        path.write_text(STAGES.format(beyond=beyond, sweep=sweep, more=more), encoding="utf-8")
        return path

    return write


WIDER = 'Toluene = ["500 mL/h", "5000 mL/h"]'
LEVELS = 'Toluene = ["500 mL/h", "800 mL/h", "3000 mL/h"]'
TOTAL = '[limits]\ntotal_flow = ["500 mL/h", "5060 mL/h"]\n'


def test_it_is_measured_there_and_optimizers_do_not_learn_from_it(
    written: Written, flowrig: Any, tmp_path: Path
) -> None:
    """The levels outside are experiments of the run, and no results for an optimizer."""
    file = written(WIDER, LEVELS, TOTAL)
    flowrig("run", file, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    with RunRecord(tmp_path / "run") as record:
        rates = [one.conditions["Toluene"] for one in record.experiments()][:3]
        learnt = [row["Toluene"] for row in results_for_optimizers(record)][:1]
        plan = plan_campaign(record.profile, seed=1)
    assert sorted(rates) == pytest.approx([500e3 / 60, 800e3 / 60, 3000e3 / 60])
    assert learnt == pytest.approx([3000e3 / 60])
    assert not plan.problems
    assert [one.gate for one in plan.questions] == ["beyond-look around"]


@pytest.mark.parametrize(
    ("beyond", "more", "told"),
    [
        (WIDER, "", "total flow"),
        ('Toluene = ["100 mL/h", "5000 mL/h"]', TOTAL, "outside the limits of the stream"),
        ('Toluene = ["2000 mL/h", "5000 mL/h"]', TOTAL, "is not wider"),
        ('Toluene = "500 mL/h"', TOTAL, "an array of two ends"),
        ('toluene = ["500 mL/h", "5000 mL/h"]', TOTAL, "did you mean 'Toluene'"),
        ("Toluene = [500, 5000]", TOTAL, "uL/min"),
    ],
)
def test_a_range_that_the_rig_cannot_do_is_refused(
    written: Written, beyond: str, more: str, told: str
) -> None:
    """At its place, with what would fit; a limit of the profile holds beyond the space as well."""
    with pytest.raises(ProfileError, match=told) as refused:
        load_profile(written(beyond, LEVELS, more), Plugins.discover())
    assert refused.value.problems[0].place.line


def test_an_optimizer_has_no_beyond(written: Written) -> None:
    """The key belongs to studies."""
    text = written(WIDER, LEVELS, TOTAL)
    text.write_text(text.read_text(encoding="utf-8") + f"beyond = {{ {WIDER} }}\n", "utf-8")
    with pytest.raises(ProfileError, match="unknown key 'beyond'"):
        load_profile(text, Plugins.discover())


def test_a_gate_of_the_profile_asks_in_its_place(written: Written) -> None:
    """Nobody is asked twice before one stage."""
    own = '[gates.mine]\nbefore = "stage"\nstage = "look around"\nasks = "Is the hood on?"\n'
    profile = load_profile(written(WIDER, LEVELS, TOTAL + own), Plugins.discover())
    assert [gate.name for gate in profile.gates] == ["mine"]


def test_the_best_place_lies_in_the_search_space(written: Written) -> None:
    """`at = "best"` of a later study takes the best of the experiments that it could repeat."""
    profile = load_profile(written(WIDER, LEVELS, TOTAL), Plugins.discover())
    inside = {"Toluene": 50_000.0, "Precursor": 500.0}
    earlier = [
        StudyPoint(number=n, point=Point(conditions=one), objective=value)
        for n, (one, value) in enumerate([(inside, 1.0), ({**inside, "Toluene": 9000.0}, 2.0)], 1)
    ]
    assert study_rig(profile, earlier=earlier).conditions(At("best")) == inside
    wide = in_stage(profile, "look around")
    assert study_rig(wide, earlier=earlier).conditions(At("best"))["Toluene"] == 9000.0


def test_a_range_without_a_solution_is_told_once(tmp_path: Path) -> None:
    """Where conditions are ratios and times, the rules find it as they do in a search space."""
    path = tmp_path / "rig.toml"
    text = 'beyond = { reaction_time = ["-5 s", "60 s"] }\n'
    stage = '[[campaign.stages]]\nstudy = "partial-grid"\nlevels = 3\n'
    path.write_text(f'extends = "cs3cu2i5-hot-injection"\n[campaign]\n{stage}{text}', "utf-8")
    (problem,) = check_profile(path, Plugins.discover())
    assert "have no solution" in str(problem)
