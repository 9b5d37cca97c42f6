"""What `[control.NAME]` decides in a profile, and what `flowrig check` says of a wrong one."""

import math
from pathlib import Path

import pytest

from flowrig.errors import OutOfRangeError
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile, load_profile_text
from flowrig.profile.controls.loops import gain_of

HERE = str(Path(__file__).parent / "rig.toml")

AT = '[control.velocity]\nat = "25 mm/s"\n'

VELOCITY = 'unset = ["space.velocity"]\n'


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed."""
    return Plugins.discover()


@pytest.fixture(scope="module")
def profile(plugins: Plugins) -> Profile:
    """The shipped rig."""
    return load_profile("oval-velocity", plugins)


def changed(plugins: Plugins, more: str, first: str = "") -> Profile:
    """The shipped rig with other tables."""
    return load_profile_text(f'extends = "oval-velocity"\n{first}{more}', HERE, plugins)


def test_the_flow_path_tells_where_the_output_begins_and_the_gain(profile: Profile) -> None:
    """Flow rates by cross section give the velocity; 1 µL is 1 mm³."""
    conditions = {"salt": 0.4, "velocity": 25.0}
    rates = profile.flow_rates_ul_min(conditions)
    area_mm2 = math.pi / 4.0 * 0.5**2
    assert sum(rates.values()) / 60.0 / area_mm2 == pytest.approx(25.0)
    assert rates["Dots"] + rates["Salt"] == pytest.approx(60.0)
    assert profile.kept_at(conditions) == {"velocity": 25.0}
    gain = gain_of(profile, profile.control["velocity"], conditions)
    assert gain == pytest.approx(1.0 / 60.0 / area_mm2)


def test_the_window_is_a_limit_of_the_space(plugins: Plugins) -> None:
    """Conditions that the loop could not reach are not asked for."""
    narrow = changed(plugins, '[control.velocity]\nwithin = ["150 uL/min", "300 uL/min"]\n')
    narrow.space.require_feasible({"salt": 0.4, "velocity": 25.0})
    for velocity in (14.0, 38.0):
        with pytest.raises(OutOfRangeError):
            narrow.space.require_feasible({"salt": 0.4, "velocity": velocity})


@pytest.mark.parametrize(
    "more", [AT, '[settings]\nvelocity = "25 mm/s"\n', '[settings]\nvelocity = "2.5 cm/s"\n']
)
def test_a_key_or_a_setting_decides_the_value(plugins: Plugins, more: str) -> None:
    """As a variable does."""
    fixed = changed(plugins, more, VELOCITY)
    assert fixed.kept_at({"salt": 0.4})["velocity"] == pytest.approx(25.0)


def test_a_reading_without_a_model_has_a_gain_of_its_own(plugins: Plugins) -> None:
    """The output then begins in the middle of its window."""
    more = """
[devices.oval.channels]
pressure = { query = "MEAS:PRES?", unit = "bar" }
[control.velocity]
reading = "oval.pressure"
at = "1.1 bar"
gain = "5 mbar per 10 uL/min"
"""
    found = changed(plugins, more, VELOCITY)
    assert gain_of(found, found.control["velocity"], {"salt": 0.4}) == pytest.approx(5e-4)
    assert found.flow_rates_ul_min({"salt": 0.4})["PFO"] == 245.0
    assert found.kept_at({"salt": 0.4}) == {"velocity": pytest.approx(1.1)}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[control.velocity]\nreading = "oval.speed"\n', "unknown reading 'oval.speed'"),
        ('[control.velocity]\nby = "PFOO"\n', "unknown stream or device"),
        ('[control.velocity]\nwithin = ["40 uL/min", "900 uL/min"]\n', "beyond what PFO may have"),
        ('[control.velocity]\nwithin = ["90 uL/min", "40 uL/min"]\n', "not below the upper"),
        ('[control.velocity]\nwithin = ["1 bar", "2 bar"]\n', "uL/min"),
        ('[control.velocity]\nat = "25 uL/min"\n', "mm/s"),
        (AT, "more is said than can hold at once"),
        ('[settings]\nPFO = "100 uL/min"\n', "[control.velocity] changes 'PFO', and nothing else"),
        ('[settings]\nPFO = "100 uL/min"\n', 'unset = ["settings.PFO"]'),
        ('[space.PFO]\nrange = ["50 uL/min", "90 uL/min"]\n', "changes 'PFO'"),
        ('[control.velocity]\ngain = "1 mm/s"\n', "per 10 uL/min"),
        ('[control.velocity]\ngain = "-1 mm/s per 10 uL/min"\n', "rises with PFO; here it falls"),
        ("[control.velocity]\nintegral = 1.5\n", "1 at most"),
        ('[control.velocity]\nevery = "0 s"\n', "more than 0"),
        ('[control.other]\nreading = "oval.velocity"\nby = "Dots"\nwithin = ["5 uL/min", '
         '"9 uL/min"]\nat = "1 mm/s"\n', "the loop 'velocity' has 'oval.velocity' already"),
        ("[residence_time.fast_start]\nfactor = 2.0\n", "while the first part flows faster"),
        ('[control.velocity]\nspeed = "1 s"\n', "unknown key 'speed'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_its_place(plugins: Plugins, more: str, words: str) -> None:
    """Each with what would be right."""
    with pytest.raises(ProfileError) as told:
        changed(plugins, more)
    assert words in str(told.value)


def test_without_a_bore_the_profile_has_to_say_the_gain(plugins: Plugins) -> None:
    """And is told how."""
    first = 'unset = ["path.reactor.inner_diameter", "path.reactor.length"]\n'
    with pytest.raises(ProfileError, match='a key `gain`, such as "1 mm/s per 10 uL/min"'):
        changed(plugins, '[path.reactor]\nvolume = "160 uL"\n', first)


def test_nothing_decides_the_value(plugins: Plugins) -> None:
    """Neither a key, nor a variable, nor a setting."""
    with pytest.raises(ProfileError, match="a key `at`, a variable"):
        changed(plugins, "", VELOCITY)
