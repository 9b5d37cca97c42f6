"""A simulated rig whose physical state can be looked at after a run, and runs on it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from flowrig.clock import Clock, VirtualClock
from flowrig.plugins import Offer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.run.options import RunOptions
from flowrig.run.start import RunOutcome, start_run
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld


class WatchedWorld(FluidicWorld):
    """A rig whose CuI syringe can hold less than anybody knows, and that can be looked at later."""

    fill_ul: ClassVar[Mapping[str, float]] = {}
    newest: ClassVar["WatchedWorld"]

    def __init__(
        self,
        profile: Profile,
        settings: FluidicSettings,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(profile, settings, clock, seed, {**(fill_ul or {}), **self.fill_ul})
        WatchedWorld.newest = self


class Watched:
    """The plugin that offers it."""

    @hookimpl
    def flowrig_worlds(self) -> Sequence[Offer]:
        return [
            Offer(
                kind="world",
                name="watched",
                target=f"{__name__}:WatchedWorld",
                settings=FluidicSettings,
            )
        ]


WORLD = '[simulation]\nworld = "watched"\nchemistry = "chem3"\n'

QUICK = """\
extends = "cs3cu2i5-heatup-chem3"

[calibration]
duration = "10 s"

[analysis]
frames = 8
frame_interval = "100 ms"
reactive_frames = 2

[steady]
hold = "4 s"

[[space]]
name = "temperature"
heater = "plate"
range = ["26 degC", "27 degC"]

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[dependent_flows]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
CuI = "0.4 * ODE"
ZnI2 = "0.4 * ODE"
CsOA = "0.2 * ODE"

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {experiments}
"""
"""A campaign that hardly waits: a cold plate, few frames, one condition that is free."""

Run = Callable[..., tuple[RunOutcome, WatchedWorld, VirtualClock]]


def plugins_with(**more: object) -> Plugins:
    """What is installed, the watched world, and more."""
    return Plugins.discover(extra={"watched": Watched(), **more})


def run_watched(
    profile: Path, folder: Path, plugins: Plugins | None = None, **options: Any
) -> tuple[RunOutcome, WatchedWorld, VirtualClock]:
    """A whole run in the watched world."""
    clock = VirtualClock()
    outcome = start_run(
        profile,
        RunOptions(
            folder=folder, simulate=True, clock=clock, plugins=plugins or plugins_with(), **options
        ),
    )
    return outcome, WatchedWorld.newest, clock


def moved_ul(world: WatchedWorld) -> dict[str, float]:
    """What every plunger has pushed out."""
    return {
        name: world.pump(f"pump_{name}").moved_ul for name in ("cui", "zni2", "csoa", "ode", "pfo")
    }


def assert_at_rest(world: WatchedWorld, clock: VirtualClock) -> None:
    """Nothing moves and the plate cools down."""
    before, hot_c = moved_ul(world), world.heater("plate").temperature_c
    clock.sleep(600.0)
    assert moved_ul(world) == before
    assert world.heater("plate").temperature_c < max(hot_c, 30.0)
