"""Yields of the simulated synthesis, compared with the published ones."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from sim_bench import CENTRE, Bench, heat_up_profile, with_component

from flowrig.problem.objective import plqy_proxy

BRIGHT = {"temperature": 150.0, "CuI": 110.0, "ZnI2": 110.0, "CsOA": 30.0, "ODE": 240.0}
DYE = {"dye_plqy": 0.1336, "dye_absorbance": 0.9115, "dye_pl_area": 198_493.1521}
SPACE = {v.name: v.range for v in heat_up_profile().variables}


def proxy(bench, conditions):
    """The true quantum yield proxy, a fraction."""
    return float(plqy_proxy(*bench.world.truth(conditions), **DYE))


def relative_area(bench, flow_rate_scale):
    """True photoluminescence area with all flow rates scaled."""
    conditions = {k: v * flow_rate_scale for k, v in BRIGHT.items()}
    return bench.world.truth(conditions | {"temperature": 150.0})[1]


@pytest.mark.parametrize(
    ("chemistry", "low", "high"),
    [("chem1", 0.23, 0.28), ("chem2", 0.23, 0.28), ("chem3", 0.28, 0.33)],
)
def test_the_best_of_the_search_space_is_near_the_published_best(chemistry, low, high):
    """The best true proxy lies near the published 26.7, 26.9 and 31.5 %, which carry noise."""
    bench = Bench(chemistry=chemistry)
    corners = itertools.product(*SPACE.values())
    best = max(proxy(bench, dict(zip(SPACE, corner, strict=True))) for corner in corners)
    assert low < best < high


@pytest.mark.parametrize("chemistry", ["chem1", "chem2", "chem3"])
def test_more_copper_and_less_caesium_are_better(chemistry):
    """The published directions hold in the middle of the search space."""
    bench = Bench(chemistry=chemistry)
    middle = proxy(bench, CENTRE)
    assert proxy(bench, CENTRE | {"CuI": 120.0}) > middle
    assert proxy(bench, CENTRE | {"CsOA": 30.0}) > middle


def test_photoluminescence_is_flat_above_576_ul_min():
    """At constant reaction time the signal rises with the flow rate and is flat from 576 on."""
    areas = []
    for total_ul_min in (144.0, 288.0, 432.0, 576.0, 720.0, 900.0):
        rig = with_component(heat_up_profile(), "reactor", given_volume_ul=total_ul_min / 60 * 50.0)
        areas.append(relative_area(Bench(profile=rig), total_ul_min / 735.0))
    relative = np.array(areas) / areas[-1]
    assert np.all(np.diff(relative) > 0)
    assert 0.6 < relative[0] < 0.75
    assert relative[3] > 0.97


def test_photoluminescence_is_flat_above_40_s():
    """At 720 µL/min the signal rises with the reaction time and is flat from 40 s on."""
    areas = []
    for reaction_time_s in (5.0, 10.0, 20.0, 30.0, 40.0, 60.0):
        volume_ul = 720.0 / 60.0 * reaction_time_s
        rig = with_component(heat_up_profile(), "reactor", given_volume_ul=volume_ul)
        areas.append(relative_area(Bench(profile=rig), 720.0 / 735.0))
    relative = np.array(areas) / areas[-1]
    assert np.all(np.diff(relative) > 0)
    assert relative[0] < 0.45
    assert 0.85 < relative[2] < 0.95
    assert relative[4] > 0.98


def test_a_cold_plate_gives_hardly_any_crystals():
    """Without heat there is hardly any conversion, so little but the background emits."""
    bench = Bench()
    cold = bench.world.truth(BRIGHT | {"temperature": 25.0})[1]
    assert cold < 0.45 * bench.world.truth(BRIGHT)[1]


@pytest.mark.parametrize("chemistry", ["chem1", "chem3"])
def test_truth_explains_the_published_measurements(chemistry):
    """The surfaces explain as much of the variance of the published data as documented."""
    table = np.genfromtxt(_published(chemistry), delimiter=",", names=True)
    bench = Bench(chemistry=chemistry)
    columns = ("temperature_c", "cui_ul_min", "zni2_ul_min", "csoa_ul_min", "ode_ul_min")
    truth = np.array(
        [
            bench.world.truth(dict(zip(SPACE, (row[c] for c in columns), strict=True)))
            for row in table
        ]
    )
    assert _explained(table["absorbance_300nm"], truth[:, 0]) > 0.65
    assert _explained(table["pl_area"], truth[:, 1]) > 0.93


def _published(chemistry):
    name = f"cs3cu2i5_lhs_{chemistry}.csv"
    return next((Path(__file__).parents[1]).rglob(name))


def _explained(measured, predicted):
    return 1.0 - np.sum((measured - predicted) ** 2) / np.sum((measured - measured.mean()) ** 2)
