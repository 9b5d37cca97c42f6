"""The conformance kit: checks for each interface, and their bench.

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
from flowrig.testing.analysis import AnalysisBench, AnalysisConformance
from flowrig.testing.bench.bench import (
    Bench,
    HeaterBench,
    KindBench,
    PumpBench,
    SpectrometerBench,
)
from flowrig.testing.bench.tap import Tap
from flowrig.testing.chemistry import ChemistryBench, ChemistryConformance
from flowrig.testing.conformance.capabilities import (
    DetectingConformance,
    DispensingConformance,
    ReadableConformance,
    SelectableConformance,
    SettableConformance,
)
from flowrig.testing.conformance.checks import Level, earns, require
from flowrig.testing.conformance.command import Command
from flowrig.testing.conformance.device import DeviceConformance
from flowrig.testing.conformance.heater import HeaterConformance
from flowrig.testing.conformance.learning import (
    OptimizerBench,
    PlainGaussianProcess,
    SurrogateBench,
)
from flowrig.testing.conformance.optimizer import OptimizerConformance
from flowrig.testing.conformance.pump import PumpConformance
from flowrig.testing.conformance.spectrometer import SpectrometerConformance
from flowrig.testing.conformance.surrogate import SurrogateConformance
from flowrig.testing.paper import PaperBench, PaperConformance
from flowrig.testing.quality import QualityBench, QualityConformance
from flowrig.testing.replay.playback import check_trace
from flowrig.testing.study import StudyBench, StudyConformance

__all__ = [
    "AnalysisBench",
    "AnalysisConformance",
    "Bench",
    "BenchWorld",
    "ChemistryBench",
    "ChemistryConformance",
    "Command",
    "Cut",
    "DetectingConformance",
    "Detector",
    "DeviceConformance",
    "DispensingConformance",
    "Garbled",
    "HeaterBench",
    "HeaterConformance",
    "InPieces",
    "KindBench",
    "Late",
    "Level",
    "Mute",
    "OptimizerBench",
    "OptimizerConformance",
    "PaperBench",
    "PaperConformance",
    "PlainGaussianProcess",
    "Plate",
    "Plunger",
    "PumpBench",
    "PumpConformance",
    "QualityBench",
    "QualityConformance",
    "ReadableConformance",
    "SelectableConformance",
    "SettableConformance",
    "Slow",
    "SpectrometerBench",
    "SpectrometerConformance",
    "StudyBench",
    "StudyConformance",
    "SurrogateBench",
    "SurrogateConformance",
    "Tap",
    "Wire",
    "check_trace",
    "earns",
    "require",
]
