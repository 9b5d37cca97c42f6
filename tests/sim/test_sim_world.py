"""The fluidic world as an offer, and its errors for profiles that do not fit."""

import pytest
from attrs import evolve
from sim_bench import CENTRE, EXPOSURE_US, Bench, heat_up_profile, with_component

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
    assert path.premix_ul == pytest.approx(440.0)
    assert path.reactor_ul == pytest.approx(600.0)
    assert {cell.position_ul for cell in path.cells.values()} == {1000.0}
    assert path.reactive == ("CuI", "ZnI2", "CsOA", "ODE")
    assert path.carriers == ("PFO",)


def test_a_rig_without_the_streams_of_the_chemistry_is_refused():
    """The error names every stream that is missing."""
    profile = heat_up_profile()
    streams = {k: v for k, v in profile.streams.items() if k not in {"CsOA", "PFO"}}
    with pytest.raises(InputError, match="lacks CsOA, PFO"):
        build(evolve(profile, streams=streams))


def test_a_carrier_that_reacts_is_refused():
    """The roles of the streams must be those of the chemistry."""
    profile = heat_up_profile()
    streams = profile.streams | {"PFO": evolve(profile.streams["PFO"], role="solvent")}
    with pytest.raises(InputError, match="PFO has the role 'solvent'"):
        build(evolve(profile, streams=streams))


def test_a_reactor_without_heater_is_refused():
    """The error names the reactor."""
    with pytest.raises(InputError, match="'reactor' names no heater"):
        build(with_component(heat_up_profile(), "reactor", heater=None))


def test_a_path_without_reactor_is_refused():
    """There must be one reactor behind the segmentation junction."""
    with pytest.raises(InputError, match="one reactor"):
        build(with_component(heat_up_profile(), "reactor", kind="tubing"))


def test_a_cell_before_the_reactor_is_refused():
    """The world has no model of the spectra of unreacted slugs."""
    profile = with_component(heat_up_profile(), "segmentation", to="cell_absorbance")
    profile = with_component(profile, "cell_absorbance", to="reactor")
    profile = with_component(profile, "cooling", to="cell_pl")
    with pytest.raises(InputError, match="'cell_absorbance' lies before the reactor"):
        build(profile)


def test_a_spectrometer_without_cell_is_refused():
    """A spectrometer of the analysis must be at a flow cell."""
    with pytest.raises(InputError, match="'hdx_pl' is at no flow cell"):
        build(with_component(heat_up_profile(), "cell_pl", spectrometer=None))


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
