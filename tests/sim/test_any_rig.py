"""The simulated world of rigs that are shaped otherwise than the reference rig."""

from functools import cache

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_bench import chosen
from small_rigs import rig

from flowrig.clock import VirtualClock
from flowrig.emulation import Parcel
from flowrig.profile import Profile
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld

CELLS = """
waste = { kind = "waste" }

[path.cell_a]
kind = "flow-cell"
inner_diameter = "1 mm"
volume = "0 uL"
spectrometer = "eye_a"
to = "cell_e"

[path.cell_e]
kind = "flow-cell"
inner_diameter = "1 mm"
volume = "0 uL"
spectrometer = "eye_e"
to = "waste"
"""
Y = (
    """
y = { kind = "junction", volume = "5 uL", to = "line" }
line = { kind = "tubing", inner_diameter = "1 mm", length = "20 cm", to = "cell_a" }
"""
    + CELLS
)
TWO_STAGES = (
    """
one = { kind = "junction", volume = "20 uL", to = "mixer_one" }
mixer_one = { kind = "mixer", volume = "100 uL", to = "two" }
two = { kind = "junction", volume = "10 uL", to = "mixer_two" }
mixer_two = { kind = "mixer", volume = "100 uL", to = "cut" }
cut = { kind = "junction", volume = "0 uL", to = "line" }
line = { kind = "tubing", inner_diameter = "1 mm", length = "30 cm", to = "cell_a" }
"""
    + CELLS
)
COILS = (
    """
y = { kind = "junction", volume = "10 uL", to = { short = 0.25, long = 0.75 } }
short = { kind = "tubing", inner_diameter = "1 mm", volume = "50 uL", to = "join" }
long = { kind = "tubing", inner_diameter = "1 mm", volume = "300 uL", to = "join" }
join = { kind = "junction", volume = "0 uL", to = "cell_a" }
"""
    + CELLS
)


@cache
def y_rig() -> Profile:
    """Two liquids that mix in one phase, without heat and without carrier."""
    return rig({"A": ("reagent", "y"), "B": ("solvent", "y")}, Y, start="y")


@cache
def staged_rig() -> Profile:
    """A third liquid joins later, then oil cuts slugs."""
    return rig(
        {
            "A": ("reagent", "one"),
            "B": ("reagent", "one"),
            "C": ("solvent", "two"),
            "Oil": ("carrier", "cut"),
        },
        TWO_STAGES,
        start="one",
    )


@cache
def coil_rig() -> Profile:
    """The flow divides into two coils and joins again."""
    return rig({"A": ("reagent", "y"), "B": ("solvent", "y")}, COILS, start="y")


RIGS = {"y": y_rig, "staged": staged_rig, "coils": coil_rig}


class Flowing:
    """The world of a rig under steady flow, without noise."""

    def __init__(self, profile: Profile, conditions: dict[str, float]) -> None:
        self.profile, self.conditions = profile, conditions
        self.clock = VirtualClock()
        quiet = FluidicSettings(chemistry=chosen("stand-in"), noise=0.0, flow_ripple=0.0)
        self.world = FluidicWorld(profile, quiet, self.clock, 3)
        for name, rate in profile.flow_rates_ul_min(conditions).items():
            self.world.pump(profile.streams[name].pump).push(rate)

    def parcel(self, seconds: float) -> Parcel | None:
        """What is in the last cell after a time [s]."""
        self.clock.sleep(seconds)
        fluid, now_s = self.world._fluid, self.clock.now_s()
        fluid.advance(now_s)
        cell = fluid.path.cells["eye_e"]
        total_ul, _ = fluid._flow(cell.stretch, now_s)
        found = fluid._record.slice_at(cell.stretch, cell.position_ul, total_ul)
        return None if found is None else fluid._parcel(found)


