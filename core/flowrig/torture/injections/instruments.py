"""Faults of instruments, cables and ports."""

import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from flowrig.emulation import WIRE_FAULTS, Deaf, When
from flowrig.errors import ConnectionLostError
from flowrig.interfaces import Device
from flowrig.profile import Profile
from flowrig.rig import device_threads
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.lasting_rig import MalformedNumber, UnpluggedWire
from flowrig.torture.rigs import NotOnThisRigError, PlayedRig

__all__ = [
    "EveryLinkLost",
    "Hangs",
    "Healthy",
    "MalformedNumbers",
    "OnDevice",
    "OnOtherDevice",
    "OnRefill",
    "PortTaken",
    "SilentHeater",
    "StartedByHand",
    "Unplugged",
]


IN_FLOW: Final = ("stall", "syringe-empty")
"""Faults of a pump that show only while it runs."""


WEAKER: Final = ("lamp-dim", "bubble")
"""Faults that leave some of the light."""


class Healthy(Injection):
    """Disturbances within the specification: slow replies, and replies in pieces."""

    def strike(self, scene: Scene) -> None:
        """Make every wire as bad as the specification allows."""
        for emulator in scene.rig.rig.emulators.values():
            emulator.inject(scene.draw.choice(("delay delay_s=0.5", "pieces", "split chance=0.02")))


class OnDevice(Injection):
    """A fault that the emulators offer by name.

    Args:
        kind: kind of the device, see `Scene.device`.
        texts: faults as `Emulator.inject` takes them; a random one is used. `{byte}`, `{bit}` and
            `{after}` stand for random numbers.
    """

    def __init__(self, kind: str, *texts: str) -> None:
        super().__init__()
        self._kind = kind
        self._texts = texts

    def target(self, scene: Scene) -> str:
        """The device on which the fault strikes."""
        if not self.affected:
            self.affected = (scene.device(self._kind, self._texts),)
        return self.affected[0]

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that a device of the kind can have one of the faults."""
        rig.require(self._kind, self._texts)

    def aim(self, device: str) -> None:
        """Choose the device."""
        self.affected = (device,)

    def strike(self, scene: Scene) -> None:
        """Plan the fault from the next exchange on."""
        emulator = scene.rig.rig.emulators[self.target(scene)]
        draw = scene.draw
        possible = emulator.fault_switches().keys() | WIRE_FAULTS.keys()
        text = draw.choice([t for t in self._texts if t.split()[0] in possible]).format(
            byte=draw.randrange(24), bit=1 << draw.randrange(8), after=draw.randrange(3)
        )
        self.loses_count = text.startswith("power-cycle")
        self.shows_in_flow = text.startswith(IN_FLOW)
        self.weakens_light = text.startswith(WEAKER)
        self.dimmed_s = scene.rig.clock.now_s() if text.startswith("lamp-dim") else None
        kind = scene.profile.devices[self.target(scene)].offer.kind
        self.is_detectable = kind in ("pump", "heater")
        emulator.inject(text)


class OnOtherDevice(OnDevice):
    """A fault of a device that is neither pump nor heater nor detector.

    A rig without a device of the kind may get one for the cell.

    Args:
        kind: kind of the device.
        texts: see `OnDevice`.
        reads: names of quantities of which the device reports one; any device without them.
        also: further tables of TOML for a rig that gets the device.
    """

    def __init__(self, kind: str, *texts: str, reads: Sequence[str] = (), also: str = "") -> None:
        super().__init__(kind, *texts)
        self._also = also
        self._reads = reads

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that the rig has such a device, or gets one."""
        if rig.added(self._kind) is None:
            self._possible(rig)

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign, with the device if the rig gets one."""
        added = rig.added(self._kind)
        self.affected = (draw.choice(self._possible(rig)) if added is None else added.name,)
        more = "" if added is None else f"{added.tables}\n{self._also}"
        return rig.campaign.write(folder, more=more)

    def aim(self, device: str) -> None:
        """The device is that of the cell."""

    def _possible(self, rig: PlayedRig) -> list[str]:
        rig.require(self._kind, self._texts)
        found = [
            name
            for name in rig.devices(self._kind, self._texts)
            if not self._reads
            or any(
                one.name in self._reads for one in rig.profile.devices[name].abilities.quantities
            )
        ]
        if not found:
            raise NotOnThisRigError(f"no {self._kind} of the rig reads {', '.join(self._reads)}")
        return found


class OnRefill(OnDevice):
    """A fault of what fills a syringe from a reservoir.

    Args:
        part: "valve" or "pump" of the stream.
        texts: see `OnDevice`.
    """

    def __init__(self, part: str, *texts: str) -> None:
        super().__init__(part, *texts)

    def target(self, scene: Scene) -> str:
        """The device on which the fault strikes."""
        if not self.affected:
            self.affected = (scene.draw.choice(self._parts(scene.profile)),)
        return self.affected[0]

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that a syringe of the rig fills itself."""
        parts = self._parts(rig.profile)
        if not parts:
            raise NotOnThisRigError("no syringe of the rig fills itself")
        if not {*parts} & {*rig.devices("any", self._texts)}:
            raise NotOnThisRigError(f"no emulated {self._kind} of a refill offers it")

    def strike(self, scene: Scene) -> None:
        """Plan the fault from the next exchange on."""
        super().strike(scene)
        self.is_detectable = False  # nothing enters the flow path meanwhile

    def _parts(self, profile: Profile) -> list[str]:
        if self._kind == "valve":
            return [one.valve for one in profile.refills.values()]
        return [profile.streams[name].pump for name in profile.refills]


