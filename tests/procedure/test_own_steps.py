"""Procedures of one's own: what check proves of their steps, and what a run does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.errors import OutOfRangeError
from flowrig.journal.events import EventData, Intent, Measured, SafeStateSought, StepBegun
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.procedure.procedures import Flow, run_condition
from flowrig.procedure.steps import Acquire, SetValues, Start, Step, Stop, Wait
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.profile.controls.timeline import timeline
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.reader import RunRecord

SYSTEM = Path(__file__).parents[1] / "profile" / "systems" / "s15.toml"

STAGE = """
[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {experiments}
batch = {experiments}
"""


def loop_toml(experiments: int = 1) -> str:
    """The rig with a sample loop, with a stage."""
    rig, _, _ = SYSTEM.read_text(encoding="utf-8").partition("[[campaign.stages]]")
    return rig + STAGE.format(experiments=experiments)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover()


@pytest.fixture(scope="module")
def rig(plugins: Plugins) -> Profile:
    return load_profile_text(loop_toml(), "loop.toml", plugins)


def events(folder: Path, *kinds: type[EventData]) -> list[Any]:
    """What the journal of a run holds of some kinds."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(*kinds)]


def steps_of(profile: Profile, conditions: dict[str, float]) -> list[Step]:
    """The steps that a procedure asks for, with answers that say nothing."""
    procedure, steps, result = run_condition(profile, conditions), list[Step](), None
    while True:
        try:
            steps.append(procedure.send(result))
        except StopIteration:
            return steps
        result = {} if isinstance(steps[-1], Acquire) else ()


@settings(max_examples=25, deadline=None)
@given(mixing_s=st.floats(2.0, 600.0), ratio=st.floats(0.2, 2.0))
def test_steps_take_the_times_of_their_expressions(
    rig: Profile, mixing_s: float, ratio: float
) -> None:
    """A section's time is that at the flows and positions of its step."""
    conditions = {"mixing_time": mixing_s, "ratio": ratio}
    moments = timeline(rig, conditions)
    waits = [one.duration_s for one in moments if one.step.do == "wait"]
    front_ul = rig.path["mixer"].volume_ul + rig.path["reactor_1"].volume_ul
    growth_ul = rig.path["loop"].volume_ul + rig.path["reactor_2"].volume_ul
    assert waits == pytest.approx([(3.0 * front_ul + 60.0) / 200.0 * 60.0, mixing_s])
    (measuring,) = (one for one in moments if one.step.do == "measure")
    assert measuring.duration_s == pytest.approx(1.5 * growth_ul / 100.0 * 60.0)
    assert measuring.flow_rates_ul_min == {"Push": pytest.approx(100.0)}
    assert measuring.positions == {"injector": "inject"}


def test_a_valve_turns_while_nothing_flows_and_frames_spread_over_the_time(rig: Profile) -> None:
    steps = steps_of(rig, {"mixing_time": 30.0, "ratio": 1.0})
    told = [one for one in steps if isinstance(one, SetValues | Start | Stop | Wait | Acquire)]
    told = [one for one in told if not (isinstance(one, Acquire) and one.purpose == "dark")]
    kinds = [SetValues, SetValues, Start, Wait, Stop, Wait, Stop, SetValues, Start, Acquire, Stop]
    assert [type(one) for one in told] == kinds
    flowing: set[str] = set()
    for one in told:
        flowing |= set(one.streams) if isinstance(one, Start) else set()
        flowing -= set(one.streams) if isinstance(one, Stop) else set()
        assert not (isinstance(one, SetValues) and flowing)
    assert not flowing
    sample = next(one for one in told if isinstance(one, Acquire) and one.purpose == "sample")
    count, interval_s = sample.own["hdx"]
    assert count == 60
    assert count * interval_s == pytest.approx(1.5 * 1112.07 / 100.0 * 60.0, rel=1e-3)


TURN = 'do = "select"\ndevice = "injector"\nposition = "inject"'
WRONG = {
    "turns under flow": (
        '[[procedure]]\ndo = "stop"                             # the injector turns while',
        "# the injector turns while",
        "'injector' would turn while Push may flow",
    ),
    "unknown position": ('position = "inject"', 'position = "injct"', "did you mean 'inject'"),
    "unknown stream": ('streams = ["Pb", "Cs"]', 'streams = ["Pb", "C"]', "unknown stream 'C'"),
    "the same stream twice": (
        'streams = ["Pb", "Cs"]',
        'streams = ["Pb", "Cs", "Pb"]',
        "the stream 'Pb' stands there twice; expected each stream once",
    ),
    "stops what stands": (
        'do = "stop"                             # the',
        'do = "stop"\nstreams = ["Push", "Pb"]  # the',
        "'Pb' does not flow here",
    ),
    "flows already": (TURN, TURN + '\n[[procedure]]\ndo = "flow"\nstreams = ["Push"]', "already"),
    "nothing measures": ('do = "measure"\nduring', 'do = "wait"\nfor', "measures nothing"),
    "measures twice": (
        'do = "measure"',
        'do = "measure"\nduring = "9 s"\n[[procedure]]\ndo = "measure"',
        "measures 2 times",
    ),
    "no time": ('name = "mix"', "", "one of `for` and `name`"),
    "two times": ('name = "mix"', 'name = "mix"\nfor = "9 s"', "one of `for` and `name`"),
    "foreign key": ('name = "mix"', 'name = "mix"\nduring = "9 s"', "has no key 'during'"),
    "name taken": ('name = "mix"', 'name = "growth"', "is called 'growth'"),
    "nobody gives the time": ("mixing_time = {", "#", "nothing sets 'mix.time'"),
    "no time but a volume": ('"1.5 * growth.time"', '"60 uL"', "volume for a time"),
    "unknown name": ('"1.5 * growth.time"', '"1.5 * grow.time"', "did you mean 'growth.time'"),
    "endless": ('"1.5 * growth.time"', '"front.time"', "would take inf s"),
    "negative": ('"1.5 * growth.time"', '"10 s - mix.time"', "would take"),
    "too short": ('"1.5 * growth.time"', '"10 ms"', "too short for the frames"),
    "closed port": (
        'routes.inject = { reactor_1 = "waste", Push = "loop", loop = "reactor_2" }',
        'routes.inject = { reactor_1 = "waste", loop = "reactor_2" }',
        "'Push' meets a closed port",
    ),
    "measures elsewhere": (
        'routes.inject = { reactor_1 = "waste", Push = "loop", loop = "reactor_2" }',
        'routes.inject = { reactor_1 = "reactor_2", Push = "loop", loop = "waste" }',
        "nothing has flowed through 'cell'",
    ),
    "negative time of a wait": ('["2 s", "10 min"]', '["-2 s", "-1 s"]', "time of mix"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_refuses_steps_that_cannot_be(wrong: str, plugins: Plugins) -> None:
    before, after, message = WRONG[wrong]
    text = loop_toml()
    assert before in text
    with pytest.raises(ProfileError) as caught:
        load_profile_text(text.replace(before, after, 1), "loop.toml", plugins)
    assert message in str(caught.value)


def test_a_step_without_a_time_is_refused_at_its_line(plugins: Plugins) -> None:
    """Where its time stands, or the name by which something gives it."""
    before = 'during = "1.5 * growth.time"'
    for after in ('during = "front.time"', 'during = "-5 s"'):
        text = loop_toml().replace(before, after, 1)
        with pytest.raises(ProfileError) as caught:
            load_profile_text(text, "loop.toml", plugins)
        (problem,) = caught.value.problems
        assert text.splitlines()[problem.line - 1].startswith(after)
        assert "expected a finite time, 0 s or more" in str(problem)


@pytest.mark.parametrize("step", ["20 min", "-1 s"])
def test_a_step_of_a_time_that_does_not_fit_is_refused_at_its_line(
    step: str, plugins: Plugins
) -> None:
    given = f'range = ["2 s", "10 min"], step = "{step}"'
    text = loop_toml().replace('range = ["2 s", "10 min"]', given, 1)
    assert given in text
    with pytest.raises(ProfileError) as caught:
        load_profile_text(text, "loop.toml", plugins)
    (problem,) = caught.value.problems
    assert given in text.splitlines()[problem.line - 1]
    assert "s does not fit into the range; expected more than 0 s, and at most 598 s" in str(
        problem
    )


def test_conditions_without_a_time_do_nothing(rig: Profile) -> None:
    """A time that check has not met is refused before anything moves."""
    with pytest.raises(OutOfRangeError, match="mixing_time"):
        next(run_condition(rig, {"mixing_time": -1.0, "ratio": 1.0}))


def test_points_in_time_need_the_steady_experiment(rig: Profile) -> None:
    """A study that looks again at flowing liquid is refused before anything moves."""
    conditions = {"mixing_time": 30.0, "ratio": 1.0}
    for flow in (Flow(wait_s=5.0), Flow(frames=5), Flow(keeps=True)):
        with pytest.raises(OutOfRangeError, match="after times of its own"):
            next(run_condition(rig, conditions, flow=flow))


@pytest.mark.slow
def test_the_loop_is_seen_when_it_passes(tmp_path: Path, plugins: Plugins) -> None:
    """The run does the steps; the frames show the content of the loop as long as it passes."""
    dye = 'chemistry = { name = "ideal-mixing", dye = "Pb", emission = "505 nm" }'
    text = loop_toml().replace('chemistry = "stand-in"', dye)
    (tmp_path / "loop.toml").write_text(text, encoding="utf-8")
    options = RunOptions(folder=tmp_path / "run", simulate=True, plugins=plugins)
    outcome = start_run(tmp_path / "loop.toml", options)
    assert outcome.state == "finished", outcome.reason
    profile = load_profile_text(loop_toml(), "loop.toml", plugins)
    plan = plan_campaign(profile)
    with RunRecord(tmp_path / "run", plugins) as record:
        (measured,) = record.experiments()
        frames = record.frames(1, "hdx").astype(float)
        green = np.abs(record.wavelengths_nm("hdx") - 505.0) < 20.0
        delivered_ul = {
            name: record.ledger().full_ul(name) - left
            for name, left in record.ledger().left_ul.items()
        }
    assert measured.ended_s == pytest.approx(plan.parts[0].time_s, rel=0.02)
    assert delivered_ul == pytest.approx(dict(plan.parts[0].volumes_ul), rel=0.02)
    light = frames[:, green].mean(axis=1)
    brightest = float(np.argmax(light)) / len(frames) * 1.5
    reactor_ul, loop_ul = profile.path["reactor_2"].volume_ul, profile.path["loop"].volume_ul
    # In residence times of both: the content of the loop comes behind that of the reactor.
    assert reactor_ul / (reactor_ul + loop_ul) < brightest < 1.0
    assert light.max() > 5.0 * light[:6].max()
    positions = [
        one.positions["injector"]
        for one in events(tmp_path / "run", Intent)
        if one.positions and one.command == "set-values"
    ]
    assert positions == ["load", "inject", "load"]  # the last one in the safe state


class Interrupting:
    """Makes a request when a step of some name begins."""

    def __init__(self, step: str, request: Request) -> None:
        self.requests = OperatorRequests()
        self._step, self._request = step, request

    def __call__(self, event: AnyEvent) -> None:
        if isinstance(event.data, StepBegun) and self._step in event.data.what and self._step:
            self._step = ""
            self.requests.ask(self._request)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["mix, step", "60 sample frames"])
def test_an_interruption_leaves_the_safe_state(step: str, tmp_path: Path, plugins: Plugins) -> None:
    """Whatever step is under way: all stands, the valve is safe, and a resume begins anew."""
    (tmp_path / "loop.toml").write_text(loop_toml(), encoding="utf-8")
    stopping = Interrupting(step, Request.STOP)
    options = RunOptions(
        folder=tmp_path / "run",
        simulate=True,
        plugins=plugins,
        requests=stopping.requests,
        listeners=[stopping],
    )
    assert start_run(tmp_path / "loop.toml", options).state == "stopped"
    (sought,) = events(tmp_path / "run", SafeStateSought)
    assert sought.reached
    last = [one for one in events(tmp_path / "run", Intent) if one.positions][-1]
    assert last.positions == {"injector": "load"}
    assert not events(tmp_path / "run", Measured)
    resumed = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins))
    assert resumed.state == "finished", resumed.reason
    assert len(events(tmp_path / "run", Measured)) == 1


