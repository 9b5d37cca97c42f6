"""Changes of files, plugins and instruments between a killed program and its resumption."""

import shutil
import sqlite3
from contextlib import closing
from typing import Final

import tomlkit
from attrs import evolve

from flowrig.journal.journal import FILE_NAME
from flowrig.plugins.registry import Plugins
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.torture.injections.injection import Scene
from flowrig.torture.injections.program import Killed
from flowrig.torture.rigs import NotOnThisRigError, PlayedRig, plugins

__all__ = [
    "Swapped",
    "TamperedJournal",
    "TamperedPlugins",
    "TamperedProfile",
    "TamperedSpectrometer",
]


class TamperedJournal(Killed):
    """One bit of the journal flips."""

    loses_count = True

    def tamper(self, scene: Scene) -> None:
        """Flip a random bit."""
        path = scene.folder / FILE_NAME
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        data = bytearray(path.read_bytes())
        shutil.copy2(path, path.with_suffix(".kept"))
        # The first page of 4096 bytes holds SQLite's header and schema; events come after it.
        data[scene.draw.randrange(4096, len(data))] ^= 1 << scene.draw.randrange(8)
        path.write_bytes(data)

    def restore(self, scene: Scene) -> None:
        """Restore the journal from a copy; there is none if the run ended before the fault."""
        path = scene.folder / FILE_NAME
        if not path.with_suffix(".kept").exists():
            return
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy2(path.with_suffix(".kept"), path)


class TamperedProfile(Killed):
    """The run's copy of the profile is edited."""

    _original: bytes = b""

    def tamper(self, scene: Scene) -> None:
        """Take one frame more in every sample."""
        path = scene.folder / PROFILE_NAME
        self._original = path.read_bytes()
        content = tomlkit.parse(self._original)
        content["analysis"]["frames"] += 1
        path.write_bytes(tomlkit.dumps(content).encode())

    def restore(self, scene: Scene) -> None:
        """Restore the profile."""
        (scene.folder / PROFILE_NAME).write_bytes(self._original)


class TamperedPlugins(Killed):
    """Another version of the plugins is installed."""

    _is_changed = True

    def plugins(self) -> Plugins:
        """The plugins of the reference campaign, in another version until `restore`."""
        found = plugins()
        if not self._is_changed:
            return found
        listed = tuple(
            evolve(one, plugin=evolve(one.plugin, version=f"{one.plugin.version}.post1"))
            for one in found.listed
        )
        return evolve(found, listed=listed)

    def restore(self, scene: Scene) -> None:
        """Install the original version."""
        self._is_changed = False


class TamperedSpectrometer(Killed):
    """A spectrometer returns with another wavelength table."""

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that the rig has a spectrometer."""
        rig.require("spectrometer")

    SHIFT_NM: Final = 5.0
    """Shift [nm] of the wavelengths."""

    def tamper(self, scene: Scene) -> None:
        """Shift the wavelengths of a random spectrometer."""
        name = scene.draw.choice(sorted(scene.rig.world.spectrometers))
        self.affected = (name,)
        scene.rig.world.spectrometers[name].shift_nm = self.SHIFT_NM

    def restore(self, scene: Scene) -> None:
        """Shift the wavelengths back."""
        for body in scene.rig.world.spectrometers.values():
            body.shift_nm = 0.0


class Swapped(Killed):
    """The plugs of two spectrometers are exchanged."""

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that the rig has two spectrometers."""
        if len(rig.devices("spectrometer")) < 2:
            raise NotOnThisRigError("the rig has no two spectrometers")

    def tamper(self, scene: Scene) -> None:
        """Exchange the plugs."""
        pair = scene.played.devices("spectrometer")[:2]
        self.affected = tuple(pair)
        scene.rig.swapped = dict(zip(pair, reversed(pair), strict=True))

    def restore(self, scene: Scene) -> None:
        """Exchange the plugs again."""
        scene.rig.swapped = {}
