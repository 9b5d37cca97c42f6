"""Kinds of devices that flowrig ships: valve and sensor.

They come through the hook `flowrig_kinds`, as a third party's kinds do.
"""

from collections.abc import Sequence

from flowrig.plugins import KindOffer, hookimpl
from flowrig_kinds.sensor import Sensor
from flowrig_kinds.valve import Valve

__all__ = ["Sensor", "Valve", "flowrig_kinds"]


@hookimpl
def flowrig_kinds() -> Sequence[KindOffer]:
    """Offer the kinds."""
    return [
        KindOffer(
            name="valve",
            interface="flowrig_kinds.valve:Valve",
            summary="turns to named positions: selector valves, injection valves, switches",
            body="flowrig_kinds.bodies:ValveBody",
            conformance="flowrig_kinds.conformance:ValveConformance",
            template="flowrig.testing:templates/flowrig_template",
        ),
        KindOffer(
            name="sensor",
            interface="flowrig_kinds.sensor:Sensor",
            summary="reports numbers: pressure, temperature, flow, weight",
            body="flowrig_kinds.bodies:SensorBody",
            conformance="flowrig_kinds.conformance:SensorConformance",
            template="flowrig.testing:templates/flowrig_template",
        ),
    ]
