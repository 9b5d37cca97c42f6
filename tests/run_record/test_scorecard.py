"""The scorecard of a run: each formula by itself, and the whole from a journal."""

import ast
import json
import math
import re
import shutil
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from some_events import resumed

from flowrig import procedure
from flowrig.errors import InputError
from flowrig.journal.events import (
    Ended,
    Event,
    EventData,
    ExperimentBegun,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    OperatorAsked,
    Outcome,
    ResultEntered,
    StepBegun,
    WentOn,
)
from flowrig.plugins.registry import Plugins
from flowrig.problem.space import Parameter, Space
from flowrig.profile import load_profile
from flowrig.report.quantities import shown_objective
from flowrig.report.scorecard import rows_of, time_words
from flowrig.run.session import GOING_SAFE
from flowrig.run_record.arms import ArmResult, best_so_far
from flowrig.run_record.experiment import Decision, Experiment
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard import scorecard_of
from flowrig.run_record.scorecard.accessible import accessible_space
from flowrig.run_record.scorecard.efficiency import (
    Arm,
    arm_of,
    best_of_any,
    efficiency_of,
    experiments_to_reach,
)
from flowrig.run_record.scorecard.materials import (
    delivered_in,
    materials_of,
    theoretical_lifetime,
)
from flowrig.run_record.scorecard.people import autonomy_of, interventions_in, unassisted
from flowrig.run_record.scorecard.precision import pooled_rsd, precision_of, replicates
from flowrig.run_record.scorecard.scorecard import split_arms
from flowrig.run_record.scorecard.times import SHARES, share_of, time_shares

RELEASED = Path(__file__).parents[1] / "journal" / "journals" / "0.1.0"

values = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=6)


def events(*happened: tuple[float, EventData]) -> list[Event[Any]]:
    """Events at rig times [s], numbered from 1."""
    return [Event(i, time_s, "", data) for i, (time_s, data) in enumerate(happened, start=1)]


def experiment(index: int, objective: float = 1.0, **others: Any) -> Experiment:
    """A good experiment of 100 s, at a condition that is its number."""
    decision = Decision(
        index=index,
        stage=others.pop("stage", "explore"),
        conditions={"x": float(others.pop("x", index))},
        arm=others.pop("arm", None),
        mean=others.pop("mean", {}),
        sd={},
        objective_mean=None,
        objective_sd=None,
        reason="",
    )
    made = {
        "features": {},
        "quality": "good",
        "flags": (),
        "started_s": 100.0 * (index - 1),
        "ended_s": 100.0 * index,
        "sequence": 10 * index,
    }
    return Experiment(decision=decision, objective=objective, **{**made, **others})


def hold(**others: Any) -> HoldBegun:
    """A run that waits for a person."""
    about = {"why": "need", "text": "x", "refill": (), "empty": (), "gate": ""}
    return HoldBegun(longest_s=600.0, until_s=600.0, flows=(), **{**about, **others})


# --- Efficiency ----------------------------------------------------------------------------------


@given(values)
def test_the_best_of_any_is_the_mean_over_all_orders(found: list[float]) -> None:
    """The closed form is the mean of the running best over every order of the values."""
    orders = list(permutations(found))
    for count in range(1, len(found) + 1):
        mean = np.mean([max(order[:count]) for order in orders])
        assert best_of_any(found, count) == pytest.approx(mean)


@given(values, st.integers(0, 9))
def test_the_expected_number_is_the_mean_over_all_orders(found: list[float], target: int) -> None:
    """Of k of m values that reach a target, the first comes at (m + 1) / (k + 1) on average."""
    arm = Arm(name="random", values=tuple(found), exchangeable=True)
    if max(found) < target:
        assert math.isinf(experiments_to_reach(arm, target))
        return
    firsts = [
        next(place for place, value in enumerate(order, start=1) if value >= target)
        for order in permutations(found)
    ]
    assert experiments_to_reach(arm, target) == pytest.approx(np.mean(firsts))


def test_acceleration_and_enhancement_by_hand() -> None:
    """A learner reaches in 2 experiments what a reference reached in 10: AF is 5.

    After ten experiments it is at 1.5 where the reference is at 1: EF is 1.5.
    """
    learner = Arm(name="learner", values=(0.5, 1.0, *[1.5] * 8), exchangeable=False)
    reference = Arm(name="reference", values=(*[0.5] * 9, 1.0), exchangeable=False)
    found = efficiency_of(learner, reference)
    assert found.target.value == 1.0
    assert found.acceleration.value == 5.0
    assert found.enhancement.value == 1.5
    assert found.difference.value == 0.5
    assert found.at_least.value == pytest.approx(10 / 3)
    back = efficiency_of(reference, learner)
    assert back.acceleration.value is None
    assert "did not reach" in back.acceleration.note
    assert back.at_least.value is None


