"""Emulated instruments on real time, each in a process of its own.

A benchmark that shares its interpreter with the instruments would measure their work as its own.
Run as a program, this module is one instrument: it reads what it plays from its standard input, one
line of JSON, says where it answers, and ends when its standard input does.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import asdict, evolve

from flowrig.clock import RealClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, Plate, Plunger
from flowrig.interfaces import DeviceSettings
from flowrig.plugins.offers import import_target
from flowrig.plugins.registry import Plugins
from flowrig.profile import DeviceEntry
from flowrig_chemyx.emulator.serial_port import Uart
from flowrig_chemyx.settings import FusionSettings

__all__ = ["emulated"]


@contextmanager
def emulated(
    entries: Mapping[str, DeviceEntry], *, paced_baud: int | None = None
) -> Iterator[dict[str, DeviceEntry]]:
    """Start a process for every instrument, and end them all.

    Args:
        entries: what the instruments are, by device name.
        paced_baud: line speed at which the bytes of serial pumps take their time; None for pumps
            that answer at once.

    Yields:
        the entries with the addresses of the emulated instruments.
    """
    processes = {name: _process() for name in entries}
    try:
        for name, process in processes.items():
            _say(process, entries[name], paced_baud)
        yield {name: _answering(entries[name], one) for name, one in processes.items()}
    finally:
        for process in processes.values():
            process.communicate()


def _process() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _say(process: "subprocess.Popen[str]", entry: DeviceEntry, paced_baud: int | None) -> None:
    role = {
        "device": entry.name,
        "driver": entry.offer.name,
        "settings": asdict(entry.settings),
        "paced_baud": paced_baud,
    }
    assert process.stdin is not None
    process.stdin.write(json.dumps(role) + "\n")
    process.stdin.flush()


def _answering(entry: DeviceEntry, process: "subprocess.Popen[str]") -> DeviceEntry:
    assert process.stdout is not None
    return evolve(entry, settings=type(entry.settings)(**json.loads(process.stdout.readline())))


def _play(role: Mapping[str, object]) -> None:
    offer = Plugins.discover().drivers()[str(role["driver"])]
    settings: DeviceSettings = offer.settings(**role["settings"])
    clock = RealClock()
    world = BenchWorld(Plunger(clock), Plate(clock), Detector())
    context = EmulatorContext(str(role["device"]), settings, world, clock)
    options = {}
    if role["paced_baud"] and isinstance(settings, FusionSettings):
        options["uart"] = Uart(baud=role["paced_baud"], paced=True)
    with import_target(offer.emulator, f"the driver {offer.name}")(context, **options) as emulator:
        print(json.dumps(asdict(emulator.serve())), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _play(json.loads(sys.stdin.readline()))
