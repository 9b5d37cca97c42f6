"""A rig whose run has died while it was hot, with emulated instruments in real time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from flowrig.clock import RealClock
from flowrig.journal.events import Ended, SafeStateSought
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile, read_profile
from flowrig.rig.rig import open_rig
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.options import RunOptions
from flowrig.run.start import _beginning
from flowrig_watlow.emulator.emulator import WatlowEmulator

__all__ = ["RIG", "Left", "leave", "profile_of", "served"]

RIG = """\
extends = "cs3cu2i5-heatup-chem3"
interlocks = []

[[safe_state]]
do = "heater-off"
heaters = ["plate"]

[[safe_state]]
do = "stop"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]

[campaign]
title = "tiny"

[[campaign.stages]]
name = "only"
optimizer = "random"
experiments = 1
"""


@frozen
class Left:
    """A rig whose run has died while it was hot, and the folder of the run."""

    folder: Path
    rig: EmulatedRig

    @property
    def set_point_c(self) -> float:
        plate = self.rig.emulators["plate"]
        assert isinstance(plate, WatlowEmulator)
        return plate.controller.set_point_c

    def last(self) -> tuple[Ended | None, SafeStateSought | None]:
        with Journal(self.folder / FILE_NAME, read_only=True) as journal:
            ended, sought = journal.last(Ended), journal.last(SafeStateSought)
        return ended and ended.data, sought and sought.data


@contextmanager
def served(folder: Path) -> Iterator[EmulatedRig]:
    """The emulated instruments of the rig, in real time; its profile is written to a folder."""
    path = folder / "rig.toml"
    path.write_text(RIG, encoding="utf-8")
    profile = load_profile(path, Plugins.discover())
    with emulated(profile, RealClock(), 1, least_deadline_s=2.0) as rig:
        yield rig


def profile_of(folder: Path, rig: EmulatedRig) -> Path:
    """A profile with the addresses of the emulated instruments."""
    tables = "".join(
        f'\n[devices.{name}]\naddress = "{device.settings.address}"\n'
        for name, device in rig.profile.devices.items()
    )
    path = folder / "real.toml"
    path.write_text(RIG + tables, encoding="utf-8")
    return path


def leave(folder: Path, rig: EmulatedRig, *, drivers: dict[str, str] | None = None) -> Left:
    """Write the beginning of a run, and heat the plate."""
    options = RunOptions()
    source = read_profile(profile_of(folder, rig), options.plugins)
    beginning = _beginning(source.load(), source.text, 1, options)
    if drivers is not None:
        beginning = evolve(beginning, drivers=drivers)
    run = folder / "run"
    run.mkdir()
    with Journal.create(run / FILE_NAME) as journal:
        journal.append(beginning, 0.0)
    with open_rig(rig.profile, clock=RealClock(), prepare=False) as opened:
        opened.set_temperatures({"plate": 150.0})
    left = Left(run, rig)
    assert left.set_point_c == 150.0
    return left
