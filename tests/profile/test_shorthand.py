"""Shorter ways to write a profile mean what the longer ones mean."""

from pathlib import Path

import attrs
import pytest

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile

BASE = 'extends = "cs3cu2i5-heatup-chem3"\n'

SYRINGES = {
    "written out": """
[[interlocks]]
kind = "syringe-not-empty"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
remainder = "100 uL"
""",
    "by name, for every stream": """
[interlocks.syringes]
kind = "syringe-not-empty"
remainder = "100 uL"
""",
}

GATES = {
    "written out": '[[gates]]\nname = "oven"\nbefore = "heating"\nabove = "100 degC"\n',
    "by name": '[gates.oven]\nbefore = "heating"\nabove = "100 degC"\n',
}

PICKS = {
    "older": 'reactive_frames = 40\nreactive_window = ["250 nm", "350 nm"]\n',
    "newer": 'pick = { frames = 40, darkest = ["250 nm", "350 nm"] }\n',
}


@pytest.fixture(scope="module")
def installed() -> Plugins:
    return Plugins.discover()


def load(text: str, folder: Path, plugins: Plugins, base: str = BASE) -> Profile:
    file = folder / "rig.toml"
    file.write_text(base + text, encoding="utf-8")
    return load_profile(file, plugins)


@pytest.mark.parametrize("texts", [SYRINGES, GATES])
def test_entries_by_name_are_those_of_the_list(
    texts: dict[str, str], tmp_path: Path, plugins: Plugins
) -> None:
    base = f'{BASE}unset = ["interlocks"]\n'
    first, second = (load(one, tmp_path, plugins, base) for one in texts.values())
    assert attrs.evolve(second, digest=first.digest) == first


def test_an_extension_changes_an_entry_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    before = load("", tmp_path, plugins).interlocks
    text = '[interlocks]\nsyringes = { action = "safe" }\n'
    after = load(text, tmp_path, plugins).interlocks
    assert [one.kind for one in after] == [one.kind for one in before]
    assert (before[-1].action, after[-1]) == ("hold", attrs.evolve(before[-1], action="safe"))


def test_an_extension_adds_an_entry_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    before = load("", tmp_path, plugins).interlocks
    text = '[interlocks.more]\nkind = "syringe-not-empty"\nstreams = ["ODE"]\nremainder = "1 mL"\n'
    after = load(text, tmp_path, plugins).interlocks
    assert after[:-1] == before
    assert after[-1].streams == ("ODE",)


def test_a_mistake_in_an_entry_by_name_is_shown_there(tmp_path: Path, plugins: Plugins) -> None:
    text = '[interlocks.more]\nkind = "syringe-not-empty"\nstreams = ["CuII"]\n'
    with pytest.raises(ProfileError) as caught:
        load(text, tmp_path, plugins)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.nearest) == (4, "CuI")


def test_one_pick_serves_every_channel(tmp_path: Path, plugins: Plugins) -> None:
    base = f'{BASE}unset = ["analysis.reactive_frames", "analysis.reactive_window"]\n[analysis]\n'
    first, second = (load(one, tmp_path, plugins, base) for one in PICKS.values())
    assert first.analysis.channels == second.analysis.channels
    assert second.analysis.with_picks(0.5).channels["absorbance"].picked is not None
    both = "".join(PICKS.values())
    with pytest.raises(ProfileError, match="`pick` alone"):
        load(both, tmp_path, plugins, base)


def test_too_many_picked_frames_are_found(tmp_path: Path, plugins: Plugins) -> None:
    base = f'{BASE}unset = ["analysis.reactive_frames", "analysis.reactive_window"]\n[analysis]\n'
    with pytest.raises(ProfileError, match="no more than `frames`"):
        load(PICKS["newer"].replace("40", "4000"), tmp_path, plugins, base)


def test_a_rig_without_steps_has_the_usual_safe_state(tmp_path: Path, plugins: Plugins) -> None:
    profile = load("", tmp_path, plugins, BASE + 'unset = ["safe_state"]\n')
    heat, reagents, lights, rest = profile.safe_state
    assert (heat.do, heat.heaters) == ("heater-off", ("plate",))
    assert (reagents.do, reagents.streams) == ("stop", ("CuI", "ZnI2", "CsOA"))
    assert (lights.do, set(lights.spectrometers)) == ("light-off", {*profile.analysis.devices})
    assert (rest.do, rest.streams) == ("stop", ("ODE", "PFO"))


def test_a_light_that_no_channel_shuts_is_in_no_step(installed: Plugins, tmp_path: Path) -> None:
    """A step that cannot be done would end every run in a doubt."""
    text = (
        'unset = ["safe_state", "analysis", "objective", "calibration", "path.cell_absorbance", '
        '"devices.hdx_absorbance"]\n'
        '[path]\ncooling = { to = "cell_pl" }\n[residence_time]\nend = "cell_pl"\n'
        '[analysis]\nframes = 50\nframe_interval = "400 ms"\n'
        '[analysis.channels.pl]\nuse = "emission"\ndevice = "hdx_pl"\ndark = "none"\n'
        'baseline = ["800 nm", "1000 nm"]\n'
        '[features]\npla = "area(pl, 345 nm, 700 nm)"\n'
        '[objective]\nname = "maximum"\nresponse = "pla"\n'
    )
    profile = load(text, tmp_path, installed)
    assert [step.do for step in profile.safe_state] == ["heater-off", "stop", "stop"]


def test_without_a_limit_streams_deliver_what_they_can(tmp_path: Path, plugins: Plugins) -> None:
    profile = load("", tmp_path, plugins, BASE + 'unset = ["limits.total_flow"]\n')
    highest = sum(one.flow_rate_ul_min[1] for one in profile.streams.values())
    assert profile.limits.total_flow_ul_min == (0.0, highest)


def test_a_heater_without_a_limit_is_found(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ProfileError, match="plate"):
        load("", tmp_path, plugins, BASE + 'unset = ["limits"]\n')