@pytest.mark.parametrize("name", RIGS)
@given(data=st.data())
@settings(max_examples=2, deadline=None)
def test_what_flows_long_enough_is_steady(name: str, data: st.DataObject) -> None:
    """Any rig comes to the composition and the times that follow from its flow rates."""
    profile = RIGS[name]()
    conditions = {v.name: data.draw(st.floats(*v.range), v.name) for v in profile.variables}
    rig_ = Flowing(profile, conditions)
    found, wanted = rig_.parcel(1500.0), rig_.world._fluid.steady_parcel(conditions)
    assert found is not None
    assert wanted is not None
    for one, other in zip(_all(found), _all(wanted), strict=True):
        assert one.shares == pytest.approx(dict(other.shares), abs=1e-6)
        assert one.reactive_share == pytest.approx(other.reactive_share, abs=1e-9)
        assert [leg.component for leg in one.legs] == [leg.component for leg in other.legs]
        times = [leg.seconds for leg in other.legs]
        assert [leg.seconds for leg in one.legs] == pytest.approx(times, rel=1e-6)


@pytest.mark.parametrize("name", RIGS)
@given(seconds=st.floats(0.5, 600.0))
@settings(max_examples=4, deadline=None)
def test_shares_stay_shares_while_it_fills(name: str, seconds: float) -> None:
    """At any time the shares lie between 0 and 1 and make up no more than the whole."""
    profile = RIGS[name]()
    parcel = Flowing(profile, {v.name: 100.0 for v in profile.variables}).parcel(seconds)
    if parcel is not None:
        assert all(-1e-9 <= share <= 1.0 + 1e-9 for share in parcel.shares.values())
        assert sum(parcel.shares.values()) <= 1.0 + 1e-9


def test_the_longer_coil_gives_its_liquid_later() -> None:
    """Parcels that meet behind two coils have the times of their own coil."""
    parcel = Flowing(coil_rig(), {"A": 120.0, "B": 120.0}).parcel(900.0)
    assert parcel is not None
    met = {one.legs[-1].component: (share, one) for share, one in parcel.parents}
    assert met["short"][0] == pytest.approx(0.25)
    assert met["short"][1].legs[-1].seconds == pytest.approx(50.0 / 60.0 * 60.0)
    assert met["long"][1].legs[-1].seconds == pytest.approx(300.0 / 180.0 * 60.0)


def test_the_stand_in_has_one_best_point_that_the_seed_moves() -> None:
    """It is smooth, differs between seeds, and says that it is invented."""
    profile = y_rig()
    offer = chosen("stand-in").offer
    assert offer.load().invented
    areas = []
    for seed in (1, 2):
        world = FluidicWorld(
            profile, FluidicSettings(chemistry=chosen("stand-in")), VirtualClock(), seed
        )
        areas.append([world.truth({"A": a, "B": 100.0})[1] for a in np.linspace(40.0, 200.0, 60)])
    for line in areas:
        steps = np.diff(line)
        assert np.sum(np.diff(np.sign(steps)) != 0) <= 2
        assert np.abs(np.diff(steps)).max() < 0.2 * np.ptp(line)
    assert not np.allclose(areas[0], areas[1])


def test_clear_liquid_is_clear() -> None:
    """A stream without reagent is the reference through which the lamp is seen."""
    profile = y_rig()
    pure = Flowing(profile, {"A": 0.0, "B": 100.0})
    parcel = pure.parcel(900.0)
    assert parcel is not None
    assert pure.world._fluid.chemistry.product(parcel).absorbers == ()


def test_devices_without_a_place_are_simulated_too() -> None:
    """A pump that drives nothing, and a spectrometer at no cell."""
    profile = y_rig()
    idle = {"spare": evolve(profile.devices["pump_A"], name="spare")}
    blind = {"blind": evolve(profile.devices["eye_e"], name="blind")}
    more = evolve(profile, devices={**profile.devices, **idle, **blind})
    world = FluidicWorld(more, FluidicSettings(chemistry=chosen("stand-in")), VirtualClock(), 1)
    world.pump("spare").push(10.0)
    assert world.spectrometer("blind").expose(8000).max() < 2000


def _all(parcel: Parcel) -> list[Parcel]:
    """A parcel and what met in it, by the order of its components."""
    parents = sorted(
        (one for _, one in parcel.parents if one.legs), key=lambda one: one.legs[-1].component
    )
    return [parcel, *(inner for one in parents for inner in _all(one))]