@given(values)
def test_a_run_against_itself_is_not_better(found: list[float]) -> None:
    """AF and EF are 1, where they are known."""
    arm = Arm(name="x", values=tuple(found), exchangeable=False)
    same = efficiency_of(arm, arm)
    assert same.acceleration.value == 1.0
    assert same.enhancement.value in (1.0, None)


def test_failed_experiments_count_as_experiments() -> None:
    """What was not good reaches nothing and took its place."""
    arm = arm_of(
        [experiment(1, quality="bad"), experiment(2, math.nan, quality="bad"), experiment(3)],
        "x",
        {"explore": False},
    )
    assert not arm.exchangeable
    assert experiments_to_reach(arm, 1.0) == 3.0
    assert (
        "no good experiment"
        in efficiency_of(
            Arm(name="a", values=(math.nan,), exchangeable=True), arm
        ).acceleration.note
    )


# --- Precision -----------------------------------------------------------------------------------


def test_the_pooled_deviation_by_hand() -> None:
    """Two groups: 1 % with 2 and 2 % with 3 measurements give sqrt((1 + 2 * 4) / 3) %."""
    half = math.sqrt(0.5)
    one = np.array([1.0 - 0.01 * half, 1.0 + 0.01 * half])
    other = np.array([98.0, 100.0, 102.0])
    assert pooled_rsd([one, other]) == pytest.approx(math.sqrt(3) / 100)
    assert math.isnan(pooled_rsd([]))


@given(st.floats(0.01, 100.0), st.integers(2, 6))
def test_the_deviation_has_no_unit(factor: float, count: int) -> None:
    """A factor changes no relative standard deviation."""
    group = np.linspace(1.0, 1.5, count)
    assert pooled_rsd([factor * group]) == pytest.approx(pooled_rsd([group]))


def test_replicates_are_the_same_conditions() -> None:
    """Within a hundredth of the range; others between them are told."""
    profile = load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())
    space = Space((Parameter("x", 0.0, 100.0, ""),))
    found = [experiment(i, x=x) for i, x in enumerate((50, 10, 50.9, 10.2, 52), start=1)]
    assert replicates(space, found) == [[0, 2], [1, 3]]
    stated = precision_of(profile, [])
    assert (stated.source, stated.rsd_percent["pla"]) == ("stated", 4.2)


# --- People --------------------------------------------------------------------------------------


def test_each_intervention_counts_once() -> None:
    """A hold that asks at a gate or for work is one; a gate opened in advance is none."""
    people = interventions_in(
        events(
            (10.0, hold(why="gate", gate="fill")),
            (20.0, WentOn(by="terminal")),
            (20.0, GateOpened(gate="fill", by="terminal")),
            (25.0, GateOpened(gate="heat", by="--yes-to")),
            (30.0, HandAsked(asks="turn", devices=("valve",), reads=())),
            (35.0, HandDone(by="simulation", readings={})),
            (40.0, HandAsked(asks="turn", devices=("valve",), reads=())),
            (40.0, hold(works=("valve is at A",))),
            (50.0, WentOn(by="terminal")),
            (50.0, HandDone(by="terminal", readings={})),
            (60.0, OperatorAsked(request="pause", by="terminal", refused="")),
            (60.0, hold(why="pause")),
            (70.0, WentOn(by="terminal")),
            (75.0, OperatorAsked(request="skip", by="terminal", refused="nothing to skip")),
            (80.0, hold(refill=("CuI",))),
            (180.0, resumed(refilled=("CuI",))),
        ),
        [],
        200.0,
    )
    assert [one.what for one in people] == [
        "gate",
        "work by hand",
        "work by hand",
        "pause",
        "resume",
    ]
    assert people[-1].text == "the run was resumed; CuI refilled"
    assert (people[-1].begun_s, people[-1].ended_s) == (80.0, 180.0)
    assert unassisted(people, 200.0).length_s == 20.0


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10)), max_size=5))
def test_no_person_acts_in_the_unassisted_time(waits: list[tuple[float, float]]) -> None:
    """The stretch lies in the run, and no intervention begins inside of it."""
    happened = []
    for begun_s, length_s in sorted(waits):
        happened += [(begun_s, hold()), (begun_s + length_s, WentOn(by="terminal"))]
    people = interventions_in(events(*happened), [], 100.0)
    longest = unassisted(people, 100.0)
    assert 0.0 <= longest.begun_s <= longest.ended_s <= max(100.0, longest.begun_s)
    assert not any(longest.begun_s < one.begun_s < longest.ended_s for one in people)


