"""What can be done to a campaign: to its wires, its instruments, its files, its clock, its program.

An injection is made for one cell. It strikes once, and is healed before the run is resumed, as by
a person who has repaired the rig.
"""

import random
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from flowrig.emulation import WIRE_FAULTS, When
from flowrig.errors import ConnectionLostError
from flowrig.interfaces import Device
from flowrig.journal.journal import FILE_NAME
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.rig import device_threads
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.torture import frail_models
from flowrig.torture.lasting_rig import Misspelt, TortureRig
from flowrig.torture.phases import Phase
from flowrig.torture.reference import plugins, write_campaign

__all__ = [
    "BadBrain",
    "DiskFails",
    "HangingBrain",
    "Hangs",
    "Healthy",
    "HostileProfile",
    "Injection",
    "Killed",
    "Misspells",
    "OnDevice",
    "PortTaken",
    "PowerCut",
    "ProfileSays",
    "Scene",
    "Suspended",
    "Swapped",
    "TamperedJournal",
    "TamperedPlugins",
    "TamperedProfile",
    "TamperedSpectrometer",
    "Unplugged",
]

STARTING: Final = (Phase.PRIME, Phase.FLOW, Phase.FLUSH)
"""Phases in which a program can die between a start and its confirmation: a pump that has not run
before cannot say whether it was told."""

SUSPENDED_S: Final = 3600.0
"""How long [s] the computer sleeps."""


@frozen
class Scene:
    """Where an injection strikes.

    Attributes:
        rig: the rig.
        folder: of the run.
        phase: what the campaign is about.
        draw: everything that is left to chance.
    """

    rig: TortureRig
    folder: Path
    phase: Phase
    draw: random.Random

    @property
    def profile(self) -> Profile:
        """The rig's."""
        return self.rig.rig.profile

    def pumps_in_use(self) -> list[str]:
        """Those pumps that have something to do in this phase; all where none has."""
        profile = self.profile
        if self.phase is Phase.PRIME:
            streams: Sequence[str] = tuple(profile.calibration.flow_rates_ul_min)
        elif self.phase in (Phase.FLUSH, Phase.CLOSE):
            flush = [step for step in profile.safe_state if step.do == "flush"]
            streams = [stream for step in flush for stream in step.flow_rates_ul_min]
        else:
            streams = tuple(profile.streams)
        return [profile.streams[stream].pump for stream in streams]

    def device(self, kind: str) -> str:
        """One device of a kind ("pump", "heater", "spectrometer", "any"), by chance."""
        if kind == "any":
            kind = self.draw.choice(("pump", "heater", "spectrometer"))
        if kind == "pump":
            return self.draw.choice(self.pumps_in_use())
        return self.draw.choice(
            [n for n, device in self.profile.devices.items() if device.offer.kind == kind]
        )


