"""An emulated rig that outlives the runs on it: what a crashed program leaves behind."""

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

__all__ = ["Gone", "Misspelt", "TortureRig"]


class Gone(Wire):
    """The cable is out: whoever connects is hung up on."""

    def carry(self, line: Line, data: bytes) -> bytes:
        """Hang up.

        Raises:
            HangUp: always.
        """
        self.struck = True
        raise HangUp


@define(eq=False, slots=False)
class Misspelt(Wire):
    """Every number with a point in an answer comes as something that is none.

    Attributes:
        text: what comes instead.
    """

    text: bytes

    def carry(self, line: Line, data: bytes) -> bytes:
        """Put the text in the place of numbers."""
        answer = line.feed(data)
        changed = re.sub(rb"-?\d+\.\d+", self.text, answer)
        self.struck |= changed != answer
        return changed


@define(eq=False, slots=False)
class _Trip(Wire):
    """A sound wire that calls somebody when it is first used."""

    action: Callable[[], object]

    def carry(self, line: Line, data: bytes) -> bytes:
        self.action()
        return line.feed(data)


class TortureRig:
    """One world with its emulators, for as many runs one after the other as it takes.

    Attributes:
        clock: of the rig and of every run on it.
        physics: what really happened.
        on_ready: called whenever a run is about to connect.
        world: what is watched, from the first run on.
        swapped: at whose address a device is found, where its plug is in another's place.
    """

    world: WatchedWorld

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.physics = Physics(self.clock)
        self.on_ready: Callable[[], None] = lambda: None
        self.swapped: dict[str, str] = {}
        self._stack = ExitStack()
        self._rig: EmulatedRig | None = None
        self._gone: dict[str, Gone] = {}
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
        """World and emulators; there are none before the first run."""
        assert self._rig is not None
        return self._rig

    @property
    def is_built(self) -> bool:
        """Whether a run has begun on it."""
        return self._rig is not None

    @contextmanager
    def simulator(
        self,
        profile: Profile,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> Iterator[EmulatedRig]:
        """Put this rig behind a profile; see `flowrig.rig.simulated.emulated`."""
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
        """Call somebody in the exchange after some that go well."""
        wire = self.rig.emulators[device].wire
        wire.plan(_Trip(action), When(after=after, times=1))

    def unplug(self, *devices: str) -> None:
        """Pull cables out until `heal`; of a rig that is not built yet, as soon as it is."""
        if self._rig is None:
            self._stays_unplugged = True
            return
        for device in devices or tuple(self.rig.emulators):
            if device not in self._gone:
                gone = self._gone[device] = Gone()
                self.rig.emulators[device].wire.plan(gone)

    def heal(self) -> None:
        """Put everything right again."""
        for emulator in self.rig.emulators.values():
            emulator.heal()
        self._gone.clear()
