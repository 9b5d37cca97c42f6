"""Lines: a path written out, its messages, and what follows from the shares of the lines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.measurement.scans import unlike_line
from flowrig.measurement.scans.lines import LEAST_DIFFERENCE, outlying
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.profile.topology import Topology
from flowrig.report.svg.rig_drawing import draw_rig

S01 = Path(__file__).parents[1] / "profile" / "systems" / "s01.toml"

RIG = f"""
extends = "{S01.as_posix()}"
unset = ["devices.hdx_abs", "path.cell_abs", "calibration", "analysis.channels.abs", "features",
         "analysis.repeatability", "campaign"]

[devices.mux]
driver = "scpi-switch"
address = "192.0.2.20"
safe = "off"
positions = {{ off = 1, one = 2, two = 3, three = 4, four = 5 }}

[lines]
count = 4
parts = ["reactor", "cooling", "cell_pl"]

[path]
cooling = {{ to = "cell_pl" }}

[residence_time]
end = "cell_pl"

[analysis.channels]
pl = {{ scan = {{ device = "mux", over = "lines" }} }}

[features]
line_peak = "peak(pl, 345 nm, 700 nm)"
pla = "mean(area(pl, 345 nm, 700 nm))"
spread_nm = "spread(line_peak)"

[objective]
name = "maximum"
response = "pla"
"""

FLOWS = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}


PLUGINS = Plugins.discover()


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return PLUGINS


def loaded(plugins: Plugins, text: str = RIG) -> Profile:
    return load_profile_text(text, "lines.toml", plugins)


def problems(plugins: Plugins, text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        loaded(plugins, text)
    return [str(one) for one in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in RIG
    return RIG.replace(old, new)


def test_a_path_is_written_out(plugins: Plugins) -> None:
    rig = loaded(plugins)
    assert [name for name in rig.path if name.startswith("reactor")] == [
        f"reactor.{line}" for line in (1, 2, 3, 4)
    ]
    assert rig.path["segmentation"].outlets == tuple(f"reactor.{line}" for line in (1, 2, 3, 4))
    assert rig.path["reactor.3"].outlets == ("cooling.3",)
    assert rig.path["cell_pl.3"].outlets == ("waste",)
    assert rig.analysis.scans["hdx_pl"].positions == ("one", "two", "three", "four")
    assert list(rig.series) == ["line_peak"]
    assert rig.features["spread_nm"].unit == "nm"


def test_each_line_has_its_share_and_the_longest_time_counts(plugins: Plugins) -> None:
    """Four equal lines behave like one of four times the volume; a smaller share takes longer."""
    equal = Topology(loaded(plugins))
    one = Topology(loaded(plugins, S01.read_text(encoding="utf-8")))
    assert equal.residence_time_s(FLOWS) == pytest.approx(4 * one.residence_time_s(FLOWS))
    assert equal.ends("CuI") == pytest.approx({"waste": 1.0})
    text = changed("count = 4", "count = 4\nshares = [0.3, 0.3, 0.1, 0.3]")
    uneven = Topology(loaded(plugins, text))
    assert uneven.flow_rate_ul_min("reactor.3", FLOWS) == pytest.approx(75.0)
    assert uneven.residence_time_s(FLOWS) == pytest.approx(10 * one.residence_time_s(FLOWS))
    # The inherited section that starts in the lines is that of the slowest one.
    assert uneven.sections["reaction"].start == "reactor.3"
    assert uneven.sections["reaction"].ends == ("cooling.3",)


@settings(deadline=None, max_examples=8)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=2, max_size=8), st.sampled_from(["s", "[s, b]", "t"])
)
def test_what_flows_in_flows_out(weights: list[float], form: str) -> None:
    """Whatever the shares, and however the flow divides before, the ends get all of it."""
    shares = [one / sum(weights) for one in weights]
    to = {
        "s": '"reactor"',
        "[s, b]": '["reactor", "waste"]',
        "t": "{ reactor = 0.8, waste = 0.2 }",
    }[form]
    part = {"s": 1.0, "[s, b]": 0.5, "t": 0.8}[form]
    positions = ", ".join(f"p{line} = {line}" for line in range(1, len(shares) + 1))
    text = (
        changed("count = 4", f"count = {len(shares)}\nshares = {shares}")
        .replace("cooling = {", f"segmentation = {{ to = {to} }}\ncooling = {{")
        .replace("{ off = 1, one = 2, two = 3, three = 4, four = 5 }", f"{{ {positions} }}")
        .replace('safe = "off"', 'safe = "p1"')
    )
    topology = Topology(loaded(PLUGINS, text))
    for line, share in enumerate(shares, 1):
        assert topology.flow_rate_ul_min(f"cell_pl.{line}", FLOWS) == pytest.approx(
            part * share * sum(FLOWS.values()), rel=1e-3
        )
    assert sum(topology.ends("CuI").values()) == pytest.approx(1.0)


WRONG = {
    "no such part": ('"cooling", "cell_pl"]', '"coling", "cell_pl"]', "did you mean 'cooling'"),
    "a part twice": ('"cooling", "cell_pl"]', '"reactor", "cell_pl"]', "named twice"),
    "one line": ("count = 4", "count = 1", "got 1 lines; expected 2 to 64"),
    "too few shares": ("count = 4", "count = 4\nshares = [0.5, 0.5]", "2 shares and 4 lines"),
    "shares of more": ("count = 4", "count = 4\nshares = [0.5, 0.5, 0.5, 0.5]", "sum to 2"),
    "a key that is not there": ("count = 4", "count = 4\nparst = []", "'parst'"),
    "a stream into a line": (
        "[residence_time]",
        '[streams.PFO]\nto = "reactor"\n[residence_time]',
        "'PFO' cannot divide into 4 lines",
    ),
    "a gauge in each line": (
        "cooling = {",
        'reactor = { sensor = "gauge" }\ncooling = {',
        "'gauge' cannot be in 4 lines",
    ),
    "nobody looks at each line": (
        "[analysis.channels]\npl = { scan",
        '[analysis.channels]\npl = { dark = "shutter" }\n[nowhere]\nx = { scan',
        "does not say which it sees",
    ),
    "too few positions": (
        'over = "lines"',
        'over = "lines", positions = ["one", "two"]',
        "the scan has 2 positions, and there are 4 lines",
    ),
    "lines that meet in tubing": (
        'cooling = { to = "cell_pl" }',
        'cooling = { to = "cell_pl" }\ncell_pl = { to = "out" }\n'
        'out = { kind = "tubing", volume = "5 uL", to = "waste" }',
        "meet in 'out', a tubing",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_where_it_stands(case: str, plugins: Plugins) -> None:
    old, new, words = WRONG[case]
    text = changed(old, new)
    if case == "a gauge in each line":
        text = text.replace(
            "[lines]",
            '[devices.gauge]\ndriver = "scpi-sensor"\naddress = "192.0.2.21"\n'
            'channels = { pressure = { query = "P?", unit = "bar" } }\n[lines]',
        )
    found = [one for one in problems(plugins, text) if words in one]
    assert len(found) == 1, problems(plugins, text)


def test_a_mistake_in_a_part_is_told_once_at_its_own_line(plugins: Plugins) -> None:
    text = changed("cooling = {", 'cooling = { volume = "4 degC",')
    line = text.splitlines().index(next(o for o in text.splitlines() if "4 degC" in o)) + 1
    (found,) = problems(plugins, text)
    assert found.startswith(f"lines.toml:{line}:")


def test_a_profile_without_lines_is_as_before(plugins: Plugins) -> None:
    rig = loaded(plugins, S01.read_text(encoding="utf-8"))
    assert rig.lines is None
    assert "reactor" in rig.path


def test_a_drawing_has_the_first_lines_and_the_last(plugins: Plugins) -> None:
    few = str(draw_rig(loaded(plugins)))
    assert all(f"reactor.{line}" in few for line in (1, 2, 3, 4))
    names = ", ".join(f"p{line} = {line}" for line in range(1, 17))
    text = (
        changed("count = 4", "count = 16")
        .replace("{ off = 1, one = 2, two = 3, three = 4, four = 5 }", f"{{ {names} }}")
        .replace('safe = "off"', 'safe = "p1"')
    )
    many = str(draw_rig(loaded(plugins, text)))
    assert all(f"reactor.{line}" in many for line in (1, 2, 16))
    assert "reactor.3<" not in many
    assert "6.2\u2009%" in many or "6.3\u2009%" in many


BAND = np.exp(-0.5 * ((np.arange(200) - 100.0) / 15.0) ** 2)


def spectra(heights: Any, rng: np.random.Generator, noise: float = 0.01) -> Any:
    return np.outer(heights, BAND) + noise * rng.standard_normal((len(heights), BAND.size))


@settings(deadline=None, max_examples=40)
@given(st.integers(4, 24), st.floats(0.0, 0.03), st.integers(0, 2**16), st.sampled_from([0.0, 2.0]))
def test_a_dark_or_doubled_line_is_named_and_no_other(
    count: int, scatter: float, seed: int, height: float
) -> None:
    rng = np.random.default_rng(seed)
    heights = 1.0 + scatter * rng.standard_normal(count)
    assert outlying(spectra(heights, rng)) == []
    wrong = int(rng.integers(count))
    heights[wrong] = height
    (found,) = outlying(spectra(heights, rng))
    assert found.line == wrong + 1
    assert found.difference > LEAST_DIFFERENCE


def test_many_blocked_lines_do_not_hide_each_other() -> None:
    rng = np.random.default_rng(1)
    heights = np.array([0.0] * 6 + [1.0] * 10)
    found = [one.line for one in outlying(spectra(heights, rng))]
    assert found == [1, 2, 3, 4, 5, 6]


def test_noise_without_light_is_no_blocked_line() -> None:
    rng = np.random.default_rng(2)
    assert not any(outlying(spectra(np.zeros(16), rng)) for _ in range(200))


def test_the_line_is_read_from_its_flag() -> None:
    words = "hdx_pl: line 12 (mux at 'l12') is unlike the others: its spectrum differs from …"
    assert unlike_line(words) == 12
    assert unlike_line("hdx_pl: 3 of 16 positions are doubtful") is None
