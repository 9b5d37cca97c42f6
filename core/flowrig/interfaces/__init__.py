"""The abstract classes that plugins implement, and the values that pass through them."""

from flowrig.interfaces.analysis import Analysis, Looked, SeriesAnalysis
from flowrig.interfaces.capabilities import (
    Dispensing,
    Quantity,
    Readable,
    Readings,
    Selectable,
    SelectableSettings,
    Settable,
)
from flowrig.interfaces.detecting import Detecting, Frames
from flowrig.interfaces.device import Device, DeviceSettings, Identity, Quality, Reading
from flowrig.interfaces.exposure import Exposure, ExposureVerdict
from flowrig.interfaces.heater import Heater, HeaterLimits, HeaterPower, HeaterReading
from flowrig.interfaces.optimizer import Optimizer, OptimizerSettings, Problem, Suggestion
from flowrig.interfaces.pump import (
    Dispensed,
    Elapsed,
    Pump,
    PumpLimits,
    PumpReadBack,
    PumpState,
    PumpStatus,
    PumpStep,
    Syringe,
)
from flowrig.interfaces.spectrometer import (
    Spectrometer,
    SpectrometerLimits,
    SpectrometerReadBack,
)
from flowrig.interfaces.study import (
    At,
    Finding,
    Findings,
    Panel,
    PlannedStudy,
    Point,
    Series,
    Study,
    StudyPoint,
    StudyRig,
    StudySettings,
    Sweep,
)
from flowrig.interfaces.surrogate import (
    NormalPosterior,
    Posterior,
    Surrogate,
    SurrogateSettings,
    SurrogateState,
)
from flowrig.interfaces.tcp import connect_tcp, emulated_connection
from flowrig.interfaces.wire_log import WireChannel, WireLog

__all__ = [
    "Analysis",
    "At",
    "Detecting",
    "Device",
    "DeviceSettings",
    "Dispensed",
    "Dispensing",
    "Elapsed",
    "Exposure",
    "ExposureVerdict",
    "Finding",
    "Findings",
    "Frames",
    "Heater",
    "HeaterLimits",
    "HeaterPower",
    "HeaterReading",
    "Identity",
    "Looked",
    "NormalPosterior",
    "Optimizer",
    "OptimizerSettings",
    "Panel",
    "PlannedStudy",
    "Point",
    "Posterior",
    "Problem",
    "Pump",
    "PumpLimits",
    "PumpReadBack",
    "PumpState",
    "PumpStatus",
    "PumpStep",
    "Quality",
    "Quantity",
    "Readable",
    "Reading",
    "Readings",
    "Selectable",
    "SelectableSettings",
    "Series",
    "SeriesAnalysis",
    "Settable",
    "Spectrometer",
    "SpectrometerLimits",
    "SpectrometerReadBack",
    "Study",
    "StudyPoint",
    "StudyRig",
    "StudySettings",
    "Suggestion",
    "Surrogate",
    "SurrogateSettings",
    "SurrogateState",
    "Sweep",
    "Syringe",
    "WireChannel",
    "WireLog",
    "connect_tcp",
    "emulated_connection",
]
