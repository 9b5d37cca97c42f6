"""The emulated rig in a process of its own, which logs what its hardware does.

    python hot_rig.py PROFILE LOG

It prints its addresses as one line of JSON, then obeys one line of JSON after the other:

    {"do": "inject", "device": "plate", "fault": "mute for_s=20"}
    {"do": "unplug", "devices": ["plate", "pump_cui"], "for_s": 20}
    {"do": "heal"}

Each line is answered by the time [s] at which it took effect. LOG gets one line of JSON for every
change of a plunger's flow rate, of the set point that a heater works towards, and of a light, and
every half second the temperature of the plate. It ends when its standard input closes.

The plate is at 118 °C when the rig begins, as nobody has switched it off before.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from flowrig.clock import RealClock
from flowrig.emulation import HeaterBody, PumpBody, SpectrometerBody, When, World
from flowrig.emulation.faulty_world import (
    FaultyHeater,
    FaultyPump,
    FaultySpectrometer,
    FaultyWorld,
)
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.torture.lasting_rig import UnpluggedWire
from flowrig_sim import plate

HOT_C = 118.0
"""Temperature [°C] of the plate when the rig begins."""

SAMPLE_S = 0.5
"""Interval [s] between two temperatures in the log."""


class TruthLog:
    """Writes what the hardware does, with the time [s] of the system's clock."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def note(self, device: str, quantity: str, value: float) -> None:
        """Write one change."""
        line = {"t": time.time(), "device": device, "quantity": quantity, "value": value}
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()


class _LoggedPump(FaultyPump):
    def __init__(self, body: PumpBody, note: Callable[[float], None]) -> None:
        super().__init__(body)
        self._note = note

    def _drive(self, rate_ul_min: float) -> None:
        self._note(rate_ul_min)
        super()._drive(rate_ul_min)


class _LoggedHeater(FaultyHeater):
    def __init__(
        self, body: HeaterBody, now_s: Callable[[], float], note: Callable[[float], None]
    ) -> None:
        super().__init__(body, now_s)
        self._note = note

    def control(self, set_point_c: float) -> None:
        """Control the temperature to a set point [°C]."""
        self._note(set_point_c)
        super().control(set_point_c)


class _LoggedSpectrometer(FaultySpectrometer):
    def __init__(self, body: SpectrometerBody, note: Callable[[float], None]) -> None:
        super().__init__(body)
        self._note = note

    def _drive_light(self, on: bool) -> None:
        self._note(float(on))
        super()._drive_light(on)


class LoggedWorld(FaultyWorld):
    """A world whose bodies log what drives them, behind every emulator and every fault."""

    def __init__(self, world: World, log: TruthLog) -> None:
        super().__init__(world)
        self._log = log

    def _faulty_pump(self, device: str, body: PumpBody) -> FaultyPump:
        return _LoggedPump(body, lambda v: self._log.note(device, "flow rate, uL/min", v))

    def _faulty_heater(self, device: str, body: HeaterBody) -> FaultyHeater:
        note = lambda v: self._log.note(device, "set point, degC", v)  # noqa: E731
        return _LoggedHeater(body, self._now_s, note)

    def _faulty_spectrometer(self, device: str, body: SpectrometerBody) -> FaultySpectrometer:
        return _LoggedSpectrometer(body, lambda v: self._log.note(device, "light", v))


def obey(rig: EmulatedRig, order: dict[str, Any]) -> None:
    """Carry out one line of standard input."""
    match order["do"]:
        case "inject":
            rig.emulators[order["device"]].inject(order["fault"])
        case "unplug":
            for device in order["devices"]:
                for wire in rig.emulators[device].context.wires.values():
                    wire.plan(UnpluggedWire(), When(for_s=order["for_s"]))
        case "heal":
            for emulator in rig.emulators.values():
                emulator.heal()
        case unknown:
            raise ValueError(unknown)


def main(profile_path: str, log_path: str) -> None:
    """Serve until standard input closes."""
    heat_up = plate.Plate.__init__

    def begin_hot(self: plate.Plate, start_s: float, step_s: float) -> None:
        heat_up(self, start_s, step_s)
        self._temperatures_c = [HOT_C]

    plate.Plate.__init__ = begin_hot  # type: ignore[method-assign]
    profile = load_profile(profile_path, Plugins.discover())
    with Path(log_path).open("w", encoding="utf-8") as file:
        log = TruthLog(file)
        with emulated(
            profile, RealClock(), seed=1, watched=lambda world: LoggedWorld(world, log)
        ) as rig:
            served = rig.profile.devices
            print(json.dumps({n: one.settings.address for n, one in served.items()}), flush=True)
            over = threading.Event()
            sampler = threading.Thread(target=_sample, args=(rig, log, over))
            sampler.start()
            try:
                for line in sys.stdin:
                    obey(rig, json.loads(line))
                    print(json.dumps(time.time()), flush=True)
            finally:
                over.set()
                sampler.join()


def _sample(rig: EmulatedRig, log: TruthLog, over: threading.Event) -> None:
    heaters = [n for n, one in rig.profile.devices.items() if one.offer.kind == "heater"]
    while not over.wait(SAMPLE_S):
        for name in heaters:
            log.note(name, "temperature, degC", rig.world.heater(name).temperature_c)


if __name__ == "__main__":
    main(*sys.argv[1:])
