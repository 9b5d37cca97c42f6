"""Faults of the program and its computer: killed, without power, suspended."""

import shutil
from pathlib import Path
from typing import Final

from flowrig.journal.journal import FILE_NAME
from flowrig.run_record.changes import PROFILE_NAME
from flowrig.torture.injections.injection import Injection, Scene
from flowrig.torture.phases import Phase

__all__ = [
    "BrieflySuspended",
    "Killed",
    "MissingAtResume",
    "PowerCut",
    "Suspended",
    "image_of",
]

STARTING: Final = (Phase.PRIME, Phase.FLOW, Phase.FLUSH)
"""Phases in which a program can end between a start and its confirmation. A pump that has not run
before cannot report whether it received the start."""

SUSPENDED_S: Final = 3600.0
"""How long [s] the computer is suspended."""

BRIEF_S: Final = 20.0
"""How long [s] it is suspended where that is less than the lease of a run."""


RESTARTING: Final = ("heater", "spectrometer")
"""Kinds whose emulators hang up when they restart."""


class Killed(Injection):
    """The program ends at once; the instruments continue what was commanded.

    The files stay as they are at that moment, and no further byte reaches an instrument.
    """

    kills = True

    def strike(self, scene: Scene) -> None:
        """Cut every wire and copy the files of the run."""
        self.loses_count |= scene.phase in STARTING
        scene.rig.unplug()
        image = image_of(scene.folder)
        image.mkdir()
        for file in scene.folder.iterdir():
            if file.name in (PROFILE_NAME, FILE_NAME, FILE_NAME + "-wal"):
                shutil.copy2(file, image / file.name)


def image_of(folder: Path) -> Path:
    """The folder in which the files of a killed run are kept."""
    return folder.with_name(f"{folder.name}-image")


class PowerCut(Killed):
    """The program ends, and all instruments lose power."""

    loses_count = True

    def strike(self, scene: Scene) -> None:
        """Cut every wire and the power."""
        super().strike(scene)
        kinds = {name: one.offer.kind for name, one in scene.profile.devices.items()}
        for name, emulator in scene.rig.rig.emulators.items():
            stops = kinds[name] not in RESTARTING
            if stops and "power-cycle" in emulator.fault_switches():
                emulator.switch("power-cycle")

    def heal(self, scene: Scene) -> None:
        """Restore the power; instruments that hang up when they restart do so now."""
        super().heal(scene)
        for emulator in scene.rig.rig.emulators.values():
            if "power-cycle" in emulator.fault_switches():
                emulator.switch("power-cycle")


class MissingAtResume(Killed):
    """The program ends, and one instrument does not answer when the run is resumed."""

    def tamper(self, scene: Scene) -> None:
        """Unplug an instrument."""
        scene.rig.unplug(scene.draw.choice(sorted(scene.profile.devices)))

    def restore(self, scene: Scene) -> None:
        """Plug it in again."""
        scene.rig.heal()


class Suspended(Injection):
    """The computer is suspended while the instruments go on.

    Args:
        slept_s: for how long [s].
    """

    blinds = True

    def __init__(self, slept_s: float = SUSPENDED_S) -> None:
        super().__init__()
        self._slept_s = slept_s

    def strike(self, scene: Scene) -> None:
        """Let the time jump."""
        scene.rig.clock.skip(self._slept_s)


class BrieflySuspended(Suspended):
    """The computer is suspended for less time than the run may be silent."""

    def __init__(self) -> None:
        super().__init__(BRIEF_S)
