"""Kinds of devices that flowrig ships: valve, sensor, stirrer and others.

They come through the hook `flowrig_kinds`, as a third party's kinds do.
"""

from collections.abc import Sequence

from flowrig.plugins import KindOffer, hookimpl
from flowrig_kinds.numbers import FlowController, Light, Stage, Stirrer
from flowrig_kinds.sensor import Sensor
from flowrig_kinds.valve import Collector, Valve

__all__ = [
    "Collector",
    "FlowController",
    "Light",
    "Sensor",
    "Stage",
    "Stirrer",
    "Valve",
    "flowrig_kinds",
]

TEMPLATE = "flowrig.testing:templates/flowrig_template"


@hookimpl
def flowrig_kinds() -> Sequence[KindOffer]:
    """Offer the kinds."""
    bodies, suites = "flowrig_kinds.bodies", "flowrig_kinds.conformance"
    return [
        KindOffer(
            name="valve",
            interface="flowrig_kinds.valve:Valve",
            summary="turns to named positions: selector valves, injection valves, switches",
            body=f"{bodies}:ValveBody",
            conformance=f"{suites}:ValveConformance",
            template=TEMPLATE,
        ),
        KindOffer(
            name="sensor",
            interface="flowrig_kinds.sensor:Sensor",
            summary="reports numbers: pressure, temperature, flow, weight",
            body=f"{bodies}:SensorBody",
            conformance=f"{suites}:SensorConformance",
            template=TEMPLATE,
        ),
        KindOffer(
            name="stirrer",
            interface="flowrig_kinds.numbers:Stirrer",
            summary="turns at a speed [rpm], and reports it",
            safe=0.0,
            placed=True,
            body=f"{bodies}:StirrerBody",
            conformance=f"{suites}:StirrerConformance",
            template=TEMPLATE,
        ),
        KindOffer(
            name="flow_controller",
            interface="flowrig_kinds.numbers:FlowController",
            summary="controls the flow of a gas or a liquid, and reports it",
            safe=0.0,
            body=f"{bodies}:FlowControllerBody",
            conformance=f"{suites}:FlowControllerConformance",
        ),
        KindOffer(
            name="stage",
            interface="flowrig_kinds.numbers:Stage",
            summary="moves a probe or a sample to a place [mm]",
            body=f"{bodies}:StageBody",
            conformance=f"{suites}:NumberConformance",
        ),
        KindOffer(
            name="light",
            interface="flowrig_kinds.numbers:Light",
            summary="shines with an intensity [%]",
            safe=0.0,
            body=f"{bodies}:LightBody",
            conformance=f"{suites}:NumberConformance",
        ),
        KindOffer(
            name="collector",
            interface="flowrig_kinds.valve:Collector",
            summary="collects fractions in tubes",
            body=f"{bodies}:ValveBody",
            conformance=f"{suites}:ValveConformance",
        ),
    ]