class Injection:
    """Nothing at all: a campaign in health.

    Attributes:
        blamed: devices that a notice about it has to name, one of them at least.
        kills: whether the program is gone afterwards.
        is_mute: whether the journal takes nothing.
        dimmed_s: rig time [s] at which a light lost a part of its power; None if none has.
        forgets: whether pumps lose their count of what they delivered; then flow rate times time
            has to do, up to the moment at which the loss is seen.
        is_seen_at_once: whether a look at pumps and heaters shows it.
        optimizer_process: whether the optimizer thinks in a process of its own; None as usual.
        is_written: whether it is in the campaign's file, and needs no moment to strike.
        refilled: streams whose syringes a person fills before the run is resumed.
        emptied: wastes that a person empties before the run is resumed.
        hung: devices whose threads nobody can end.
    """

    kills = False
    is_mute = False
    forgets = False
    is_written = False
    optimizer_process: bool | None = None
    is_seen_at_once = True

    def __init__(self) -> None:
        self.blamed: tuple[str, ...] = ()
        self.dimmed_s: float | None = None
        self.refilled: tuple[str, ...] = ()
        self.emptied: tuple[str, ...] = ()
        self.hung: tuple[str, ...] = ()

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign that is run."""
        return write_campaign(folder)

    def target(self, scene: Scene) -> str:
        """The device in whose exchanges it strikes, where the journal is of no help."""
        return scene.device("any")

    def aim(self, device: str) -> None:
        """It is to strike while something is exchanged with a device."""

    def strike(self, scene: Scene) -> None:
        """Let it happen."""

    def heard(self, scene: Scene) -> None:
        """An event was written after it struck."""

    def tamper(self, scene: Scene) -> None:
        """Change something while no program runs."""

    def mend(self, scene: Scene) -> None:
        """Take back what `tamper` did, after a run that did not go on with it."""

    def plugins(self) -> Plugins:
        """What is installed when the run is resumed."""
        return plugins()

    def heal(self, scene: Scene) -> None:
        """End it."""
        if scene.rig.is_built:
            scene.rig.heal()

    def close(self) -> None:
        """Take back what would outlive the trial."""


class OnDevice(Injection):
    """A fault of the emulators' own, by its text.

    Args:
        kind: of the device that it strikes, see `Scene.device`.
        texts: faults as `Emulator.inject` takes them; one is taken by chance. `{byte}`, `{bit}` and
            `{after}` stand for numbers by chance.
    """

    def __init__(self, kind: str, *texts: str) -> None:
        super().__init__()
        self._kind = kind
        self._texts = texts

    def target(self, scene: Scene) -> str:
        """The device that it strikes."""
        if not self.blamed:
            self.blamed = (scene.device(self._kind),)
        return self.blamed[0]

    def aim(self, device: str) -> None:
        """It strikes that device."""
        self.blamed = (device,)

    def strike(self, scene: Scene) -> None:
        """Plan the fault from the next exchange on."""
        emulator = scene.rig.rig.emulators[self.target(scene)]
        draw = scene.draw
        possible = emulator.fault_switches().keys() | WIRE_FAULTS.keys()
        text = draw.choice([t for t in self._texts if t.split()[0] in possible]).format(
            byte=draw.randrange(24), bit=1 << draw.randrange(8), after=draw.randrange(3)
        )
        self.forgets = text.startswith("power-cycle")
        self.dimmed_s = scene.rig.clock.now_s() if text.startswith("lamp-dim") else None
        kind = scene.profile.devices[self.target(scene)].offer.kind
        self.is_seen_at_once = kind != "spectrometer"
        emulator.inject(text)


class Unplugged(OnDevice):
    """The cable of a device comes out in the middle of an exchange, for a moment or for good."""

    def __init__(self) -> None:
        super().__init__("any", "hang-up after_bytes={byte} after={after}")

    def strike(self, scene: Scene) -> None:
        """Pull it."""
        if scene.draw.random() < 0.5:
            scene.rig.unplug(self.target(scene))
        else:
            super().strike(scene)


class Misspells(OnDevice):
    """Numbers of a device come as texts that are none, a few times.

    Args:
        texts: what comes instead.
    """

    def __init__(self, *texts: str) -> None:
        super().__init__("any", *texts)

    def target(self, scene: Scene) -> str:
        """A device that answers in text."""
        if not self.blamed:
            self.blamed = (scene.device(scene.draw.choice(("pump", "heater"))),)
        return self.blamed[0]

    def strike(self, scene: Scene) -> None:
        """Plan it from the next exchange on."""
        wire = scene.rig.rig.emulators[self.target(scene)].wire
        wire.plan(Misspelt(scene.draw.choice(self._texts).encode()), When(times=3))


class Healthy(Injection):
    """What instruments and operating systems may do: answers in pieces, twice as slow, drifting."""

    def strike(self, scene: Scene) -> None:
        """Let every wire be as bad as the specification allows."""
        for emulator in scene.rig.rig.emulators.values():
            emulator.inject(scene.draw.choice(("delay delay_s=0.5", "pieces", "split chance=0.02")))


class Killed(Injection):
    """The program is gone at once; what it had commanded goes on.

    The disk is as it was at that moment, and no byte reaches an instrument any more.
    """

    kills = True

    def strike(self, scene: Scene) -> None:
        """Cut every wire and keep what is on the disk."""
        self.forgets |= scene.phase in STARTING
        scene.rig.unplug()
        image = image_of(scene.folder)
        image.mkdir()
        for file in scene.folder.iterdir():
            if file.name in (PROFILE_NAME, FILE_NAME, FILE_NAME + "-wal"):
                shutil.copy2(file, image / file.name)


def image_of(folder: Path) -> Path:
    """Where the files of a killed run are kept."""
    return folder.with_name(f"{folder.name}-image")


class PowerCut(Killed):
    """As `Killed`, and every instrument has been off."""

    forgets = True

    def strike(self, scene: Scene) -> None:
        """Cut every wire and the power."""
        super().strike(scene)
        for emulator in scene.rig.rig.emulators.values():
            if "stall" in emulator.fault_switches():
                emulator.switch("power-cycle")

    def heal(self, scene: Scene) -> None:
        """Power comes back: those that hang up on their way down do it now."""
        super().heal(scene)
        for emulator in scene.rig.rig.emulators.values():
            emulator.switch("power-cycle")


class DiskFails(Injection):
    """The disk of the journal: full from now on, or a few of its operations fail.

    A start whose end could not be written either, on a full disk, is charged until the run is
    resumed. Of an operation it is the writing, or the synchronization, or nothing but the word
    that it was done.
    """

    SEVERAL: Final = {
        "write": "INSERT INTO event",
        "synchronize": "COMMIT",
        "acknowledge": "COMMIT",
    }
    """What fails, and at which statement it does."""

    TIMES: Final = (1, 4)
    """How often in a row."""

    def __init__(self) -> None:
        super().__init__()
        self._fails = ""
        self._left = 0
        self._connect = sqlite3.connect

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Get between the journal and its file."""

        class Connection(sqlite3.Connection):
            def execute(connection, statement: str, *values: Any) -> sqlite3.Cursor:  # noqa: N805
                fails = self._fails
                if not fails or not statement.startswith(self.SEVERAL[fails]):
                    return super().execute(statement, *values)
                self._left -= 1
                self._fails = fails if self._left else ""
                if fails == "acknowledge":
                    super().execute(statement, *values)
                raise sqlite3.OperationalError("disk I/O error")

        def connect(*args: Any, **keywords: Any) -> Any:
            return self._connect(*args, factory=Connection, **keywords)

        sqlite3.connect = connect
        return super().campaign(folder, draw)

    def strike(self, scene: Scene) -> None:
        """Let every insertion fail, or the next operations."""
        self.is_mute = self.forgets = scene.draw.random() < 0.5
        if not self.is_mute:
            self._left = scene.draw.randint(*self.TIMES)
            self._fails = scene.draw.choice(sorted(self.SEVERAL))
            return
        self._execute(
            scene.folder,
            "CREATE TRIGGER full BEFORE INSERT ON event BEGIN "
            "SELECT RAISE(ABORT, 'database or disk is full'); END",
        )

    def heal(self, scene: Scene) -> None:
        """Make room."""
        super().heal(scene)
        self._fails = ""
        self._execute(scene.folder, "DROP TRIGGER IF EXISTS full")

    def close(self) -> None:
        """Get out of the way."""
        sqlite3.connect = self._connect

    def _execute(self, folder: Path, statement: str) -> None:
        path = folder / FILE_NAME
        with closing(self._connect(path, timeout=0.1)) as connection, suppress(sqlite3.Error):
            connection.execute(statement)
            connection.commit()


