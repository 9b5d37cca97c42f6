"""Devices that the reference rig gets for the faults of devices that it does not have."""

from typing import Final

__all__ = ["FROZEN_GAUGE", "GAUGE", "VALVE"]

VALVE: Final = """\
[settings]
selector = "fill"

[devices.selector]
driver = "vici"
address = "COM20"
deadline = "1 s"
positions = { run = 1, fill = 2, off = 3 }
safe = "run"

[path.waste]
valve = "selector"
"""
"""A valve that stands in a position other than its safe one in every experiment."""

GAUGE: Final = """\
[devices.gauge]
driver = "scpi-sensor"
address = "192.0.2.20"
deadline = "1 s"
channels = { pressure = { query = "MEAS:PRES?", unit = "bar", scale = 0.001 } }

[path.mixer]
sensor = "gauge"

[[interlocks]]
reading = "gauge.pressure"
above = "2 bar"
while_flowing = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
"""
"""A pressure sensor with an interlock."""

FROZEN_GAUGE: Final = """\
[[interlocks]]
reading = "gauge.pressure"
frozen_after = "1 min"
while_flowing = ["CuI", "ZnI2", "CsOA", "ODE"]
"""
"""One more interlock, for a reading that stands still; the carrier does not pass the sensor."""
