"""The safe state covers devices that no step names, and words stand for names."""

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from other_devices import plugins_with_kit
from watched_rig import QUICK

from flowrig.interfaces import DeviceSettings
from flowrig.interfaces.capabilities import Abilities
from flowrig.plugins import DriverOffer
from flowrig.procedure.procedures import run_condition
from flowrig.procedure.steps import (
    Acquire,
    RequireVolume,
    SetTemperatures,
    TellRinse,
    WaitSteady,
)
from flowrig.profile import DeviceEntry, SafeStep, check_profile, load_profile
from flowrig.profile.rules.safe_state import complete
from flowrig.rig.rig import open_rig
from flowrig.safety.safe_state import reach_safe_state

OFF = SafeStep(do="heater-off", heaters=("plate",))
REAGENTS = SafeStep(do="stop", streams=("reagent",))
FLUSH = SafeStep(do="flush", flow_rates_ul_min={"ODE": 100.0}, at_most_s=60.0)
REST = SafeStep(do="stop", streams=("rest",))


def entry(name: str, kind: str, abilities: Abilities) -> DeviceEntry:
    """A device of a rig."""
    settings = DeviceSettings(address=name)
    offer = DriverOffer(kind=kind, name=kind, target="a:B", settings=DeviceSettings)
    safe = "run" if abilities.is_selectable else 0.0
    made = DeviceEntry(name, offer, settings, abilities=abilities, safe=safe)
    return evolve(made, safe=None) if kind == "heater" else made


PLATE = entry("plate", "heater", Abilities())
STIRRER = entry("stirrer", "stirrer", Abilities(unit="rpm", limits=(0.0, 900.0)))
VALVE = entry("selector", "valve", Abilities(positions=("run", "fill"), under_flow=False))
DEVICES = {one.name: one for one in (PLATE, STIRRER, VALVE)}


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory):
    """The streams of the reference rig."""
    path = tmp_path_factory.mktemp("rig") / "rig.toml"
    path.write_text(QUICK.format(experiments=1), encoding="utf-8")
    return load_profile(path, plugins_with_kit()).streams


def test_what_no_step_names_is_covered(streams) -> None:
    """What may act while liquid flows before the flush, a valve when every stream stands."""
    steps = complete((OFF, REAGENTS, FLUSH, REST), DEVICES, streams)
    assert [(step.do, step.devices or step.streams) for step in steps] == [
        ("heater-off", ()),
        ("stop", ("CuI", "ZnI2", "CsOA")),
        ("safe", ("stirrer",)),
        ("flush", ()),
        ("stop", ("ODE", "PFO")),
        ("safe", ("selector",)),
    ]


def test_a_kind_and_the_rest_are_words(streams) -> None:
    """`safe` takes heaters too; the rest leaves out what turns only when nothing flows."""
    words = (SafeStep(do="safe", devices=("heater", "rest")), REAGENTS, REST)
    steps = complete(words, DEVICES, streams)
    assert steps[0] == SafeStep(do="heater-off", heaters=("plate",))
    assert steps[1] == SafeStep(do="safe", devices=("stirrer",))
    assert steps[-1] == SafeStep(do="safe", devices=("selector",))


@given(
    words=st.lists(
        st.lists(st.sampled_from(["plate", "stirrer", "selector", "valve", "heater", "rest"])),
        max_size=4,
    )
)
def test_every_device_is_covered_whatever_the_words(streams, words: list[list[str]]) -> None:
    """Each device that is set or turned is in one step or more, and a name is never left."""
    given_steps = [SafeStep(do="safe", devices=tuple(one)) for one in words if one]
    steps = complete((*given_steps, REST), DEVICES, streams)
    covered = {name for step in steps for name in step.devices}
    assert covered == {"stirrer", "selector"}
    stopped = [name for step in steps for name in step.streams]
    assert sorted(stopped) == sorted(streams)
    assert complete(steps, DEVICES, streams) == steps


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ('do = "safe"\ndevices = "stirrers"', "unknown device 'stirrers'"),
        ('do = "safe"', "needs a key 'devices'"),
        ('do = "stop"\nstreams = "reagents"', "unknown stream 'reagents'; expected one of"),
        ('do = "safe"\ndevices = ["selector"]', "'selector' would turn while"),
    ],
)
def test_what_is_wrong_with_a_step_is_told(tmp_path, steps: str, said: str) -> None:
    """Words that stand for nothing, and a valve that would turn while liquid flows."""
    text = (
        QUICK.format(experiments=1)
        + f"""
[devices.selector]
driver = "kit-valve"
address = "COM31"
positions = {{ run = 1, fill = 2 }}
safe = "run"

[[safe_state]]
{steps}

[[safe_state]]
do = "heater-off"
heaters = ["plate"]

[[safe_state]]
do = "stop"
streams = "rest"
"""
    )
    path = tmp_path / "rig.toml"
    path.write_text(text, encoding="utf-8")
    assert [one for one in check_profile(path, plugins_with_kit()) if said in str(one)]


def test_heaters_and_spectrometers_are_devices_too(tmp_path) -> None:
    """`device` names any device at a component; the words of today's keys say the same."""
    text = QUICK.format(experiments=1)
    path = tmp_path / "rig.toml"
    path.write_text(text, encoding="utf-8")
    today = load_profile(path, plugins_with_kit())
    more = '\n[path.reactor]\ndevice = "plate"\n\n[path.cell_pl]\ndevices = ["hdx_pl"]\n'
    path.write_text(text + more, encoding="utf-8")
    assert load_profile(path, plugins_with_kit()).path == today.path
    path.write_text(text + '\n[path.manifold]\ndevice = "hdx_pl"\n', encoding="utf-8")
    assert load_profile(path, plugins_with_kit()).path["manifold"].spectrometer == "hdx_pl"


def test_no_step_is_about_nothing(streams) -> None:
    """A role of which the rig has no stream, and the rest where there is none, make no step."""
    alone = {name: one for name, one in streams.items() if one.role == "reagent"}
    words = (OFF, REAGENTS, SafeStep(do="stop", streams=("carrier",)), REST)
    assert [step.do for step in complete(words, {}, alone)] == ["heater-off", "stop"]


@pytest.mark.parametrize("halt", [False, True])
def test_a_rig_without_a_heater_has_no_heater_to_switch_off(halt: bool) -> None:
    """Neither a step of its safe state nor the halt names one."""
    with open_rig("cspbbr3-larp", simulate=True) as rig:
        said = str(reach_safe_state(rig, halt=halt))
    assert said.startswith("the rig is in its safe state: Precursor")
    assert " off" not in said.replace("light sources off", "")


def test_a_rig_without_a_heater_waits_for_none() -> None:
    """No step of an experiment heats, so that the plan counts every wait."""
    with open_rig("cspbbr3-larp", simulate=True) as rig:
        space, profile = rig.profile.space, rig.profile
    conditions = dict(
        zip(space.names, space.from_unit(np.full(len(space.names), 0.5)), strict=True)
    )
    procedure, kinds = run_condition(profile, conditions), []
    step = next(procedure)
    while not isinstance(step, Acquire):
        kinds.append(type(step))
        step = procedure.send({} if isinstance(step, TellRinse) else None)
    assert RequireVolume in kinds
    assert not {SetTemperatures, WaitSteady} & {*kinds}