class Suspended(Injection):
    """The computer sleeps for an hour while the instruments go on."""

    def strike(self, scene: Scene) -> None:
        """Let time jump."""
        scene.rig.clock.skip(SUSPENDED_S)


class ProfileSays(Injection):
    """The profile asks for something that it must not get.

    Args:
        more: tables of TOML.
    """

    is_written = True

    def __init__(self, more: str) -> None:
        super().__init__()
        self._more = more

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with the tables in it."""
        return write_campaign(folder, more=self._more)


class BadBrain(Injection):
    """The optimizer, the surrogate or the figure of merit is broken.

    Args:
        improve: keys of the last stage.
        surrogate: keys of the surrogate, each after a comma.
        campaign: keys of the campaign.
        more: more tables.
    """

    is_written = True

    def __init__(
        self, *, improve: str = "", surrogate: str = "", campaign: str = "", more: str = ""
    ) -> None:
        super().__init__()
        self._keys = {
            "improve": improve,
            "surrogate": surrogate,
            "campaign": campaign,
            "more": more,
        }

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with the broken one in it."""
        return write_campaign(folder, **self._keys)


class HangingBrain(BadBrain):
    """The optimizer thinks in a process of its own, and never comes to an end."""

    optimizer_process = True

    def __init__(self) -> None:
        super().__init__(improve='ailment = "hang"', campaign='optimizer_deadline = "12 s"')
        self._site: Path | None = None

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign, and let the process know what it thinks with."""
        self._site = Path(tempfile.mkdtemp(prefix="flowrig-torture-brain-"))
        installed = self._site / "flowrig_torture-0.dist-info"
        installed.mkdir()
        metadata = "Metadata-Version: 2.1\nName: flowrig-torture\nVersion: 0\n"
        (installed / "METADATA").write_text(metadata)
        entry = f"[flowrig]\ntorture = {frail_models.__name__}:BRAIN\n"
        (installed / "entry_points.txt").write_text(entry)
        sys.path.append(str(self._site))
        return super().campaign(folder, draw)

    def close(self) -> None:
        """Forget it."""
        if self._site is not None:
            sys.path.remove(str(self._site))
            shutil.rmtree(self._site)
        self._site = None


class TamperedJournal(Killed):
    """A bit of the journal turns over while no program runs."""

    forgets = True

    def tamper(self, scene: Scene) -> None:
        """Turn it."""
        path = scene.folder / FILE_NAME
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(path.read_bytes())
        shutil.copy2(path, path.with_suffix(".kept"))
        data[scene.draw.randrange(4096, len(data))] ^= 1 << scene.draw.randrange(8)
        path.write_bytes(data)

    def mend(self, scene: Scene) -> None:
        """Put the journal back, as from a backup."""
        path = scene.folder / FILE_NAME
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy2(path.with_suffix(".kept"), path)


class TamperedProfile(Killed):
    """Somebody edits the run's copy of the profile."""

    _true: bytes = b""

    def tamper(self, scene: Scene) -> None:
        """Double the yield of the dye."""
        path = scene.folder / PROFILE_NAME
        self._true = path.read_bytes()
        path.write_bytes(self._true.replace(b"dye_plqy = 0.1336", b"dye_plqy = 0.2672"))

    def mend(self, scene: Scene) -> None:
        """Put it back."""
        (scene.folder / PROFILE_NAME).write_bytes(self._true)


