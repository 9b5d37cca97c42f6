"""Frozen values of a checked profile: rig, flow, analysis and campaign."""

from flowrig.profile.model.analysis import (
    AbsorbanceAnalysis,
    Analysis,
    Calibration,
    PhotoluminescenceAnalysis,
    Window,
)
from flowrig.profile.model.campaign import Campaign, Prior, Stage, StopRules, SurrogateChoice
from flowrig.profile.model.channels import (
    ABSORBANCE,
    EMISSION,
    Channel,
    Dark,
    Pick,
    SpectrumSettings,
)
from flowrig.profile.model.control import ControlLoop
from flowrig.profile.model.devices import DeviceEntry
from flowrig.profile.model.features import Feature, Reading, bind_features
from flowrig.profile.model.flow import (
    Component,
    FastStart,
    LimitedFlow,
    LinearRule,
    Liquid,
    ResidenceTime,
    Section,
    Selector,
    Solute,
    Stationary,
    Stock,
    Stream,
    VesselSupply,
)
from flowrig.profile.model.lines import LINES, MOST_LINES, Lines
from flowrig.profile.model.off_line import OFF_LINE, Given, OffLine
from flowrig.profile.model.profile import (
    DEFAULT_SIMULATION,
    NO_LIMIT,
    ChemistryChoice,
    Limits,
    Profile,
    QualityRule,
    SafeStep,
    Simulation,
    Steady,
)
from flowrig.profile.model.refill import FULL, RESERVOIR, Refill
from flowrig.profile.model.scans import Scan
from flowrig.profile.model.variables import Choice, ExpressionLimit, Setting, Variable

__all__ = [
    "ABSORBANCE",
    "DEFAULT_SIMULATION",
    "EMISSION",
    "FULL",
    "LINES",
    "MOST_LINES",
    "NO_LIMIT",
    "OFF_LINE",
    "RESERVOIR",
    "AbsorbanceAnalysis",
    "Analysis",
    "Calibration",
    "Campaign",
    "Channel",
    "ChemistryChoice",
    "Choice",
    "Component",
    "ControlLoop",
    "Dark",
    "DeviceEntry",
    "ExpressionLimit",
    "FastStart",
    "Feature",
    "Given",
    "LimitedFlow",
    "Limits",
    "LinearRule",
    "Lines",
    "Liquid",
    "OffLine",
    "PhotoluminescenceAnalysis",
    "Pick",
    "Prior",
    "Profile",
    "QualityRule",
    "Reading",
    "Refill",
    "ResidenceTime",
    "SafeStep",
    "Scan",
    "Section",
    "Selector",
    "Setting",
    "Simulation",
    "Solute",
    "SpectrumSettings",
    "Stage",
    "Stationary",
    "Steady",
    "Stock",
    "StopRules",
    "Stream",
    "SurrogateChoice",
    "Variable",
    "VesselSupply",
    "Window",
    "bind_features",
]
