"""An emulated rig that outlives the runs on it, in the state that a crashed program leaves."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from attrs import define, evolve

from flowrig.clock import Clock, VirtualClock
from flowrig.emulation import HangUp, Line, When, Wire, World
from flowrig.profile import Profile
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.torture.physics import Physics, WatchedWorld

__all__ = ["MalformedNumber", "TortureRig", "UnpluggedWire"]


class UnpluggedWire(Wire):
    """A cable that is unplugged: every connection is hung up."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hang up.

        Raises:
            HangUp: always.
        """
        self.struck = True
        raise HangUp


@define(eq=False, slots=False)
class MalformedNumber(Wire):
    """A wire that replaces every number with a decimal point in an answer.

    Attributes:
        text: the replacement.
    """

    text: bytes

    def carry(self, line: Line, data: bytes) -> bytes:
        """Replace the numbers of an answer."""
        answer = line.feed(data)
        changed = re.sub(rb"-?\d+\.\d+", self.text, answer)
        self.struck |= changed != answer
        return changed


@define(eq=False, slots=False)
class _Trip(Wire):
    """A wire without a fault that calls a function when it is used."""

    action: Callable[[], object]

    def carry(self, line: Line, data: bytes) -> bytes:
        self.action()
        return line.feed(data)


class TortureRig:
    """One world with its emulators, for any number of runs one after the other.

    Attributes:
        clock: the clock of the rig and of every run on it.
        physics: the recorded physical values.
        on_ready: called whenever a run is about to connect.
        world: the recorded world; exists from the first run on.
        swapped: by device, the device at whose address it is found, if plugs are exchanged.
    """

    world: WatchedWorld

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.physics = Physics(self.clock)
        self.on_ready: Callable[[], None] = lambda: None
        self.swapped: dict[str, str] = {}
        self._stack = ExitStack()
        self._rig: EmulatedRig | None = None
        self._unplugged: dict[str, UnpluggedWire] = {}
        self._stays_unplugged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def rig(self) -> EmulatedRig:
        """World and emulators; they exist from the first run on."""
        assert self._rig is not None
        return self._rig

    @property
    def is_built(self) -> bool:
        """Whether a first run has begun."""
        return self._rig is not None

    @contextmanager
    def simulator(
        self,
        profile: Profile,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> Iterator[EmulatedRig]:
        """Connect this rig to a profile; see `flowrig.rig.simulated.emulated`."""
        if self._rig is None:
            self._rig = self._stack.enter_context(
                emulated(profile, clock, seed, fill_ul, watched=self._watched, least_deadline_s=0.0)
            )
            if self._stays_unplugged:
                self.unplug()
        served = self._rig.profile.devices
        devices = {
            name: evolve(device, settings=served[self.swapped.get(name, name)].settings)
            for name, device in profile.devices.items()
        }
        self.on_ready()
        yield evolve(self._rig, profile=evolve(profile, devices=devices))

    def _watched(self, world: World) -> World:
        self.world = WatchedWorld(world, self.physics)
        return self.world

    def trip(self, device: str, after: int, action: Callable[[], object]) -> None:
        """Call a function in an exchange of a device, after a number of undisturbed exchanges."""
        wire = self.rig.emulators[device].wire
        wire.plan(_Trip(action), When(after=after, times=1))

    def unplug(self, *devices: str) -> None:
        """Unplug devices, all by default, until `heal`; a new rig is unplugged when it is built."""
        if self._rig is None:
            self._stays_unplugged = True
            return
        for device in devices or tuple(self.rig.emulators):
            if device not in self._unplugged:
                wire = self._unplugged[device] = UnpluggedWire()
                self.rig.emulators[device].wire.plan(wire)

    def heal(self) -> None:
        """End all faults."""
        for emulator in self.rig.emulators.values():
            emulator.heal()
        self._unplugged.clear()
