"""A simulated rig: the same profile and drivers, with addresses of emulated instruments."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final, Protocol

from attrs import evolve, frozen

from flowrig.clock import Clock, VirtualClock
from flowrig.emulation import Emulator, EmulatorContext, World
from flowrig.emulation.world import SpectrometerBody
from flowrig.errors import InputError
from flowrig.plugins.offers import import_target
from flowrig.profile import DeviceEntry, Profile
from flowrig.profile.rules.analysis import require_seen

__all__ = [
    "EmulatedRig",
    "Simulator",
    "chemistry_of",
    "emulated",
    "is_invented",
    "new_world",
    "require_emulators",
]

EXPOSURE_US: Final = 10_000
"""Exposure [µs] with which the pixels of an emulated detector are counted."""

LEAST_DEADLINE_S: Final = 10.0
"""Shortest deadline [s] of a driver in front of an emulated instrument.

Its answer passes through this process in real time, and comes late on a busy machine.
"""


@frozen(eq=False)
class EmulatedRig:
    """Emulated instruments that are started.

    Attributes:
        profile: the rig, with the addresses of the emulators.
        world: the physical world that they measure and change.
        emulators: by device name; faults are injected there.
    """

    profile: Profile
    world: World
    emulators: Mapping[str, Emulator]


class Simulator(Protocol):
    """Starts the emulated instruments of a rig, as `emulated` does."""

    def __call__(
        self,
        profile: Profile,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> AbstractContextManager[EmulatedRig]:
        """Start them; see `emulated`."""


@contextmanager
def emulated(
    profile: Profile,
    clock: Clock,
    seed: int,
    fill_ul: Mapping[str, float] | None = None,
    *,
    watched: Callable[[World], World] = lambda world: world,
    least_deadline_s: float = LEAST_DEADLINE_S,
) -> Iterator[EmulatedRig]:
    """Start an emulator for every device, in front of one physical world.

    Args:
        profile: the rig; its `[simulation]` names the world.
        clock: the run's clock.
        seed: of every noise.
        fill_ul: liquid left [µL] by stream; full syringes where a stream is not named.
        watched: wraps the world, for instance to record what is physically done.
        least_deadline_s: the deadlines of the drivers are not shorter than this [s].

    Yields:
        the profile with addresses and deadlines of its devices replaced, the world and the
        emulators.

    Raises:
        InputError: the profile names no world, or a driver ships no emulator.
    """
    world = watched(new_world(profile, clock, seed, fill_ul))
    with ExitStack() as stack:
        devices, emulators = {}, {}
        for name, device in profile.devices.items():
            device.offer.load()
            # In virtual time an answer from another thread would only cost time.
            context = EmulatorContext(
                name, device.settings, world, clock, is_direct=clock.is_virtual
            )
            emulator: Emulator = _emulator_of(device)(context)
            emulators[name] = stack.enter_context(emulator)
            settings = emulator.serve()
            deadline_s = max(settings.deadline_s, least_deadline_s)
            settings = evolve(settings, deadline_s=deadline_s)
            devices[name] = evolve(device, settings=settings, emulated=True)
        yield EmulatedRig(evolve(profile, devices=devices), world, emulators)


def require_emulators(profile: Profile) -> None:
    """Check that a rig can be simulated; nothing is started.

    Raises:
        InputError: the profile names no world, the world refuses the rig, a driver ships no
            emulator, or an emulated detector does not see what the analysis reads.
    """
    for device in profile.devices.values():
        _emulator_of(device)
    world = new_world(profile, VirtualClock(), 1, None)
    names = [n for n in profile.analysis.devices if profile.devices[n].kind is None]
    require_seen(profile, {name: _range_nm(world.spectrometer(name)) for name in names})


def chemistry_of(profile: Profile) -> str:
    """Name of the chemistry with which a rig is simulated; "" if its world takes none."""
    choice = None if profile.simulation is None else profile.simulation.chemistry
    return "" if choice is None else choice.offer.name


def is_invented(profile: Profile) -> bool:
    """Whether the numbers of a simulated rig stand for nothing.

    Raises:
        FlowrigError: the chemistry cannot be loaded.
    """
    choice = None if profile.simulation is None else profile.simulation.chemistry
    return choice is not None and bool(choice.offer.load().invented)


def _range_nm(detector: SpectrometerBody) -> tuple[float, float]:
    """Wavelength of the first and of the last pixel of an emulated detector [nm]."""
    last = detector.expose(EXPOSURE_US).size - 1
    terms = enumerate(detector.wavelength_coefficients)
    return detector.wavelength_coefficients[0], sum(one * last**power for power, one in terms)


def new_world(
    profile: Profile, clock: Clock, seed: int, fill_ul: Mapping[str, float] | None = None
) -> World:
    """The world behind a simulated rig, without emulators in front of it; see `emulated`.

    Raises:
        InputError: the profile names no world, or it cannot show this rig.
    """
    if profile.simulation is None:
        raise InputError(
            f"{profile.name} has no [simulation] table, and no plugin offers the default one; add "
            "one with the name of a world"
        )
    simulation = profile.simulation
    world: World = simulation.offer.load()(profile, simulation.settings, clock, seed, fill_ul)
    return world


def _emulator_of(device: DeviceEntry) -> Callable[[EmulatorContext], Emulator]:
    """The class of the emulator of a device.

    Raises:
        InputError: its driver ships none, or the emulator does not load.
    """
    name = device.name
    if not device.offer.emulator:
        raise InputError(
            f"{name}: the driver {device.offer.name!r} ships no emulator, so this rig cannot be "
            "simulated"
        )
    found: Callable[[EmulatorContext], Emulator] = import_target(
        device.offer.emulator, f"the driver of {name}"
    )
    return found
