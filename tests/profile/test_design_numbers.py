"""Design numbers of a flow path: formulas, windows of properties, what is not known."""

import json
import math

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flowrig.cli import main
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile, load_profile_text
from flowrig.profile.model import Liquid
from flowrig.profile.topology.design_numbers import (
    DesignNumber,
    design_numbers,
    missing_properties,
    space_corners,
)

LIQUIDS = """
extends = "cs3cu2i5-heatup-chem3"
streams.CuI.liquid = { density = ["790 kg/m3", "790.001 kg/m3"] }
streams.ODE.liquid.viscosity = ["0.6 mPa s", "0.60001 mPa s"]
streams.ODE.liquid.diffusivity = ["1e-9 m2/s", "1.00001e-9 m2/s"]
streams.PFO.liquid.density = ["1850 kg/m3", "1850.001 kg/m3"]
streams.PFO.liquid.viscosity = ["2 mPa s", "2.00001 mPa s"]
streams.PFO.liquid.interfacial_tension = ["5 mN/m", "5.00001 mN/m"]
[sections.reaction]
start = "reactor"
end = "cooling"
reaction_time = "4 s"
"""


@pytest.fixture(scope="module")
def reference(plugins: Plugins) -> Profile:
    return load_profile("cs3cu2i5-heatup-chem3", plugins)


def by_name(profile: Profile, section: str) -> dict[str, DesignNumber]:
    return {one.name: one for one in design_numbers(profile) if one.section == section}


def test_the_formulas_of_slugs(plugins: Plugins) -> None:
    """In the reactor of 0.762 mm, from 600 to 900 µL/min, two parts of slugs in three."""
    found = by_name(load_profile_text(LIQUIDS, "liquids.toml", plugins), "reaction")
    d = 0.762e-3
    slow, fast = (q * 1e-9 / 60 / (math.pi / 4 * d**2) for q in (600.0, 900.0))
    expected = {
        "Re": (790 * slow * d / 0.6e-3, 790 * fast * d / 0.6e-3),
        "Ca": (2e-3 * slow / 5e-3, 2e-3 * fast / 5e-3),
        "We": (1850 * slow**2 * d / 5e-3, 1850 * fast**2 * d / 5e-3),
        "Bo": (1060 * 9.81 * d**2 / 5e-3,) * 2,
        "Pe": (slow * d / 1e-9, fast * d / 1e-9),
        "mixing time": tuple(3 * d / u * math.log(u * d / 1e-9) for u in (fast, slow)),
    }
    expected["Da"] = tuple(one / 4 for one in expected["mixing time"])
    for name, (low, high) in expected.items():
        assert found[name].low == pytest.approx(low, rel=1e-3), name
        assert found[name].high == pytest.approx(high, rel=1e-3), name
        assert found[name].corners == 32
    assert found["Bo"].outside == found["Bo"].perhaps == 32
    assert found["Da"].outside == found["Da"].perhaps == 0


def test_a_single_phase_mixes_by_diffusion(plugins: Plugins) -> None:
    """Before the segmentation junction there are no slugs, and no window for Pe."""
    text = LIQUIDS + '[sections.feed]\nstart = "feed_cui"\nend = "manifold"\n'
    text = text.replace("streams.ODE.liquid.diffusivity", "streams.CuI.liquid.diffusivity")
    text = text.replace("streams.CuI.liquid = { density", "streams.CuI.liquid.density")
    text = text.replace('"790.001 kg/m3"] }', '"790.001 kg/m3"]')
    found = by_name(load_profile_text(text, "liquids.toml", plugins), "feed")
    assert set(found) == {"Pe", "mixing time"}
    assert found["mixing time"].low == pytest.approx(0.254e-3**2 / 2 / 1e-9, rel=1e-3)
    assert found["Pe"].window is None


@given(st.floats(0.1, 10.0), st.floats(1.01, 20.0), st.floats(0.05, 0.95))
def test_a_narrower_window_gives_a_narrower_range(
    reference: Profile, low: float, ratio: float, cut: float
) -> None:
    """Whatever a property is in its window, its numbers are in their range."""

    def numbers(viscosity: float | tuple[float, float]) -> DesignNumber:
        liquid = Liquid(density_kg_m3=(789.0, 790.0), viscosity_mpa_s=viscosity)
        streams = {**reference.streams}
        streams["ODE"] = attrs.evolve(streams["ODE"], liquid=liquid)
        return by_name(attrs.evolve(reference, streams=streams), "residence")["Re"]

    wide = numbers((low, low * ratio))
    inside = numbers((low * ratio**cut, low * ratio))
    assert wide.low <= inside.low * (1 + 1e-9)
    assert wide.high >= inside.high * (1 - 1e-9)
    assert wide.high / wide.low == pytest.approx(inside.high / inside.low * ratio**cut, rel=1e-6)


def test_what_is_not_known_is_named(reference: Profile) -> None:
    """Without properties there are no numbers, and each missing one is told with its streams."""
    assert design_numbers(reference) == []
    missing = missing_properties(reference)
    assert missing["interfacial_tension"] == ("PFO",)
    assert missing["diffusivity"] == ("CuI", "ZnI2", "CsOA", "ODE")


def test_corners_meet_the_limits(plugins: Plugins) -> None:
    """Corners beyond a limit on flow rates are left out; without any, the middle is taken."""
    text = 'extends = "cs3cu2i5-heatup-chem3"\nlimits.total_flow = {}\n'
    some = load_profile_text(text.format("['600 uL/min', '750 uL/min']"), "x.toml", plugins)
    assert 0 < len(space_corners(some)) < 32
    none = load_profile_text(text.format("['749 uL/min', '751 uL/min']"), "x.toml", plugins)
    for corner in space_corners(none):
        assert 749 <= sum(none.flow_rates_ul_min(corner).values()) <= 751


def test_every_choice_of_a_category_is_a_corner() -> None:
    """A category has no ends, so that each of its choices is looked at."""
    text = """
extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]
[settings]
total = "720 uL/min"
PFO = "240 uL/min"
CuI = "100 uL/min"
ZnI2 = "100 uL/min"
[space]
temperature = { is = "plate", range = ["150 degC", "180 degC"] }
[space.caesium.choices]
none = { CsOA = "20 uL/min" }
some = { "CsOA / CuI" = 0.4 }
much = { CsOA = "70 uL/min" }
"""
    chosen = load_profile_text(text, "chosen.toml", Plugins.discover())
    assert {one["caesium"] for one in space_corners(chosen)} == {"none", "some", "much"}
    assert len(space_corners(chosen)) == 6


def test_the_command_warns_and_never_refuses(tmp_path: pytest.TempPathFactory) -> None:
    """Numbers outside their windows leave the exit code as it is."""
    file = tmp_path / "liquids.toml"  # type: ignore[operator]
    file.write_text(LIQUIDS)
    told = CliRunner().invoke(main, ["check", str(file), "--numbers"])
    assert told.exit_code == 0
    assert "reaction: Bo 1.2 to 1.2; should be below 0.3: outside in 32 of 32" in told.output
    assert "density of ZnI2, CsOA, ODE is not given" in told.output
    plain = json.loads(CliRunner().invoke(main, ["check", str(file), "--numbers", "--json"]).output)
    assert {one["name"] for one in plain["design_numbers"]["numbers"]} >= {"Re", "Da"}
    assert plain["sections"]["reaction"]["time_s"] == pytest.approx(48.0)
    assert plain["sections"]["residence"]["routes"][0]["components"][0] == "segmentation"
