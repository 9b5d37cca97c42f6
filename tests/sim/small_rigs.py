"""Small rigs of other shapes than the reference rig, as profiles."""

from sim_bench import installed

from flowrig.profile import Profile, load_profile_text

__all__ = ["rig"]

PUMP = """
[devices.pump_{name}]
driver = "chemyx-fusion"
model = "6000"
address = "usb:{name}"

[streams.{name}]
pump = "pump_{name}"
syringe = {{ volume = "50 mL", inner_diameter = "28.6 mm" }}
contents = "{name}"
role = "{role}"
flow_rate = ["1 uL/min", "500 uL/min"]
to = "{to}"
{more}
"""

SPECTROMETER = """
[devices.{name}]
driver = "ocean-hdx"
address = "192.0.2.11:{port}"
integration_time = "8 ms"
light_source = "lamp-enable"
"""

REST = """
[limits]
total_flow = ["1 uL/min", "3000 uL/min"]
temperature = ["0 degC", "185 degC"]

[calibration]
flow_rates = {{ {clear} = "400 uL/min" }}
duration = "2 min"
dark_frames = 4
reference_frames = 4

[analysis]
frames = 12
frame_interval = "200 ms"
dark_frames = 2
reactive_frames = 3
reactive_window = ["320 nm", "380 nm"]

[analysis.absorbance]
spectrometer = "eye_a"
wavelength = "365 nm"
baseline_window = ["700 nm", "800 nm"]

[analysis.photoluminescence]
spectrometer = "eye_e"
peak = "520 nm"
area_window = ["420 nm", "700 nm"]
baseline_window = ["800 nm", "1000 nm"]

[objective]
name = "maximum"
response = "pla"

[[safe_state]]
do = "stop"
streams = {reagents}

[[safe_state]]
do = "light-off"
spectrometers = ["eye_a", "eye_e"]

[[safe_state]]
do = "stop"
streams = {others}
"""


def rig(
    streams: dict[str, tuple[str, str]],
    path: str,
    *,
    start: str,
    end: str = "cell_a",
    more: str = "",
    contains: dict[str, str] | None = None,
) -> Profile:
    """A profile with two flow cells.

    Args:
        streams: by name, role and the component that it enters; the last one is clear.
        path: the tables below [path] as TOML.
        start: where the residence time begins.
        end: where it ends.
        more: further tables.
        contains: by stream, its species as a TOML table.
    """
    text = ['title = "small rig"\n', *_devices()]
    for name, (role, to) in streams.items():
        own = f"contains = {contains[name]}" if contains and name in contains else ""
        text.append(PUMP.format(name=name, role=role, to=to, more=own))
    text.append("[path]\n" + path)
    text.append(f'[residence_time]\nstart = "{start}"\nend = "{end}"\nequilibrium = 2.0\n')
    reagents = [name for name, (role, _) in streams.items() if role == "reagent"]
    others = [name for name in streams if name not in reagents]
    text.append(REST.format(clear=[*streams][-1], reagents=reagents, others=others))
    text += [
        f'[[space]]\nname = "{name}"\nstream = "{name}"\nrange = ["40 uL/min", "200 uL/min"]\n'
        for name in streams
    ]
    return load_profile_text("\n".join([*text, more]), "small.toml", installed())


def _devices() -> list[str]:
    return [SPECTROMETER.format(name=n, port=p) for n, p in (("eye_a", 57357), ("eye_e", 57358))]
