"""What `flowrig plan` tells before a run is what the run then takes."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.errors import InputError
from flowrig.journal.events import Ended, Outcome, StageBegun
from flowrig.planning.expected_conditions import expected_conditions
from flowrig.planning.known_conditions import centre
from flowrig.planning.plan import Plan, as_long_as, over, plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.procedure.heating_time import heating_time_s, steady_time_s
from flowrig.profile import Steady, load_profile
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard import scorecard_of
from flowrig_sim.plate import Plate

Short = Callable[..., Path]


def planned(path: Path, **more: Any) -> Plan:
    """The plan of a campaign."""
    return plan_campaign(load_profile(path, Plugins.discover()), **more)


@pytest.mark.slow
def test_a_plan_is_what_the_run_takes(short: Short, tmp_path: Path) -> None:
    """Right where conditions are known in advance, and inside the ranges where they are not."""
    path = short(5, 1)
    path.write_text(path.read_text("utf-8").replace("frames = 60", "frames = 50"), "utf-8")
    told = planned(path, seed=3)
    assert (told.experiments, told.known) == (6, 5)

    start_run(path, RunOptions(folder=tmp_path / "run", simulate=True, seed=3))
    with RunRecord(tmp_path / "run") as record:
        ended = record.journal.last(Ended)
        assert ended is not None
        *_, improve = record.journal.events(StageBegun)
        delivered = dict.fromkeys(record.profile.streams, 0.0)
        for event in record.journal.events(Outcome):
            for stream, volume_ul in (event.data.dispensed_ul or {}).items():
                delivered[stream] += volume_ul
        chosen: dict[str, list[Any]] = {}
        for one in record.decisions():
            chosen.setdefault(one.stage, []).append(one.conditions)
        taken = scorecard_of(record).time
    afterwards = planned(path, seed=3, decided=chosen)

    waste_ul = sum(delivered.values())
    assert told.parts[1].ends_s == pytest.approx(improve.time_s, rel=0.03)
    assert told.time_range_s[0] <= ended.time_s <= told.time_range_s[1]
    assert told.waste_range_ul[0] <= waste_ul <= told.waste_range_ul[1]
    assert afterwards.time_s == pytest.approx(ended.time_s, rel=0.03)
    assert afterwards.volumes_ul == pytest.approx(delivered, rel=0.01)
    for share, taken_s in taken.seconds.items():
        assert afterwards.time.seconds[share] == pytest.approx(taken_s, abs=0.03 * ended.time_s)


def test_a_refill_is_planned_for_the_experiment_that_would_hold(short: Short) -> None:
    """A syringe of 1 mL is empty after three experiments; the plan says which, when and whose."""
    more = '[streams.CuI]\nsyringe = { volume = "1 mL", inner_diameter = "4.6 mm" }\n'
    told = planned(short(4, 1, more))
    (refill,) = told.refills
    assert (refill.experiment, refill.stage, refill.streams) == (4, "explore", ("CuI",))
    assert 0 < refill.time_s < told.time_s
    assert told.volumes_ul["CuI"] > 1000


def test_a_plan_tells_where_the_time_goes(short: Short) -> None:
    """The shares sum up to the whole, and each experiment heats, waits and is measured."""
    told = planned(short(4, 1))
    assert sum(told.time.seconds.values()) == pytest.approx(told.time_s)
    assert [one.index for one in told.time.experiments] == [1, 2, 3, 4, 5]
    for one in told.time.experiments:
        assert {"heating", "equilibrium", "frames", "references"} == set(one.seconds)
    assert set(told.time.between) == {"references", "flush"}


@pytest.mark.slow
def test_a_rehearsal_tells_what_the_emulated_run_then_takes(
    flowrig: Any, short: Short, tmp_path: Path
) -> None:
    """Volumes are those of the run, its refills included; the ranges stay, as nothing is known.

    It takes the place of another run's measurements, and is for a campaign that has not begun.
    """
    more = '[streams.CuI]\nsyringe = { volume = "1 mL", inner_diameter = "4.6 mm" }\n'
    path = short(3, 2, more)
    told = json.loads(flowrig("plan", path, "--rehearse", "--json").stdout)
    assert told["known"] < told["experiments"]
    assert told["waste_range_ul"][0] < told["waste_range_ul"][1]

    folder = tmp_path / "run"
    assert start_run(path, RunOptions(folder=folder, simulate=True)).state == "held"
    while resume_run(folder, ResumeOptions(refilled=["CuI"])).state == "held":
        pass
    with RunRecord(folder) as record:
        decided: dict[str, list[Mapping[str, float]]] = {}
        for one in record.decisions():
            decided.setdefault(one.stage, []).append(one.conditions)
    assert told["volumes_ul"] == planned(path, decided=decided).volumes_ul
    flowrig("plan", path, "--rehearse", "--like", folder, code=2)
    flowrig("plan", folder, "--rehearse", code=2)


@pytest.mark.slow
def test_a_stage_that_ends_early_is_planned_as_long_as_it_was(
    flowrig: Any, short: Short, tmp_path: Path
) -> None:
    """A rehearsal, and the run itself, know that the model was good enough before the last one."""
    path, folder = short(10, 6, "until_r2 = 0.01"), tmp_path / "run"
    assert planned(path).experiments == 16
    told = json.loads(flowrig("plan", path, "--rehearse", "--json").stdout)
    start_run(path, RunOptions(folder=folder, simulate=True))
    with RunRecord(folder) as record:
        count = len(record.experiments())
        taken_s = scorecard_of(record).time.total_s
    again = json.loads(flowrig("plan", folder, "--json").stdout)
    assert count < 16
    for plan in (told, again):
        assert plan["experiments"] == count
        assert plan["time_s"] == pytest.approx(taken_s, rel=0.03)


def test_only_stages_that_are_over_have_their_length(short: Short, finished: Any) -> None:
    """Others, and studies, keep the number of the profile."""
    profile = load_profile(short(4, 3), Plugins.discover())
    assert plan_campaign(as_long_as(profile, {"explore": 2})).experiments == 5
    assert plan_campaign(as_long_as(profile, {"improve": 0})).experiments == 4
    with RunRecord(finished.folder) as record:
        assert over(record) == {"explore": 4, "improve": 1}


@pytest.mark.slow
def test_measurements_tell_where_an_optimizer_will_look(
    flowrig: Any, short: Short, tmp_path: Path
) -> None:
    """A plan like an earlier run is nearer to what its optimizer did than the middle of the space.

    A run of another space is refused.
    """
    path, folder = short(12, 4), tmp_path / "run"
    text = path.read_text(encoding="utf-8").replace("\nframes = 20\n", "\nframes = 60\n")
    text = text.replace("reactive_frames = 5\n", "reactive_frames = 15\n")
    path.write_text(text, encoding="utf-8")  # less noise: the optimizer settles where it is
    start_run(path, RunOptions(folder=folder, simulate=True, seed=3))
    profile = load_profile(path, Plugins.discover())
    with RunRecord(folder) as record:
        likely = expected_conditions(record, profile, 16)
        improved = [d.conditions for d in record.decisions() if d.stage == "improve"]
    profile.space.require_feasible(likely[0])
    assert len(likely) == 16

    def distance(conditions: Sequence[Mapping[str, float]]) -> float:
        """From the mean of what was chosen, in the unit cube."""
        space = profile.space
        means = [space.to_unit(space.array(rows)).mean(axis=0) for rows in (conditions, improved)]
        return float(np.linalg.norm(means[0] - means[1]))

    assert distance(likely) < distance([centre(profile.space)])
    told = json.loads(flowrig("plan", path, "--like", folder, "--json").stdout)
    assert told["volumes_ul"] != planned(path).volumes_ul
    assert told["volumes_ul"] == pytest.approx(planned(path, likely=likely).volumes_ul, rel=0.01)

    narrow = evolve(profile.variables[0], range=(120.0, 150.0))
    other = evolve(profile, variables=(narrow, *profile.variables[1:]))
    with RunRecord(folder) as record, pytest.raises(InputError, match="another search space"):
        expected_conditions(record, other, 16)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            '[streams.CuI]\nsyringe = { volume = "0.2 mL", inner_diameter = "2.3 mm" }\n',
            "experiment 2: CuI: 0.3 mL are needed at once, the syringe holds 0.2 mL",
        ),
        ('[steady]\ntimeout = "90 s"\n', "takes 6 min, longer than [steady] timeout"),
        (
            '[[interlocks]]\nkind = "heat-needs-flow"\nheater = "plate"\nabove = "100 degC"\n'
            'streams = ["ODE"]\n',
            "experiment 1: plate: nothing flows while it is above 100 °C",
        ),
        ('[campaign.stop]\nat_most = "15 min"\n', "is over before experiment 3"),
    ],
)
def test_what_cannot_be_done_is_told(short: Short, more: str, says: str) -> None:
    """A syringe that is too small, a set point that takes too long, a campaign that is too long."""
    told = planned(short(4, 1, more))
    assert any(says in problem for problem in told.problems), told.problems


@given(st.floats(26, 200), st.floats(26, 200), st.floats(1, 60), st.floats(1, 60))
@settings(deadline=None, max_examples=100)
def test_heating_takes_longer_the_farther_it_is(
    from_c: float, to_c: float, rate_c_min: float, settling_s: float
) -> None:
    """Never less than the hold, never faster than the ramp, and less from half the way."""
    steady = Steady(heating_c_min=rate_c_min, cooling_c_min=rate_c_min, settling_s=settling_s)
    time_s = steady_time_s(steady, from_c, to_c)
    ramp_s = max(abs(to_c - from_c) - steady.tolerance_c, 0) / (rate_c_min / 60)
    assert time_s >= steady.hold_s
    assert heating_time_s(steady, from_c, to_c, steady.tolerance_c) >= ramp_s - 1e-6
    assert steady_time_s(steady, (from_c + to_c) / 2, to_c) <= time_s


@given(st.floats(26, 200), st.floats(26, 200))
@settings(deadline=None, max_examples=30)
def test_a_plate_is_as_slow_as_the_emulated_one(from_c: float, to_c: float) -> None:
    """The time until it is near another temperature; cooling near the room takes long."""
    plate = Plate(0.0, 1.0)
    plate.control(from_c, 0.0)
    plate.advance(1000)
    plate.control(to_c, 1000.0)
    plate.advance(5000)
    near = [abs(one - to_c) <= 1.0 for one in plate.history_c(1000.0, 5000.0)]
    time_s = near.index(True)
    assert heating_time_s(Steady(), from_c, to_c, 1.0) == pytest.approx(time_s, rel=0.01, abs=2.5)


def test_a_plan_is_printed_for_people_and_programs(flowrig: Any, short: Short) -> None:
    """A line a stage and one a syringe, each with units; JSON has the same numbers."""
    lines = flowrig("plan", short(4, 1)).stdout.splitlines()
    assert lines[0].startswith("short: 5 experiments, ")
    names = ("calibration", "explore", "improve", "safe state", "CuI", "PFO")
    assert all(any(line.startswith(name) for line in lines) for name in names)
    told = json.loads(flowrig("plan", short(4, 1), "--json").stdout)
    assert [part["known"] for part in told["parts"]] == [0, 4, 0, 0]
    assert told["time_s"] == pytest.approx(sum(part["time_s"] for part in told["parts"]))


STEPPED = """\
extends = "cs3cu2i5-heatup-chem3"