class StartedByHand(OnDevice):
    """A person starts a pump that stands still, at the pump.

    Its report may include its run before, and is then charged once more.
    """

    loses_count = True

    def __init__(self) -> None:
        super().__init__("pump", "panel-start times=1")

    def strike(self, scene: Scene) -> None:
        """Start the pump in its next exchange."""
        super().strike(scene)
        self.loses_count, self.started_by_hand = True, self.affected


class Unplugged(OnDevice):
    """A cable that comes out during an exchange, for a moment or for good."""

    def __init__(self) -> None:
        super().__init__("any", "hang-up after_bytes={byte} after={after}")

    def strike(self, scene: Scene) -> None:
        """Unplug the cable."""
        if scene.draw.random() < 0.5:
            scene.rig.unplug(self.target(scene))
        else:
            super().strike(scene)


class SilentHeater(OnDevice):
    """A heater that answers nothing for some seconds, and then goes on as if nothing had been."""

    def __init__(self) -> None:
        super().__init__(
            "heater", *(f"{fault} for_s={s}" for fault in ("deaf", "mute") for s in (4, 10, 20, 40))
        )


class EveryLinkLost(Injection):
    """No device can be reached for some seconds: a switch or a hub that starts again."""

    LOST_S: Final = (5, 10, 20)
    """Possible durations [s]."""

    def strike(self, scene: Scene) -> None:
        """Break every link from its next exchange on, or let requests get lost."""
        self.unreachable_s = scene.draw.choice(self.LOST_S)
        deaf = scene.draw.random() < 0.5
        for emulator in scene.rig.rig.emulators.values():
            wire = Deaf() if deaf else UnpluggedWire()
            emulator.wire.plan(wire, When(for_s=self.unreachable_s))


class MalformedNumbers(OnDevice):
    """Replies in which numbers are replaced by texts that are no numbers, three times.

    Args:
        texts: possible replacements.
    """

    def __init__(self, *texts: str) -> None:
        super().__init__("any", *texts)

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that a device replies in text."""
        if not self._kinds(rig):
            raise NotOnThisRigError("no device of the rig replies in text")

    def target(self, scene: Scene) -> str:
        """A device that replies in text."""
        if not self.affected:
            self.affected = (scene.device(scene.draw.choice(self._kinds(scene.played))),)
        return self.affected[0]

    def strike(self, scene: Scene) -> None:
        """Plan the replacement from the next exchange on."""
        wire = scene.rig.rig.emulators[self.target(scene)].wire
        wire.plan(MalformedNumber(scene.draw.choice(self._texts).encode()), When(times=3))

    @staticmethod
    def _kinds(rig: PlayedRig) -> list[str]:
        return [kind for kind in rig.kinds() if kind != "spectrometer"]


class PortTaken(OnDevice):
    """Another program has opened the port of a pump."""

    def __init__(self) -> None:
        super().__init__("pump")
        self._other: Device | None = None

    def strike(self, scene: Scene) -> None:
        """Open the port before the run does."""
        name = self.target(scene)
        entry = scene.profile.devices[name]
        other: Device = entry.offer.load()(name, entry.settings, scene.rig.clock)
        other.open()
        self._other = other

    def heal(self, scene: Scene) -> None:
        """Close the port."""
        super().heal(scene)
        self.close()

    def close(self) -> None:
        """Close the port."""
        if self._other is not None:
            self._other.close()
        self._other = None


class Hangs(OnDevice):
    """A call of a driver that never returns."""

    CALLS: Final = ("acquire", "status", "position", "setting", "read")
    """Methods that hang: the first that a device has."""
    DEADLINE_S: Final = 2.0
    """How long [s, real time] flowrig waits for a call, instead of its usual deadline."""

    def __init__(self) -> None:
        super().__init__("any")
        self._restore: Callable[[], None] = lambda: None

    def strike(self, scene: Scene) -> None:
        """Block the next calls of one method."""
        name = self.target(scene)
        cls = scene.profile.devices[name].offer.load()
        method = next(one for one in self.CALLS if hasattr(cls, one))
        original, ended = getattr(cls, method), threading.Event()
        usual_s = device_threads.DEADLINE_S

        def call(device: Device, *args: Any) -> Any:
            if device.name == name and not ended.is_set():
                ended.wait()
                raise ConnectionLostError("the call was blocked", device=name)
            return original(device, *args)

        def restore() -> None:
            ended.set()
            setattr(cls, method, original)
            device_threads.DEADLINE_S = usual_s

        setattr(cls, method, call)
        device_threads.DEADLINE_S = self.DEADLINE_S
        self.hung, self._restore = (name,), restore

    def heal(self, scene: Scene) -> None:
        """Let the call return."""
        super().heal(scene)
        self.close()

    def close(self) -> None:
        """Let the call return."""
        self._restore()
