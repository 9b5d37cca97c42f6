"""The conformance kit: a suite of checks for each interface, and the bench that they stand on.

A plugin's test class inherits from the suite of its kind and adds one fixture::

    class TestDrip(PumpConformance):
        @pytest.fixture
        def bench(self):
            settings = DripSettings(address="", deadline_s=0.3)
            with PumpBench(AcmeDrip, DripEmulator, settings) as bench:
                yield bench
"""

from flowrig.emulation import (
    BenchWorld,
    Cut,
    Detector,
    Garbled,
    InPieces,
    Late,
    Mute,
    Plate,
    Plunger,
    Slow,
    Wire,
)
from flowrig.testing.bench import Bench, HeaterBench, PumpBench, SpectrometerBench
from flowrig.testing.checks import Level
from flowrig.testing.device import DeviceConformance
from flowrig.testing.heater import HeaterConformance
from flowrig.testing.learning import OptimizerBench, PlainGaussianProcess, SurrogateBench
from flowrig.testing.optimizer import OptimizerConformance
from flowrig.testing.playback import check_trace
from flowrig.testing.pump import PumpConformance
from flowrig.testing.spectrometer import SpectrometerConformance
from flowrig.testing.surrogate import SurrogateConformance
from flowrig.testing.tap import Tap

__all__ = [
    "Bench",
    "BenchWorld",
    "Cut",
    "Detector",
    "DeviceConformance",
    "Garbled",
    "HeaterBench",
    "HeaterConformance",
    "InPieces",
    "Late",
    "Level",
    "Mute",
    "OptimizerBench",
    "OptimizerConformance",
    "PlainGaussianProcess",
    "Plate",
    "Plunger",
    "PumpBench",
    "PumpConformance",
    "Slow",
    "SpectrometerBench",
    "SpectrometerConformance",
    "SurrogateBench",
    "SurrogateConformance",
    "Tap",
    "Wire",
    "check_trace",
]
