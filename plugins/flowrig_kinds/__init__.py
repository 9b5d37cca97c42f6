"""Kinds of devices that flowrig ships: valve, sensor, stirrer and others.

They come through the hook `flowrig_kinds`, as a third party's kinds do.
"""

from collections.abc import Sequence

from flowrig.plugins import KindOffer, hookimpl
from flowrig_kinds.flow_source import FlowSource
from flowrig_kinds.numbers import FlowController, Light, Stage, Stirrer
from flowrig_kinds.sensor import Sensor
from flowrig_kinds.valve import Collector, Valve

__all__ = [
    "Collector",
    "FlowController",
    "FlowSource",
    "Light",
    "Sensor",
    "Stage",
    "Stirrer",
    "Valve",
    "flowrig_kinds",
]

TEMPLATE = "flowrig.testing:templates/flowrig_template"

_KINDS = (
    ("valve", "valve:Valve", "Valve", "Valve", TEMPLATE,
     "turns to named positions: selector valves, injection valves, switches"),
    ("sensor", "sensor:Sensor", "Sensor", "Sensor", TEMPLATE,
     "reports numbers: pressure, temperature, flow, weight"),
    ("stirrer", "numbers:Stirrer", "Stirrer", "Stirrer", TEMPLATE,
     "turns at a speed [rpm], and reports it"),
    ("flow_controller", "numbers:FlowController", "FlowController", "FlowController", "",
     "controls the flow of a gas or a liquid, and reports it"),
    ("flow_source", "flow_source:FlowSource", "FlowSource", "FlowSource", TEMPLATE,
     "drives a stream without a syringe: HPLC or peristaltic pump, pressure controller"),
    ("stage", "numbers:Stage", "Stage", "Number", "", "moves a probe or a sample to a place [mm]"),
    ("light", "numbers:Light", "Light", "Number", "", "shines with an intensity [%]"),
    ("collector", "valve:Collector", "Valve", "Valve", "", "collects fractions in tubes"),
)  # fmt: skip
"""Name, class, body, suite, template and summary of each kind."""

_SAFE_AT_ZERO = ("stirrer", "flow_controller", "light")


@hookimpl
def flowrig_kinds() -> Sequence[KindOffer]:
    """Offer the kinds."""
    return [
        KindOffer(
            name=name,
            interface=f"flowrig_kinds.{interface}",
            summary=summary,
            safe=0.0 if name in _SAFE_AT_ZERO else None,
            placed=name == "stirrer",
            body=f"flowrig_kinds.bodies:{body}Body",
            conformance=f"flowrig_kinds.conformance:{suite}Conformance",
            template=template,
        )
        for name, interface, body, suite, template, summary in _KINDS
    ]