class TamperedPlugins(Killed):
    """Another version of the plugins is installed."""

    _other = True

    def plugins(self) -> Plugins:
        """As `flowrig.torture.reference.plugins`, and of another version until it is mended."""
        found = plugins()
        if not self._other:
            return found
        listed = tuple(
            evolve(one, plugin=evolve(one.plugin, version=f"{one.plugin.version}.post1"))
            for one in found.listed
        )
        return evolve(found, listed=listed)

    def mend(self, scene: Scene) -> None:
        """Install the old ones again."""
        self._other = False


class TamperedSpectrometer(Killed):
    """A spectrometer comes back with another wavelength table."""

    SHIFT_NM: Final = 5.0

    def tamper(self, scene: Scene) -> None:
        """Move the table."""
        name = scene.draw.choice(sorted(scene.rig.world.spectrometers))
        self.blamed = (name,)
        scene.rig.world.spectrometers[name].shift_nm = self.SHIFT_NM

    def mend(self, scene: Scene) -> None:
        """Move it back."""
        for body in scene.rig.world.spectrometers.values():
            body.shift_nm = 0.0


class Swapped(Killed):
    """Somebody exchanges the plugs of two spectrometers while no program runs."""

    def tamper(self, scene: Scene) -> None:
        """Exchange them."""
        pair = [n for n, d in scene.profile.devices.items() if d.offer.kind == "spectrometer"][:2]
        self.blamed = tuple(pair)
        scene.rig.swapped = dict(zip(pair, reversed(pair), strict=True))

    def mend(self, scene: Scene) -> None:
        """Put them back."""
        scene.rig.swapped = {}


class PortTaken(OnDevice):
    """Another program has the port of a pump."""

    def __init__(self) -> None:
        super().__init__("pump")
        self._other: Device | None = None

    def strike(self, scene: Scene) -> None:
        """Open it first."""
        name = self.target(scene)
        entry = scene.profile.devices[name]
        other: Device = entry.offer.load()(name, entry.settings, scene.rig.clock)
        other.open()
        self._other = other

    def heal(self, scene: Scene) -> None:
        """Let go of it."""
        super().heal(scene)
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._other is not None:
            self._other.close()
        self._other = None


class Hangs(OnDevice):
    """A driver's call never returns."""

    CALLS: Final = {"pump": "status", "heater": "read", "spectrometer": "acquire"}
    DEADLINE_S: Final = 2.0
    """How long [s, real time] flowrig waits for a call, instead of its usual time."""

    def __init__(self) -> None:
        super().__init__("any")
        self._restore: Callable[[], None] = lambda: None

    def strike(self, scene: Scene) -> None:
        """Block the next calls of one kind."""
        name = self.target(scene)
        offer = scene.profile.devices[name].offer
        cls, method = offer.load(), self.CALLS[offer.kind]
        sound, ended, usual_s = getattr(cls, method), threading.Event(), device_threads.DEADLINE_S

        def call(device: Device, *args: Any) -> Any:
            if device.name == name and not ended.is_set():
                ended.wait()
                raise ConnectionLostError("it was blocked", device=name)
            return sound(device, *args)

        def restore() -> None:
            ended.set()
            setattr(cls, method, sound)
            device_threads.DEADLINE_S = usual_s

        setattr(cls, method, call)
        device_threads.DEADLINE_S = self.DEADLINE_S
        self.hung, self._restore = (name,), restore

    def heal(self, scene: Scene) -> None:
        """Let it return."""
        super().heal(scene)
        self.close()

    def close(self) -> None:
        """Let it return."""
        self._restore()


class HostileProfile(Injection):
    """A campaign that wants to get out of its folder, or to choke whoever reads it."""

    is_written = True
    TEXTS: Final = (
        'name = "../../out"\n',
        'name = "CON/\\u0000"\n',
        "deep = " + 5000 * "[" + 5000 * "]" + "\n",
        "# " + 1_000_000 * "long " + "\n",
        'flow = "\x00"\n',
        "dependent_flows = [\"PFO = __import__('os').system('touch out')\"]\n",
        'profile = "../../../../../../etc/passwd"\n',
    )

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write it."""
        return write_campaign(folder, top=draw.choice(self.TEXTS))
