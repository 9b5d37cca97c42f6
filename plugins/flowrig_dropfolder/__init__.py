"""Pumps, a heater and spectrometers that a program of the lab runs, behind a shared folder."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_dropfolder.settings import HeaterSettings, PumpSettings, SpectrometerSettings

__all__ = ["HeaterSettings", "PumpSettings", "SpectrometerSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the three drivers with their emulators."""
    return [
        DriverOffer(
            kind="pump",
            name="dropfolder-pump",
            target="flowrig_dropfolder.pump:DropFolderPump",
            settings=PumpSettings,
            summary="a pump that a LabVIEW program of the lab runs, by files in a folder",
            emulator="flowrig_dropfolder.emulator.emulators:PumpEmulator",
            dead_man_setting="watchdog_s",
            example={"column": "CuI"},
        ),
        DriverOffer(
            kind="heater",
            name="dropfolder-heater",
            target="flowrig_dropfolder.heater:DropFolderHeater",
            settings=HeaterSettings,
            summary="a heater that a LabVIEW program of the lab runs, by files in a folder",
            emulator="flowrig_dropfolder.emulator.emulators:HeaterEmulator",
            dead_man_setting="watchdog_s",
        ),
        DriverOffer(
            kind="spectrometer",
            name="dropfolder-spectrometer",
            target="flowrig_dropfolder.spectrometer:DropFolderSpectrometer",
            settings=SpectrometerSettings,
            summary="a spectrometer that a LabVIEW program of the lab reads, by files in a folder",
            emulator="flowrig_dropfolder.emulator.emulators:SpectrometerEmulator",
            example={"spectra": "Abs"},
        ),
    ]