def test_the_degree_of_autonomy() -> None:
    """A model that chooses closes the loop; a person between choice and result half opens it."""
    blind, learned = [experiment(1)], [experiment(1), experiment(2, mean={"pla": 1.0})]
    by_hand = interventions_in(
        events(
            (110.0, HandAsked(asks="read", devices=(), reads=())),
            (120.0, HandDone(by="x", readings={})),
        ),
        learned,
        200.0,
    )
    refill = interventions_in(
        events((110.0, hold(refill=("a",))), (120.0, WentOn())), learned, 200.0
    )
    assert autonomy_of([], ()).degree == "not known"
    assert autonomy_of(blind, ()).degree == "open-loop"
    assert autonomy_of([experiment(1), experiment(2)], by_hand).degree == "open-loop"
    assert autonomy_of(learned, ()).degree == "closed-loop"
    assert autonomy_of(learned, refill).degree == "closed-loop"
    assert autonomy_of(learned, by_hand).degree == "semi-closed-loop"
    assert by_hand[0].experiment == 2
    at_the_start = interventions_in(events((10.0, GateOpened(gate="a", by="x"))), learned, 200.0)
    assert autonomy_of(learned, at_the_start).degree == "closed-loop"


def result(index: int = 1, **others: Any) -> ResultEntered:
    """A yield that a person enters."""
    about = {"values": {"yield.value": 0.5}, "units": {"yield.value": "%"}, **others}
    return ResultEntered(entry="", index=index, by="x", entered="", **about)


@pytest.mark.parametrize(
    ("after", "degree"),
    [
        ([result()], "semi-closed-loop"),
        ([Ended(state="finished", reason=""), result()], "closed-loop"),
        ([Ended(state="finished", reason=""), result(values={}, units={})], "closed-loop"),
        ([Ended(state="finished", reason=""), result(2)], "semi-closed-loop"),
    ],
)
def test_what_is_corrected_after_the_run_does_not_open_the_loop(
    after: list[EventData], degree: str
) -> None:
    """Once a run has ended only a result that comes for the first time counts."""
    happened = [(50.0, result()), *((210.0, one) for one in after)]
    learned = [experiment(1), experiment(2, mean={"pla": 1.0})]
    people = interventions_in(events(*happened), learned, 220.0)
    assert autonomy_of(learned, people).degree == degree


# --- Time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "share"),
    [
        ("heating or cooling to 120.7 °C", "heating"),
        ("steady state, 2 τ", "equilibrium"),
        ("features drift at 2.4 τ", "equilibrium"),
        ("200 sample frames", "frames"),
        ("50 look frames", "frames"),
        ("the liquid on its way", "equilibrium"),
        ("the flow goes on", "equilibrium"),
        ("step 3 of the procedure", "equilibrium"),
        ("ripening, step 3 of the procedure", "equilibrium"),
        ("asking the study robustness", "decision"),
        ("10 dark frames", "references"),
        ("20 reference frames", "references"),
        ("clearing the cells for the lamp reference", "references"),
        ("rinsing the line of A", "flush"),
        (GOING_SAFE, "flush"),
        ("filling from reservoirs: A 5 mL", "refill"),
        ("letting the pressure in the syringes even out", "refill"),
        ("choosing conditions", "decision"),
        ("on hold: fill A", "hold"),
        ("something of a plugin", "other"),
    ],
)
def test_every_step_has_a_share(what: str, share: str) -> None:
    """The words of all steps that flowrig writes are known."""
    assert share_of(what) == share


def test_no_wait_of_a_procedure_is_other() -> None:
    """Whoever adds a wait says to which share it belongs; commissioning is no run."""
    folder = Path(procedure.__file__).parent
    for file in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            is_wait = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Wait"
            if is_wait and isinstance(node.args[1], ast.JoinedStr | ast.Constant):
                words = re.sub(r"\{[^}]*\}", "1", ast.unparse(node.args[1]).lstrip("f")[1:-1])
                assert share_of(words) != "other" or file.stem == "commissioning", words


