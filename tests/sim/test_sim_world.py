"""The fluidic world as an offer, and its errors for profiles that do not fit."""

import pytest
from attrs import evolve
from sim_bench import CENTRE, EXPOSURE_US, Bench, chosen, heat_up_profile, with_component

from flowrig.clock import VirtualClock
from flowrig.emulation import World
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld


def build(profile):
    """The world of a profile."""
    return FluidicWorld(profile, FluidicSettings(), VirtualClock(), 1, None)


def test_the_world_is_on_offer_and_the_reference_profile_uses_it():
    """The reference profile's simulation is built from the offer that is found by name."""
    offer = Plugins.discover().offer("world", "fluidic")
    simulation = heat_up_profile().simulation
    assert simulation.offer == offer
    assert isinstance(simulation.settings, FluidicSettings)
    assert issubclass(offer.load(), World)


def test_the_flow_path_comes_from_the_profile():
    """Premixing volume, reactor and cells are those of the reference rig."""
    path = build(heat_up_profile())._fluid.path
    premix, slugs = (one for one in path.stretches if len(one.reactive) == 4)
    assert premix.volume_ul == pytest.approx(440.0)
    assert not premix.carriers
    assert [c.name for c in slugs.components if c.heater == "plate"] == ["reactor"]
    assert slugs.carriers == ("PFO",)
    assert {cell.position_ul for cell in path.cells.values()} == {1000.0}
    assert path.reactive == ("CuI", "ZnI2", "CsOA", "ODE")
    assert path.carriers == ("PFO",)


def test_a_rig_without_the_streams_of_the_chemistry_is_refused():
    """The error names every stream that is missing, and the chemistry that fits any rig."""
    profile = heat_up_profile()
    streams = {k: v for k, v in profile.streams.items() if k not in {"CsOA", "ZnI2"}}
    with pytest.raises(InputError, match=r"lacks ZnI2, CsOA; .*stand-in"):
        build(evolve(profile, streams=streams, variables=profile.variables[:2], dependent_flows={}))


def test_a_carrier_that_reacts_is_refused():
    """The roles of the streams must be those of the chemistry."""
    profile = heat_up_profile()
    streams = profile.streams | {"CuI": evolve(profile.streams["CuI"], role="carrier")}
    with pytest.raises(InputError, match="CuI has the role 'carrier'"):
        build(evolve(profile, streams=streams))


def test_a_heat_up_without_heat_is_refused():
    """The chemistry needs a heated reactor; the world does not."""
    cold = with_component(heat_up_profile(), "reactor", kind="tubing", heater=None)
    with pytest.raises(InputError, match="needs a heated reactor"):
        build(cold)
    FluidicWorld(cold, FluidicSettings(chemistry=chosen("stand-in")), VirtualClock(), 1)


def test_devices_that_the_path_does_not_use_are_there():
    """A spectrometer at no cell sees darkness, and a pump without stream pushes nothing."""
    world = build(with_component(heat_up_profile(), "cell_pl", spectrometer=None))
    assert world.spectrometer("hdx_pl").expose(EXPOSURE_US).max() < 2000


@pytest.mark.parametrize("kind", ["pump", "heater", "spectrometer"])
def test_an_unknown_device_is_named(kind):
    """The error for an unknown device names it and lists the known devices."""
    with pytest.raises(InputError, match="'missing'; it has "):
        getattr(Bench().world, kind)("missing")


def test_a_resumed_world_begins_at_its_clock():
    """A world that begins late is as fresh as one that begins at zero."""
    bench = Bench(start_s=30_000.25)
    assert bench.plate.temperature_c == pytest.approx(25.0, abs=0.5)
    bench.wait(3.0 * bench.start(CENTRE))
    assert bench.world.pump("pump_cui").moved_ul == pytest.approx(
        100.0 * 3.0 * 1000.0 / 750.0, rel=1e-9
    )
    assert bench.absorbance.expose(EXPOSURE_US).max() > 2000
