"""An emulated rig in a process of its own: `python rig_in_a_process.py PROFILE`.

It prints its addresses as one line of JSON. It answers every line `?` with what its instruments
really do: the volume that each plunger has moved [µL], and the set point that the heater works
towards [°C]. A line `DEVICE FAULT` plans a fault, and `DEVICE heal` ends the faults of a device;
`*` is every device.
"""

import json
import sys

from flowrig.clock import RealClock
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig_watlow.emulator.emulator import WatlowEmulator


def main(path: str) -> None:
    profile = load_profile(path, Plugins.discover())
    with emulated(profile, RealClock(), seed=1) as rig:
        served = rig.profile.devices
        print(json.dumps({n: one.settings.address for n, one in served.items()}), flush=True)
        plate = rig.emulators["plate"]
        assert isinstance(plate, WatlowEmulator)
        controller = plate.controller
        pumps = [n for n, one in profile.devices.items() if one.offer.kind == "pump"]
        for line in sys.stdin:
            if line != "?\n":
                change(rig, *line.strip().split(" ", 1))
                continue
            told = {name: rig.world.pump(name).moved_ul for name in pumps}
            told["plate"] = controller.set_point_c
            print(json.dumps(told), flush=True)


def change(rig: EmulatedRig, device: str, fault: str) -> None:
    """Plan a fault of a device, or end its faults."""
    for name in rig.emulators if device == "*" else [device]:
        if fault == "heal":
            rig.emulators[name].heal()
        else:
            rig.emulators[name].inject(fault)


if __name__ == "__main__":
    main(sys.argv[1])
