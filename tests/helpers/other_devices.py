"""A rig with a valve and a pressure sensor, on the drivers that `flowrig plugin new` writes."""

from collections.abc import Sequence

from watched_rig import QUICK, Watched

from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.testing.templates.flowrig_template.sensor_settings import (
    TemplateSettings as SensorSettings,
)
from flowrig.testing.templates.flowrig_template.valve_settings import (
    TemplateSettings as ValveSettings,
)

__all__ = ["BLOCKED", "DEVICES", "RIG", "KitDrivers", "plugins_with_kit"]

TEMPLATE = "flowrig.testing.templates.flowrig_template"


class KitDrivers:
    """The plugin that offers the drivers."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="valve",
                name="kit-valve",
                target=f"{TEMPLATE}.valve:TemplateValve",
                settings=ValveSettings,
                emulator=f"{TEMPLATE}.valve_emulator:TemplateEmulator",
            ),
            DriverOffer(
                kind="sensor",
                name="kit-sensor",
                target=f"{TEMPLATE}.sensor:TemplateSensor",
                settings=SensorSettings,
                emulator=f"{TEMPLATE}.sensor_emulator:TemplateEmulator",
            ),
        ]


def plugins_with_kit(**more: object) -> Plugins:
    """What is installed, these drivers, the watched world, and more."""
    return Plugins.discover(extra={"kit": KitDrivers(), "watched": Watched(), **more})


DEVICES = """
[settings]
selector = "fill"

[devices.selector]
driver = "kit-valve"
address = "COM31"
positions = { run = 1, fill = 2, off = 10 }
safe = "run"

[devices.gauge]
driver = "kit-sensor"
address = "COM32"

[path.mixer]
sensor = "gauge"

[path.waste]
valve = "selector"

[simulation]
world = "watched"
chemistry = "chem3"
"""

BLOCKED = """
[[interlocks]]
reading = "gauge.pressure"
above = "6 bar"
action = "safe"

[[interlocks]]
reading = "gauge.pressure"
rises_faster_than = "120 bar/h"
grace = "5 s"
while_flowing = ["CuI"]
action = "hold"
"""

RIG = QUICK.format(experiments=2) + DEVICES
"""Two quick experiments with both devices."""