HEATED = """
extends = "cs3cu2i5-heatup-chem3"

[[interlocks]]
kind = "heat-needs-flow"
heater = "plate"
above = "100 degC"
streams = ["ODE", "PFO"]
grace = "{grace}"

[[procedure]]
do = "flow"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
[[procedure]]
do = "wait"
for = "2 * residence.time"
[[procedure]]
do = "stop"
[[procedure]]
do = "wait"
for = "60 s"
[[procedure]]
do = "measure"
during = "90 s"
"""


def test_heat_without_flow_is_refused_where_an_interlock_forbids_it(plugins: Plugins) -> None:
    """With a grace that is long enough for all steps without flow, the same is sound."""
    with pytest.raises(ProfileError, match="for 60 s none of ODE, PFO flows"):
        load_profile_text(HEATED.format(grace="30 s"), "heated.toml", plugins)
    sound = load_profile_text(HEATED.format(grace="4 min"), "heated.toml", plugins)
    middle = {"temperature": 150.0, "CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0}
    rates = sound.flow_rates_ul_min(middle)
    wait, _, measuring = (one for one in timeline(sound, middle) if one.duration_s)
    assert wait.duration_s == pytest.approx(2.0 * 1000.0 / sum(rates.values()) * 60.0)
    assert not measuring.flow_rates_ul_min