def test_time_goes_to_what_is_under_way() -> None:
    """By experiment; a choice counts to the experiment that it chose."""
    happened = events(
        (0.0, StepBegun(what="clearing the cells for the lamp reference", duration_s=None)),
        (5.0, StepBegun(what="choosing conditions", duration_s=None)),
        (7.0, ExperimentBegun(index=1)),
        (7.0, StepBegun(what="heating or cooling to 50.0 °C", duration_s=None)),
        (20.0, hold(refill=("A",))),
        (50.0, WentOn(by="terminal")),
        (50.0, ExperimentBegun(index=1)),
        (50.0, StepBegun(what="8 sample frames", duration_s=None)),
        (70.0, StepBegun(what=GOING_SAFE, duration_s=None)),
    )
    done = experiment(1, started_s=7.0, ended_s=60.0, sequence=8)
    found = time_shares(happened, [done], 100.0)
    (one,) = found.experiments  # the second try counts to the same experiment
    assert one.seconds == {"decision": 2.0, "heating": 13.0, "hold": 30.0, "frames": 10.0}
    assert found.between == {"references": 5.0, "other": 10.0, "flush": 30.0}
    assert found.total_s == 100.0
    assert sum(found.fractions.values()) == pytest.approx(1.0)


def test_waiting_for_results_is_a_hold() -> None:
    """Of a run that has measured everything, and of which a result is missing."""
    entered = ResultEntered(entry="1", index=1, values={}, units={}, by="FS5", entered="")
    happened = events((0.0, ExperimentBegun(index=1)), (90.0, entered))
    done = experiment(1, ended_s=30.0, sequence=1)
    found = time_shares(happened, [done], 100.0)
    assert found.seconds["hold"] == 60.0
    assert interventions_in(happened, [done], 100.0)[0].what == "result"


@given(
    st.lists(
        st.tuples(
            st.floats(0, 50),
            st.sampled_from(
                [
                    StepBegun(what="steady state, 2 τ", duration_s=None),
                    StepBegun(what="choosing conditions", duration_s=None),
                    ExperimentBegun(index=1),
                    ExperimentBegun(index=2),
                    hold(),
                    WentOn(),
                ]
            ),
        )
    )
)
def test_no_time_is_lost_or_counted_twice(happened: list[tuple[float, EventData]]) -> None:
    """Whatever happens, the shares sum up to the time of the run."""
    in_order = sorted(happened, key=lambda one: one[0])
    found = time_shares(events(*in_order), [], 60.0)
    parts = [*(one.seconds for one in found.experiments), found.between]
    assert found.total_s == pytest.approx(60.0)
    assert sum(s for part in parts for s in part.values()) == pytest.approx(60.0)
    assert set(found.seconds) == set(SHARES)


# --- Materials and space -------------------------------------------------------------------------


def test_materials_by_hand() -> None:
    """Volumes add up by stream; 1 mL of 1 mol/L holds 1 mmol; the fullest waste ends the run."""
    profile = load_profile("maria-kriging", Plugins.discover())
    with_amounts = {n: one for n, one in profile.streams.items() if one.contains_mol_l}
    name, stream = next(iter(with_amounts.items()))
    species, mol_l = next(iter(stream.contains_mol_l.items()))
    happened = events(
        (1.0, Outcome(intent=1, command="stop", dispensed_ul={name: 600.0}, outcome="done")),
        (2.0, Outcome(intent=2, command="stop", dispensed_ul={name: 400.0}, outcome="done")),
    )
    used_ul = delivered_in(profile, happened)
    found = materials_of(profile, used_ul, measured=4, good=2)
    assert found.streams[name].total_ul == 1000.0
    assert found.substances_mmol[species] == pytest.approx(mol_l)
    assert found.waste_ul == 1000.0
    assert found.waste_per_result_ul.value == 500.0
    assert found.hazardous_ul.value is None
    assert materials_of(profile, used_ul, 0, 0).waste_per_result_ul.value is None
    told = {n: evolve(one, hazardous=n == name) for n, one in profile.streams.items()}
    found = materials_of(evolve(profile, streams=told), used_ul, measured=4, good=2)
    assert found.hazardous_ul.value == 1000.0

    life = theoretical_lifetime(profile, {name: 1000.0}, {}, experiments=4, time_s=3600.0)
    assert life.value is not None
    twice = theoretical_lifetime(profile, {name: 2000.0}, {}, experiments=4, time_s=3600.0)
    assert twice.value == pytest.approx(life.value / 2)
    assert theoretical_lifetime(profile, {}, {}, 0, 0.0).value is None


