"""Frozen values of a checked profile: rig, flow, analysis and campaign."""

from flowrig.profile.model.analysis import (
    AbsorbanceAnalysis,
    Analysis,
    Calibration,
    PhotoluminescenceAnalysis,
    Window,
)
from flowrig.profile.model.campaign import Campaign, Prior, Stage, StopRules, SurrogateChoice
from flowrig.profile.model.flow import (
    Component,
    LimitedFlow,
    LinearRule,
    Liquid,
    ResidenceTime,
    Section,
    Solute,
    Stationary,
    Stock,
    Stream,
)
from flowrig.profile.model.profile import (
    DeviceEntry,
    Limits,
    Profile,
    SafeStep,
    Simulation,
    Steady,
)
from flowrig.profile.model.variables import Choice, ExpressionLimit, Setting, Variable

__all__ = [
    "AbsorbanceAnalysis",
    "Analysis",
    "Calibration",
    "Campaign",
    "Choice",
    "Component",
    "DeviceEntry",
    "ExpressionLimit",
    "LimitedFlow",
    "Limits",
    "LinearRule",
    "Liquid",
    "PhotoluminescenceAnalysis",
    "Prior",
    "Profile",
    "ResidenceTime",
    "SafeStep",
    "Section",
    "Setting",
    "Simulation",
    "Solute",
    "Stage",
    "Stationary",
    "Steady",
    "Stock",
    "StopRules",
    "Stream",
    "SurrogateChoice",
    "Variable",
    "Window",
]
