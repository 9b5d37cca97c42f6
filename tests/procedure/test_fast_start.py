"""A fast start delivers what a plain one does, within all limits, and measures the same."""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowrig as package
from flowrig.errors import InputError
from flowrig.journal.events import Outcome
from flowrig.operator.requests import OperatorRequests
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.procedure.executor import Executor
from flowrig.procedure.fast_start import fast_start, rush_factor
from flowrig.procedure.steps import (
    SetFlowRates,
    SetTemperatures,
    Start,
    Step,
    Stop,
    Wait,
    WaitSteady,
)
from flowrig.profile import FastStart, Profile, load_profile, load_profile_text
from flowrig.profile.topology import Topology
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord
from flowrig.safety.actuation import Actuation
from flowrig.safety.syringes import SyringeLedger

NAME = "cs3cu2i5-heatup-fast"
SHORT = """
extends = "{name}"

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 5
batch = 5
order = "least-heating"
"""


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The fast profile of the reference rig."""
    return load_profile(NAME, Plugins.discover())


def delivered(
    steps: Generator[Step, Any, None], is_steady: bool
) -> tuple[dict[str, float], Mapping[str, float], float, list[type[Step]]]:
    """Volumes [µL] that steps deliver, the flow rates and the length [s] of the last flow."""
    volumes_ul: dict[str, float] = {}
    rates: Mapping[str, float] = {}
    flowing, last_s, kinds, result = False, 0.0, list[type[Step]](), None
    try:
        while True:
            step = steps.send(result)
            result = is_steady
            kinds.append(type(step))
            match step:
                case SetFlowRates(flow_rates_ul_min=new):
                    assert not flowing
                    rates = new
                case Start():
                    flowing = True
                case Stop():
                    flowing = False
                case Wait(duration_s=last_s):
                    assert flowing
                    for name, rate in rates.items():
                        volumes_ul[name] = volumes_ul.get(name, 0.0) + rate * last_s / 60
    except StopIteration:
        return volumes_ul, rates, last_s, kinds


@settings(max_examples=25, deadline=None)
@given(
    place=st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5),
    factor=st.floats(1.0, 10.0),
    last=st.floats(1.0, 2.0),
    is_steady=st.booleans(),
)
def test_the_volume_is_that_of_a_plain_start(
    profile: Profile, place: list[float], factor: float, last: float, is_steady: bool
) -> None:
    """Whatever the factor and the conditions; the last part flows as the conditions say."""
    (conditions,) = profile.space.rows(profile.space.from_unit(np.array([place])))
    rates = dict(profile.flow_rates_ul_min(conditions))
    wait_s = Topology.of(profile, conditions).equilibrium_time_s(rates)
    fast = FastStart(factor=factor, last=last, heated_within_c=3.0)
    for name, rate in rates.items():
        high = profile.streams[name].flow_rate_ul_min[1]
        assert rate * rush_factor(profile, fast, rates) <= high * (1 + 1e-9)
    steps = fast_start(profile, fast, rates, wait_s, {"plate": 150.0})
    volumes_ul, at_the_end, last_s, kinds = delivered(steps, is_steady)
    assert volumes_ul == pytest.approx({n: rate * wait_s / 60 for n, rate in rates.items()})
    assert at_the_end == rates
    assert last_s == pytest.approx(wait_s * last / profile.residence_time.equilibrium)
    assert (WaitSteady in kinds) is not is_steady


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("factor = 0.5", "at least 1"),
        ("last = 0.9", "1 to 2"),
        ("last = 2.5", "1 to 2"),
        ('heated_within = "0.1 degC"', "tolerance in"),
        ('heated_within = "5 degC"', "less than 5 degC"),
    ],
)
def test_what_cannot_be_is_told(line: str, words: str) -> None:
    """Liquid that is not made at the conditions is never measured; interlocks stay kept."""
    text = f'extends = "{NAME}"\n[residence_time.fast_start]\n{line}\n'
    with pytest.raises(InputError, match=words):
        load_profile_text(text, "rig.toml", Plugins.discover())


def test_heaters_are_followed_while_liquid_flows() -> None:
    """A wait says whether they are stable at its end; a near one ends a wait early."""
    heard: list[Any] = []

    def heat() -> Generator[Step, Any, None]:
        yield SetTemperatures({"plate": 60.0})
        yield WaitSteady({"plate": 60.0}, 3.0)
        heard.append((yield Wait(10.0, "short", {"plate": 60.0})))
        heard.append((yield Wait(120.0, "long", {"plate": 60.0})))
        heard.append((yield Wait(120.0, "elsewhere", {"plate": 90.0})))
        heard.append((yield Wait(5.0, "nothing is asked")))

    with package.open_rig(NAME, simulate=True) as rig:
        actuation = Actuation(rig, lambda data: 0, SyringeLedger(rig.profile))
        Executor(actuation, lambda data: None, OperatorRequests()).run(heat())
    assert heard == [False, True, False, None]


@pytest.mark.slow
def test_a_fast_start_measures_the_same_sooner(tmp_path: Path) -> None:
    """Features differ within the scatter of the rig; the plan tells time and volume."""
    features: list[dict[str, float]] = []
    ended_s: list[float] = []
    for name in (NAME, "cs3cu2i5-heatup-chem3"):
        path = tmp_path / f"{name}.toml"
        path.write_text(SHORT.format(name=name), encoding="utf-8")
        told = plan_campaign(load_profile(path, Plugins.discover()), seed=3)
        folder = tmp_path / f"run-{name}"
        start_run(path, RunOptions(folder=folder, simulate=True, seed=3))
        with RunRecord(folder) as record:
            done = record.experiments()
            volumes_ul = dict.fromkeys(record.profile.streams, 0.0)
            for event in record.journal.events(Outcome):
                for stream, volume_ul in (event.data.dispensed_ul or {}).items():
                    volumes_ul[stream] += volume_ul
        assert [one.quality for one in done] == ["good"] * 5
        ends_s = told.parts[1].ends_s
        assert done[-1].ended_s == pytest.approx(ends_s, rel=0.03)
        assert sum(volumes_ul.values()) == pytest.approx(told.waste_ul, rel=0.01)
        features += [dict(one.features) for one in done]
        ended_s.append(ends_s - told.parts[0].ends_s)
    assert ended_s[0] < 0.65 * ended_s[1]
    for one, other in zip(features[:5], features[5:], strict=True):
        assert one["a300"] == pytest.approx(other["a300"], rel=0.15)