def test_the_accessible_space() -> None:
    """Steps and choices give a size; a continuous condition gives none."""
    space = Space((Parameter("x", 0.0, 1.0, "s", 0.25), Parameter.category("c", ["a", "b", "d"])))
    assert accessible_space(space).size.value == 15.0
    endless = accessible_space(Space((Parameter("x", 0.0, 1.0, ""),)))
    assert endless.size.value is None
    assert "continuous" in endless.size.note


# --- A whole journal -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of flowrig 0.1.0: three experiments, stopped after the second."""
    folder = tmp_path_factory.mktemp("released") / "run"
    shutil.copytree(RELEASED, folder)
    return folder


def test_a_released_journal_has_a_scorecard(released: Path) -> None:
    """An older journal gives what it holds, and says why it does not give the rest."""
    with RunRecord(released) as record:
        card = scorecard_of(record)
        rows = {one.metric: one for one in rows_of(card, shown_objective(record.profile.objective))}
        with pytest.raises(InputError, match=r"it has explore"):
            scorecard_of(record, "nowhere")
        same = scorecard_of(record, record)
    assert card.autonomy.degree == "open-loop"
    assert [one.what for one in card.lifetime.interventions] == ["request"]
    assert card.lifetime.demonstrated_assisted.value == pytest.approx(335.2573798901726 / 3600)
    assert card.time.total_s == pytest.approx(335.2573798901726)
    assert card.time.seconds["equilibrium"] == pytest.approx(143.310180 + 163.867200)
    assert card.time.seconds["heating"] == pytest.approx(16.0)
    assert card.throughput.demonstrated.value == pytest.approx(2 * 3600 / (335.25738 - 10.32))
    assert card.efficiency.acceleration.value is None
    assert same.efficiency.acceleration.value == 1.0
    assert rows["acceleration factor AF"].value == "not known"
    assert rows["waste"].value.endswith("mL")
    assert "equilibrium 91.6%" in time_words(card.time)


def test_reports_show_it(flowrig: Any, released: Path) -> None:
    """The page, the JSON, the terminal and a comparison have the same numbers."""
    flowrig("report", released)
    page = (released / "report.html").read_text(encoding="utf-8")
    assert "Where the time goes" in page
    assert "demonstrated throughput" in page
    told = json.loads(flowrig("report", released, "--json").stdout)["scorecard"]
    assert told["throughput"]["demonstrated"]["unit"] == "1/h"
    assert told["time"]["fractions"]["equilibrium"] == pytest.approx(0.9162, abs=1e-4)
    text = flowrig("report", released, "--scorecard", "--against", released).stdout
    assert "acceleration factor AF" in text
    twin = shutil.copytree(released, released.with_name("twin"))
    beside = flowrig("compare", released, twin).stdout
    assert "degree of autonomy" in beside
    assert set(json.loads(flowrig("compare", released, "--json").stdout)) == {str(released)}
    flowrig("report", released, "--json", "--scorecard", code=2)
    flowrig("report", released, "--csv", "--against", "x", code=2)


def test_what_waits_for_a_result_is_never_the_best_of_an_arm() -> None:
    """Its objective is not a number yet, which no other one is larger than."""
    waits = experiment(1, math.nan, awaits=("sphere.plqy",))
    measured = [waits, experiment(2, 0.3), experiment(3, 0.2)]
    arm = ArmResult(name="one", planned=3, experiments=measured, incumbent=None)
    assert arm.best is measured[1]
    assert best_so_far(measured) == [None, 0.3, 0.3]


def test_an_arm_is_judged_against_an_arm() -> None:
    """By default the arm that asked a model against the one that did not, without their start."""
    start = [experiment(1, 0.1)]
    random = [
        experiment(i, value, arm="random", stage="blind") for i, value in ((2, 0.2), (3, 0.4))
    ]
    learner = [
        experiment(i, value, arm="learner", stage="improve", mean={"pla": 1.0})
        for i, value in ((4, 0.4), (5, 0.8))
    ]
    batches = {"explore": True, "blind": False, "improve": False}
    found = split_arms([*start, *random, *learner], batches, None)
    assert found is not None
    run, reference = found
    assert (run.name, reference.name) == ("arm learner", "arm random of the same run")
    assert efficiency_of(run, reference).acceleration.value == 2.0
    assert split_arms([*start, *random, *learner], batches, "random") == found
    by_stage = split_arms([*start, *random, *learner], batches, "explore")
    assert by_stage is not None
    assert by_stage[0].values == (0.4, 0.8)
    assert split_arms([*start, *random], batches, None) is None
    assert split_arms([experiment(1, stage="of another profile")], batches, None) is None
