"""Emulated devices behind a drop folder; those of one rig share one fake program."""

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from flowrig.emulation import DeviceFault, Emulator, EmulatorContext, Variants
from flowrig.interfaces import DeviceSettings
from flowrig_dropfolder.emulator.program import program_of
from flowrig_dropfolder.settings import PumpSettings, SpectrometerSettings

__all__ = ["HeaterEmulator", "PumpEmulator", "SpectrometerEmulator", "Variant"]


@frozen(kw_only=True)
class Variant:
    """The options of the fake program.

    Attributes:
        folder: path of the folder that it watches, which is made where it is missing; a temporary
            folder by default.
        whole: whether it also has the other devices: a pump for each column, a heater, and the
            spectra Abs and PL.
    """

    folder: str = ""
    whole: bool = False


class FolderEmulator(Emulator):
    """An emulated device behind a drop folder.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of the program.
    """

    variants = Variants(Variant)

    def __init__(self, context: EmulatorContext, variant: Variant | None = None) -> None:
        super().__init__(context)
        wanted = variant or Variant()
        folder = Path(wanted.folder) if wanted.folder else None
        self._program, self._forget = program_of(context, folder)
        self._is_started = False
        self._add()
        if wanted.whole:
            self._program.add_others(context, self.num_pixels(context.settings))

    def _add(self) -> None:
        """Put the body of the device behind the program."""
        raise NotImplementedError

    def start(self) -> str:
        """Watch the folder; returns its path."""
        if not self._is_started:
            self._is_started = True
            self._program.start()
        return str(self._program.folder)

    def stop(self) -> None:
        """Stop watching; the folder goes with the last device."""
        if self._is_started:
            self._is_started = False
            self._program.stop()
        self._forget()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """Faults of the body, and of the files that all devices of the folder share."""
        return {**super().fault_switches(), **self._program.faults.switches()}


class PumpEmulator(FolderEmulator):
    """An emulated pump behind a drop folder."""

    def _add(self) -> None:
        settings = self.context.settings
        assert isinstance(settings, PumpSettings)
        self._program.add_pump(self.context, settings.column)


class HeaterEmulator(FolderEmulator):
    """An emulated heater behind a drop folder."""

    def _add(self) -> None:
        self._program.add_heater(self.context)


class SpectrometerEmulator(FolderEmulator):
    """An emulated spectrometer behind a drop folder."""

    def _add(self) -> None:
        settings = self.context.settings
        assert isinstance(settings, SpectrometerSettings)
        self._program.add_spectrometer(self.context, settings.spectra, self.num_pixels(settings))

    def serve(self) -> DeviceSettings:
        """Start to serve; files with frames are removed once they were read, to spare the disk."""
        served = super().serve()
        assert isinstance(served, SpectrometerSettings)
        return evolve(served, keep=False)