[[space]]
name = "temperature"
heater = "plate"
range = ["120 degC", "180 degC"]
step = "30 degC"

[[space]]
name = "CuI"
stream = "CuI"
range = ["80 uL/min", "120 uL/min"]
step = "40 uL/min"

[[space]]
name = "ZnI2"
stream = "ZnI2"
range = ["80 uL/min", "120 uL/min"]
{zni2}

[[space]]
name = "CsOA"
stream = "CsOA"
range = ["20 uL/min", "80 uL/min"]
step = "60 uL/min"

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]
step = "60 uL/min"

[campaign]
surrogate = "gp"

[[campaign.stages]]
name = "grid"
optimizer = "grid"
levels = 2
experiments = 40
batch = 40

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
acquisition = "ei"
experiments = {improve}
"""


@pytest.mark.parametrize("zni2", ['step = "40 uL/min"', ""])
@pytest.mark.slow
def test_a_plan_keeps_to_steps_and_to_what_is_left(tmp_path: Path, zni2: str) -> None:
    """Conditions that nobody knows yet are planned on their steps, and a list that is shorter than
    its stage ends the stage, which is told."""
    path = tmp_path / "stepped.toml"
    path.write_text(STEPPED.format(zni2=zni2, improve=5), encoding="utf-8")
    told = planned(path)
    assert (told.experiments, told.known) == (37, 32)
    assert [part.experiments for part in told.parts] == [0, 32, 5, 0]
    (problem,) = told.problems
    assert problem.startswith("grid: it ends after 32 of 40 experiments: all 32 points")


def test_a_plan_counts_the_conditions_that_there_are(tmp_path: Path) -> None:
    """A stage after all conditions were measured can only repeat them, or end."""
    path = tmp_path / "stepped.toml"
    path.write_text(STEPPED.format(zni2='step = "40 uL/min"', improve=20), encoding="utf-8")
    assert any("has 48 conditions, fewer than" in problem for problem in planned(path).problems)


def test_a_seed_that_no_run_takes_is_refused(short: Short) -> None:
    """As a run refuses it."""
    with pytest.raises(InputError, match="the seed must be 0 to 4294967295, got -1"):
        planned(short(), seed=-1)
