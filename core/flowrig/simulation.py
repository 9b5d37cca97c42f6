"""A simulated rig: the same profile and drivers, with addresses of emulated instruments."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from attrs import evolve

from flowrig.clock import Clock
from flowrig.emulation import Emulator, EmulatorContext, World
from flowrig.errors import InputError
from flowrig.offers import import_target
from flowrig.profile import Profile

__all__ = ["simulated"]


@contextmanager
def simulated(
    profile: Profile, clock: Clock, seed: int, fill_ul: Mapping[str, float] | None = None
) -> Iterator[Profile]:
    """Start an emulator for every device, in front of one physical world.

    Args:
        profile: the rig; its `[simulation]` names the world.
        clock: the run's clock.
        seed: every noise follows from it.
        fill_ul: liquid left [µL] by stream; full syringes where a stream is not named.

    Yields:
        the profile with nothing but the addresses of its devices replaced.

    Raises:
        InputError: the profile names no world, or a driver ships no emulator.
    """
    if profile.simulation is None:
        raise InputError(
            f"{profile.name} has no [simulation] table; add one, for instance: world = 'fluidic'"
        )
    world: World = profile.simulation.offer.load()(
        profile, profile.simulation.settings, clock, seed, fill_ul
    )
    with ExitStack() as stack:
        devices = {}
        for name, device in profile.devices.items():
            if not device.offer.emulator:
                raise InputError(
                    f"{name}: the driver {device.offer.name!r} ships no emulator, so this rig "
                    "cannot be simulated"
                )
            device.offer.load()
            emulator: Emulator = import_target(device.offer.emulator, f"the driver of {name}")(
                EmulatorContext(name, device.settings, world, clock)
            )
            stack.enter_context(emulator)
            devices[name] = evolve(device, settings=emulator.serve())
        yield evolve(profile, devices=devices)
