"""The recorded fixtures in `data`: one conversation with each instrument.

`python tests/trace/fixtures.py` records them anew, after a driver was changed on purpose.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from flowrig.errors import DeviceError
from flowrig.interfaces import Heater, Pump, PumpStep, Spectrometer, Syringe
from flowrig.plugins.registry import Plugins
from flowrig.testing import Bench, Cut, HeaterBench, Mute, PumpBench, SpectrometerBench
from flowrig.trace.file import TraceHeader, settings_of
from flowrig.trace.recorder import Recording, recorded
from flowrig_chemyx import FusionSettings
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_ocean import HdxSettings
from flowrig_ocean.driver import OceanHdx
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_watlow import F4TSettings
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.emulator import WatlowEmulator

DATA = Path(__file__).parent / "data"
SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567)


@frozen
class Fixture:
    """A conversation.

    Attributes:
        driver: the name under which it is offered.
        new_bench: driver and emulator.
        talk: what is asked.
    """

    driver: str
    new_bench: Callable[[], Bench[Any]]
    talk: Callable[[Bench[Any]], None]


def use_pump(bench: Bench[Pump]) -> None:
    """A start at two rates, a delivery, a refusal, and a question that nobody answers."""
    pump, clock = bench.driver, bench.clock
    pump.open()
    pump.set_syringe(SYRINGE)
    pump.set_rate(120.0)
    pump.start()
    clock.sleep(30.0)
    pump.set_rate(250.5)
    clock.sleep(30.0)
    pump.dispensed()
    pump.elapsed()
    pump.stop()
    attempt(lambda: pump.set_rate(1e9))
    pump.start_program([PumpStep(50.0, 100.0), PumpStep(-20.0, 60.0)])
    clock.sleep(100.0)
    pump.status()
    with bench.tap.through(Mute()):
        attempt(pump.status)
    pump.stop()
    pump.close()


def use_heater(bench: Bench[Heater]) -> None:
    """Heating, power, a ramp, off, and a connection that breaks."""
    plate, clock = bench.driver, bench.clock
    plate.open()
    plate.set_temperature(60.0)
    clock.sleep(20.0)
    plate.read()
    plate.output_power()
    plate.set_ramp_rate(5.0)
    plate.set_ramp_rate(None)
    with bench.tap.through(Cut(0)):
        attempt(plate.read)
    plate.read()
    plate.off()
    plate.close()


def use_spectrometer(bench: Bench[Spectrometer]) -> None:
    """A dark frame and one with light."""
    spectrometer = bench.driver
    spectrometer.open()
    spectrometer.wavelengths_nm()
    spectrometer.acquire(1)
    spectrometer.set_light(True)
    spectrometer.acquire(1)
    spectrometer.close()


def attempt(call: Callable[[], object]) -> None:
    """A call that may fail, as calls on instruments do."""
    try:
        call()
    except (DeviceError, ValueError):
        return


FIXTURES = {
    "fusion": Fixture(
        "chemyx-fusion",
        lambda: PumpBench(ChemyxFusion, ChemyxEmulator, FusionSettings(address="", deadline_s=0.5)),
        use_pump,
    ),
    "f4t": Fixture(
        "watlow-f4t",
        lambda: HeaterBench(
            WatlowF4T,
            WatlowEmulator,
            F4TSettings(
                address="127.0.0.1", modbus="127.0.0.1", off="control-mode", deadline_s=0.5
            ),
        ),
        use_heater,
    ),
    "hdx": Fixture(
        "ocean-hdx",
        lambda: SpectrometerBench(
            OceanHdx, HdxEmulator, HdxSettings(address="127.0.0.1", light_source="lamp-enable")
        ),
        use_spectrometer,
    ),
}


def record(name: str, folder: Path) -> Path:
    """Record a fixture; returns the file."""
    fixture, plugins = FIXTURES[name], Plugins.discover(strict=False)
    offer = plugins.drivers()[fixture.driver]
    path = folder / f"{name}.jsonl"
    path.unlink(missing_ok=True)
    with fixture.new_bench() as bench:
        header = TraceHeader(
            device=name,
            kind=offer.kind,
            driver=offer.name,
            plugin=str(plugins.owner(offer)),
            settings=settings_of(bench.driver.settings) | without_ports(bench.driver.settings),
            simulated=True,
        )
        with recorded({name: bench.driver}, {name: header}, Recording(folder)):
            fixture.talk(bench)
    return path


def without_ports(settings: Any) -> dict[str, str]:
    """Further addresses, without the port that happened to be free."""
    return {"modbus": "127.0.0.1"} if getattr(settings, "modbus", "") else {}


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    for one in sys.argv[1:] or FIXTURES:
        print(record(one, DATA))
