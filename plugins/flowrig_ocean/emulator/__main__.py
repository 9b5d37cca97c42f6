"""Run any Python program with emulated Ocean spectrometers on its USB.

`python -m flowrig_ocean.emulator HR4000 program.py …` runs a program that uses pyusb, for instance
through python-seabreeze, unchanged. The virtual USB exists inside one process only, so the program
runs in that of the emulator. Several models are divided by commas; a module is given as `-m name`.
"""

import runpy
import sys
from collections.abc import Sequence
from contextlib import ExitStack

import usb.backend.libusb1

from flowrig.clock import RealClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, Plate, Plunger
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.emulator.ocean_emulator import MODELS, OceanEmulator
from flowrig_ocean.emulator.virtual_usb import VIRTUAL_USB
from flowrig_ocean.settings import HdxSettings, OceanSettings

__all__ = ["main"]


def main(arguments: Sequence[str]) -> None:
    """Plug in the models of the first argument, and run the program that the others name."""
    if len(arguments) < 2:
        known = ", ".join(["HDX", *MODELS])
        raise SystemExit(f"{__doc__}\n\nModels: {known}")
    models, *command = arguments
    with ExitStack() as plugs:
        for number, model in enumerate(models.split(",")):
            plugs.enter_context(_emulator(model, f"{model} {number}")).start()
        # pyusb asks for this backend first; it needs no libusb then.
        usb.backend.libusb1.get_backend = lambda *_, **__: VIRTUAL_USB
        if command[0] == "-m":
            sys.argv = command[1:]
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = command
            runpy.run_path(command[0], run_name="__main__")


def _emulator(model: str, name: str) -> HdxEmulator | OceanEmulator:
    clock = RealClock()
    if model == "HDX":
        settings: HdxSettings | OceanSettings = HdxSettings(address="usb")
    else:
        settings = OceanSettings(address="usb", model=model)
    emulator = HdxEmulator if model == "HDX" else OceanEmulator
    detector = Detector(emulator.num_pixels(settings))
    world = BenchWorld(Plunger(clock), Plate(clock), detector)
    return emulator(EmulatorContext(name, settings, world, clock))


if __name__ == "__main__":
    main(sys.argv[1:])
