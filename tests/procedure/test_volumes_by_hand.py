"""Components of the flow path whose volume a person changes, and for which a variable solves."""

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.campaign.order import in_order
from flowrig.clock import VirtualClock
from flowrig.errors import InputError
from flowrig.journal.events import EventData, HandAsked, HandDone, HoldBegun, Measured
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.hand_work import volumes_to_change
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.procedure.by_hand import perform
from flowrig.profile import Profile, ProfileError, check_profile, load_profile_text
from flowrig.profile.topology import Topology
from flowrig.rig.rig import open_rig
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord
from flowrig_sim.world import FluidicWorld

COIL = """
[path.reactor]
volume = ["10 uL", "800 uL"]
by_hand = "Put a coil of this volume into the plate"

[sections.reaction]
start = "reactor"
end = "cooling"

[[space]]
name = "reaction_time"
is = "reaction.time"
range = ["5 s", "40 s"]
step = "5 s"
"""

NOT_DECIDED = COIL[COIL.index("[[space]]") :].strip()

RIG = (
    QUICK.format(experiments=3).replace("[[space]]", COIL.strip() + "\n\n[[space]]", 1)
    + "batch = 3\n"
    + WORLD
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed, and the watched world."""
    return plugins_with()


@pytest.fixture(scope="module")
def rig(plugins: Plugins) -> Profile:
    """The rig with a coil."""
    return load_profile_text(RIG, "coil.toml", plugins)


class Person:
    """Sits beside a run and puts in what it asks for, as often as said."""

    def __init__(self, answers: int = 99) -> None:
        self.requests = OperatorRequests()
        self.asked: list[str] = []
        self._answers = answers

    def __call__(self, event: AnyEvent) -> None:
        hold = self.requests.hold
        waits = event.kind == "reading" and hold is not None and self.requests.answer is None
        if waits and self._answers:
            self._answers -= 1
            self.asked.append(hold.text)
            self.requests.ask(Request.GO_ON)

    @property
    def options(self) -> dict[str, Any]:
        """Options of a run beside which the person sits."""
        return {"requests": self.requests, "listeners": [self], "simulator": with_a_real_part}


@contextmanager
def with_a_real_part(*arguments: Any, **options: Any) -> Iterator[EmulatedRig]:
    """An emulated rig with one device that is not, so that nobody changes the coil for it."""
    with emulated(*arguments, **options) as rig:
        devices = dict(rig.profile.devices)
        devices["hdx_pl"] = evolve(devices["hdx_pl"], emulated=False)
        yield evolve(rig, profile=evolve(rig.profile, devices=devices))


def events(folder: Path, *kinds: type[EventData]) -> list[Any]:
    """What the journal of a run holds of some kinds."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(*kinds)]


@settings(max_examples=30, deadline=None)
@given(time_s=st.floats(5.0, 40.0), flow=st.floats(220.0, 280.0))
def test_a_time_solves_for_a_volume(rig: Profile, time_s: float, flow: float) -> None:
    """Everything that depends on the volume of a coil takes the one that is solved for."""
    conditions = {"temperature": 26.0, "reaction_time": time_s, "ODE": flow}
    rates = rig.flow_rates_ul_min(conditions)
    volume_ul = rig.volumes_ul(conditions)["reactor"]
    assert volume_ul == pytest.approx(sum(rates.values()) * time_s / 60.0)
    topology = Topology.of(rig, conditions)
    assert topology.section_time_s(rig.sections["reaction"], rates) == pytest.approx(time_s)
    assert topology.reactor_time_s(rates) == pytest.approx(time_s)
    rest_ul = Topology(rig).volume_ul("segmentation", "reactor") + Topology(rig).volume_ul(
        "cooling", "cell_absorbance"
    )
    expected_s = (rest_ul + volume_ul) / sum(rates.values()) * 60.0
    assert topology.residence_time_s(rates) == pytest.approx(expected_s)


WRONG = {
    "a window and nobody": ("by_hand = ", "note = ", "nobody is asked"),
    "somebody and one volume": ('["10 uL", "800 uL"]', '"600 uL"', "is not a window"),
    "nothing": ('["10 uL", "800 uL"]', '["0 uL", "800 uL"]', "more than 0 µL"),
    "a length": ("by_hand = ", 'length = "1 m"\nby_hand = ', "length of 'reactor' follows"),
    "no place": ("[path.reactor]", "[path.segmentation]", "a junction has one volume"),
    "not decided": (NOT_DECIDED, "", "nothing sets 'reactor.volume'"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_names_what_is_wrong_with_a_volume(wrong: str, plugins: Plugins) -> None:
    before, after, message = WRONG[wrong]
    assert before in RIG
    with pytest.raises(ProfileError) as caught:
        load_profile_text(RIG.replace(before, after), "coil.toml", plugins)
    assert message in str(caught.value)


def test_too_long_a_time_is_outside_the_space(rig: Profile) -> None:
    """The window of the volume cuts the space, as those of flow rates do."""
    wide = {"temperature": 26.0, "reaction_time": 40.0, "ODE": 280.0}
    assert rig.volumes_ul(wide)["reactor"] < 800.0
    text = RIG.replace('"40 s"]', '"120 s"]')
    wider = load_profile_text(text, "coil.toml", plugins_with())
    assert "volume of reactor [µL]" in wider.space.labels
    with pytest.raises(Exception, match=r"volume of reactor \[µL\]"):
        wider.space.require_feasible({**wide, "reaction_time": 120.0})


@given(times=st.lists(st.integers(1, 8), min_size=1, max_size=8), before=st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_a_batch_changes_the_coil_as_rarely_as_possible(
    rig: Profile, times: list[int], before: int
) -> None:
    """Equal coils come one after the other, and the first is that which is in, if it is an end."""
    assert rig.campaign is not None

    def at(time: int) -> dict[str, float]:
        return {"temperature": 26.0, "reaction_time": 5.0 * time, "ODE": 250.0}

    places = in_order(rig, rig.campaign.stages[0], [at(one) for one in times], at(before))
    assert sorted(places) == list(range(len(times)))
    row = [times[place] for place in places]
    changes = sum(one != other for one, other in itertools.pairwise(row))
    assert changes == len(set(times)) - 1
    if before in (min(times), max(times)):
        assert row[0] == before


def test_each_coil_is_asked_for_once_and_is_in_the_world(tmp_path: Path, plugins: Plugins) -> None:
    """A simulated person changes it; the journal has question and answer, and the plan knows."""
    (tmp_path / "coil.toml").write_text(RIG, encoding="utf-8")
    outcome, world, _ = run_watched(tmp_path / "coil.toml", tmp_path / "run", plugins)
    assert outcome.state == "finished", outcome.reason
    profile = load_profile_text(RIG, "coil.toml", plugins)
    wanted = [
        profile.volumes_ul(one.conditions)["reactor"] for one in events(tmp_path / "run", Measured)
    ]
    assert wanted == sorted(wanted)
    done = events(tmp_path / "run", HandDone)
    put_in = [one.volumes_ul["reactor"] for one in done]
    assert put_in == [
        one for number, one in enumerate(wanted) if number == 0 or one != wanted[number - 1]
    ]
    assert {one.by for one in done} == {"simulation"}
    asked = events(tmp_path / "run", HandAsked)
    assert [one.volumes_ul["reactor"] for one in asked] == put_in
    assert all("Put a coil of this volume into the plate: reactor" in one.asks for one in asked)
    cell = next(iter(world._fluid.path.cells.values()))
    coil = next(one for one in cell.stretch.components if one.name == "reactor")
    assert coil.volume_ul == put_in[-1]
    with RunRecord(tmp_path / "run", plugins) as record:
        assert record.ledger().rig_state.volumes_ul == {"reactor": put_in[-1]}
    questions = plan_campaign(profile).questions
    assert [one.asks for one in questions] == [f"put in reactor {one:.4g} µL" for one in put_in]


@pytest.mark.slow
def test_a_resumed_run_goes_by_the_journal(tmp_path: Path, plugins: Plugins) -> None:
    """Nothing flows while a person changes the coil; what was put in is not asked for again."""
    text = RIG.replace('step = "5 s"', 'step = "35 s"')
    (tmp_path / "coil.toml").write_text(text, encoding="utf-8")
    first = Person(answers=1)
    outcome, _, _ = run_watched(tmp_path / "coil.toml", tmp_path / "run", plugins, **first.options)
    assert outcome.state == "held", outcome.reason
    assert len(first.asked) == 1
    assert all(not one.flows for one in events(tmp_path / "run", HoldBegun))
    second = Person()
    resumed = resume_run(tmp_path / "run", ResumeOptions(plugins=plugins, **second.options))
    assert resumed.state == "finished", resumed.reason
    done = [one.volumes_ul["reactor"] for one in events(tmp_path / "run", HandDone)]
    profile = load_profile_text(text, "coil.toml", plugins)
    measured = events(tmp_path / "run", Measured)
    wanted = [profile.volumes_ul(one.conditions)["reactor"] for one in measured]
    assert list(dict.fromkeys(wanted)) == done
    assert len(second.asked) == len(done) - 1


def test_the_way_through_a_small_coil_is_shorter(rig: Profile) -> None:
    """In the world, liquid comes to the cell after the volume of the coil that is in."""
    arrivals = {}
    for volume_ul in (100.0, 700.0):
        clock = VirtualClock()
        assert rig.simulation is not None
        world = FluidicWorld(rig, rig.simulation.settings, clock, 1)
        world.put_in("reactor", volume_ul)
        for stream in rig.streams.values():
            world.pump(stream.pump).push(100.0)
        cell = world._fluid.path.cells["hdx_pl"]
        while True:
            clock.sleep(1.0)
            world._fluid.advance(clock.now_s())
            if world._fluid.content(cell, clock.now_s()).product is not None:
                break
        arrivals[volume_ul] = clock.now_s()
    late_s = arrivals[700.0] - arrivals[100.0]
    assert late_s == pytest.approx(600.0 / 500.0 * 60.0, abs=2.0)


def test_by_hand_from_python_there_is_nobody_to_ask(rig: Profile) -> None:
    with (
        open_rig(rig, simulate=True, simulator=with_a_real_part) as opened,
        pytest.raises(InputError, match="a person changes reactor"),
    ):
        perform(opened, (step for step in ()))


def test_volumes_differ_by_more_than_rounding() -> None:
    assert volumes_to_change({"a": 100.0, "b": 5.0}, {"a": 100.0 + 1e-9}) == {"b": 5.0}
    assert math.isclose(volumes_to_change({"a": 101.0}, {"a": 100.0})["a"], 101.0)


def test_the_published_study_of_mixing_is_sound(plugins: Plugins) -> None:
    system = Path(__file__).parents[1] / "profile" / "systems" / "s03.toml"
    assert check_profile(system, plugins) == []
