"""Kinds of devices that flowrig ships: valve, sensor, stirrer, detectors and others.

They come through the hook `flowrig_kinds`, as a third party's kinds do.
"""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, KindOffer, hookimpl
from flowrig_kinds.by_hand_settings import HandFlow, HandNumber, HandPositions, HandReadings
from flowrig_kinds.detectors import PhaseSensor, Tcspc
from flowrig_kinds.flow_source import FlowSource
from flowrig_kinds.numbers import FlowController, Light, Stage, Stirrer
from flowrig_kinds.sensor import Sensor
from flowrig_kinds.valve import Collector, Switch, Valve

__all__ = [
    "Collector",
    "FlowController",
    "FlowSource",
    "Light",
    "PhaseSensor",
    "Sensor",
    "Stage",
    "Stirrer",
    "Switch",
    "Tcspc",
    "Valve",
    "flowrig_drivers",
    "flowrig_kinds",
]

TEMPLATE = "flowrig.testing:templates/flowrig_template"

_KINDS = (
    ("valve", "valve:Valve", "Valve", "Valve",
     "turns to named positions: selector valves, injection valves, switches"),
    ("sensor", "sensor:Sensor", "Sensor", "Sensor",
     "reports numbers: pressure, temperature, flow, weight"),
    ("stirrer", "numbers:Stirrer", "Stirrer", "Stirrer",
     "turns at a speed [rpm], and reports it"),
    ("flow_controller", "numbers:FlowController", "FlowController", "FlowController",
     "controls the flow of a gas or a liquid, and reports it"),
    ("flow_source", "flow_source:FlowSource", "FlowSource", "FlowSource",
     "drives a stream without a syringe: HPLC or peristaltic pump, pressure controller"),
    ("stage", "numbers:Stage", "Stage", "Number",
     "moves a probe or a sample to a place [mm]"),
    ("light", "numbers:Light", "Light", "Number",
     "shines with an intensity [%]"),
    ("collector", "valve:Collector", "Valve", "Valve",
     "collects fractions in tubes"),
    ("switch", "valve:Switch", "Valve", "Valve",
     "leads one of several fibres or signals on, while liquid flows"),
)  # fmt: skip
"""Name, class, body, suite and summary of each kind."""

_DETECTORS = (
    ("tcspc", "Tcspc",
     "counts single photons by their time [ns] after a pulse: lifetimes of emission"),
    ("phase_sensor", "PhaseSensor",
     "light gates along a tube: velocity, length and share of slugs"),
)  # fmt: skip
"""Name, class and summary of each kind that takes frames."""

_SAFE_AT_ZERO = ("stirrer", "flow_controller", "light")


@hookimpl
def flowrig_kinds() -> Sequence[KindOffer]:
    """Offer the kinds."""
    detectors = [
        KindOffer(
            name=name,
            interface=f"flowrig_kinds.detectors:{stem}",
            summary=summary,
            placed=True,
            body=f"flowrig_kinds.detector_bodies:{stem}Body",
            conformance=f"flowrig_kinds.conformance:{stem}Conformance",
            template=TEMPLATE,
        )
        for name, stem, summary in _DETECTORS
    ]
    acting = [
        KindOffer(
            name=name,
            interface=f"flowrig_kinds.{interface}",
            summary=summary,
            safe=0.0 if name in _SAFE_AT_ZERO else None,
            placed=name == "stirrer",
            body=f"flowrig_kinds.bodies:{body}Body",
            conformance=f"flowrig_kinds.conformance:{suite}Conformance",
            template=TEMPLATE,
        )
        for name, interface, body, suite, summary in _KINDS
    ]
    return [*acting, *detectors]


_BY_HAND = (
    ("valve", "HandValve", HandPositions, "a valve that a person turns"),
    ("collector", "HandCollector", HandPositions, "a collector whose tubes a person changes"),
    ("stirrer", "HandStirrer", HandNumber, "a stirrer that a person sets"),
    ("flow_controller", "HandFlowController", HandFlow, "a flow that a person sets"),
    ("stage", "HandStage", HandNumber, "a stage that a person moves"),
    ("light", "HandLight", HandNumber, "a lamp that a person sets"),
    ("sensor", "HandSensor", HandReadings, "a display that a person reads"),
)
"""Kind, class, settings and summary of each driver of a device by hand."""


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer a driver by hand for each kind, "by-hand-valve" and so on."""
    return [
        DriverOffer(
            kind=kind,
            name=f"by-hand-{kind.replace('_', '-')}",
            target=f"flowrig_kinds.by_hand:{cls}",
            settings=settings,
            summary=summary,
            emulator="flowrig_kinds.by_hand_emulator:Attendant",
            by_hand=True,
        )
        for kind, cls, settings, summary in _BY_HAND
    ]
