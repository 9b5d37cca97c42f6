"""The reference rig with two streams that need no syringe: the solvent and a gas as carrier.

A pump of the kind `flow_source` delivers the solvent, on the driver that `flowrig plugin new`
writes; it counts what it delivers. A mass flow controller delivers nitrogen, and counts nothing.
"""

from collections.abc import Sequence

from watched_rig import QUICK, Watched

from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.testing.templates.flowrig_template.flow_source_settings import TemplateSettings

__all__ = ["SELECTED", "SOURCES", "plugins_with_sources"]

TEMPLATE = "flowrig.testing.templates.flowrig_template"


class KitSource:
    """The plugin that offers the driver."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="flow_source",
                name="kit-source",
                target=f"{TEMPLATE}.flow_source:TemplateFlowSource",
                settings=TemplateSettings,
                emulator=f"{TEMPLATE}.flow_source_emulator:TemplateEmulator",
            )
        ]


def plugins_with_sources(**more: object) -> Plugins:
    """What is installed, this driver, the watched world, and more."""
    return Plugins.discover(extra={"kit": KitSource(), "watched": Watched(), **more})


_HEAD, _TABLES = QUICK.format(experiments=2).split("\n", 1)

SOURCES = (
    _HEAD
    + """
unset = [
    "devices.pump_pfo", "streams.PFO.pump", "streams.PFO.syringe",
    "devices.pump_ode", "streams.ODE.pump", "streams.ODE.syringe",
]
"""
    + _TABLES
    + """
[devices.hplc]
driver = "kit-source"
address = "COM32"

[devices.nitrogen]
driver = "alicat"
address = "COM33"
unit = "SCCM"
full_scale = 2.0

[streams.ODE]
device = "hplc"
supply = "2 L"

[streams.PFO]
flow_controller = "nitrogen"
contents = "nitrogen"
phase = "gas"
pressure = "1.5 bar"
supply = "40 mL"

[path.waste]
volume = "500 mL"

[simulation]
world = "watched"
chemistry = "chem3"
"""
)
"""Two quick experiments; nitrogen at 1.5 bar between the slugs."""

SELECTED = (
    SOURCES.replace(
        'supply = "2 L"',
        'supply = { valve = "selector", rinse = "2 mL" }\n'
        'contents = { ode = "1-octadecene", heptane = "n-heptane" }',
    ).replace("extends", "interlocks = []\nextends")
    + """
[devices.selector]
driver = "vici"
address = "COM31"
positions = { off = 1, ode = 2, heptane = 3 }
safe = "ode"

[settings]
selector = "ode"

[[space]]
name = "solvent"
is = "selector"
choices = ["ode", "heptane"]
"""
)
"""The same, where a selector valve leads one of two solvents to the pump."""
