"""Profiles of rigs with a single spectrometer, on the pumps and the plate of the reference rig."""

SAFE = """
[[safe_state]]
do = "heater-off"
heaters = ["plate"]
{light}
[[safe_state]]
do = "flush"
flow_rates = {{ ODE = "200 uL/min", PFO = "200 uL/min" }}
until_below = "100 degC"
at_most = "20 min"

[[safe_state]]
do = "stop"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]

[campaign]
title = "One spectrometer"

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
"""

EMISSION = """
extends = "cs3cu2i5-heatup-chem3"
unset = [
    "analysis.absorbance", "analysis.photoluminescence", "analysis.repeatability",
    "analysis.reactive_frames", "analysis.reactive_window", "analysis.dark_frames", "calibration",
    "devices.hdx_absorbance", "path.cell_absorbance", "objective", "campaign", "safe_state",
]
title = "One spectrometer of emission, whose light cannot be shut"
residence_time.end = "cell_pl"
path.cooling.to = "cell_pl"
devices.hdx_pl.light_source = "none"

[analysis]
frames = 12
frame_interval = "100 ms"

[analysis.channels.pl]
use = "emission"
device = "hdx_pl"
baseline = ["800 nm", "1000 nm"]
dark = "none"

[features]
share = "bright / area(pl, 345 nm, 700 nm)"
bright = "area(pl, 400 nm, 500 nm)"
colour = "peak(pl, 360 nm, 700 nm)"

[objective]
name = "maximum"
response = "bright"
unit = "counts·nm"
""" + SAFE.format(light="")
"""Single phase, no absorbance, no lamp reference, no shutter."""

ABSORBANCE = """
extends = "cs3cu2i5-heatup-chem3"
unset = [
    "analysis.absorbance", "analysis.photoluminescence", "analysis.repeatability",
    "devices.hdx_pl", "path.cell_pl", "objective", "campaign", "safe_state",
]
title = "One spectrometer of absorbance"
path.cell_absorbance.to = "waste"

[calibration]
duration = "20 s"

[analysis]
frames = 30
frame_interval = "100 ms"
reactive_frames = 5

[analysis.channels.abs]
use = "absorbance"
device = "hdx_absorbance"
baseline = ["700 nm", "800 nm"]

[features]
a300 = "at(abs, 300 nm)"
edge = "a300 / at(abs, 350 nm)"

[objective]
name = "maximum"
response = "a300"
""" + SAFE.format(light='\n[[safe_state]]\ndo = "light-off"\nspectrometers = ["hdx_absorbance"]\n')
"""Plugs in carrier, a lamp with a shutter, no emission."""
