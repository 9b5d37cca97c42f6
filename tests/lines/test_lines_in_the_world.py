"""Simulated lines: each has its share of the flow, a scatter of its own, and one may block."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from test_lines import PLUGINS, RIG

from flowrig.clock import VirtualClock
from flowrig.journal.events import SymptomFound
from flowrig.profile import Profile, load_profile_text
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord
from flowrig.torture.judge.measurements import is_scatter
from flowrig_sim.flow.lines import uneven
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.settings import FluidicSettings

RATES = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}

CAMPAIGN = """
[analysis]
frames = 20
pick = { frames = 5, darkest = ["250 nm", "350 nm"] }
[campaign]
title = "lines"
[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 3
[simulation]
world = "fluidic"
"""


@cache
def rig() -> Profile:
    return load_profile_text(RIG, "lines.toml", PLUGINS)


def shares(profile: Profile) -> list[float]:
    to = profile.path["segmentation"].to
    assert isinstance(to, dict)
    return [to[f"reactor.{line}"] for line in (1, 2, 3, 4)]


def test_lines_differ_by_seed_and_what_flows_in_flows_out() -> None:
    assert shares(uneven(rig(), 0.0, 1)) == pytest.approx([0.25] * 4)
    found = [shares(uneven(rig(), 0.05, seed)) for seed in range(40)]
    assert found[3] == shares(uneven(rig(), 0.05, 3))
    assert [sum(one) for one in found] == pytest.approx([1.0] * 40)
    # The sum of four is kept, which takes a part of the scatter away.
    assert np.std(found) / 0.25 == pytest.approx(0.05 * np.sqrt(3 / 4), rel=0.2)


def test_a_blocked_line_stands_still_and_the_others_take_its_flow() -> None:
    settings = FluidicSettings(blocked_line=2, blocked_after_s=600.0)
    fluid = FluidState(rig(), settings, 1, None, 0.0)
    for name, plunger in fluid.plungers.items():
        plunger.push(RATES[name], 0.0)
    seen: dict[str, str | float] = {}
    fluid.device_values = lambda: seen

    def look(position: str, now_s: float) -> tuple[float, float]:
        seen["mux"] = position
        fluid.advance(now_s)
        content = fluid.content(fluid.path.cells["hdx_pl"], now_s)
        return content.flow_ul_min, content.reactive_share

    assert look("two", 590.0) == pytest.approx((187.5, 2 / 3), rel=0.05)
    assert look("two", 700.0) == pytest.approx((0.0, 2 / 3), abs=0.05)
    assert look("three", 700.0) == pytest.approx((250.0, 2 / 3), rel=0.05)
    assert look("off", 700.0) == (0.0, 0.0)


def test_a_line_that_is_not_there_cannot_block() -> None:
    with pytest.raises(Exception, match="has 4 lines, and its simulation blocks line 5"):
        FluidState(rig(), FluidicSettings(blocked_line=5), 1, None, 0.0)
    alone = evolve(rig(), lines=None)
    with pytest.raises(Exception, match="has no lines"):
        FluidState(alone, FluidicSettings(blocked_line=1), 1, None, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("blocked", [None, 3])
def test_a_campaign_names_the_blocked_line(tmp_path: Path, blocked: int | None) -> None:
    """Only the blocked line is named, in each sample, and told once as a symptom."""
    text = RIG + CAMPAIGN + ("" if blocked is None else f"blocked_line = {blocked}\n")
    (tmp_path / "lines.toml").write_text(text, encoding="utf-8")
    profile = load_profile_text(text, "lines.toml", PLUGINS)
    assert profile.campaign is not None
    start_run(
        tmp_path / "lines.toml",
        RunOptions(
            folder=tmp_path / "run", simulate=True, clock=VirtualClock(), plugins=PLUGINS, seed=1
        ),
    )
    with RunRecord(tmp_path / "run", PLUGINS) as record:
        experiments = record.experiments()
        symptoms = [e.data.symptom for e in record.journal.events(SymptomFound)]
        series = record.arrays(1)["line_peak.series"]
    assert len(experiments) == 3
    assert series.shape == (4,)
    named = [[flag for flag in one.flags if "is unlike the others" in flag] for one in experiments]
    if blocked is None:
        assert named == [[], [], []]
        assert not any(kind.startswith("line-") for kind in symptoms)
    else:
        assert all(len(one) == 1 and f"line {blocked} " in one[0] for one in named)
        assert symptoms.count(f"line-{blocked}-blocked") == 1


def test_a_line_that_is_freed_flows_again() -> None:
    """The fault of the emulated spectrometer ends as every other."""
    fluid = FluidState(rig(), FluidicSettings(), 1, None, 0.0)
    for name, plunger in fluid.plungers.items():
        plunger.push(RATES[name], 0.0)
    fluid.device_values = lambda: {"mux": "two"}
    seen = []
    for now_s, line in ((400.0, 2), (500.0, None), (600.0, None)):
        fluid.advance(now_s)
        seen.append(fluid.content(fluid.path.cells["hdx_pl"], now_s).flow_ul_min)
        if len(seen) < 3:
            fluid.block(line, now_s)
    assert seen == pytest.approx([187.5, 0.0, 187.5], rel=0.05, abs=0.1)


def test_the_scatter_of_lines_is_no_lost_measurement() -> None:
    """A judge compares what two sound campaigns measure alike; a spread is noise."""
    text = RIG.replace(
        'spread_nm = "spread(line_peak)"', 'spread_nm = "spread(line_peak)"\nboth = "2 * spread_nm"'
    )
    profile = load_profile_text(text, "lines.toml", PLUGINS)
    assert is_scatter(profile, "spread_nm")
    assert is_scatter(profile, "both")
    assert not is_scatter(profile, "pla")
