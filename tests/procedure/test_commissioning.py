"""Commissioning: what a ramp tells, and what a profile makes of it."""

import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.plugins.registry import Plugins
from flowrig.procedure.commissioning import RampError, fit_ramp
from flowrig.profile import ProfileError, load_profile, merged_toml

BEGIN_S, GOAL_C, START_C = 60.0, 120.0, 25.0


def ramp(
    rate_c_s: float, dead_time_s: float, tau_s: float, noise_c: float, seed: int = 0
) -> tuple[list[tuple[float, float]], float]:
    """A heater whose ramp is limited and ends in an exponential; and when it is at rest."""
    chance = random.Random(seed)
    samples, c, s = [], START_C, 0.0
    while s < BEGIN_S + dead_time_s + (GOAL_C - START_C) / rate_c_s + 8.0 * tau_s + 60.0:
        samples.append((s, c + chance.gauss(0.0, noise_c)))
        s += 1.0
        if s > BEGIN_S + dead_time_s:
            c += min((GOAL_C - c) * (1 - math.exp(-1.0 / tau_s)), rate_c_s)
    return samples, s - 60.0


@settings(max_examples=15, deadline=None)
@given(
    rate_c_s=st.floats(0.25, 1.0),
    dead_time_s=st.floats(2.0, 40.0),
    tau_s=st.floats(20.0, 100.0),
    noise_c=st.floats(0.01, 0.05),
    seed=st.integers(0, 1000),
)
def test_a_ramp_tells_what_the_heater_is_made_of(
    rate_c_s: float, dead_time_s: float, tau_s: float, noise_c: float, seed: int
) -> None:
    """Fastest rise, dead time, time constant and noise come back from samples of them."""
    samples, rest_s = ramp(rate_c_s, dead_time_s, tau_s, noise_c, seed)
    told = fit_ramp(samples, BEGIN_S, rest_s, GOAL_C)
    fastest_c_min = min(rate_c_s, (GOAL_C - START_C) / tau_s) * 60.0
    assert told.heating_c_min == pytest.approx(fastest_c_min, rel=0.25, abs=1.5)
    assert told.dead_time_s == pytest.approx(dead_time_s, abs=5.0)
    assert told.time_constant_s == pytest.approx(tau_s, rel=0.15)
    assert told.noise_c == pytest.approx(noise_c, rel=0.5)
    assert told.gain == pytest.approx(1.0, abs=0.01)
    assert told.still_s <= 2.0


def test_a_reading_that_stands_still_is_timed() -> None:
    """A sensor without noise stands still for as long as it was read at rest."""
    samples, rest_s = ramp(0.5, 5.0, 15.0, 0.0)
    told = fit_ramp([(s, round(c, 1)) for s, c in samples], BEGIN_S, rest_s, GOAL_C)
    assert told.noise_c == 0.0
    assert told.still_s == samples[-1][0] - rest_s


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        ([(float(s), 25.0) for s in range(4)], "fewer than 5 readings"),
        ([(float(s), 115.0) for s in range(300)], "too small a step"),
        ([(float(s), 25.0) for s in range(300)], "did not rise"),
    ],
)
def test_what_is_no_ramp_is_told(samples: list[tuple[float, float]], says: str) -> None:
    """Too short, too small, and no rise at all."""
    with pytest.raises(RampError, match=says):
        fit_ramp(samples, 60.0, 200.0, GOAL_C)


def test_a_commissioned_rig_is_watched_more_closely(flowrig: Any, tmp_path: Path) -> None:
    """`flowrig commission` measures the emulated plate; a profile takes the file, and keeps it."""
    thermal = tmp_path / "thermal.toml"
    said = flowrig("commission", "cs3cu2i5-heatup-chem3", "--simulate", "--out", thermal).stdout
    assert "counts as broken" in said
    profile = tmp_path / "mine.toml"
    profile.write_text(
        'extends = "cs3cu2i5-heatup-chem3"\ntitle = "mine"\n'
        '[supervision]\ncommissioning = "thermal.toml"\n',
        encoding="utf-8",
    )
    plugins = Plugins.discover()
    loaded = load_profile(profile, plugins)
    measured = loaded.supervision.commissioning["plate"]
    assert measured.heating_c_min == pytest.approx(20.0, rel=0.05)
    assert measured.time_constant_s == pytest.approx(15.0, rel=0.1)
    at = loaded.supervision.thresholds("plate", 185.0, 20.0)
    assert at.rise_s < loaded.supervision.rise_s
    assert at.still_s is not None
    text = merged_toml(profile, plugins)
    thermal.unlink()
    frozen = tmp_path / "frozen.toml"
    frozen.write_text(text, encoding="utf-8")
    assert load_profile(frozen, plugins).digest == loaded.digest
    assert "there already" in flowrig("commission", profile, "--out", frozen, code=2).stderr


BROKEN: list[tuple[str, str]] = [
    ('[supervision]\ncommissioning = "none.toml"\n', "cannot be read"),
    ("[supervision]\ncommissioning = 3\n", "expected a table"),
    ('[supervision]\nlease = "0 s"\n', "more than 0 s"),
    ('[supervision]\nnever_above = "190 degC"\n', "a broken sensor would be detected"),
    ('[[interlocks]]\nkind = "heat-needs-flow"\nstreams = ["CuI"]\n', "needs a key 'heater'"),
    (
        '[[interlocks]]\nkind = "syringe-not-empty"\nstreams = []\nheater = "plate"\n',
        "takes no key 'heater'",
    ),
    (
        '[[interlocks]]\nkind = "flow-needs-steady-temperature"\nstreams = ["CuII"]\n'
        'heater = "plate"\ntolerance = "5 degC"\n',
        "did you mean 'CuI'",
    ),
]


@pytest.mark.parametrize(("more", "says"), BROKEN)
def test_what_a_profile_says_wrong_about_safety_is_told(
    tmp_path: Path, more: str, says: str
) -> None:
    """Each mistake has its own message, with its place."""
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "cs3cu2i5-heatup-chem3"\n{more}', encoding="utf-8")
    with pytest.raises(ProfileError, match=says) as caught:
        load_profile(path, Plugins.discover())
    assert caught.value.problems[0].place.line > 0


def test_a_commissioning_of_another_heater_is_told(tmp_path: Path) -> None:
    """What was measured has to be of this rig, and numbers that are divided by are positive."""
    keys = "gain = 1.0\n" + "".join(
        f'{key} = "{value}"\n'
        for key, value in {
            "dead_time": "1 s", "time_constant": "0 s", "heating": "20 degC/min",
            "overshoot": "0 degC", "noise": "0.1 degC", "still": "1 s", "set_point": "120 degC",
        }.items()
    )  # fmt: skip
    (tmp_path / "thermal.toml").write_text(f"[oven]\n{keys}", encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "cs3cu2i5-heatup-chem3"\n[supervision]\ncommissioning = "thermal.toml"\n',
        encoding="utf-8",
    )
    with pytest.raises(ProfileError) as caught:
        load_profile(path, Plugins.discover())
    told = [str(problem) for problem in caught.value.problems]
    assert any("unknown heater 'oven'" in one for one in told)
    assert any("thermal.toml:4" in one and "more than 0 s" in one for one in told)
